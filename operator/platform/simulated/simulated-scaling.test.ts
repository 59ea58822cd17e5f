/** Scaling in a simulated world: slots move, keys go with them, nodes come and leave; the operator dies after every step, nodes die in the middle. */
import { describe, expect, it } from 'vitest';
import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import { countSlots, parseSlotRanges } from '../../../lib/slot-ranges.ts';
import { findCondition } from '../../api/conditions.ts';
import type { ClusterKey } from '../../model/cluster.ts';
import { slotOf } from './simulated-migrations.ts';
import { SCALING_KEYS, SCALING_LIMIT_MS, SCALING_SPEC, ScalingStory } from './scaling-story.ts';
import type { SimulatedWorld } from './simulated-world.ts';

const runs = Number(process.env['SIMULATION_RUNS'] ?? 6);
const base = Number(process.env['SIMULATION_SEED'] ?? Date.now() % 1_000_000);

async function formed(seed: number, spec: Parameters<SimulatedWorld['apply']>[1] = SCALING_SPEC): Promise<ScalingStory> {
  const story = new ScalingStory(seed, spec);
  await story.whole('formation');
  await story.write('first');
  return story;
}

describe('scaling in a simulated world', { timeout: 120_000 }, () => {
  it('goes from 3 to 5 shards, to 3 and to 4 again, keeps every key and stays available', async () => {
    const story = await formed(1);
    let unavailable = 0;
    for (const shards of [5, 3, 4]) {
      story.scale(shards);
      await story.world.until(
        () => {
          if (findCondition(story.world.resource(story.key).status.conditions, 'Available')?.status !== 'True') unavailable++;
          return story.world.isWhole(story.key);
        },
        SCALING_LIMIT_MS,
        `${shards} shards`,
      );
      await story.write(`${shards} shards`);
      await story.world.clock.advance(2_000);
      expect(story.flaws(shards)).toEqual([]);
      expect(story.lost()).toEqual([]);
    }
    expect(unavailable).toBe(0);
    expect(story.world.reasons()).toEqual(expect.arrayContaining(['ScalingOut', 'ScalingIn', 'MovingSlots', 'RemovingNode', 'Scaled']));
    const [steps, writes] = [story.world.steps, story.world.platform.statusWrites];
    await story.world.clock.advance(60_000);
    expect([story.world.steps, story.world.platform.statusWrites]).toEqual([steps, writes]);
  });

  it.each([
    [1, 2],
    [2, 1],
    [1, 4],
    [4, 1],
  ])('goes from %i to %i shards', async (from, to) => {
    const story = await formed(2, { ...SCALING_SPEC, shards: from });
    story.scale(to);
    await story.whole(`${to} shards`);
    await story.world.clock.advance(2_000);
    expect(story.flaws(to)).toEqual([]);
    expect(story.lost()).toEqual([]);
  });

  it('moves no more slots than it must', async () => {
    const story = await formed(3);
    const before = story.world.resource(story.key).status.shards ?? [];
    story.scale(4);
    await story.whole('4 shards');
    const after = story.world.resource(story.key).status.shards ?? [];
    for (const { index, slots } of before) {
      const kept = parseSlotRanges(after[index].slots);
      expect(parseSlotRanges(slots).some(range => kept.every(({ start, end }) => start >= range.start && end <= range.end))).toBe(true);
    }
    expect(countSlots(parseSlotRanges(after[3].slots))).toBe(SLOT_COUNT / 4);
  });

  it('turns round when the target changes in the middle', async () => {
    const story = await formed(4);
    for (const [shards, moments] of [
      [5, 6_000],
      [3, 3_000],
      [6, 5_000],
      [2, 4_000],
    ]) {
      story.scale(shards);
      await story.world.clock.advance(moments);
    }
    story.scale(4);
    await story.whole('4 shards');
    await story.world.clock.advance(2_000);
    expect(story.flaws(4)).toEqual([]);
    expect(story.lost()).toEqual([]);
  });

  it('goes on whatever step the operator dies after', async () => {
    const story = await formed(5);
    for (const shards of [5, 3, 4]) {
      story.scale(shards);
      for (let lives = 0; lives < 400 && !story.world.isWhole(story.key); lives++) {
        story.world.dieAfter(1);
        await story.whole(`the next step to ${shards} shards`);
        if (story.world.operatorIsDead) story.world.startOperator();
      }
      await story.whole(`${shards} shards`);
      await story.world.clock.advance(2_000);
      if (story.world.operatorIsDead) story.world.startOperator();
      await story.whole(`${shards} shards`);
      expect(story.lost()).toEqual([]);
    }
    await story.world.clock.advance(5_000);
    expect(story.flaws(4)).toEqual([]);
  });

  it('tells why a migration fails, tries again with growing pauses, and ends well when the cause is gone', async () => {
    const story = await formed(6);
    story.world.network.migrationProblem = () => 'Ran out of memory (OOM) during slot import';
    story.scale(4);
    await story.world.until(
      () => findCondition(story.world.resource(story.key).status.conditions, 'Degraded')?.status === 'True',
      SCALING_LIMIT_MS,
      'the report',
    );
    const degraded = findCondition(story.world.resource(story.key).status.conditions, 'Degraded');
    expect(degraded).toMatchObject({ reason: 'MigrationFailed' });
    expect(degraded?.message).toContain('Ran out of memory (OOM) during slot import');
    expect(story.world.reasons()).toContain('MigrationFailed');
    const tries = (): number =>
      story.world.network.nodes().reduce((sum, node) => sum + node.migrations.filter(({ operation }) => operation === 'EXPORT').length, 0);
    const before = tries();
    await story.world.clock.advance(20_000);
    expect(tries() - before).toBeLessThanOrEqual(6);
    expect(story.world.is(story.key, 'Available')).toBe(true);
    story.world.network.migrationProblem = () => undefined;
    await story.whole('4 shards');
    expect(story.lost()).toEqual([]);
  });

  it('says that a server knows no slot migrations, and harms nothing', async () => {
    const story = await formed(7);
    for (const node of story.world.network.nodes()) node.knowsMigrations = false;
    story.scale(4);
    await story.world.until(
      () => story.world.resource(story.key).status.reason === 'MigrationNotSupported',
      SCALING_LIMIT_MS,
      'the report',
    );
    story.scale(3);
    await story.whole('3 shards again');
    expect(story.flaws(3)).toEqual([]);
  });

  it('refuses to remove a shard whose keys have no room elsewhere, and does it when there is room', async () => {
    const config = { maxmemory: String(3 * 2 ** 20), 'maxmemory-policy': 'noeviction' };
    const story = await formed(8, { ...SCALING_SPEC, config });
    const big = 'x'.repeat(2 ** 20);
    for (const shard of [0, 1, 2]) {
      const primary = story.world.node(story.key, story.world.primaryOf(story.key, shard));
      for (const key of SCALING_KEYS.filter(name => primary.data.has(name)).slice(0, 1)) primary.data.set(key, big);
    }
    story.scale(2, { ...SCALING_SPEC, config });
    await story.world.until(() => story.world.resource(story.key).status.reason === 'ScaleInRefused', SCALING_LIMIT_MS, 'the refusal');
    await story.world.clock.advance(30_000);
    expect(story.shares()).toHaveLength(3);
    expect(story.world.is(story.key, 'Available')).toBe(true);
    expect(findCondition(story.world.resource(story.key).status.conditions, 'Degraded')?.message).toMatch(
      /Shard 2 cannot be removed: .* raise resources.limits.memory/,
    );
    story.scale(2, { ...SCALING_SPEC, config: { ...config, maxmemory: String(30 * 2 ** 20) } });
    await story.whole('2 shards');
    expect(story.shares()).toHaveLength(2);
  });

  it('scales a cluster without replicas', async () => {
    const spec = { ...SCALING_SPEC, replicas: 0 };
    const story = await formed(10, spec);
    for (const shards of [5, 2]) {
      story.scale(shards, spec);
      await story.whole(`${shards} shards`);
      expect(story.shares()).toHaveLength(shards);
      expect(Math.max(...story.shares()) - Math.min(...story.shares())).toBeLessThanOrEqual(1);
    }
  });

  it('finishes the removal of a shard that is lost in the middle, says what was lost, and keeps the others', async () => {
    const story = await formed(11);
    story.scale(2);
    await story.world.until(() => story.shares()[2] < 4_000, SCALING_LIMIT_MS, 'a part of the slots to have moved');
    for (const index of [0, 1]) story.world.platform.replacePod(story.key, `shop-2-${index}`);
    const left = story.shares()[2];
    expect(left).toBeGreaterThan(0);
    await story.whole('2 shards');
    expect(story.world.resource(story.key).status).toMatchObject({ dataLossCount: 1, shardCount: 2, assignedSlots: SLOT_COUNT });
    const lost = [...story.written].filter(([key, value]) => story.ownerOf(slotOf(key))?.data.get(key) !== value);
    expect(lost.length).toBeLessThanOrEqual(Math.ceil((1.5 * SCALING_KEYS.length * left) / SLOT_COUNT));
  });

  it('gives a new shard another primary when its first one dies before it has slots', async () => {
    const story = await formed(12);
    story.world.network.migrationProblem = () => 'not yet';
    story.scale(4);
    await story.world.until(
      () => story.world.network.nodes().filter(node => node.announcedName.startsWith('shop-3-') && node.synced).length === 1,
      SCALING_LIMIT_MS,
      'the new shard',
    );
    story.world.platform.killProcess(story.key, story.world.primaryOf(story.key, 3));
    await story.world.clock.advance(20_000);
    story.world.network.migrationProblem = () => undefined;
    await story.whole('4 shards');
    await story.world.clock.advance(2_000);
    expect(story.flaws(4)).toEqual([]);
    expect(story.lost()).toEqual([]);
  });

  it('waits for new nodes that cannot start, says so, and leaves the others as they are', async () => {
    const story = await formed(9);
    story.world.platform.brokenNodes.add('shop-3-1');
    story.scale(4);
    await story.world.clock.advance(60_000);
    expect(story.world.resource(story.key).status.reason).toBe('Unschedulable');
    expect(story.world.is(story.key, 'Available')).toBe(true);
    expect(story.shares().slice(0, 3)).toEqual([5462, 5461, 5461]);
    story.scale(3);
    await story.whole('3 shards again');
    expect(story.flaws(3)).toEqual([]);
  });
});

