/** Rebalancing: what the planner decides, what it remembers between turns, what limits it. Plain data. */
import type { Dimension } from './load.ts';
import type { SlotMove } from './slot-move.ts';

export const REBALANCE_REASONS = [
  /** Every shard is near what it can be. */
  'Balanced',
  /** Uneven, but nobody is busy enough for it to matter. */
  'BelowFloor',
  /** Uneven, but too little or not for long enough. */
  'WithinHysteresis',
  /** Slots are to move. */
  'Imbalanced',
  /** Moves that run are waited for. */
  'MovesPending',
  /** No move would lower the load of the busiest shard enough. */
  'NoImprovingMove',
  /** Shards that would give or take are too full for a migration. */
  'NoMemoryHeadroom',
  /** The slots that would have to move did so a moment ago. */
  'Resting',
  /** One slot alone is more than a shard's even part: it stands as alone as it can. */
  'SingleHotSlot',
  /** Nobody knows the load of now. */
  'StaleStatistics',
] as const;
export type RebalanceReason = (typeof REBALANCE_REASONS)[number];

export interface RebalanceSettings {
  /** Act when a shard has this share more than its part. Stop within half of it. */
  readonly threshold: number;
  /** Undefined: by the number of shards. */
  readonly concurrentMoves: number | undefined;
  readonly slotsPerMove: number;
  readonly bytesPerMove: number;
  /** False: decide, but let nothing rest for what is not carried out. */
  readonly acting: boolean;
}

export interface RebalanceMemory {
  /** Windows in a row in which a shard had too much. */
  readonly above: number;
  readonly windowAt: number;
  /** Began to act and has not come within the lower threshold yet. */
  readonly active: boolean;
  /** By slot, milliseconds since the epoch: it does not move before. */
  readonly restUntil: Float64Array;
  /** The load for which no move was found: nothing is tried again until it changes. */
  readonly stuck?: { readonly shard: number; readonly dimension: Dimension; readonly utilisation: number; readonly excess: number };
}

export interface RebalanceVerdict {
  readonly reason: RebalanceReason;
  /** For a human, with the figures behind the reason. */
  readonly message: string;
  readonly moves: readonly SlotMove[];
  /** Of the dimension that is uneven most among those that are used: the busiest shard's load over the mean. */
  readonly maxOverMean: number;
  readonly dimension: Dimension;
  /** A slot that is more than a shard's even part. */
  readonly hotSlot?: { readonly slot: number; readonly shard: number; readonly dimension: Dimension; readonly utilisation: number };
  readonly memory: RebalanceMemory;
}
