/** Planned work under a steady load of confirmed writes: another image, another configuration; the operator dies in the middle of it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectKubernetes, FULL, imagesFor, type Kubernetes } from './kubernetes.ts';
import { SteadyLoad } from './shard-writer.ts';
import { clusterSpec, pause, randomFrom, SEED, TestCluster } from './test-cluster.ts';

const kubernetes: Kubernetes = connectKubernetes();
const NAMESPACE = 'e2e-rollout';
const PLANNED_GAP_LIMIT_MS = 1_000;
const ROLL_LIMIT_MS = 300_000;
const OPERATOR_KILLS = FULL ? 10 : 2;

beforeAll(() => kubernetes.installOperator());
afterAll(() => kubernetes.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']));

describe.each(imagesFor(0))('a cluster of $title', image => {
  const random = randomFrom(SEED);
  // A directive that is there changes its value live; one that appears is a restart, since a node cannot tell a default from a value.
  const config = { 'maxmemory-policy': 'noeviction' };
  const cluster = new TestCluster(kubernetes, NAMESPACE, 'shop', clusterSpec(image.current, { config }));
  let load: SteadyLoad | undefined;

  afterAll(async () => {
    await load?.stop();
    await cluster.delete(90_000);
  });

  async function killOperator(times: number, withinMs: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      await pause((random() * withinMs) / times);
      await kubernetes.killOperator();
    }
  }

  test(`forms although the operator is killed ${OPERATOR_KILLS} times meanwhile`, async () => {
    console.log(`random moments of seed ${SEED} (SLOTKEEPER_SEED=${SEED} repeats them)`);
    await cluster.apply();
    await killOperator(OPERATOR_KILLS, 20_000);
    await cluster.ready(120_000);
    expect(await cluster.isWhole(6)).toBe(true);
    load = await SteadyLoad.start(cluster);
  });

  test('rolls to another image without a gap, replicas first', async () => {
    load?.resetGaps();
    await cluster.apply({ image: image.next });
    await cluster.ready(ROLL_LIMIT_MS);
    expect((await cluster.pods()).map(pod => pod.image)).toEqual(Array.from({ length: 6 }, () => image.next));
    expect(await cluster.isWhole(6)).toBe(true);
    const gapMs = load?.tellGap(`${image.title}: image change`, PLANNED_GAP_LIMIT_MS) ?? 0;
    expect(gapMs, load?.trouble()).toBeLessThan(PLANNED_GAP_LIMIT_MS);
  });

  test('takes a configuration that needs no restart without one', async () => {
    const before = (await cluster.pods()).map(pod => pod.containerId);
    load?.resetGaps();
    await cluster.apply({ config: { 'maxmemory-policy': 'allkeys-lru' } });
    await cluster.waitUntil('the configuration on every node', 60_000, async () => {
      const values = await Promise.all((await cluster.pods()).map(pod => cluster.ask(pod.ip, 'CONFIG', 'GET', 'maxmemory-policy')));
      return values.every(value => Array.isArray(value) && value[1] === 'allkeys-lru');
    });
    await cluster.ready(60_000);
    expect((await cluster.pods()).map(pod => pod.containerId)).toEqual(before);
    expect(load?.longestGapMs(), load?.trouble()).toBeLessThan(PLANNED_GAP_LIMIT_MS);
  });

  test(`rolls although the operator is killed ${OPERATOR_KILLS} times meanwhile`, async () => {
    load?.resetGaps();
    await cluster.apply({ image: image.current });
    await killOperator(OPERATOR_KILLS, 40_000);
    await cluster.ready(ROLL_LIMIT_MS);
    expect((await cluster.pods()).map(pod => pod.image)).toEqual(Array.from({ length: 6 }, () => image.current));
    const gapMs = load?.tellGap(`${image.title}: image change with a dying operator`, PLANNED_GAP_LIMIT_MS) ?? 0;
    expect(gapMs, load?.trouble()).toBeLessThan(PLANNED_GAP_LIMIT_MS);
  });

  test('no confirmed write was lost', async () => {
    const result = await load?.finish();
    expect(result?.reports.every(report => report.confirmed > 50)).toBe(true);
    expect(result?.lost, result?.lost.join('\n')).toEqual([]);
  });
});
