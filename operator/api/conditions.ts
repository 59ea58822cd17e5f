/**
 * Conditions of a ValkeyCluster: their types, their reasons, and how they change.
 *
 * A reason is stable CamelCase: tools match on it. `lastTransitionTime` moves only when `status` does.
 */

export const CONDITION_TYPES = [
  'Ready',
  'Available',
  'Progressing',
  'Degraded',
  'ClusterFormed',
  'SlotsAssigned',
  'Rebalancing',
  'Autoscaling',
] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];
export type ConditionStatus = 'True' | 'False' | 'Unknown';

export const CONDITION_REASONS = [
  // all is well
  'AllNodesReady',
  'SlotsServed',
  'Steady',
  'Healthy',
  'Formed',
  'AllSlotsAssigned',
  // on the way
  'Creating',
  'Forming',
  'NotFormed',
  'RollingUpdate',
  'ChangingReplicas',
  'ScalingOut',
  'ScalingIn',
  'WaitingToMove',
  'Repairing',
  'FailingOver',
  'Recovering',
  'Deleting',
  'SlotsUnassigned',
  'SlotsNotServed',
  'NodesNotReady',
  // in trouble
  'InvalidSpec',
  'PasswordSecretMissing',
  'AuthenticationFailed',
  'NodeNotReachable',
  'NodeMissing',
  'PodFailed',
  'ImagePullBackOff',
  'CrashLoopBackOff',
  'OOMKilled',
  'Unschedulable',
  'WaitingForFence',
  'QuorumLost',
  'DataLost',
  'ForeignNodes',
  'ReplicaNotSynced',
  'NoReplicas',
  'ConfirmedWritesAtRisk',
  'ScaleInRefused',
  'InsufficientMemory',
  'MigrationFailed',
  'MigrationNotSupported',
  'SlotsHeldOpen',
  'ReconcileFailed',
] as const;
/** The reasons that we choose; a pod's own waiting or terminated reason (CamelCase as the platform gives it) may stand in `Degraded` too, and those of the planners in `Rebalancing` and `Autoscaling`. */
export type ConditionReason = (typeof CONDITION_REASONS)[number];

export interface Condition {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  /** RFC 3339 in seconds. */
  readonly lastTransitionTime: string;
}

/** `next` with the transition time of `previous` kept where the status did not change. */
export function withTransitionTime(
  previous: Condition | undefined,
  next: Omit<Condition, 'lastTransitionTime'>,
  nowIso: string,
): Condition {
  const kept = previous !== undefined && previous.status === next.status;
  return { ...next, lastTransitionTime: kept ? previous.lastTransitionTime : nowIso };
}

export function findCondition(conditions: readonly Condition[] | undefined, type: ConditionType): Condition | undefined {
  return conditions?.find(condition => condition.type === type);
}
