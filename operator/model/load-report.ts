/**
 * What is said of the load and of the decisions on it: in the status, in conditions, in Events. It follows the planners' verdicts with a delay where these only waver, so that a
 * steady cluster causes no write. Plain data.
 */
import type { AutoscaleReason } from './autoscaling.ts';
import type { RebalanceReason } from './rebalancing.ts';

/** Why nothing is decided now: the cluster is about something else. */
export type BusyReason = 'ScalingInProgress' | 'RollingUpdate' | 'Repairing';

export interface Said<Reason extends string> {
  readonly reason: Reason;
  readonly message: string;
  /** When the message was taken over. */
  readonly at: number;
  /** Another reason that has to last before it is said. */
  readonly waiting?: { readonly reason: string; readonly since: number };
}

/** What a shard uses: shares of its capacities, bytes a second. */
export interface ShardUse {
  readonly shard: number;
  readonly cpu: number;
  /** Undefined without `maxmemory`. */
  readonly memory: number | undefined;
  readonly network: number;
}

export interface LoadFigures {
  readonly at: number;
  readonly shards: readonly ShardUse[];
  /** Undefined while no shard is busy. */
  readonly maxOverMean: number | undefined;
  readonly hotSlot: { readonly slot: number; readonly shard: number } | undefined;
  /** Shards that the load calls for. */
  readonly wantedShards: number | undefined;
}

export interface LoadReport {
  readonly rebalancing: Said<RebalanceReason | BusyReason>;
  readonly autoscaling: Said<AutoscaleReason> | undefined;
  /** Undefined: those in the status still count. */
  readonly figures: LoadFigures | undefined;
}
