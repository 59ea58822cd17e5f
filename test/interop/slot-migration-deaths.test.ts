/**
 * Atomic slot migration among our own nodes when one of the two is killed in each state that a migration passes, and when it is cancelled, or its
 * connection lost, after the failover was granted: every write that a replica confirmed too is there, nothing is there twice, and every key is with one
 * shard alone.
 */

import { afterEach, describe, expect, test } from 'vitest';
import { TestCluster, type ValkeyNode, waitFor } from '../support/cluster-nodes.ts';
import { isOver, jobs, ListWriter } from '../support/slot-movers.ts';

const FIRST_PORT = 20_250;
/** Slots of the first shard: the one that moves (3300), and one that stays (3168). */
const TAG = '{b}';
const OTHER_TAG = '{f}';
const STILL_KEYS = 300;
const BIG_KEYS = 30;
const BIG_BYTES = 1 << 20;
const WRITERS = 3;
const NODE_TIMEOUT_MS = 2000;

let cluster: TestCluster | undefined;
let running: readonly ListWriter[] = [];
afterEach(async () => {
  const stopped = Promise.all(running.map(writer => writer.stop()));
  await cluster?.dispose();
  cluster = undefined;
  await stopped;
});

interface World {
  readonly cluster: TestCluster;
  readonly source: ValkeyNode;
  readonly target: ValkeyNode;
  readonly targetId: string;
  readonly slot: string;
  readonly writers: readonly ListWriter[];
}

async function begin(): Promise<World> {
  const made = new TestCluster({
    firstPort: FIRST_PORT,
    shards: [
      ['ours', 'ours'],
      ['ours', 'ours'],
      ['ours', 'ours'],
    ],
    nodeTimeoutMs: NODE_TIMEOUT_MS,
    directives: { 'enable-debug-command': 'yes', 'repl-timeout': '20', 'cluster-manual-failover-timeout': '2000' },
  });
  cluster = made;
  await made.form();
  const [[source], [target]] = made.shards;
  for (let i = 0; i < STILL_KEYS; i++) await source.ask('SET', `${TAG}still${i}`, 'x'.repeat(i));
  const ports = made.nodes.map(node => node.port);
  const writers = Array.from({ length: WRITERS }, (_, i) => new ListWriter({ name: `w${i}`, tags: [TAG, OTHER_TAG], ports, replicas: 1 }));
  running = writers;
  await waitFor(
    () => writers.every(writer => writer.confirmedCount > 20),
    20_000,
    () => 'some confirmed writes',
  );
  const targetId = await target.text('CLUSTER', 'MYID');
  return { cluster: made, source, target, targetId, slot: await source.text('CLUSTER', 'KEYSLOT', TAG), writers };
}

async function move({ source, targetId, slot }: World): Promise<void> {
  expect(await source.ask('CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', slot, slot, 'NODE', targetId)).toBe('OK');
}

const reaches = (node: ValkeyNode, state: string): Promise<void> =>
  waitFor(
    async () => (await jobs(node))[0]?.state === state,
    20_000,
    () => `a migration in state ${state}; the log:\n${node.log.slice(-2000)}`,
  );

const pausing = (node: ValkeyNode, allowed: boolean): Promise<unknown> =>
  node.ask('DEBUG', 'SLOTMIGRATION', 'PREVENT-PAUSE', allowed ? '0' : '1');
const takingOver = (node: ValkeyNode, allowed: boolean): Promise<unknown> =>
  node.ask('DEBUG', 'SLOTMIGRATION', 'PREVENT-FAILOVER', allowed ? '0' : '1');

/** How a migration comes to stand in a state of the source. */
const STATES: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'reading-establish-response': async world => {
    world.target.signal('SIGSTOP');
    await move(world);
    await reaches(world.source, 'reading-establish-response');
  },
  snapshotting: async world => {
    await world.source.ask('CONFIG', 'SET', 'rdb-key-save-delay', '20000');
    await move(world);
    await reaches(world.source, 'snapshotting');
    await reaches(world.target, 'receiving-snapshot');
  },
  'waiting-to-pause': async world => {
    await pausing(world.source, false);
    await move(world);
    await reaches(world.source, 'waiting-to-pause');
  },
  'failover-paused': async world => {
    await pausing(world.source, false);
    await move(world);
    await reaches(world.source, 'waiting-to-pause');
    world.target.signal('SIGSTOP');
    await pausing(world.source, true);
    await reaches(world.source, 'failover-paused');
  },
  'failover-granted': async world => {
    await takingOver(world.target, false);
    await move(world);
    await reaches(world.source, 'failover-granted');
  },
};

