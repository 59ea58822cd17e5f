/** Bounds of the autoscaling decision, by name. */

/** No change while the load is within this of its target. */
export const TOLERANCE = 0.1;
/** Shards go only when those that stay are below this share of the target afterwards: else they would soon come back. */
export const SCALE_IN_BELOW = 0.75;
/** Points of the history are this far apart, and this long remembered. */
export const HISTORY_STEP_MS = 30_000;
export const HISTORY_MS = 1_200_000;
/** A trend is looked for in so much of it. */
export const TREND_MS = 600_000;
export const TREND_MIN_POINTS = 10;
/** Share of the load's movement that a straight line must explain to be believed. */
export const TREND_MIN_FIT = 0.7;
/** A forecast adds at most this share of the load of now. */
export const FORECAST_MAX = 0.5;
/** A new shard is there and synchronised after this, before the first slot moves. */
export const NEW_SHARD_SECONDS = 60;
export const FORECAST_MAX_SECONDS = 900;
/** One more shard for a hot one only if it would be cooler by this. */
export const HOT_SHARD_GAIN = 0.05;
/** A recommendation a window is remembered. */
export const RECOMMENDATION_STEP_MS = 10_000;
/** How long a change or a recommendation can matter: the longest window that a spec may name. */
export const REMEMBER_MS = 3_600_000;
