/** The operator follows the load of a simulated cluster: it moves hot slots, isolates one, changes the number of shards, and otherwise keeps still. */
import { describe, expect, it } from 'vitest';
import { countSlots, parseSlotRanges } from '../../../lib/slot-ranges.ts';
import { findCondition, type Condition } from '../../api/conditions.ts';
import type { ValkeyClusterStatus } from '../../api/valkey-cluster.ts';
import { SCALING_SPEC, ScalingStory } from './scaling-story.ts';
import type { SlotDemand } from './simulated-load.ts';
import type { SimulatedWorld } from './simulated-world.ts';

type Spec = Parameters<SimulatedWorld['apply']>[1];

const AUTO: Spec = { ...SCALING_SPEC, rebalancing: { mode: 'Auto' } };
const MINUTE = 60_000;

/** So many busy seconds a second for each slot. */
const demandOf = (slots: readonly number[], cpu: number): ReadonlyMap<number, SlotDemand> =>
  new Map(slots.map(slot => [slot, { cpu, network: 1e5 }]));
/** All of them on shard 0 of three. */
const NINE = [7, 600, 1200, 1800, 2400, 3000, 3600, 4200, 4800];
const spread = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => Math.floor((i * 16_384) / count));

class LoadStory extends ScalingStory {
  get status(): ValkeyClusterStatus {
    return this.world.resource(this.key).status;
  }

  condition(type: Condition['type']): Condition | undefined {
    return findCondition(this.status.conditions, type);
  }

  set demand(demand: ReadonlyMap<number, SlotDemand> | undefined) {
    this.world.network.demand = demand;
  }

  /** How many of the slots each shard serves. */
  placesOf(slots: readonly number[]): readonly number[] {
    return (this.status.shards ?? []).map(row => {
      const ranges = parseSlotRanges(row.slots);
      return slots.filter(slot => ranges.some(({ start, end }) => slot >= start && slot <= end)).length;
    });
  }

  eventsOf(reason: string): readonly string[] {
    return this.world.platform.events.filter(event => event.reason === reason).map(event => event.note);
  }
}

async function formed(seed: number, spec: Spec, demand?: ReadonlyMap<number, SlotDemand>): Promise<LoadStory> {
  const story = new LoadStory(seed, spec);
  story.demand = demand;
  await story.whole('formation');
  await story.write('first');
  return story;
}

