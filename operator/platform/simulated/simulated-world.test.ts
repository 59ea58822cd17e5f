/** Stories of whole clusters on a virtual clock. A test that fails prints every node's view and every event. */
import { describe, expect, it } from 'vitest';
import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import { type Condition, findCondition } from '../../api/conditions.ts';
import type { ClusterKey } from '../../model/cluster.ts';
import { SimulatedWorld } from './simulated-world.ts';

const SPEC = { shards: 3, replicas: 1, nodeTimeoutMilliseconds: 2000 };

async function formed(
  seed: number,
  spec: Parameters<SimulatedWorld['apply']>[1] = SPEC,
): Promise<{ readonly world: SimulatedWorld; readonly key: ClusterKey }> {
  const world = new SimulatedWorld(seed);
  const key = world.apply('shop', spec);
  world.startOperator();
  await world.until(() => world.is(key, 'Ready'), 20_000, 'Ready');
  return { world, key };
}

/** Puts a key into the primary of a shard and waits until its replicas have it. */
async function write(world: SimulatedWorld, key: ClusterKey, shard: number, value: string): Promise<void> {
  const primary = world.node(key, world.primaryOf(key, shard));
  primary.data.set(`key-${shard}`, value);
  primary.offset += 100;
  await world.clock.advance(500);
}

function read(world: SimulatedWorld, key: ClusterKey, shard: number): string | undefined {
  return world.node(key, world.primaryOf(key, shard)).data.get(`key-${shard}`);
}

