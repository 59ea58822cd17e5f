/** Autoscaling of shards: settings in the vocabulary of HorizontalPodAutoscaler, what is decided, what is remembered. Plain data. */
import type { Dimension } from './load.ts';

export interface ScalePolicy {
  readonly type: 'Shards' | 'Percent';
  readonly value: number;
  readonly periodSeconds: number;
}

export interface ScaleRules {
  readonly stabilizationWindowSeconds: number;
  /** Which of the policies counts; `Disabled`: no change in this direction. */
  readonly selectPolicy: 'Max' | 'Min' | 'Disabled';
  readonly policies: readonly ScalePolicy[];
}

export interface AutoscaleSettings {
  readonly minShards: number;
  readonly maxShards: number;
  /** Share of the capacity that a shard should use; a dimension that is left out does not count. */
  readonly targets: Readonly<Partial<Record<Dimension, number>>>;
  /** A shard above it calls for one more, where moving slots does not help. */
  readonly maxShardUtilization: number;
  readonly scaleUp: ScaleRules;
  readonly scaleDown: ScaleRules;
}

export const AUTOSCALE_REASONS = [
  // the target changes
  'AboveTarget',
  'ForecastAboveTarget',
  'HotShard',
  'BelowTarget',
  'OutOfBounds',
  // it stays
  'WithinTolerance',
  'RebalanceFirst',
  'SingleHotSlot',
  'ScaleInTooTight',
  'Stabilizing',
  'LimitedByPolicy',
  'ScaleOutDisabled',
  'ScaleInDisabled',
  'AtMaximum',
  'AtMinimum',
  'ScalingInProgress',
  'StaleStatistics',
] as const;
export type AutoscaleReason = (typeof AUTOSCALE_REASONS)[number];

/** What all shards together use, in shards: 2.5 is two and a half that are full. */
export interface LoadPoint {
  readonly at: number;
  readonly total: Readonly<Record<Dimension, number>>;
}

export interface AutoscaleMemory {
  readonly history: readonly LoadPoint[];
  /** What the load called for, before stabilization. */
  readonly recommendations: readonly { readonly at: number; readonly shards: number }[];
  /** Changes of the target. */
  readonly changes: readonly { readonly at: number; readonly from: number; readonly to: number }[];
}

export const EMPTY_AUTOSCALE_MEMORY: AutoscaleMemory = { history: [], recommendations: [], changes: [] };

export interface AutoscaleVerdict {
  readonly target: number;
  readonly reason: AutoscaleReason;
  /** For a human, with the figures behind the reason. */
  readonly message: string;
  /** What the load calls for, before stabilization, policies and bounds. */
  readonly wanted: number;
  readonly memory: AutoscaleMemory;
}