describe('rebalancing in a simulated world', { timeout: 120_000 }, () => {
  it('spreads nine hot slots of one shard, stays available and ready, and moves nothing more while the load lasts', async () => {
    const story = await formed(1, AUTO, demandOf(NINE, 0.07));
    let trouble = 0;
    await story.world.until(
      () => {
        if (!story.world.is(story.key, 'Available') || !story.world.is(story.key, 'Ready')) trouble++;
        return story.placesOf(NINE).every(count => count === 3);
      },
      3 * MINUTE,
      'three hot slots on each shard',
    );
    expect(trouble).toBe(0);
    const moves = story.eventsOf('MovingSlots');
    expect(moves.length).toBeGreaterThanOrEqual(2);
    expect(moves[0]).toMatch(/^\d slots \(.+\) move from shard 0 to shard [12]: shard 0 uses \d+ % of its CPU, [23].\d\d times the mean$/);
    await story.world.clock.advance(2 * MINUTE);
    expect(story.status.rebalancing).toEqual({ reason: 'Balanced', maxOverMean: '1.00' });
    expect(story.status.shards?.map(row => row.load?.cpuPercent)).toEqual([20, 20, 20]);
    expect(story.condition('Rebalancing')).toMatchObject({ status: 'False', reason: 'Balanced' });
    const [steps, writes] = [story.world.steps, story.world.platform.statusWrites];
    await story.world.clock.advance(10 * MINUTE);
    expect(story.eventsOf('MovingSlots')).toEqual(moves);
    expect([story.world.steps, story.world.platform.statusWrites]).toEqual([steps, writes]);
    expect(story.lost()).toEqual([]);
  });

  it('says while slots move that they do', async () => {
    const story = await formed(2, AUTO, demandOf(NINE, 0.07));
    await story.world.until(() => story.condition('Rebalancing')?.status === 'True', 2 * MINUTE, 'moves');
    expect(story.condition('Rebalancing')?.reason).toBe('Imbalanced');
    expect(story.condition('Rebalancing')?.message).toMatch(/^Shard 0 uses \d+ % of its CPU/);
    expect(story.status.migrations).toHaveLength(1);
  });

  it.each([1, 2, 3, 4])('ends the same when the operator dies after step %i of it', async steps => {
    const story = await formed(10 + steps, AUTO, demandOf(NINE, 0.07));
    await story.world.clock.advance(20_000);
    story.world.dieAfter(steps);
    await story.world.until(() => story.world.operatorIsDead, 2 * MINUTE, 'the end of the operator');
    await story.world.clock.advance(1_000);
    story.world.startOperator();
    await story.world.until(() => story.placesOf(NINE).every(count => count === 3), 4 * MINUTE, 'three hot slots on each shard');
    await story.world.clock.advance(2 * MINUTE);
    const moves = story.eventsOf('MovingSlots').length;
    story.world.killOperator();
    story.world.startOperator();
    await story.world.clock.advance(5 * MINUTE);
    expect(story.eventsOf('MovingSlots')).toHaveLength(moves);
    expect(story.status.rebalancing?.reason).toBe('Balanced');
    expect(story.lost()).toEqual([]);
  });

  it('only says what it would do in mode Observe, once', async () => {
    const story = await formed(3, SCALING_SPEC, demandOf(NINE, 0.07));
    await story.world.clock.advance(10 * MINUTE);
    expect(story.placesOf(NINE)).toEqual([9, 0, 0]);
    expect(story.eventsOf('MovingSlots')).toEqual([]);
    expect(story.status.rebalancing).toMatchObject({ reason: 'Imbalanced', maxOverMean: '2.95' });
    expect(story.condition('Rebalancing')).toMatchObject({ status: 'False', reason: 'Imbalanced' });
    expect(story.condition('Rebalancing')?.message).toMatch(/nothing moves in mode Observe$/);
    expect(story.eventsOf('Imbalanced')).toHaveLength(1);
    const writes = story.world.platform.statusWrites;
    await story.world.clock.advance(10 * MINUTE);
    expect(story.world.platform.statusWrites).toBe(writes);
  });

  it('says nothing in mode Off', async () => {
    const story = await formed(3, { ...SCALING_SPEC, rebalancing: { mode: 'Off' } }, demandOf(NINE, 0.07));
    await story.world.clock.advance(3 * MINUTE);
    expect([story.status.rebalancing, story.condition('Rebalancing')]).toEqual([undefined, undefined]);
    expect(story.status.shards?.map(row => row.load?.cpuPercent)).toEqual([65, 0, 0]);
    expect(story.placesOf(NINE)).toEqual([9, 0, 0]);
  });

  it('isolates a slot that is too hot for any shard, names it, and then leaves it alone', async () => {
    const cold = [100, 200, 300, 400, 500, 600];
    const demand = new Map([...demandOf(cold, 0.04), [5000, { cpu: 0.6 }] as const]);
    const story = await formed(4, AUTO, demand);
    await story.world.until(() => story.status.rebalancing?.reason === 'SingleHotSlot', 8 * MINUTE, 'the reason SingleHotSlot');
    await story.world.clock.advance(6 * MINUTE);
    expect(story.placesOf([5000])).toEqual([1, 0, 0]);
    expect(story.placesOf(cold)[0]).toBe(0);
    expect(story.status.rebalancing?.hotSlot).toEqual({ slot: 5000, shard: 0 });
    expect(story.condition('Rebalancing')?.message).toMatch(/^Slot 5000 alone takes (59|60) % of shard 0/);
    const moves = story.eventsOf('MovingSlots');
    expect(moves.length).toBeGreaterThan(0);
    await story.world.clock.advance(15 * MINUTE);
    expect(story.eventsOf('MovingSlots')).toEqual(moves);
    expect(story.eventsOf('SingleHotSlot')).toHaveLength(1);
  });

  it('moves nothing when nodes count nothing, and says that it knows nothing', async () => {
    const story = await formed(5, AUTO);
    expect(story.status.rebalancing).toEqual({ reason: 'StaleStatistics' });
    await story.world.clock.advance(3 * MINUTE);
    expect(story.eventsOf('MovingSlots')).toEqual([]);
    expect(story.condition('Rebalancing')?.message).toBe('There are no statistics of shard 0 yet');
  });

  it('stops when the statistics of a shard stop', async () => {
    const story = await formed(6, AUTO, demandOf(spread(300), 0.001));
    await story.world.clock.advance(90_000);
    expect(story.status.rebalancing?.reason).toBe('Balanced');
    story.demand = undefined;
    for (const node of story.world.network.nodes()) node.counters = undefined;
    await story.world.clock.advance(2 * MINUTE);
    expect(story.status.rebalancing).toEqual({ reason: 'StaleStatistics' });
    expect(story.status.shards?.map(row => row.load)).toEqual([undefined, undefined, undefined]);
  });

  it.each([
    ['a load too small to matter', 0.000_02, 0],
    ['a load that wavers by a fifth', 0.001, 5],
  ])('writes the status seldom under %s', async (_what, cpu, most) => {
    const story = await formed(8, AUTO, demandOf(spread(300), cpu));
    await story.world.clock.advance(3 * MINUTE);
    const writes = story.world.platform.statusWrites;
    for (let seconds = 0; seconds < 600; seconds += 5) {
      story.demand = new Map(
        spread(300).map(slot => [
          slot,
          { cpu: cpu * (0.8 + 0.4 * story.world.random()), network: 1e5 * (0.8 + 0.4 * story.world.random()) },
        ]),
      );
      await story.world.clock.advance(5_000);
    }
    expect(story.world.platform.statusWrites - writes).toBeLessThanOrEqual(most);
    expect(story.eventsOf('MovingSlots')).toEqual([]);
  });

  it('tries again after a migration that failed, tells it, and does not call the cluster unready', async () => {
    const story = await formed(7, AUTO, demandOf(NINE, 0.07));
    const luckAt = story.world.clock.now() + 90_000;
    story.world.network.migrationProblem = () => (story.world.clock.now() < luckAt ? 'Out of luck' : undefined);
    let unready = 0;
    await story.world.until(
      () => {
        if (!story.world.is(story.key, 'Ready')) unready++;
        return story.placesOf(NINE).every(count => count === 3);
      },
      15 * MINUTE,
      'three hot slots on each shard',
    );
    expect(unready).toBe(0);
    expect(story.eventsOf('MigrationFailed').length).toBeGreaterThan(0);
    expect(new Set(story.eventsOf('MigrationFailed')).size).toBe(story.eventsOf('MigrationFailed').length);
  });
});