/** All that was promised, after everything that was killed is back. */
async function nothingIsLost(world: World): Promise<ValkeyNode> {
  const { cluster: nodes, slot, writers } = world;
  await nodes.whole();
  const before = writers.map(writer => writer.confirmedCount);
  await waitFor(
    () => writers.every((writer, i) => writer.confirmedCount > before[i] + 20),
    20_000,
    () => 'that writes go on',
  );
  for (const writer of writers) await writer.stop();
  await waitFor(
    async () => (await Promise.all(nodes.nodes.map(jobs))).flat().every(job => isOver(job.state)),
    30_000,
    () => 'all migrations to be over',
  );
  const owner = await ownerOf(world, slot);
  const shard = await shardOf(world, owner);
  const keys = (await owner.ask('KEYS', `${TAG}*`)) as string[];
  await waitFor(
    async () => {
      const counts = await Promise.all(nodes.nodes.map(node => node.ask('CLUSTER', 'COUNTKEYSINSLOT', slot)));
      return counts.every((count, index) => count === (shard.includes(nodes.nodes[index]) ? keys.length : 0));
    },
    20_000,
    () => 'the keys to be with one shard alone',
  );
  for (let i = 0; i < STILL_KEYS; i++) expect(await owner.ask('STRLEN', `${TAG}still${i}`)).toBe(i);
  for (const key of new Set(writers.flatMap(writer => [...writer.confirmed.keys()]))) {
    const place = key.startsWith(TAG) ? owner : await ownerOf(world, await owner.text('CLUSTER', 'KEYSLOT', key));
    const items = (await place.ask('LRANGE', key, '0', '-1')) as string[];
    const twice = items.filter((item, at) => items.indexOf(item) !== at);
    expect(twice, `items that ${key} has twice`).toEqual([]);
    const there = new Set(items);
    const lost = writers.flatMap(writer => writer.confirmed.get(key) ?? []).filter(item => !there.has(item));
    expect(lost, `confirmed items that ${key} has lost`).toEqual([]);
  }
  return owner;
}

