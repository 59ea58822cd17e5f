/** Machines that go away under a steady load of confirmed writes: one dies and comes back, each is drained in turn. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drain, loseMachine, returnMachine, uncordon } from './harm.ts';
import { connectKubernetes, imagesFor, type Kubernetes } from './kubernetes.ts';
import { SteadyLoad } from './shard-writer.ts';
import { clusterSpec, pause, TestCluster } from './test-cluster.ts';

const kubernetes: Kubernetes = connectKubernetes();
const NAMESPACE = 'e2e-machines';
const CRASH_GAP_LIMIT_MS = 8_000;
const PLANNED_GAP_LIMIT_MS = 1_000;
const HEAL_LIMIT_MS = 180_000;

beforeAll(() => kubernetes.installOperator());
afterAll(() => kubernetes.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']));

describe.each(imagesFor(1))('a cluster of $title under load', image => {
  const cluster = new TestCluster(kubernetes, NAMESPACE, 'shop', clusterSpec(image.current));
  let load: SteadyLoad;

  beforeAll(async () => {
    await cluster.apply();
    await cluster.ready(90_000);
    load = await SteadyLoad.start(cluster);
  });
  afterAll(async () => {
    await load?.stop();
    await cluster.delete(90_000);
  });

  test.skipIf(!kubernetes.isLocal)('a machine with a primary dies and comes back', async () => {
    const { host } = await cluster.primaryOf(0);
    load.resetGaps();
    await loseMachine(host);
    try {
      await load.resumed(60_000);
      const gapMs = load.tellGap(`${image.title}: ${host} lost`, CRASH_GAP_LIMIT_MS);
      expect(gapMs, load.trouble()).toBeLessThan(CRASH_GAP_LIMIT_MS);
      // Long enough for Kubernetes to see that the machine is gone.
      await pause(25_000);
    } finally {
      await returnMachine(host);
    }
    await cluster.waitUntil('the cluster to be whole again', HEAL_LIMIT_MS, () => cluster.isWhole(6));
    await cluster.ready(HEAL_LIMIT_MS);
  });

  test('each machine is drained in turn, and the primary role leaves it first', async () => {
    const hosts = [...new Set((await cluster.pods()).map(pod => pod.host))];
    for (const host of hosts) {
      load.resetGaps();
      try {
        await drain(cluster, host, 180);
      } finally {
        await uncordon(cluster, host);
      }
      await cluster.waitUntil('the cluster to be whole again', HEAL_LIMIT_MS, () => cluster.isWhole(6));
      await cluster.ready(HEAL_LIMIT_MS);
      const gapMs = load.tellGap(`${image.title}: ${host} drained`, PLANNED_GAP_LIMIT_MS);
      expect(gapMs, `while ${host} was drained: ${load.trouble()}`).toBeLessThan(PLANNED_GAP_LIMIT_MS);
    }
  });

  test('no confirmed write was lost', async () => {
    const { reports, lost } = await load.finish();
    expect(reports.every(report => report.confirmed > 50)).toBe(true);
    expect(lost, lost.join('\n')).toEqual([]);
  });
});
