/** Primaries that die under a steady load of confirmed writes: none is lost, and their shard writes again within node timeout + 3 s. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { exhaustMemoryOf, forceDeletePod, killProcessOf, lastTermination } from './harm.ts';
import { connectKubernetes, FULL, imagesFor, type Kubernetes } from './kubernetes.ts';
import { SteadyLoad } from './shard-writer.ts';
import { clusterSpec, pause, randomFrom, SEED, TestCluster } from './test-cluster.ts';

const kubernetes: Kubernetes = connectKubernetes();
const NAMESPACE = 'e2e-failover';
const NODE_TIMEOUT_MS = 5_000;
const CRASH_GAP_LIMIT_MS = NODE_TIMEOUT_MS + 3_000;
const HEAL_LIMIT_MS = 120_000;
const KILLS = FULL ? 20 : 2;
const MEMORY_KILLS = FULL ? 20 : 1;

beforeAll(() => kubernetes.installOperator());
afterAll(() => kubernetes.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']));

describe.each(imagesFor(0))('a cluster of $title under load', image => {
  const limits = { resources: { requests: { cpu: '200m', memory: '128Mi' }, limits: { memory: '384Mi' } } };
  const cluster = new TestCluster(kubernetes, NAMESPACE, 'shop', clusterSpec(image.current, limits));
  const random = randomFrom(SEED);
  let load: SteadyLoad;

  beforeAll(async () => {
    console.log(`random moments of seed ${SEED} (SLOTKEEPER_SEED=${SEED} repeats them)`);
    await cluster.apply();
    await cluster.ready(90_000);
    load = await SteadyLoad.start(cluster);
  });
  afterEach(async () => {
    await cluster.ready(HEAL_LIMIT_MS);
  });
  afterAll(async () => {
    await load?.stop();
    await cluster.delete(60_000);
  });

  /** Does harm to a random shard's primary at a random moment; gives the gap of the worst shard once all is well again. */
  async function crash(what: string, harm: (shard: number) => Promise<void>): Promise<number> {
    await pause(random() * 2_000);
    load.resetGaps();
    await harm(Math.floor(random() * 3));
    await load.resumed(60_000);
    await cluster.waitUntil('the cluster to be whole again', HEAL_LIMIT_MS, () => cluster.isWhole(6));
    await cluster.ready(HEAL_LIMIT_MS);
    await load.resumed(60_000);
    return load.tellGap(`${image.title}: ${what}`, CRASH_GAP_LIMIT_MS);
  }

  test("a primary's pod is force-deleted", async () => {
    const gapMs = await crash('pod force-deleted', async shard => forceDeletePod(cluster, await cluster.primaryOf(shard)));
    expect(gapMs, load.trouble()).toBeLessThan(CRASH_GAP_LIMIT_MS);
  });

  test.skipIf(!kubernetes.isLocal)(
    `a primary's process is killed with SIGKILL, ${KILLS} times at random moments`,
    async () => {
      for (let n = 0; n < KILLS; n++) {
        const gapMs = await crash(`SIGKILL ${n + 1} of ${KILLS}`, async shard => killProcessOf(await cluster.primaryOf(shard)));
        expect(gapMs, load.trouble()).toBeLessThan(CRASH_GAP_LIMIT_MS);
      }
    },
    FULL ? 3_600_000 : 600_000,
  );

  test(
    `a primary is killed by its memory limit, ${MEMORY_KILLS} times at random moments`,
    async () => {
      for (let n = 0; n < MEMORY_KILLS; n++) {
        let killed = '';
        const gapMs = await crash(`memory limit ${n + 1} of ${MEMORY_KILLS}`, async shard => {
          const primary = await cluster.primaryOf(shard);
          killed = primary.name;
          await exhaustMemoryOf(cluster, primary);
        });
        expect(await lastTermination(cluster, killed)).toMatch(/OOMKilled|Error/);
        expect(gapMs, load.trouble()).toBeLessThan(CRASH_GAP_LIMIT_MS);
      }
    },
    FULL ? 3_600_000 : 600_000,
  );

  test('no confirmed write was lost', async () => {
    const { reports, lost } = await load.finish();
    console.log(`${image.title}: ${reports.map(r => `shard ${r.shard}: ${r.accepted} accepted, ${r.confirmed} confirmed`).join('; ')}`);
    expect(reports.every(report => report.confirmed > 50)).toBe(true);
    expect(lost, lost.join('\n')).toEqual([]);
  });
});