async function ownerOf({ cluster: nodes }: World, slot: string): Promise<ValkeyNode> {
  const slots = (await nodes.nodes[5].ask('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
  const [, , [, port]] = slots.find(([start, end]) => Number(slot) >= start && Number(slot) <= end) ?? [0, 0, ['', 0]];
  const owner = nodes.nodes.find(node => node.port === port);
  if (owner === undefined) throw new Error(`nobody owns slot ${slot}`);
  return owner;
}

async function shardOf({ cluster: nodes }: World, owner: ValkeyNode): Promise<readonly ValkeyNode[]> {
  const id = await owner.text('CLUSTER', 'MYSHARDID');
  const ids = await Promise.all(nodes.nodes.map(node => node.text('CLUSTER', 'MYSHARDID')));
  return nodes.nodes.filter((_, index) => ids[index] === id);
}

/** It is dead until its replica has taken its place, and comes back then. */
async function killAndReturn({ cluster: nodes, target }: World, victim: ValkeyNode): Promise<void> {
  const replica = nodes.shards.find(([primary]) => primary === victim)?.[1];
  await victim.end('SIGKILL');
  // It may stand still so that the migration does; the election needs it.
  target.signal('SIGCONT');
  if (replica !== undefined) await nodes.takesOver(replica, 30_000);
  await victim.start();
  await adopt(victim, replica);
}

/** A node without persistence comes back as a blank one: it is joined again as its successor's replica. */
async function adopt(victim: ValkeyNode, primary: ValkeyNode | undefined): Promise<void> {
  if (primary === undefined || (await victim.text('CLUSTER', 'NODES')).trim().split('\n').length > 1) return;
  await victim.ask('CLUSTER', 'MEET', '127.0.0.1', String(primary.port));
  const id = await primary.text('CLUSTER', 'MYID');
  await waitFor(
    async () => (await victim.ask('CLUSTER', 'REPLICATE', id)) === 'OK',
    20_000,
    () => `the node on port ${victim.port} to be a replica again`,
  );
}

describe('a node that is killed while slots move', () => {
  const cases = Object.keys(STATES).flatMap(state => [
    { state, side: 'source' as const },
    { state, side: 'target' as const },
  ]);
  test.each(cases)('as $side in state $state leaves the cluster whole', { timeout: 120_000 }, async ({ state, side }) => {
    const world = await begin();
    await STATES[state](world);
    await killAndReturn(world, world[side]);
    expect(world.cluster.nodes).toContain(await nothingIsLost(world));
  });

  test('as source right after the slots were taken leaves them with the target', { timeout: 120_000 }, async () => {
    const world = await begin();
    await move(world);
    await reaches(world.source, 'success');
    await killAndReturn(world, world.source);
    expect(await nothingIsLost(world)).toBe(world.target);
  });
});

describe('a target that dies as soon as it has the slots', () => {
  test('has brought what was confirmed at the source to its replica before, also when that lagged', { timeout: 120_000 }, async () => {
    const world = await begin();
    const { source, target } = world;
    const [, [, replica]] = world.cluster.shards;
    for (let i = 0; i < BIG_KEYS; i++) await source.ask('SET', `${TAG}big${i}`, 'x'.repeat(BIG_BYTES));
    await pausing(source, false);
    // More than sockets hold is on its way to the replica when the source pauses.
    replica.signal('SIGSTOP');
    await move(world);
    await reaches(source, 'waiting-to-pause');
    await pausing(source, true);
    await waitFor(
      async () => ['failover-paused', 'failover-granted', 'success'].includes((await jobs(source))[0].state),
      10_000,
      () => 'the pause',
    );
    replica.signal('SIGCONT');
    await reaches(target, 'success');
    await killAndReturn(world, target);
    expect(await nothingIsLost(world)).toBe(replica);
    for (let i = 0; i < BIG_KEYS; i++) expect(await replica.ask('STRLEN', `${TAG}big${i}`)).toBe(BIG_BYTES);
  });
});

/** What can end a migration that is granted, at the source or between the two. */
const ENDS: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  'is cancelled': ({ source }) => source.ask('CLUSTER', 'CANCELSLOTMIGRATIONS'),
  'loses its connection': ({ target }) => target.ask('CLIENT', 'KILL', 'FLAGS', 'i'),
  'loses its connection, and is cancelled then': async ({ source, target }) => {
    await target.ask('CLIENT', 'KILL', 'FLAGS', 'i');
    await source.ask('CLUSTER', 'CANCELSLOTMIGRATIONS');
  },
  'runs into its time-out': () => new Promise(resolve => setTimeout(resolve, 4500)),
};

describe('a migration whose failover was granted', () => {
  test.each(Object.entries(ENDS))(
    'and that %s before the target takes the slots leaves them with the source',
    { timeout: 120_000 },
    async (_, end) => {
      const world = await begin();
      await STATES['failover-granted'](world);
      await end(world);
      await waitFor(
        async () => isOver((await jobs(world.source))[0].state),
        20_000,
        () => 'the end of the migration',
      );
      await world.cluster.whole();
      expect(await ownerOf(world, world.slot)).toBe(world.source);
      await world.target.ask('CLIENT', 'KILL', 'FLAGS', 'i');
      expect(await nothingIsLost(world)).toBe(world.source);
    },
  );

  test.each(Object.entries(ENDS).slice(0, 1))(
    'and that %s when the target has the slots, but the source has not heard of it: no write is accepted at two places',
    { timeout: 120_000 },
    async (_, end) => {
      const world = await begin();
      const { source, target } = world;
      await STATES['failover-granted'](world);
      // All packets that arrive at the source are dropped: it cannot hear of the takeover.
      await source.ask('DEBUG', 'DROP-CLUSTER-PACKET-FILTER', '-2');
      await takingOver(target, true);
      await waitFor(
        async () => (await jobs(target))[0].state === 'success',
        10_000,
        () => 'the target to have the slots',
      );
      await end(world);
      const writer = new ListWriter({ name: 'late', tags: [TAG], ports: [source.port] });
      const until = performance.now() + 1200;
      await waitFor(
        () => performance.now() > until,
        5000,
        () => 'a while',
      );
      expect(writer.confirmedCount, 'writes that the source confirmed').toBe(0);
      await source.ask('DEBUG', 'DROP-CLUSTER-PACKET-FILTER', '-1');
      await waitFor(
        () => writer.confirmedCount > 0,
        20_000,
        () => 'the writer to be told where the slots are',
      );
      await writer.stop();
      const owner = await nothingIsLost({ ...world, writers: [...world.writers] });
      expect(owner).toBe(target);
      for (const [key, items] of writer.confirmed) expect(await owner.ask('LRANGE', key, '0', '-1')).toEqual(expect.arrayContaining(items));
    },
  );
});
