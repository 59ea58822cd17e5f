/**
 * The operator's core over real node processes. With VALKEY_REFERENCE (the folder of a built Valkey 9.1) the nodes are upstream's server; without it, ours.
 */
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { slotOfKey } from '../../lib/slot-hash.ts';
import { evenSlotRange } from '../../lib/slot-ranges.ts';
import type { ValkeyClusterSpecInput } from '../../operator/api/valkey-cluster.ts';
import { ChangeableCluster } from '../integration/changeable-cluster.ts';
import { ConfirmedWriter } from '../integration/confirmed-writer.ts';
import { ask } from '../integration/local-cluster.ts';

const reference = process.env['VALKEY_REFERENCE'];
const server = reference === undefined ? undefined : join(reference, 'src/valkey-server');
const SPEC: ValkeyClusterSpecInput = { shards: 3, replicas: 1, nodeTimeoutMilliseconds: 1500 };

const clusters: ChangeableCluster[] = [];
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.dispose();
});

async function start(spec: ValkeyClusterSpecInput, firstPort: number): Promise<ChangeableCluster> {
  const cluster = await ChangeableCluster.create(spec, firstPort, server);
  clusters.push(cluster);
  cluster.startOperator();
  return cluster;
}

/** A hash tag of shard `shard` of `shards`. */
function tagOf(shard: number, shards: number): string {
  const range = evenSlotRange(shard, shards);
  for (let n = 0; ; n++) {
    const tag = Buffer.from(`t${n}`);
    const slot = slotOfKey(tag, 0, tag.length);
    if (slot >= range.start && slot <= range.end) return tag.toString();
  }
}

async function kill(cluster: ChangeableCluster, name: string): Promise<void> {
  const info = String(await ask(cluster.portOf(name), 'INFO', 'server'));
  process.kill(Number(/process_id:(\d+)/.exec(info)?.[1]), 'SIGKILL');
}

