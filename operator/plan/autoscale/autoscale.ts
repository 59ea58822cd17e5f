/**
 * Autoscaling of shards: from the load → how many shards there should be, and why.
 *
 * What counts is the load after a perfect rebalancing: a hot shard beside idle ones calls for moves, not for more shards, and a slot that is hot alone gains nothing from either.
 * Growth follows HorizontalPodAutoscaler (the dimension that wants most, tolerance, windows, policies), and looks ahead by the time that a migration takes. Shards go only when those
 * that stay are well below the target afterwards.
 */
import type { AutoscaleMemory, AutoscaleReason, AutoscaleSettings, AutoscaleVerdict } from '../../model/autoscaling.ts';
import { DIMENSIONS, type ClusterLoad, type Dimension } from '../../model/load.ts';
import type { RebalanceReason } from '../../model/rebalancing.ts';
import { COPY_BYTES_PER_SECOND } from '../rebalance/limits.ts';
import { packedMaximum } from '../rebalance/packing.ts';
import { drawPicture, type DimensionPicture, type Picture } from '../rebalance/picture.ts';
import {
  FORECAST_MAX_SECONDS,
  HOT_SHARD_GAIN,
  NEW_SHARD_SECONDS,
  RECOMMENDATION_STEP_MS,
  REMEMBER_MS,
  SCALE_IN_BELOW,
  TOLERANCE,
} from './limits.ts';
import { policyBound, stabilize } from './stabilization.ts';
import { forecast, remember } from './trend.ts';

export interface AutoscaleInput {
  readonly load: ClusterLoad;
  /** The target so far; at first, and after a loss of the status, the shards that are there. */
  readonly target: number;
  /** Shards come or go at this moment. */
  readonly scaling: boolean;
  /** What the rebalancing planner says of the same load. */
  readonly rebalancing: RebalanceReason;
  readonly settings: AutoscaleSettings;
  readonly memory: AutoscaleMemory;
  readonly now: number;
}

interface Wish {
  readonly shards: number;
  readonly reason: AutoscaleReason;
  readonly message: string;
}

export function planAutoscale(input: AutoscaleInput): AutoscaleVerdict {
  const { load, target, settings, now } = input;
  const { minShards, maxShards } = settings;
  const before = forget(input.memory, now);
  if (target < minShards || target > maxShards) {
    const to = Math.min(maxShards, Math.max(minShards, target));
    return changed(
      before,
      target,
      to,
      { shards: to, reason: 'OutOfBounds', message: `${target} shards are not between ${minShards} and ${maxShards}` },
      now,
    );
  }
  const stay = (reason: AutoscaleReason, message: string): AutoscaleVerdict => ({
    target,
    reason,
    message,
    wanted: target,
    memory: before,
  });
  if (input.scaling || load.shards.length !== target) return stay('ScalingInProgress', `the cluster is on its way to ${target} shards`);
  const stale = load.shards.find(shard => shard.stale !== undefined)?.stale;
  if (stale !== undefined) return stay('StaleStatistics', stale);
  const picture = drawPicture(load, []);
  const noted = { ...before, history: remember(before.history, { at: now, total: totals(picture) }) };
  const wish = wishFor(picture, input, noted);
  const memory = { ...noted, recommendations: recommend(noted.recommendations, target, wish.shards, now) };
  return settle(wish, input, memory);
}

