/**
 * The operator scales a real cluster under steady confirmed writes: 3 → 5 → 3 → 4 shards, and dies on the way. No confirmed write is lost, and
 * valkey-cli finds every slot owned and every key where it belongs. Over nodes of our own server, and of the reference server, whose slot migration is
 * the measure.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { slotOfKey } from '../../lib/slot-hash.ts';
import { countSlots, parseSlotRanges } from '../../lib/slot-ranges.ts';
import { findCondition } from '../../operator/api/conditions.ts';
import { ChangeableCluster } from '../integration/changeable-cluster.ts';
import { ConfirmedWriter } from '../integration/confirmed-writer.ts';
import { ask } from '../integration/local-cluster.ts';
import { NEEDS_REFERENCE, type ServerKind, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';

const reference = process.env['VALKEY_REFERENCE'] ?? '';
const SPEC = { shards: 3, replicas: 1, nodeTimeoutMilliseconds: 2000 };
const SCALE_LIMIT_MS = 120_000;
const WRITERS = 8;
/** Kills of the operator on the way. */
const DEATHS = 5;

const clusters: ChangeableCluster[] = [];
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.dispose();
});

const KINDS: readonly { readonly kind: ServerKind; readonly firstPort: number }[] = [
  { kind: 'ours', firstPort: 13_100 },
  { kind: 'reference', firstPort: 13_300 },
];

describe.skipIf(WITHOUT_REFERENCE).each(KINDS)(`scaling over nodes of the kind $kind${NEEDS_REFERENCE}`, ({ kind, firstPort }) => {
  test('3 → 5 → 3 → 4 shards under confirmed writes, with an operator that dies: nothing is lost', { timeout: 600_000 }, async () => {
    const cluster = await start(kind, firstPort);
    await cluster.ready(90_000);
    const writers = tags(WRITERS).map(tag => new ConfirmedWriter(tag, () => cluster.ports()));
    await cluster.waitFor(() => writers.every(writer => writer.confirmed.length > 50), 20_000, '50 writes of each writer');
    const available = watchAvailability(cluster);
    for (const shards of [5, 3, 4]) {
      cluster.change({ ...SPEC, shards });
      for (let death = 0; death < DEATHS && !cluster.is('Ready'); death++) {
        const until = performance.now() + 700 + 500 * death;
        await cluster.waitFor(() => performance.now() > until, 10_000, 'a moment');
        await cluster.stopOperator();
        cluster.startOperator();
      }
      await cluster.ready(SCALE_LIMIT_MS);
      expect(slotShares(cluster)).toHaveLength(shards);
      expect(Math.max(...slotShares(cluster)) - Math.min(...slotShares(cluster))).toBeLessThanOrEqual(1);
      expect(cluster.resource.status).toMatchObject({ shardCount: shards, assignedSlots: 16384 });
      expect(check(cluster)).toContain('[OK] All 16384 slots covered');
    }
    const results = await Promise.all(writers.map(writer => writer.finish()));
    expect(results).toEqual(results.map(() => []));
    console.log(
      `${writers.reduce((sum, writer) => sum + writer.confirmed.length, 0)} confirmed writes, longest gap ${Math.round(Math.max(...writers.map(writer => writer.longestGapMs)))} ms`,
    );
    expect(Math.max(...writers.map(writer => writer.longestGapMs))).toBeLessThan(2_000);
    expect(available.outages()).toEqual([]);
    expect(cluster.resource.status.dataLossCount).toBeUndefined();
    expect(await keysOutOfPlace(cluster)).toEqual([]);
  });

  test('a node that dies while slots move to it: the migration fails, is told, and is done again', { timeout: 300_000 }, async () => {
    const cluster = await start(kind, firstPort + 100);
    await cluster.ready(90_000);
    const writers = tags(4).map(tag => new ConfirmedWriter(tag, () => cluster.ports()));
    await cluster.waitFor(() => writers.every(writer => writer.confirmed.length > 50), 20_000, '50 writes of each writer');
    cluster.change({ ...SPEC, shards: 4 });
    for (const shard of [3, 0]) {
      await cluster.waitFor(
        () => (slotShares(cluster)[3] ?? 0) > 0 || cluster.is('Ready'),
        SCALE_LIMIT_MS,
        'the first slots in the new shard',
      );
      const primary = cluster.primaries()[shard];
      await kill(cluster, primary);
      const succeeded = (): boolean => cluster.is('Available') && !['', primary].includes(cluster.primaries()[shard]);
      await cluster.waitFor(succeeded, 30_000, 'another primary of the shard');
    }
    await cluster.ready(SCALE_LIMIT_MS);
    for (const writer of writers) expect(await writer.finish()).toEqual([]);
    expect(check(cluster)).toContain('[OK] All 16384 slots covered');
    expect(await keysOutOfPlace(cluster)).toEqual([]);
  });
});

async function start(kind: ServerKind, firstPort: number): Promise<ChangeableCluster> {
  const cluster = await ChangeableCluster.create(SPEC, firstPort, kind === 'ours' ? undefined : join(reference, 'src/valkey-server'));
  clusters.push(cluster);
  cluster.startOperator();
  return cluster;
}

/** Hash tags whose slots lie evenly over all. */
function tags(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => {
    const wanted = Math.floor(((at + 0.5) * 16384) / count);
    for (let n = 0; ; n++) {
      const tag = Buffer.from(`t${n}`);
      if (Math.abs(slotOfKey(tag, 0, tag.length) - wanted) < 200) return tag.toString();
    }
  });
}

function slotShares(cluster: ChangeableCluster): readonly number[] {
  return (cluster.resource.status.shards ?? []).map(row => countSlots(parseSlotRanges(row.slots)));
}

function check(cluster: ChangeableCluster): string {
  const [port] = cluster.ports();
  return execFileSync(join(reference, 'src/valkey-cli'), ['--cluster', 'check', `127.0.0.1:${port}`], { encoding: 'utf8' });
}

/** Keys on a primary whose slot is another's. */
async function keysOutOfPlace(cluster: ChangeableCluster): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const row of cluster.resource.status.shards ?? []) {
    const port = cluster.portOf(row.primary ?? '');
    const owned = parseSlotRanges(row.slots);
    for (const key of (await ask(port, 'KEYS', '*')) as readonly string[]) {
      const bytes = Buffer.from(key);
      const slot = slotOfKey(bytes, 0, bytes.length);
      if (!owned.some(({ start, end }) => slot >= start && slot <= end)) wrong.push(`${key} of slot ${slot} on ${row.primary}`);
    }
  }
  return wrong;
}

async function kill(cluster: ChangeableCluster, name: string): Promise<void> {
  const info = String(await ask(cluster.portOf(name), 'INFO', 'server'));
  process.kill(Number(/process_id:(\d+)/.exec(info)?.[1]), 'SIGKILL');
}

/** Every moment at which the status did not say Available, with its reason. */
function watchAvailability(cluster: ChangeableCluster): { readonly outages: () => readonly string[] } {
  const seen: string[] = [];
  const timer = setInterval(() => {
    const condition = findCondition(cluster.resource.status.conditions, 'Available');
    if (condition?.status !== 'True') seen.push(condition?.message ?? 'no condition');
  }, 50);
  return {
    outages: () => {
      clearInterval(timer);
      return [...new Set(seen)];
    },
  };
}