describe('a cluster in a simulated world', () => {
  it('forms, and causes no write while it is steady', async () => {
    const { world, key } = await formed(1);
    expect(world.resource(key).status).toMatchObject({ ready: '6/6', assignedSlots: SLOT_COUNT, state: 'Ready' });
    await world.clock.advance(2_000);
    const [steps, writes] = [world.steps, world.platform.statusWrites];
    await world.clock.advance(60_000);
    expect([world.steps, world.platform.statusWrites]).toEqual([steps, writes]);
  });

  it('lets the nodes of a small cluster ping each other often, unless the user says how often', async () => {
    const { world, key } = await formed(1);
    const shown = (of: typeof key): string | undefined => world.node(of, world.primaryOf(of, 0)).config.get('cluster-ping-interval');
    expect(shown(key)).toBe(String((world.resource(key).spec.nodeTimeoutMilliseconds ?? 0) / 5));
    const other = world.apply('other', { ...SPEC, config: { 'cluster-ping-interval': 700 } });
    await world.until(() => world.is(other, 'Ready'), 30_000, 'formation');
    expect(shown(other)).toBe('700');
  });

  it('forms although the operator dies after every single step', async () => {
    const world = new SimulatedWorld(2);
    const key = world.apply('shop', SPEC);
    for (let lives = 0; lives < 200 && !world.is(key, 'Ready'); lives++) {
      world.dieAfter(1);
      world.startOperator();
      const limit = world.clock.now() + 20_000;
      await world.until(() => world.operatorIsDead || world.is(key, 'Ready') || world.clock.now() >= limit, 20_100, 'the next step');
      if (!world.is(key, 'Ready')) world.killOperator();
    }
    expect(world.is(key, 'Ready')).toBe(true);
    expect(world.resource(key).status.dataLossCount).toBeUndefined();
  });

  it('forms whatever step the operator dies after', async () => {
    const whole = await formed(3);
    const steps = whole.world.steps;
    for (let death = 1; death <= steps; death++) {
      const world = new SimulatedWorld(3);
      const key = world.apply('shop', SPEC);
      world.dieAfter(death);
      world.startOperator();
      await world.until(() => world.operatorIsDead || world.is(key, 'Ready'), 20_000, `death after step ${death}`);
      world.killOperator();
      world.startOperator();
      await world.until(() => world.is(key, 'Ready'), 30_000, `Ready after a death after step ${death}`);
      expect(world.resource(key).status.ready).toBe('6/6');
    }
  });

  it.each([1, 3])(
    'with persistence %i shards have all of their data again when every pod was replaced at once, under other addresses',
    async shards => {
      const { world, key } = await formed(50 + shards, { ...SPEC, shards, persistence: { size: '1Gi' } });
      for (let shard = 0; shard < shards; shard++) await write(world, key, shard, `kept ${shard}`);
      const nodes = [...Array(shards).keys()].flatMap(shard => [`shop-${shard}-0`, `shop-${shard}-1`]);
      const before = nodes.map(name => world.node(key, name).nodeId);
      for (const name of nodes) world.platform.replacePod(key, name);
      await world.clock.advance(5_000);
      await world.until(() => world.is(key, 'Ready'), 120_000, 'Ready again');
      for (let shard = 0; shard < shards; shard++) expect(read(world, key, shard)).toBe(`kept ${shard}`);
      expect(nodes.map(name => world.node(key, name).nodeId)).toEqual(before);
      expect(world.resource(key).status.dataLossCount).toBeUndefined();
      expect(world.reasons()).not.toContain('DataLost');
      expect(world.reasons()).not.toContain('NodeForgotten');
    },
  );

  it('with persistence does not give up a shard while one of its nodes has not come back', async () => {
    const { world, key } = await formed(55, { ...SPEC, image: 'good:1', persistence: { size: '1Gi' } });
    await write(world, key, 0, 'kept');
    world.platform.brokenImages.add('good:1');
    for (const name of ['shop-0-0', 'shop-0-1']) world.platform.replacePod(key, name);
    await world.clock.advance(600_000);
    expect(world.resource(key).status.dataLossCount).toBeUndefined();
    world.platform.brokenImages.clear();
    for (const name of ['shop-0-0', 'shop-0-1']) world.platform.replacePod(key, name);
    await world.until(() => world.is(key, 'Ready'), 120_000, 'Ready again');
    expect(read(world, key, 0)).toBe('kept');
  });

  it("tells once what Valkey's own server can lose with RDB files alone, for as long as it can", async () => {
    const persistence = { size: '1Gi' };
    const { world, key } = await formed(56, { ...SPEC, image: 'valkey:9.1', persistence });
    const told = (): number => world.reasons().filter(reason => reason === 'ConfirmedWritesAtRisk').length;
    const degraded = (): Condition | undefined => findCondition(world.resource(key).status.conditions, 'Degraded');
    await world.clock.advance(5_000);
    expect(degraded()).toMatchObject({ status: 'False', reason: 'ConfirmedWritesAtRisk' });
    expect(degraded()?.message).toContain('Set appendonly to "yes"');
    world.platform.killProcess(key, world.primaryOf(key, 0));
    await world.clock.advance(30_000);
    await world.until(() => world.is(key, 'Ready'), 60_000, 'Ready again');
    const writes = world.platform.statusWrites;
    await world.clock.advance(60_000);
    expect([told(), world.platform.statusWrites]).toEqual([1, writes]);
    world.apply('shop', { ...SPEC, image: 'valkey:9.1', persistence, config: { appendonly: 'yes' } });
    await world.until(() => world.is(key, 'Ready') && degraded()?.reason === 'Healthy', 120_000, 'an append-only file at every node');
    expect(told()).toBe(1);
  });

  it.each([
    ["Slotkeeper's server", { image: 'slotkeeper:1', persistence: { size: '1Gi' } }],
    ["Valkey's with an append-only file", { image: 'valkey:9.1', persistence: { size: '1Gi' }, config: { appendonly: 'yes' } }],
    ["Valkey's without volumes", { image: 'valkey:9.1' }],
  ])('has nothing to tell of stale returns of %s', async (_, spec) => {
    const { world, key } = await formed(57, { ...SPEC, ...spec });
    await world.clock.advance(5_000);
    expect(findCondition(world.resource(key).status.conditions, 'Degraded')?.reason).toBe('Healthy');
    expect(world.reasons()).not.toContain('ConfirmedWritesAtRisk');
  });

  it.each([1, 2, 3])('keeps its data when the primary of one of %i shards restarts in place', async shards => {
    const { world, key } = await formed(10 + shards, { ...SPEC, shards });
    await write(world, key, 0, 'kept');
    const before = world.primaryOf(key, 0);
    world.platform.killProcess(key, before);
    await world.until(() => world.primaryOf(key, 0) !== before && world.is(key, 'Ready'), 20_000, 'a successor');
    expect(read(world, key, 0)).toBe('kept');
    expect(world.reasons().includes('PromotingReplica')).toBe(shards < 3);
    expect(world.node(key, before).peers.size).toBe(2 * shards - 1);
  });

  it('completes a successor that was elected before it knew the slots of its primary', async () => {
    const { world, key } = await formed(21);
    await write(world, key, 0, 'kept');
    const before = world.primaryOf(key, 0);
    const successor = world.node(key, before === 'shop-0-0' ? 'shop-0-1' : 'shop-0-0');
    Object.assign(successor, { primaryId: undefined, configEpoch: ++successor.currentEpoch });
    world.platform.killProcess(key, before);
    await world.until(() => world.isWhole(key) && world.primaryOf(key, 0) !== before, 30_000, 'a whole shard');
    expect(read(world, key, 0)).toBe('kept');
    expect(world.resource(key).status.dataLossCount).toBeUndefined();
  });

  it('never promotes beside a primary that may still live, and says what it waits for', async () => {
    const { world, key } = await formed(20, { ...SPEC, shards: 1 });
    await write(world, key, 0, 'kept');
    const before = world.primaryOf(key, 0);
    const cut = world.node(key, before);
    world.network.partitioned.add(cut);
    await world.clock.advance(60_000);
    expect(world.resource(key).status.reason).toBe('WaitingForFence');
    expect(world.reasons()).not.toContain('PromotingReplica');
    world.network.partitioned.delete(cut);
    await world.until(() => world.is(key, 'Ready'), 10_000, 'Ready after the return');
    expect(world.primaryOf(key, 0)).toBe(before);
    expect(read(world, key, 0)).toBe('kept');
  });

  it('forms anew when every pod is lost at once, and says that the data was lost', async () => {
    const { world, key } = await formed(30);
    await write(world, key, 0, 'lost');
    for (const shard of [0, 1, 2]) for (const index of [0, 1]) world.platform.replacePod(key, `shop-${shard}-${index}`);
    await world.until(() => world.is(key, 'Ready') && world.resource(key).status.dataLossCount === 1, 60_000, 'a new cluster');
    expect(world.reasons()).toContain('DataLost');
    expect(world.resource(key).status.lastDataLossMessage).toContain('all keys were lost');
  });

  it('gives the slots of a shard to empty nodes when every copy is gone, keeps the others, and says so', async () => {
    const { world, key } = await formed(31);
    await write(world, key, 1, 'kept');
    world.platform.replacePod(key, 'shop-0-0');
    world.platform.replacePod(key, 'shop-0-1');
    await world.clock.advance(30_000);
    expect(world.resource(key).status.dataLossCount).toBeUndefined();
    await world.until(() => world.is(key, 'Ready'), 60_000, 'a whole cluster');
    expect(world.resource(key).status).toMatchObject({ dataLossCount: 1, assignedSlots: SLOT_COUNT });
    expect(read(world, key, 1)).toBe('kept');
    expect(world.node(key, 'shop-1-0').peers.size).toBe(5);
  });

  it('keeps two clusters apart whose pods swap addresses', async () => {
    const world = new SimulatedWorld(40);
    const [a, b] = [world.apply('shop', SPEC, 'blue'), world.apply('shop', SPEC, 'green')];
    world.startOperator();
    await world.until(() => world.is(a, 'Ready') && world.is(b, 'Ready'), 30_000, 'two clusters');
    await write(world, a, 0, 'blue');
    await write(world, b, 0, 'green');
    const [inA, inB] = [world.platform.pod(a, 'shop-0-1').address, world.platform.pod(b, 'shop-0-1').address];
    world.platform.replacePod(a, 'shop-0-1', inB);
    world.platform.replacePod(b, 'shop-0-1', inA);
    await world.clock.advance(3_000);
    await world.until(() => world.is(a, 'Ready') && world.is(b, 'Ready'), 60_000, 'two clusters again');
    expect([read(world, a, 0), read(world, b, 0)]).toEqual(['blue', 'green']);
    const names = [0, 1, 2].flatMap(shard => [0, 1].map(index => `shop-${shard}-${index}`));
    const apart = (): boolean => [a, b].every(key => names.every(name => world.node(key, name).peers.size === 5));
    await world.until(apart, 20_000, 'six nodes each');
  });

  it('leaves a node alone that knows strangers', async () => {
    const { world, key } = await formed(41);
    const other = world.apply('other', { ...SPEC, shards: 1, replicas: 0 });
    await world.until(() => world.is(other, 'Ready'), 20_000, 'the other cluster');
    world.node(key, 'shop-0-0').answer(['CLUSTER', 'MEET', world.node(other, 'other-0-0').address.host, '6379', '16379'], 0);
    await world.until(() => world.resource(key).status.reason === 'ForeignNodes', 30_000, 'the report');
    expect(world.reasons()).toContain('ForeignNodes');
  });

  it('rolls a change replica first, one node of a shard after the other', async () => {
    const { world, key } = await formed(49);
    for (const shard of [0, 1, 2]) await write(world, key, shard, `kept-${shard}`);
    world.apply('shop', { ...SPEC, config: { 'tcp-backlog': 100 } });
    await world.until(() => world.is(key, 'Ready'), 60_000, 'the end of the roll');
    for (const shard of [0, 1, 2]) expect(read(world, key, shard)).toBe(`kept-${shard}`);
    const told = world.platform.events
      .filter(({ reason }) => reason === 'RestartingNode' || reason === 'HandingOver')
      .map(({ note }) => note);
    const steps = told.map(note => /Restarting (\S+)|: (\S+) hands over/.exec(note)?.slice(1).join(''));
    for (const shard of [0, 1, 2]) {
      const [first, handing, last] = steps.slice(3 * shard, 3 * shard + 3);
      expect(new Set([first, handing])).toEqual(new Set([`shop-${shard}-0`, `shop-${shard}-1`]));
      expect(last).toBe(handing);
    }
    expect(steps).toHaveLength(9);
  });

  it('rolls a change and loses nothing although the operator dies again and again', async () => {
    const { world, key } = await formed(50);
    for (const shard of [0, 1, 2]) await write(world, key, shard, `kept-${shard}`);
    world.apply('shop', { ...SPEC, config: { 'tcp-backlog': 100 } });
    for (let lives = 0; lives < 100 && !world.is(key, 'Ready'); lives++) {
      world.dieAfter(1 + Math.floor(world.random() * 3));
      await world.until(() => world.operatorIsDead || world.is(key, 'Ready'), 60_000, 'the next steps');
      if (world.operatorIsDead) world.startOperator();
    }
    await world.until(() => world.is(key, 'Ready'), 60_000, 'the end of the roll');
    for (const shard of [0, 1, 2]) expect(read(world, key, shard)).toBe(`kept-${shard}`);
    expect(world.resource(key).status.dataLossCount).toBeUndefined();
  });

  it('stops a roll at the first node that cannot start, keeps serving, and heals by a fixed spec', async () => {
    const { world, key } = await formed(51);
    await write(world, key, 0, 'kept');
    world.platform.brokenImages.add('broken');
    world.apply('shop', { ...SPEC, image: 'broken' });
    await world.until(() => world.resource(key).status.reason === 'ImagePullBackOff', 30_000, 'the report');
    await world.clock.advance(60_000);
    const conditions = world.resource(key).status.conditions ?? [];
    expect(conditions.find(condition => condition.type === 'Degraded')).toMatchObject({
      status: 'True',
      reason: 'ImagePullBackOff',
      message: 'shop-0-1: cannot pull broken',
    });
    expect(world.is(key, 'Available')).toBe(true);
    world.apply('shop', SPEC);
    await world.until(() => world.is(key, 'Ready'), 60_000, 'the healed cluster');
    expect(read(world, key, 0)).toBe('kept');
  });

  it('refuses a restart that would lose the only copy of a shard', async () => {
    const { world, key } = await formed(52, { ...SPEC, replicas: 0 });
    await write(world, key, 0, 'kept');
    world.apply('shop', { ...SPEC, replicas: 0, config: { 'tcp-backlog': 100 } });
    await world.until(() => world.resource(key).status.reason === 'NoReplicas', 30_000, 'the report');
    await world.clock.advance(60_000);
    expect(read(world, key, 0)).toBe('kept');
  });

  it('hands the primary role over when its machine is drained', async () => {
    const { world, key } = await formed(60);
    await write(world, key, 2, 'kept');
    const before = world.primaryOf(key, 2);
    world.platform.drain(key, before);
    await world.until(() => world.primaryOf(key, 2) !== before, 10_000, 'the hand-over');
    expect(read(world, key, 2)).toBe('kept');
    expect(world.reasons()).toContain('HandingOver');
  });

  it('heals while the operator is dead for the fault and comes later', async () => {
    const { world, key } = await formed(61);
    await write(world, key, 1, 'kept');
    world.killOperator();
    world.platform.replacePod(key, 'shop-1-0');
    await world.clock.advance(20_000);
    world.startOperator();
    await world.until(() => world.is(key, 'Ready') && world.resource(key).status.ready === '6/6', 60_000, 'a whole cluster');
    await world.clock.advance(10_000);
    expect(read(world, key, 1)).toBe('kept');
    expect(world.node(key, 'shop-0-0').peers.size).toBe(5);
  });

  it('removes everything before it lets a deleted cluster go', async () => {
    const { world, key } = await formed(70);
    world.platform.requestDeletion(key);
    await world.until(() => world.platform.cluster(key) === undefined, 20_000, 'the end');
    expect(world.network.nodes()).toEqual([]);
  });
});