describe(`the operator over ${reference === undefined ? 'our own' : "upstream's"} nodes`, () => {
  it('forms a cluster of three shards within 5 s, and then writes nothing while it is steady', async () => {
    const began = performance.now();
    const cluster = await start(SPEC, 13_100);
    await cluster.ready(15_000);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(cluster.resource.status).toMatchObject({ state: 'Ready', ready: '6/6', assignedSlots: 16384 });
    const writes = cluster.statusWrites;
    const quietUntil = performance.now() + 7_000;
    await cluster.waitFor(() => performance.now() > quietUntil, 8_000, 'seven quiet seconds');
    expect(cluster.statusWrites).toBe(writes);
  });

  it('heals after the loss of a primary that restarts in place, and loses no confirmed write', async () => {
    const cluster = await start(SPEC, 13_120);
    await cluster.ready(15_000);
    const writer = new ConfirmedWriter(tagOf(0, 3), () => cluster.ports());
    await cluster.waitFor(() => writer.confirmed.length > 100, 10_000, '100 writes');
    for (let round = 0; round < 3; round++) {
      const primary = cluster.primaries()[0];
      await kill(cluster, primary);
      await cluster.waitFor(() => cluster.is('Ready') && cluster.primaries()[0] !== primary, 15_000, 'another primary and Ready');
    }
    expect(await writer.finish()).toEqual([]);
    expect(writer.longestGapMs).toBeLessThan(1_500 + 3_000);
    expect(cluster.resource.status.dataLossCount).toBeUndefined();
  });

  it('promotes the replica of a cluster of one shard once the old primary is proven to be gone', async () => {
    const cluster = await start({ ...SPEC, shards: 1 }, 13_140);
    await cluster.ready(15_000);
    const writer = new ConfirmedWriter(tagOf(0, 1), () => cluster.ports());
    await cluster.waitFor(() => writer.confirmed.length > 50, 10_000, '50 writes');
    const primary = cluster.primaries()[0];
    await kill(cluster, primary);
    await cluster.waitFor(() => cluster.is('Ready') && cluster.primaries()[0] !== primary, 20_000, 'another primary and Ready');
    expect(await writer.finish()).toEqual([]);
    expect(writer.longestGapMs).toBeLessThan(1_500 + 3_000);
    expect(cluster.events.map(event => event.reason)).toContain('PromotingReplica');
  });

  it('forms the cluster anew when all nodes are lost at once, and says that the data was lost', async () => {
    const cluster = await start(SPEC, 13_160);
    await cluster.ready(15_000);
    await Promise.all(['shop-0-0', 'shop-0-1', 'shop-1-0', 'shop-1-1', 'shop-2-0', 'shop-2-1'].map(name => kill(cluster, name)));
    await cluster.waitFor(() => cluster.resource.status.dataLossCount === 1 && cluster.is('Ready'), 40_000, 'a new cluster');
    expect(cluster.resource.status.lastDataLossMessage).toContain('all keys were lost');
    expect(cluster.events.map(event => event.reason)).toContain('DataLost');
  });

  it('rolls a change through every node without losing a confirmed write, with hand-overs below a second', async () => {
    const cluster = await start(SPEC, 13_180);
    await cluster.ready(15_000);
    const writers = [0, 1, 2].map(shard => new ConfirmedWriter(tagOf(shard, 3), () => cluster.ports()));
    await cluster.waitFor(() => writers.every(writer => writer.confirmed.length > 100), 10_000, '100 writes a shard');
    const before = cluster.podUids();
    cluster.change({ ...SPEC, config: { 'tcp-backlog': 128 } });
    await cluster.waitFor(
      () => cluster.is('Ready') && [...cluster.podUids()].every(([name, uid]) => before.get(name) !== uid),
      50_000,
      'every node restarted and Ready',
    );
    for (const writer of writers) {
      expect(await writer.finish()).toEqual([]);
      expect(writer.longestGapMs).toBeLessThan(1_000);
    }
    for (const port of cluster.ports()) expect(await ask(port, 'CONFIG', 'GET', 'tcp-backlog')).toEqual(['tcp-backlog', '128']);
  });

  it('sets a live directive on running nodes and restarts none', async () => {
    const cluster = await start({ ...SPEC, config: { 'maxmemory-policy': 'allkeys-lru' } }, 13_200);
    await cluster.ready(15_000);
    const before = cluster.podUids();
    cluster.change({ ...SPEC, config: { 'maxmemory-policy': 'volatile-ttl' } });
    await cluster.waitFor(
      async () => ((await ask(cluster.portOf('shop-2-1'), 'CONFIG', 'GET', 'maxmemory-policy')) as string[])[1] === 'volatile-ttl',
      5_000,
      'the new value',
    );
    await cluster.ready(5_000);
    expect(cluster.podUids()).toEqual(before);
  });

  it('changes the number of replicas, handing over where a primary has to go', async () => {
    const cluster = await start({ ...SPEC, shards: 1, replicas: 2 }, 13_220);
    await cluster.ready(15_000);
    if (cluster.primaries()[0] !== 'shop-0-2') await ask(cluster.portOf('shop-0-2'), 'CLUSTER', 'FAILOVER');
    await cluster.waitFor(() => cluster.primaries()[0] === 'shop-0-2', 10_000, 'shop-0-2 as primary');
    cluster.change({ ...SPEC, shards: 1, replicas: 1 });
    await cluster.waitFor(() => cluster.is('Ready') && cluster.podUids().size === 2, 20_000, 'two nodes');
    await cluster.waitFor(
      async () =>
        String(await ask(cluster.portOf('shop-0-0'), 'CLUSTER', 'NODES'))
          .trim()
          .split('\n').length === 2,
      10_000,
      'two known nodes',
    );
    cluster.change({ ...SPEC, shards: 1, replicas: 2 });
    await cluster.ready(20_000);
    expect(cluster.resource.status.ready).toBe('3/3');
  });

  it('forms a cluster although the operator dies over and over', async () => {
    const cluster = await start(SPEC, 13_240);
    for (let round = 0; round < 8 && !cluster.is('Ready'); round++) {
      const until = performance.now() + 120 + 60 * round;
      await cluster.waitFor(() => performance.now() > until, 2_000, 'a moment');
      await cluster.stopOperator();
      cluster.startOperator();
    }
    await cluster.ready(15_000);
    expect(cluster.resource.status.ready).toBe('6/6');
  });
});