/** What the load calls for. */
function wishFor(picture: Picture, input: AutoscaleInput, memory: AutoscaleMemory): Wish {
  const { settings, now } = input;
  const shards = picture.load.shards.length;
  const ahead = migrationSeconds(picture.load);
  const aimed = DIMENSIONS.flatMap(dimension => {
    const target = settings.targets[dimension];
    return target === undefined ? [] : [{ dimension, target, part: picture.dimensions[dimension] }];
  });
  const growth = aimed
    .map(({ dimension, target, part }) => {
      const current = shared(part);
      const expected = forecast(memory.history, dimension, now, current, ahead);
      return { dimension, target, part, current: wantedShards(part, current, target), expected: wantedShards(part, expected, target) };
    })
    .toSorted((a, b) => b.expected - a.expected || b.current - a.current);
  const [most] = growth;
  if (most !== undefined && most.current > shards)
    return {
      shards: Math.max(most.current, most.expected),
      reason: 'AboveTarget',
      message: sayLevel(most.dimension, most.part, most.target),
    };
  if (most !== undefined && most.expected > shards) {
    const message = `${sayLevel(most.dimension, most.part, most.target)}, and rises: in ${Math.round(ahead)} s it calls for ${most.expected} shards`;
    return { shards: most.expected, reason: 'ForecastAboveTarget', message };
  }
  const hot = hotShard(picture, input);
  if (hot !== undefined) return hot;
  return shrink(aimed, shards, input);
}

interface Aim {
  readonly dimension: Dimension;
  readonly target: number;
  readonly part: DimensionPicture;
}

/** Load that spreads over shards, in shards that are full; without the giants and what each shard takes besides. */
const shared = ({ level, besides, use, giants }: DimensionPicture): number => Math.max(0, level - besides) * (use.length - giants);

const levelWith = ({ besides, giants }: DimensionPicture, load: number, shards: number): number =>
  shards > giants ? besides + load / (shards - giants) : Number.POSITIVE_INFINITY;

function wantedShards(part: DimensionPicture, load: number, target: number): number {
  const shards = part.use.length;
  if (levelWith(part, load, shards) <= target * (1 + TOLERANCE)) return 0;
  return part.giants + Math.ceil(load / Math.max(target / 10, target - part.besides));
}

/** The fewest shards that leave every dimension well below its target. */
function shrink(aimed: readonly Aim[], shards: number, { settings }: AutoscaleInput): Wish {
  const [first] = aimed.toSorted((a, b) => b.part.level / b.target - a.part.level / a.target);
  if (first === undefined) return { shards, reason: 'WithinTolerance', message: 'no target is set' };
  const said = sayLevel(first.dimension, first.part, first.target);
  const fits = (count: number): boolean =>
    aimed.every(({ part, target }) => levelWith(part, shared(part), count) <= SCALE_IN_BELOW * target);
  const isLow = aimed.every(({ part, target }) => part.level < target * (1 - TOLERANCE));
  if (!isLow) return { shards, reason: 'WithinTolerance', message: said };
  let fewest = shards;
  while (fewest > settings.minShards && fits(fewest - 1)) fewest--;
  if (fewest < shards) return { shards: fewest, reason: 'BelowTarget', message: said };
  if (shards === settings.minShards)
    return { shards, reason: 'AtMinimum', message: `${said}, and there are no fewer than ${shards} shards` };
  const after = levelWith(first.part, shared(first.part), shards - 1);
  const message = `${said}; with ${shards - 1} shards it would be ${percent(after)}, more than ${percent(SCALE_IN_BELOW)} of the target`;
  return { shards, reason: 'ScaleInTooTight', message };
}

/** A shard that is too busy although the cluster is not: what helps is moving slots, one more shard, or nothing. */
function hotShard(picture: Picture, { settings, rebalancing }: AutoscaleInput): Wish | undefined {
  const shards = picture.load.shards.length;
  for (const dimension of DIMENSIONS) {
    const { use, giants, besides } = picture.dimensions[dimension];
    const hottest = Math.max(...use);
    if (settings.targets[dimension] === undefined || hottest < settings.maxShardUtilization) continue;
    const said = `a shard uses ${percent(hottest)} of its ${NAMES[dimension]}`;
    if (rebalancing === 'Imbalanced' || rebalancing === 'MovesPending' || rebalancing === 'Resting')
      return { shards, reason: 'RebalanceFirst', message: `${said}: moving slots is enough` };
    const capacity = picture.load.shards[0].capacity[dimension];
    const after = packedMaximum(picture.load.slots[dimension], besides * capacity, shards + 1) / capacity;
    if (after < hottest * (1 - HOT_SHARD_GAIN))
      return {
        shards: shards + 1,
        reason: 'HotShard',
        message: `${said}, and moving slots does not help; with one shard more it would be ${percent(after)}`,
      };
    if (giants > 0) return { shards, reason: 'SingleHotSlot', message: `${said} for one slot: another shard would not help` };
  }
  return undefined;
}

