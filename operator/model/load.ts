/**
 * Load of a cluster by slot and by shard, and what is remembered to know it. Plain data: arrays by slot (16384 long), so that a turn of 300 shards costs milliseconds.
 *
 * Some minutes are remembered, not days: of each slot the last counters, five windows of rates and their smoothed value, 2 MB a cluster.
 */

/** By slot: the last counters, to which the next are compared, and the rates that came of them. */
export interface SlotSeries {
  /** Ordinal of the node whose counters these are; -1 while there are none. */
  readonly reader: Int32Array;
  /** When they were read. Counters that the reader's next sample does not follow on are no base for a rate: the slot was elsewhere. */
  readonly readAt: Float64Array;
  readonly cpuCounter: Float64Array;
  readonly networkCounter: Float64Array;
  readonly keys: Float64Array;
  /** Estimated: keys of the slot × bytes a key of its node. */
  readonly memory: Float64Array;
  /** Windows that gave a rate, of whatever owner. The next rate goes to place `windows % 5` of the slot's five. */
  readonly windows: Uint32Array;
  readonly cpuWindows: Float32Array;
  readonly networkWindows: Float32Array;
  /** Smoothed: busy seconds a second, sockets included. */
  readonly cpu: Float64Array;
  /** Smoothed: bytes a second, both directions. */
  readonly network: Float64Array;
}

export interface NodeSeries {
  readonly ordinal: number;
  readonly runId: string;
  readonly atMs: number;
  readonly cpuSeconds: number;
  /** Windows that gave rates since this process is watched. */
  readonly windows: number;
  /** End of the last of them. */
  readonly ratedAt: number;
  /** CPU that follows no slot, in busy seconds a second: its last windows, and smoothed. */
  readonly residualWindows: readonly number[];
  readonly residual: number;
  readonly usedMemoryBytes: number;
  readonly maxMemoryBytes: number;
  /** Why the last sample gave no rates. */
  readonly discarded?: DiscardReason;
}

/** `First`: nothing to compare it to. `Reset`: counters went down (RESETSTAT). `Implausible`: more than a node can do. */
export type DiscardReason = 'First' | 'Restarted' | 'Gap' | 'Reset' | 'Implausible';

/**
 * Normal equations of  cpu of a node = cpu-usec × commands + bytes × network + constant,  one observation a node and window, the old ones fading.
 * `xx` is the upper triangle of the 3 × 3 matrix, by rows.
 */
export interface CpuFit {
  readonly at: number;
  readonly count: number;
  readonly xx: readonly [number, number, number, number, number, number];
  readonly xy: readonly [number, number, number];
}

export interface LoadMemory {
  readonly slots: SlotSeries;
  /** By node id. */
  readonly nodes: ReadonlyMap<string, NodeSeries>;
  readonly nextOrdinal: number;
  readonly fit: CpuFit;
}

export const DIMENSIONS = ['cpu', 'network', 'memory'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** Something in each dimension: busy seconds a second, bytes a second, bytes. */
export type LoadVector = Readonly<Record<Dimension, number>>;

export interface ShardLoad {
  readonly shard: number;
  /** What its slots take and what it takes besides. */
  readonly load: LoadVector;
  readonly keys: number;
  /** 0: without a limit, so that this dimension says nothing. */
  readonly capacity: LoadVector;
  /** Why its statistics cannot be trusted now, for a human. */
  readonly stale?: string;
}

/** The load of one cluster at one moment. */
export interface ClusterLoad {
  /** When the oldest of the shards' last windows ended: it moves when all of them have news. */
  readonly windowAt: number;
  readonly shards: readonly ShardLoad[];
  /** By slot: place in `shards` of its owner; -1 without one. */
  readonly owner: Int16Array;
  readonly slots: { readonly [D in Dimension]: Float64Array } & { readonly keys: Float64Array };
}
