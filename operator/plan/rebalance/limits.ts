/** Bounds of the rebalancing planner, by name. Shares are of a capacity or of a load. */
import type { Dimension } from '../../model/load.ts';
import type { RebalanceSettings } from '../../model/rebalancing.ts';

export const DEFAULT_SETTINGS: RebalanceSettings = {
  threshold: 0.1,
  concurrentMoves: undefined,
  slotsPerMove: 512,
  bytesPerMove: 2 ** 30,
  acting: true,
};

/** Moves at a time where the settings name no number: one for ten shards, and some in a small cluster too. */
export function concurrentMovesOf(shards: number): number {
  return Math.max(4, Math.ceil(shards / 10));
}

/** Windows in a row in which a shard must have too much before anything moves. */
export const CONFIRM_WINDOWS = 3;
/** Windows are 10 s apart; news sooner than this after the last is the same window. */
export const WINDOW_STEP_MS = 5_000;
/** A shard below this is not worth a move. Memory that is uneven harms nobody until it runs short, so its floor is higher. */
export const FLOOR: Readonly<Record<Dimension, number>> = { cpu: 0.05, network: 0.05, memory: 0.7 };
/** Above this there is no waiting for more windows. */
export const URGENT = 0.9;
/** What a shard gives away must lower the maximum of all that take part by this. */
export const MIN_IMPROVEMENT = 0.05;
/** A migration needs room for its buffers at both ends. */
export const MEMORY_HEADROOM = 0.92;
export const REST_MS = 300_000;
/** Shards that one source's load is laid out on at most. */
export const DESTINATIONS = 8;
/** Near enough to the ideal: what would be gained by the last slots is not worth their move. */
export const FILL_TOLERANCE = 0.03;
/** What a move may make of its destination in another dimension: less than what would start the next moves. */
export const SIDE_EFFECT = 0.05;
/** A slot that makes its shard this much more than the even level is a giant. */
export const GIANT = 0.1;
/** What counts as the same load as before: for as long nothing is tried again. */
export const SAME_LOAD = 0.1;

/** What a move costs, in seconds of copying. */
export const COPY_BYTES_PER_SECOND = 64 * 2 ** 20;
export const SECONDS_PER_SLOT = 0.005;
/** Writes pause while the last bytes follow: the longer, the more traffic a slot has. */
export const PAUSE_SECONDS_PER_MEGABYTE_PER_SECOND = 0.001;
/** A second of pause hurts clients; a second of copying hardly. */
export const PAUSE_WEIGHT = 10;