/** Nodes die and the operator dies while the number of shards goes up and down. */
async function chaos(seed: number): Promise<void> {
  const story = new ScalingStory(seed, { ...SCALING_SPEC, shards: 3 });
  const { world, key } = story;
  const pick = (below: number): number => Math.floor(world.random() * below);
  await story.whole('formation');
  let shards = 3;
  for (let round = 0; round < 5; round++) {
    await story.write(`${round}`);
    shards = 2 + pick(4);
    story.scale(shards);
    for (let hits = 0; hits < 3; hits++) {
      await world.clock.advance(500 + pick(4_000));
      const names = (world.resource(key).status.shards ?? []).flatMap(row => row.nodes.filter(node => node.ready).map(node => node.name));
      const name = names[pick(names.length)];
      if (pick(3) === 0) world.dieAfter(1 + pick(3));
      else if (name !== undefined) harm(world, key, name, pick(2) === 0);
      if (pick(4) === 0) story.scale((shards = 2 + pick(4)));
      // One copy of a shard at a time: what comes next waits until replicas have their data again.
      await world.clock.advance(1_000);
      if (world.operatorIsDead) world.startOperator();
      await world.until(() => everyShardHasReplicas(world), SCALING_LIMIT_MS, `replicas in round ${round}`);
    }
    if (world.operatorIsDead) world.startOperator();
    await story.whole(`${shards} shards in round ${round}`);
    if (world.operatorIsDead) world.startOperator();
    await world.until(() => world.isWhole(key), SCALING_LIMIT_MS, `${shards} shards in round ${round}`);
    const wrong = [...story.lost(), ...(story.shares().length === shards ? [] : [`${story.shares().length} rows instead of ${shards}`])];
    if (wrong.length > 0) throw new Error(`round ${round}: ${wrong.join('\n')}`);
  }
}

function harm(world: SimulatedWorld, key: ClusterKey, name: string, process: boolean): void {
  if (world.platform.podOf(key, name)?.node === undefined) return;
  if (process) world.platform.killProcess(key, name);
  else world.platform.replacePod(key, name);
}

/** Every primary with slots has a replica that follows it. */
function everyShardHasReplicas(world: SimulatedWorld): boolean {
  if (world.operatorIsDead) world.startOperator();
  const nodes = world.network.nodes();
  const owners = nodes.filter(node => node.isPrimary && node.slots.length > 0);
  const served = owners.reduce((sum, node) => sum + countSlots(node.slots), 0);
  return served === SLOT_COUNT && owners.every(owner => nodes.some(node => node.primaryId === owner.nodeId && node.synced));
}

describe('random faults while a simulated cluster is scaled', { timeout: 120_000 }, () => {
  it.each(Array.from({ length: runs }, (_, i) => base + i))('end well with seed %i', async seed => {
    await chaos(seed).catch((error: unknown) => {
      throw new Error(`SIMULATION_SEED=${seed} repeats this\n${error instanceof Error ? error.message : String(error)}`);
    });
    expect(seed).toBeGreaterThanOrEqual(0);
  });
});