describe('autoscaling in a simulated world', { timeout: 120_000 }, () => {
  const autoscaling = { minShards: 3, maxShards: 4, targets: { cpuPercent: 60 } };
  const SPEC: Spec = { ...AUTO, autoscaling };
  const CALM = demandOf(spread(600), 0.0022);
  const CROWD = demandOf(spread(600), 0.0038);

  it('goes from three to four shards under a crowd and back to three after it', async () => {
    const story = await formed(21, SPEC, CALM);
    const targets: number[] = [];
    const look = (): void => {
      const target = story.status.autoscaling?.targetShards ?? 0;
      if (targets.at(-1) !== target) targets.push(target);
    };
    const watchFor = (ms: number): Promise<void> => {
      const end = story.world.clock.now() + ms;
      return story.world.until(() => (look(), story.world.clock.now() >= end), ms + MINUTE, 'time to pass');
    };
    await watchFor(5 * MINUTE);
    expect(targets).toEqual([3]);
    expect(story.status.autoscaling).toEqual({ targetShards: 3, wantedShards: 3, reason: 'AtMinimum' });
    story.demand = CROWD;
    await watchFor(10 * MINUTE);
    expect(targets).toEqual([3, 4]);
    expect(story.status.shardCount).toBe(4);
    expect(story.world.resource(story.key).spec.shards).toBe(3);
    story.demand = demandOf(spread(600), 0.001);
    await watchFor(20 * MINUTE);
    expect(targets).toEqual([3, 4, 3]);
    expect(story.status.shardCount).toBe(3);
    expect(story.shares().reduce((sum, share) => sum + share, 0)).toBe(16_384);
    expect(story.eventsOf('TargetChanged')).toHaveLength(2);
    expect(story.eventsOf('TargetChanged')[0]).toMatch(
      /^From 3 to 4 shards: shards use \d+ % of their CPU when balanced, the target is 60 %$/,
    );
    expect(story.condition('Autoscaling')).toMatchObject({ status: 'False' });
    expect(story.lost()).toEqual([]);
  });

  it('goes on to its target after the operator has died', async () => {
    const story = await formed(22, SPEC, CALM);
    await story.world.clock.advance(2 * MINUTE);
    story.demand = CROWD;
    await story.world.until(() => story.status.autoscaling?.targetShards === 4, 5 * MINUTE, 'the target');
    expect(story.condition('Autoscaling')).toMatchObject({ status: 'True', reason: 'AboveTarget' });
    story.world.killOperator();
    await story.world.clock.advance(MINUTE);
    story.world.startOperator();
    await story.world.until(() => story.status.shardCount === 4 && story.world.isWhole(story.key), 3 * MINUTE, 'four shards');
    expect(story.shares()).toHaveLength(4);
    expect(countSlots(parseSlotRanges(story.status.shards?.[3].slots ?? ''))).toBeGreaterThan(0);
    await story.world.clock.advance(2 * MINUTE);
    expect(story.eventsOf('TargetChanged')).toHaveLength(1);
  });

  it('stays at its maximum, and says once that more is called for', async () => {
    const story = await formed(23, { ...SPEC, autoscaling: { ...autoscaling, maxShards: 3 } }, CROWD);
    await story.world.clock.advance(10 * MINUTE);
    expect(story.status.autoscaling).toMatchObject({ targetShards: 3, wantedShards: 4, reason: 'AtMaximum' });
    expect(story.eventsOf('AtMaximum')).toHaveLength(1);
    expect(story.eventsOf('TargetChanged')).toEqual([]);
  });

  it('waits without harm for a node that has no machine', async () => {
    const story = await formed(24, SPEC, CALM);
    for (const index of [0, 1]) story.world.platform.brokenNodes.add(`shop-3-${index}`);
    story.demand = CROWD;
    await story.world.clock.advance(10 * MINUTE);
    expect(story.status.autoscaling?.targetShards).toBe(4);
    expect(story.status.shardCount).toBe(3);
    expect(story.world.is(story.key, 'Available')).toBe(true);
    expect(story.condition('Degraded')?.message).toContain('no machine has room');
    expect(story.eventsOf('TargetChanged')).toHaveLength(1);
    expect(story.eventsOf('MovingSlots')).toEqual([]);
  });

  it('begins within its bounds', async () => {
    const story = await formed(25, { ...SPEC, shards: 1, autoscaling: { ...autoscaling, minShards: 2, maxShards: 4 } }, CALM);
    expect(story.shares()).toHaveLength(2);
  });

  it('moves slots first where that is enough, and then needs no shard more', async () => {
    const story = await formed(26, SPEC, demandOf(NINE, 0.11));
    await story.world.until(() => story.placesOf(NINE).every(count => count === 3), 4 * MINUTE, 'three hot slots on each shard');
    await story.world.clock.advance(5 * MINUTE);
    expect(story.status.autoscaling?.targetShards).toBe(3);
    expect(story.eventsOf('TargetChanged')).toEqual([]);
  });
});
