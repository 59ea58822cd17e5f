/**
 * The number of shards changes under a steady load of confirmed writes, 3 → 5 → 3 → 4, while the operator is killed five times: no confirmed
 * write is lost, every slot has its owner at every look, and a shard that has gone leaves nothing behind.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { referenceFolder } from '../cluster/images.ts';
import { command } from '../cluster/progress.ts';
import { connectKubernetes, imagesFor, type Kubernetes } from './kubernetes.ts';
import { SteadyLoad } from './shard-writer.ts';
import { clusterSpec, pause, randomFrom, SEED, TestCluster } from './test-cluster.ts';

const kubernetes: Kubernetes = connectKubernetes();
const NAMESPACE = 'e2e-scaling';
const SCALE_LIMIT_MS = 300_000;
const PLANNED_GAP_LIMIT_MS = 1_000;
/** Kills of the operator for each of the three changes: five in all. */
const STEPS = [
  { shards: 5, kills: 2 },
  { shards: 3, kills: 2 },
  { shards: 4, kills: 1 },
] as const;

beforeAll(() => kubernetes.installOperator());
afterAll(() => kubernetes.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']));

describe.each(imagesFor(1))('a cluster of $title', image => {
  const random = randomFrom(SEED);
  const cluster = new TestCluster(kubernetes, NAMESPACE, 'shop', clusterSpec(image.current));
  let load: SteadyLoad | undefined;

  beforeAll(async () => {
    console.log(`random moments of seed ${SEED} (SLOTKEEPER_SEED=${SEED} repeats them)`);
    await cluster.apply();
    await cluster.ready(120_000);
    load = await SteadyLoad.start(cluster);
  });
  afterAll(async () => {
    await load?.stop();
    await cluster.delete(90_000);
  });

  test.each(STEPS)('goes to $shards shards while it serves, although the operator is killed $kills times', async ({ shards, kills }) => {
    load?.resetGaps();
    const outages = watchAvailable();
    await cluster.apply({ shards });
    for (let kill = 0; kill < kills; kill++) {
      await pause(5_000 + random() * 15_000);
      await kubernetes.killOperator();
    }
    await cluster.ready(SCALE_LIMIT_MS);
    expect(await outages.end()).toEqual([]);
    expect(await cluster.isWhole(2 * shards)).toBe(true);
    expect(await slotShares()).toEqual(evenShares(shards));
    expect((await cluster.resource())?.status).toMatchObject({ shardCount: shards, assignedSlots: 16384 });
    const gapMs = load?.tellGap(`${image.title}: to ${shards} shards`, PLANNED_GAP_LIMIT_MS) ?? 0;
    expect(gapMs, load?.trouble()).toBeLessThan(PLANNED_GAP_LIMIT_MS);
    await cluster.waitUntil('the objects of the removed shards to be gone', 60_000, async () => (await objectsBeyond(shards)).length === 0);
  });

  test('kubectl scale scales shards, there and back in the middle', async () => {
    await scale(5);
    await cluster.waitUntil('slots on the way to the new shard', SCALE_LIMIT_MS, async () => (await progress())?.slotsMoved !== 0);
    await scale(4);
    await cluster.apply({ shards: 4 });
    await cluster.ready(SCALE_LIMIT_MS);
    expect(await cluster.isWhole(8)).toBe(true);
    expect(await slotShares()).toEqual(evenShares(4));
  });

  test('no confirmed write was lost, and each key is in one place', async () => {
    const result = await load?.finish();
    expect(result?.reports.every(report => report.confirmed > 100)).toBe(true);
    expect(result?.lost, result?.lost.join('\n')).toEqual([]);
    const total = await keysOnPrimaries();
    expect(total.all).toBe(total.distinct);
  });

  test.runIf(referenceFolder() !== undefined)("upstream's own check finds nothing wrong", async () => {
    const [{ ip }] = await cluster.pods();
    const { password } = cluster;
    const output = await command(join(referenceFolder() ?? '', 'src/valkey-cli'), ['--cluster', 'check', `${ip}:6379`], {
      env: { REDISCLI_AUTH: password },
      timeoutMs: 30_000,
    });
    expect(output).toContain('[OK] All nodes agree about slots configuration.');
    expect(output).toContain('[OK] All 16384 slots covered.');
    expect(output).not.toMatch(/\[ERR\]|\[WARNING\]/);
  });

  async function scale(shards: number): Promise<void> {
    await kubernetes.kubectl(['scale', `valkeycluster/${cluster.name}`, '-n', NAMESPACE, `--replicas=${shards}`]);
  }

  async function progress(): Promise<{ readonly slotsMoved: number } | undefined> {
    const status = (await cluster.resource())?.status as { scaling?: { slotsMoved: number; shards: number } } | undefined;
    // Not yet taken up counts as nothing moved.
    return status?.scaling?.shards === 5 ? status.scaling : { slotsMoved: 0 };
  }

  /** Slots of each primary in the eyes of one node, the most first. */
  async function slotShares(): Promise<readonly number[]> {
    const [pod] = await cluster.pods();
    const rows = (await cluster.nodesSeenBy(pod.ip)).filter(row => row.flags.includes('master'));
    return rows.map(row => countSlots(row.slots)).toSorted((a, b) => b - a);
  }

  async function keysOnPrimaries(): Promise<{ readonly all: number; readonly distinct: number }> {
    const lists = await Promise.all((await cluster.primaries()).map(pod => cluster.ask(pod.ip, 'KEYS', '*') as Promise<readonly string[]>));
    const keys = lists.flat();
    return { all: keys.length, distinct: new Set(keys).size };
  }

  /** Objects that belong to a shard that is not wanted any more. */
  async function objectsBeyond(shards: number): Promise<readonly string[]> {
    const name = new RegExp(`/${cluster.name}-(\\d+)(-|$)`);
    return (await cluster.remains()).filter(object => Number(name.exec(object)?.[1] ?? -1) >= shards);
  }

  /** Looks at the status twice a second; `end` gives the reasons for which it was not Available. */
  function watchAvailable(): { readonly end: () => Promise<readonly string[]> } {
    const seen = new Set<string>();
    const stop = new AbortController();
    const watching = (async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const condition = await cluster.condition('Available').catch(() => undefined);
        if (condition !== undefined && condition.status !== 'True') seen.add(condition.message);
        await pause(500);
      }
    })();
    return {
      end: async () => {
        stop.abort();
        await watching;
        return [...seen];
      },
    };
  }
});

function countSlots(ranges: readonly string[]): number {
  return ranges
    .filter(range => !range.startsWith('['))
    .map(range => range.split('-').map(Number))
    .reduce((sum, [start, end = start]) => sum + end - start + 1, 0);
}

/** The shares of so many shards, the most first. */
function evenShares(shards: number): readonly number[] {
  const base = Math.floor(16384 / shards);
  return Array.from({ length: shards }, (_, place) => base + (place < 16384 % shards ? 1 : 0));
}
