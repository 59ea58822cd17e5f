/**
 * Fencing: the proof that a process can no longer accept a write. Promotion without it may make two primaries of one shard.
 *
 * Proof is one of: the API server holds the container's end as its kubelet reported it; the machine is gone from the API or was declared out of service by an administrator;
 * the pod is gone and its machine's kubelet, which would have killed the container by now, has been Ready all the while (30 s). A silent machine proves nothing.
 */
import type { FenceEvidence, FenceRequest } from '../../model/workload.ts';
import type { NodeObject, PodObject } from './objects.ts';

/** How long a Ready kubelet may take to end a container whose pod is gone. */
export const absenceProofMs = 30_000;
const outOfServiceTaint = 'node.kubernetes.io/out-of-service';

/** What is known of a pod that is no more: the last state that was seen of it, and when it was first missed. */
export interface GonePod {
  readonly last: PodObject | undefined;
  readonly at: number;
}

/** What is known of a machine. */
export interface HostHistory {
  readonly node: NodeObject | undefined;
  /** When it was last seen not Ready; 0 when never. */
  readonly notReadyAt: number;
}

export interface FenceFacts {
  readonly request: FenceRequest;
  /** The pod of the workload now, whatever its uid. */
  readonly pod: PodObject | undefined;
  readonly gone: GonePod;
  /** By name; the machines that are known. */
  readonly hosts: ReadonlyMap<string, HostHistory>;
  readonly now: number;
}

export function fenceEvidence(facts: FenceFacts): FenceEvidence {
  const { request, pod } = facts;
  const present = pod !== undefined && pod.metadata.uid === request.podUid;
  const last = present ? pod : facts.gone.last;
  if (last !== undefined) {
    const ended = endOfProcess(last, request.containerId);
    if (ended !== undefined) return ended;
    const host = hostEvidence(last, facts.hosts);
    if (host !== undefined) return host;
  }
  if (!present) return absence(facts);
  const hostName = pod.spec?.nodeName;
  if (hostName !== undefined && !isReady(facts.hosts.get(hostName)?.node))
    return {
      fenced: false,
      reason: 'NodeUnreachable',
      detail: `the machine ${hostName} of pod ${pod.metadata.name} does not answer; if it is off, taint it with ${outOfServiceTaint}`,
    };
  return { fenced: false, reason: 'Running', detail: `pod ${pod.metadata.name} still runs its container` };
}

/** What the kubelet said of the container's end. */
function endOfProcess(pod: PodObject, containerId: string | undefined): FenceEvidence | undefined {
  const { name } = pod.metadata;
  const phase = pod.status?.phase;
  if (phase === 'Succeeded' || phase === 'Failed')
    return { fenced: true, reason: 'PodSucceededOrFailed', detail: `pod ${name} is ${phase}` };
  const status = pod.status?.containerStatuses?.[0];
  if (status === undefined) return undefined;
  const terminated = status.state?.terminated;
  const byEnd = (reason: string | undefined): FenceEvidence => ({
    fenced: true,
    reason: 'ContainerTerminated',
    detail: `the container of pod ${name} has ended (${reason ?? 'no reason given'})`,
  });
  if (terminated !== undefined) return byEnd(terminated.reason);
  const before = status.lastState?.terminated;
  if (containerId === undefined || before === undefined) return undefined;
  // A newer container stands in its place, or none yet (CrashLoopBackOff).
  if (before.containerID === containerId || status.containerID !== containerId) return byEnd(before.reason);
  return undefined;
}

function hostEvidence(pod: PodObject, hosts: ReadonlyMap<string, HostHistory>): FenceEvidence | undefined {
  const name = pod.spec?.nodeName;
  if (name === undefined) return undefined;
  const node = hosts.get(name)?.node;
  if (node === undefined) return { fenced: true, reason: 'NodeGone', detail: `the machine ${name} is no longer part of the Kubernetes` };
  if (node.spec?.taints?.some(taint => taint.key === outOfServiceTaint))
    return { fenced: true, reason: 'NodeOutOfService', detail: `the machine ${name} was declared out of service` };
  return undefined;
}

function absence(facts: FenceFacts): FenceEvidence {
  const hostName = facts.gone.last?.spec?.nodeName;
  // Whose machine is unknown is missed on all of them.
  const hosts = hostName === undefined ? [...facts.hosts] : [...facts.hosts].filter(([name]) => name === hostName);
  const silent = hosts.find(([, host]) => !isReady(host.node));
  if (silent !== undefined)
    return { fenced: false, reason: 'NodeUnreachable', detail: `the pod is gone, but the machine ${silent[0]} does not answer` };
  const since = Math.max(facts.gone.at, ...hosts.map(([, host]) => host.notReadyAt));
  if (facts.now - since < absenceProofMs)
    return { fenced: false, reason: 'AbsentTooShort', detail: `the pod is gone for less than ${absenceProofMs / 1000} s` };
  return {
    fenced: true,
    reason: 'PodAbsent',
    detail: `the pod is gone for ${Math.floor((facts.now - since) / 1000)} s while its machine was Ready`,
  };
}

export function isReady(node: NodeObject | undefined): boolean {
  return node?.status?.conditions?.some(condition => condition.type === 'Ready' && condition.status === 'True') ?? false;
}