/** The wish, as far as windows, policies and bounds let it come true now. */
function settle(wish: Wish, { target, settings, now }: AutoscaleInput, memory: AutoscaleMemory): AutoscaleVerdict {
  const stay = (reason: AutoscaleReason, message: string): AutoscaleVerdict => ({ target, reason, message, wanted: wish.shards, memory });
  if (wish.shards === target) return stay(wish.reason, wish.message);
  const direction = wish.shards > target ? 1 : -1;
  const rules = direction === 1 ? settings.scaleUp : settings.scaleDown;
  if (rules.selectPolicy === 'Disabled')
    return stay(direction === 1 ? 'ScaleOutDisabled' : 'ScaleInDisabled', `${wish.message}; a change in this direction is disabled`);
  const bound = direction === 1 ? settings.maxShards : settings.minShards;
  if (target === bound)
    return stay(
      direction === 1 ? 'AtMaximum' : 'AtMinimum',
      `${wish.message}; ${bound} shards are the ${direction === 1 ? 'most' : 'fewest'} allowed`,
    );
  const stable = stabilize(memory.recommendations, target, wish.shards, settings.scaleUp, settings.scaleDown, now);
  if (stable === target)
    return stay('Stabilizing', `${wish.message}; it calls for ${wish.shards} shards, and has to for ${rules.stabilizationWindowSeconds} s`);
  const allowed = policyBound(rules, memory.changes, target, direction, now);
  const nearer = direction === 1 ? Math.min : Math.max;
  const to = nearer(stable, allowed, bound);
  if (to === target) return stay('LimitedByPolicy', `${wish.message}; the policies allow no further change yet`);
  return changed(memory, target, to, wish, now);
}

function changed(memory: AutoscaleMemory, from: number, to: number, { shards, reason, message }: Wish, now: number): AutoscaleVerdict {
  // What was recommended for another number of shards says nothing about this one.
  const next = { ...memory, recommendations: [], changes: [...memory.changes, { at: now, from, to }] };
  return { target: to, reason, message, wanted: shards, memory: next };
}

/** Begins with the target as it is: what was recommended before an operator started is not known, and a window has to pass. */
function recommend(
  known: AutoscaleMemory['recommendations'],
  target: number,
  shards: number,
  now: number,
): AutoscaleMemory['recommendations'] {
  const before = known.length > 0 ? known : [{ at: now, shards: target }];
  const last = before[before.length - 1];
  return last.shards === shards && now - last.at < RECOMMENDATION_STEP_MS ? before : [...before, { at: now, shards }];
}

function forget(memory: AutoscaleMemory, now: number): AutoscaleMemory {
  const recent = ({ at }: { readonly at: number }): boolean => now - at <= REMEMBER_MS;
  return { ...memory, recommendations: memory.recommendations.filter(recent), changes: memory.changes.filter(recent) };
}

function totals({ dimensions }: Picture): Readonly<Record<Dimension, number>> {
  return { cpu: shared(dimensions.cpu), network: shared(dimensions.network), memory: shared(dimensions.memory) };
}

/** How long it takes until one shard more carries its part. */
function migrationSeconds({ shards }: ClusterLoad): number {
  const bytes = shards.reduce((sum, { load }) => sum + load.memory, 0) / (shards.length + 1);
  return Math.min(FORECAST_MAX_SECONDS, NEW_SHARD_SECONDS + bytes / COPY_BYTES_PER_SECOND);
}

const NAMES: Readonly<Record<Dimension, string>> = { cpu: 'CPU', network: 'network', memory: 'memory' };

function sayLevel(dimension: Dimension, { level, giants }: DimensionPicture, target: number): string {
  const who = giants === 0 ? 'shards use' : 'shards without a slot that is hot alone use';
  return `${who} ${percent(level)} of their ${NAMES[dimension]} when balanced, the target is ${percent(target)}`;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
