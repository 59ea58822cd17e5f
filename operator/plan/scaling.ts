/**
 * Scaling: `spec.shards` was changed.
 *
 * Out: the nodes of new shards are made and join like any others (workloads.ts, joining.ts, repair.ts); once a new shard is whole, the others give it their surplus. In: the
 * shards that leave give all they have to those that stay, evenly; a node goes when its shard has nothing left (surplus.ts), and its id is forgotten (repair.ts).
 *
 * That a change is under way stands in the status before the first slot moves, and until the last node is forgotten: so an operator that starts in the middle goes on, a
 * target that changes on the way changes the direction and no more, and a cluster that was made uneven on purpose is left as it is.
 */
import { countSlots } from '../../lib/slot-ranges.ts';
import type { ScalingProgress } from '../model/plan-result.ts';
import type { SlotMove } from '../model/slot-move.ts';
import { holdsSlots } from '../model/topology.ts';
import type { PlanContext } from './context.ts';
import { evenMoves, type ShardSlots } from './even-slots.ts';
import { MIGRATION_BATCH_SLOTS } from './limits.ts';
import { bytesPerSlot, roomBytes, showBytes } from './memory-room.ts';
import { runningMigrations, slotsAfterMigrations } from './slot-migrations.ts';

export interface ScalingPlan {
  /** Undefined: no change of the number of shards is under way. */
  readonly progress?: ScalingProgress;
  readonly moves: readonly SlotMove[];
}

export function planScaling(context: PlanContext): ScalingPlan {
  const { shards: target } = context.observation.wanted;
  if (!context.formed) return { moves: [] };
  const from = shardsBefore(context);
  const begun = context.observation.cluster.status.scaling;
  const leaving = context.topology.shards.filter(shard => shard.leaving);
  const unfilled = context.topology.shards.filter(shard => !shard.leaving && !holdsSlots(shard));
  if (begun === undefined && from === target && leaving.length === 0 && unfilled.length === 0) return { moves: [] };
  const moves = neededMoves(context, from);
  const migrations = runningMigrations(context.topology);
  const open = countMoves(moves) + migrations.reduce((sum, { ranges }) => sum + countSlots(ranges), 0);
  const waiting = leaving.length > 0 || unfilled.length > 0;
  if (begun?.shards === target && open === 0 && !waiting) {
    context.tell('scaled', 'Normal', 'Scaled', `The slots are spread over ${target} ${target === 1 ? 'shard' : 'shards'}`);
    return { moves: [] };
  }
  const moved = begun === undefined ? 0 : begun.slotsMoved;
  const changed = begun?.shards !== target;
  const slotsToMove = changed ? moved + open : Math.max(begun.slotsToMove, moved + open);
  const progress: ScalingProgress = { shards: target, slotsToMove, slotsMoved: Math.max(0, slotsToMove - open) };
  report(context, from, progress, migrations.length);
  if (changed) {
    tellBegin(context, from, begun !== undefined, progress);
    return { progress, moves: [] };
  }
  return { progress, moves: refusal(context, moves) ? [] : moves };
}

/** Over how many shards the slots were spread when the last change was done. Where no record says so, it is what is there. */
function shardsBefore({ observation, topology }: PlanContext): number {
  return observation.cluster.status.shardCount ?? topology.shards.filter(holdsSlots).length;
}

function neededMoves(context: PlanContext, from: number): readonly SlotMove[] {
  const after = slotsAfterMigrations(context.topology);
  const shards: readonly ShardSlots[] = context.topology.shards.map(({ index, leaving }) => ({
    index,
    leaving,
    slots: after.get(index) ?? [],
  }));
  const { shards: target } = context.observation.wanted;
  return evenMoves(
    shards,
    MIGRATION_BATCH_SLOTS,
    target === from ? `the slots are spread over ${target} shards` : `${from} to ${target} shards`,
  );
}

function countMoves(moves: readonly SlotMove[]): number {
  return moves.reduce((sum, { ranges }) => sum + countSlots(ranges), 0);
}

function report(context: PlanContext, from: number, { shards, slotsToMove, slotsMoved }: ScalingProgress, running: number): void {
  const leaving = context.topology.shards.filter(shard => shard.leaving);
  const inward = leaving.length > 0;
  const moves = `${slotsMoved} of ${slotsToMove} slots have moved${running > 0 ? `, ${running} migrations run` : ''}`;
  const drained = leaving.every(shard => !holdsSlots(shard));
  const what = inward && drained ? `the nodes of shard ${leaving.map(shard => shard.index).join(', ')} are being removed` : moves;
  context.progressing(inward ? 'ScalingIn' : 'ScalingOut', `From ${from} to ${shards} shards: ${what}`);
}

function tellBegin(context: PlanContext, from: number, changed: boolean, { shards, slotsToMove }: ScalingProgress): void {
  const inward = context.topology.shards.some(shard => shard.leaving);
  const note = `${changed ? 'The target has changed to' : `From ${from} to`} ${shards} ${shards === 1 ? 'shard' : 'shards'}: ${slotsToMove} slots are to move`;
  context.tell(`scaling:${shards}:${slotsToMove}`, 'Normal', inward ? 'ScalingIn' : 'ScalingOut', note);
}

/** A shard that is to leave keeps its slots while those that stay have no room for all of them. */
function refusal(context: PlanContext, moves: readonly SlotMove[]): boolean {
  const drains = moves.filter(({ from }) => context.shard(from)?.leaving === true);
  for (const taker of new Set(drains.map(({ to }) => to))) {
    const target = context.shard(taker)?.primary;
    if (target === undefined) continue;
    const bytes = drains.filter(({ to }) => to === taker).reduce((sum, move) => sum + bytesOf(context, move), 0);
    if (bytes <= roomBytes(target)) continue;
    const { usedBytes, limitBytes } = target.view.memory;
    const leaving = [...new Set(drains.map(({ from }) => from))].toSorted((a, b) => a - b).join(', ');
    const note = `Shard ${leaving} cannot be removed: ${target.name} uses ${showBytes(usedBytes)} of ${showBytes(limitBytes)} and would get ${showBytes(bytes)} more, above 92 %; raise resources.limits.memory, delete data or keep more shards`;
    context.degraded('ScaleInRefused', note);
    context.tell('scaleInRefused', 'Warning', 'ScaleInRefused', note);
    return true;
  }
  return false;
}

function bytesOf(context: PlanContext, { from, ranges }: SlotMove): number {
  const giver = context.shard(from);
  return giver === undefined ? 0 : bytesPerSlot(giver) * countSlots(ranges);
}
