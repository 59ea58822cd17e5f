/** What the objects of one node (StatefulSet, pod, machine) say, in the operator's own words. Pure. */
import { BUS_PORT, CLIENT_PORT, LABELS } from '../../api/group.ts';
import type { PodObservation, ProcessState, WorkloadObservation } from '../../model/workload.ts';
import { isReady } from './fence.ts';
import type { ContainerStatus, NodeObject, PodObject, StatefulSetObject, TerminatedState } from './objects.ts';

/** Taints by which drains and autoscalers announce that a machine is about to go. */
const leavingTaints: readonly string[] = ['node.kubernetes.io/unschedulable', 'ToBeDeletedByClusterAutoscaler', 'karpenter.sh/disrupted'];

export function viewWorkload(set: StatefulSetObject, pod: PodObject | undefined, host: NodeObject | undefined): WorkloadObservation {
  const labels = set.metadata.labels ?? {};
  return {
    name: set.metadata.name,
    shard: Number(labels[LABELS.shard] ?? 0),
    index: Number(labels[LABELS.index] ?? 0),
    templateRevision: set.spec?.template?.metadata?.labels?.[LABELS.revision] ?? '',
    deleting: set.metadata.deletionTimestamp !== undefined,
    ...(pod === undefined ? {} : { pod: viewPod(pod, host) }),
  };
}

/** `ready` is what the probe says of the container, not the pod's Ready condition: that one waits for the operator's own gate. */
export function viewPod(pod: PodObject, host: NodeObject | undefined): PodObservation {
  const status = pod.status?.containerStatuses?.[0];
  const lastEnd = status?.lastState?.terminated;
  const { podIP } = pod.status ?? {};
  const hostName = pod.spec?.nodeName;
  const deletingSince = pod.metadata.deletionTimestamp;
  return {
    uid: pod.metadata.uid,
    ...(status?.containerID ? { containerId: status.containerID } : {}),
    revision: pod.metadata.labels?.[LABELS.revision] ?? '',
    image: pod.spec?.containers?.[0]?.image ?? '',
    process: processState(pod, status),
    ...(lastEnd === undefined ? {} : { lastTermination: viewEnd(lastEnd) }),
    restartCount: status?.restartCount ?? 0,
    ready: status?.ready ?? false,
    ...(podIP ? { address: { host: podIP, port: CLIENT_PORT, busPort: BUS_PORT } } : {}),
    ...(hostName === undefined ? {} : { hostNode: hostName }),
    hostUnschedulable: isLeaving(host),
    hostReady: hostName === undefined || isReady(host),
    ...(deletingSince === undefined ? {} : { deletingSince: Date.parse(deletingSince) }),
    createdAt: Date.parse(pod.metadata.creationTimestamp),
  };
}

function processState(pod: PodObject, status: ContainerStatus | undefined): ProcessState {
  const { phase, reason, message } = pod.status ?? {};
  const terminated = status?.state?.terminated;
  if (phase === 'Failed' || phase === 'Succeeded')
    return {
      kind: 'terminated',
      reason: reason ?? terminated?.reason ?? phase,
      message: message ?? terminated?.message ?? '',
      exitCode: terminated?.exitCode ?? -1,
    };
  if (status?.state?.running !== undefined)
    return { kind: 'running', startedAt: Date.parse(status.state.running.startedAt ?? pod.metadata.creationTimestamp) };
  if (terminated !== undefined)
    return { kind: 'terminated', reason: terminated.reason ?? 'Error', message: terminated.message ?? '', exitCode: terminated.exitCode };
  const waiting = status?.state?.waiting;
  if (waiting !== undefined) return { kind: 'waiting', reason: waiting.reason ?? 'ContainerCreating', message: waiting.message ?? '' };
  const scheduled = pod.status?.conditions?.find(condition => condition.type === 'PodScheduled');
  if (scheduled?.status === 'False')
    return { kind: 'waiting', reason: scheduled.reason ?? 'Unschedulable', message: scheduled.message ?? '' };
  return { kind: 'waiting', reason: scheduled === undefined ? 'Pending' : 'ContainerCreating', message: '' };
}

const viewEnd = (end: TerminatedState): NonNullable<PodObservation['lastTermination']> => ({
  reason: end.reason ?? 'Error',
  exitCode: end.exitCode,
  message: end.message ?? '',
  at: Date.parse(end.finishedAt ?? '') || 0,
});

function isLeaving(host: NodeObject | undefined): boolean {
  if (host === undefined) return false;
  return host.spec?.unschedulable === true || (host.spec?.taints?.some(taint => leavingTaints.includes(taint.key)) ?? false);
}
