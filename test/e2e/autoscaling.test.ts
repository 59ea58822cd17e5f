/** A crowd on all slots calls for a fourth shard, and its end for three again: the number changes once in each direction, while clients work on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calibrate, DEFAULT_LOAD } from '../../operator/demo/load.ts';
import { connectKubernetes, imagesFor, type Kubernetes } from './kubernetes.ts';
import { noteChanges, statusOf, WatchedLoad } from './load-watch.ts';
import { SteadyLoad } from './shard-writer.ts';
import { clusterSpec, pause, TestCluster } from './test-cluster.ts';

const kubernetes: Kubernetes = connectKubernetes();
const NAMESPACE = 'e2e-autoscaling';
const GAP_LIMIT_MS = 1_000;
/** Every 32nd slot: each shard has its part, however many there are. */
const CROWDED_SLOTS = Array.from({ length: 512 }, (_, n) => 32 * n);
/** What the crowd wants, in what three shards can do. */
const CROWD = 0.85;
/** After the change back: as long as both windows together. */
const CALM_MS = 90_000;

const AUTOSCALING = {
  minShards: 3,
  maxShards: 4,
  targets: { cpuPercent: 60 },
  behavior: { scaleUp: { stabilizationWindowSeconds: 20 }, scaleDown: { stabilizationWindowSeconds: 60 } },
};

beforeAll(() => kubernetes.installOperator());
afterAll(() => kubernetes.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']));

describe.each(imagesFor(1))('a cluster of $title', image => {
  const resources = { requests: { cpu: '250m', memory: '128Mi' }, limits: { cpu: '250m' } };
  const cluster = new TestCluster(
    kubernetes,
    NAMESPACE,
    'shop',
    clusterSpec(image.current, { resources, rebalancing: { mode: 'Auto' }, autoscaling: AUTOSCALING }),
  );
  let crowd: WatchedLoad | undefined;
  let writers: SteadyLoad | undefined;

  beforeAll(async () => {
    await cluster.apply();
    await cluster.ready(240_000);
  });
  afterAll(async () => {
    await crowd?.stop();
    await writers?.stop();
    await cluster.delete(90_000);
  });

  const target = async (): Promise<number | undefined> => (await statusOf(cluster)).autoscaling?.targetShards;
  const hasShards = async (shards: number): Promise<boolean> =>
    (await target()) === shards && (await statusOf(cluster)).shardCount === shards && (await cluster.isWhole(2 * shards));

  test('goes from three shards to four under a crowd, and back after it, with one change of direction', async () => {
    writers = await SteadyLoad.start(cluster);
    const targets = noteChanges(target);
    const spread = { ...DEFAULT_LOAD, users: 24, hotShare: 1, hotSlots: CROWDED_SLOTS, scanLength: 1_000, writeShare: 0.1 };
    crowd = await WatchedLoad.start(cluster, await calibrate(await cluster.doors(), spread, CROWD));
    await crowd.measure(`${image.title}: three shards under the crowd`, 20_000);
    await cluster.waitUntil('four shards', 420_000, () => hasShards(4));
    await cluster.ready(60_000);
    const four = await crowd.measure(`${image.title}: four shards under the crowd`, 20_000);
    expect(four.cpu.shares.length).toBe(4);
    expect(four.cpu.maxOverMean).toBeLessThan(1.25);
    await crowd.stop();
    await cluster.waitUntil('three shards again', 420_000, () => hasShards(3));
    await cluster.ready(60_000);
    await pause(CALM_MS);
    expect(await targets.end()).toEqual([3, 4, 3]);
    const gapMs = writers.tellGap(`${image.title}: three, four, three shards`, GAP_LIMIT_MS);
    expect(gapMs, writers.trouble()).toBeLessThan(GAP_LIMIT_MS);
    const { reports, lost } = await writers.finish();
    expect(reports.every(report => report.confirmed > 100)).toBe(true);
    expect(lost, lost.join('\n')).toEqual([]);
  });
});
