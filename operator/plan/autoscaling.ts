/**
 * The number of shards as the load calls for it. The decision goes into the status and from there, in the next turn, to `targetShards` (workloads.ts): an operator that starts
 * anew goes on with it, and `spec` is never written.
 */
import type { AutoscaleSettings, AutoscaleVerdict, ScaleRules } from '../model/autoscaling.ts';
import { EMPTY_AUTOSCALE_MEMORY } from '../model/autoscaling.ts';
import type { AutoscalingSpec } from '../api/load-spec.ts';
import type { ClusterLoad } from '../model/load.ts';
import type { BusyReason } from '../model/load-report.ts';
import type { RebalanceReason } from '../model/rebalancing.ts';
import { planAutoscale } from './autoscale/autoscale.ts';
import type { PlanContext } from './context.ts';
import { MEMORY_LIMIT_SHARE } from './limits.ts';

/** Undefined: the number does not follow the load, or the cluster is about something else. */
export function planShardCount(
  context: PlanContext,
  load: ClusterLoad,
  balance: RebalanceReason | undefined,
  busy: BusyReason | undefined,
): AutoscaleVerdict | undefined {
  const { cluster, wanted } = context.observation;
  const { autoscaling } = cluster.spec;
  if (autoscaling === undefined || (busy !== undefined && busy !== 'ScalingInProgress')) return undefined;
  const before = context.memory.autoscale ?? EMPTY_AUTOSCALE_MEMORY;
  const verdict = planAutoscale({
    load,
    target: wanted.shards,
    scaling: busy !== undefined,
    rebalancing: balance ?? 'MovesPending',
    settings: settingsOf(autoscaling),
    memory: before,
    now: context.now,
  });
  const crowded = verdict.target < wanted.shards ? whyCrowded(load, verdict.target) : undefined;
  const decided: AutoscaleVerdict =
    crowded === undefined
      ? verdict
      : {
          ...verdict,
          target: wanted.shards,
          reason: 'ScaleInTooTight',
          message: `${verdict.message}; ${crowded}`,
          memory: { ...verdict.memory, changes: before.changes },
        };
  context.memory.autoscale = decided.memory;
  if (decided.target !== wanted.shards) change(context, wanted.shards, decided);
  return decided;
}

function change(context: PlanContext, from: number, { target, message, reason }: AutoscaleVerdict): void {
  context.targetShards = target;
  context.tell(`target:${from}:${target}`, 'Normal', 'TargetChanged', `From ${from} to ${target} shards: ${message}`, reason);
}

function settingsOf({ minShards, maxShards, targets, maxShardUtilizationPercent, behavior }: AutoscalingSpec): AutoscaleSettings {
  const rules = ({ stabilizationWindowSeconds, selectPolicy, policies }: ScaleRules): ScaleRules => ({
    stabilizationWindowSeconds,
    selectPolicy,
    policies,
  });
  return {
    minShards,
    maxShards,
    targets: {
      ...(targets.cpuPercent === undefined ? {} : { cpu: targets.cpuPercent / 100 }),
      ...(targets.memoryPercent === undefined ? {} : { memory: targets.memoryPercent / 100 }),
    },
    maxShardUtilization: maxShardUtilizationPercent / 100,
    scaleUp: rules(behavior.scaleUp),
    scaleDown: rules(behavior.scaleDown),
  };
}

/** Data that would not fit into fewer shards keeps them, whatever the targets are: a scale-in that is refused on its way would hold up everything else. */
function whyCrowded({ shards }: ClusterLoad, fewer: number): string | undefined {
  const used = shards.reduce((sum, { load }) => sum + load.memory, 0) / fewer;
  const limit = Math.min(...shards.map(({ capacity }) => capacity.memory));
  return limit > 0 && used > MEMORY_LIMIT_SHARE * limit ? `the data does not fit into ${fewer} shards` : undefined;
}
