/** Rebalancing as the spec wants it: what the planner makes of the load, and its moves put to work. */
import type { ClusterLoad } from '../model/load.ts';
import type { RebalanceMemory, RebalanceSettings, RebalanceVerdict } from '../model/rebalancing.ts';
import type { SlotMove } from '../model/slot-move.ts';
import type { PlanContext } from './context.ts';
import { bytesOfQuantity } from './quantity.ts';
import { DEFAULT_SETTINGS } from './rebalance/limits.ts';
import { emptyRebalanceMemory, planRebalance } from './rebalance/rebalance.ts';
import { runningMigrations } from './slot-migrations.ts';
import { startChosenMoves } from './slot-moves.ts';

/** What the planner says, whatever the mode; its memory is not taken over yet. */
export function judgeBalance(context: PlanContext, load: ClusterLoad): RebalanceVerdict {
  return planRebalance({
    load,
    pending: runningMigrations(context.topology).flatMap(({ from, to, ranges }): readonly SlotMove[] =>
      from === undefined || to === undefined ? [] : [{ from, to, ranges, reason: 'it runs' }],
    ),
    settings: settingsOf(context),
    memory: context.memory.rebalance ?? emptyRebalanceMemory(),
    now: context.now,
  });
}

function settingsOf(context: PlanContext): RebalanceSettings {
  const { mode, thresholdPercent, maxConcurrentMoves, maxSlotsPerMove, maxBytesPerMove } = context.observation.cluster.spec.rebalancing;
  return {
    threshold: thresholdPercent / 100,
    concurrentMoves: maxConcurrentMoves,
    slotsPerMove: maxSlotsPerMove,
    bytesPerMove: bytesOfQuantity(maxBytesPerMove) ?? DEFAULT_SETTINGS.bytesPerMove,
    acting: mode === 'Auto',
  };
}

/** Starts the moves. Slots of those that cannot start now need no rest. @returns why one cannot. */
export function moveByLoad(context: PlanContext, { moves, memory, reason }: RebalanceVerdict): string | undefined {
  const before = context.memory.rebalance;
  const refused = startChosenMoves(context, moves, reason);
  context.memory.rebalance = refused.size === 0 ? memory : withoutRest(memory, before, [...refused.keys()]);
  return [...refused.values()][0];
}

function withoutRest(memory: RebalanceMemory, before: RebalanceMemory | undefined, moves: readonly SlotMove[]): RebalanceMemory {
  const restUntil = memory.restUntil.slice();
  for (const { ranges } of moves)
    for (const { start, end } of ranges) for (let slot = start; slot <= end; slot++) restUntil[slot] = before?.restUntil[slot] ?? 0;
  return { ...memory, restUntil };
}
