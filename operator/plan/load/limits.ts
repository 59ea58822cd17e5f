/** Bounds of the load model, by name. */

/** Samples of one node that are closer than this say too little; the later one is left out. */
export const WINDOW_MIN_MS = 5_000;
/** Samples further apart: what happened between is unknown, and one rate for all of it would be wrong. */
export const WINDOW_MAX_MS = 60_000;
/** A shard without a new rate for this long (three windows and a half of 10 s) is not planned on. */
export const STALE_AFTER_MS = 35_000;
/** So many windows of a process must have given rates before it is planned on. */
export const MIN_WINDOWS = 3;
/** Windows that the median is taken of. */
export const MEDIAN_WINDOWS = 5;
/** Weight of the newest median in the moving average. */
export const EWMA_WEIGHT = 0.5;
/** What is remembered of a node that is sampled no more. */
export const FORGET_NODE_MS = 600_000;

/** One engine thread executes for a second a second; a little over for the moments at which counters are read. */
export const MAX_COMMAND_SECONDS_PER_SECOND = 1.5;
export const MAX_CPU_SECONDS_PER_SECOND = 64;
/** 200 Gbit/s. */
export const MAX_NETWORK_BYTES_PER_SECOND = 25e9;

/** Observations of the CPU fit lose half of their weight in this time. */
export const FIT_HALF_LIFE_MS = 300_000;
/** With fewer the weights are the ones assumed. */
export const FIT_MIN_OBSERVATIONS = 6;
/** Slots never carry more than this much of what the fit explains: the rest (a full sync, a snapshot) follows no slot. */
export const FIT_SLACK = 2;
