/**
 * The readiness gate of each pod: `slotkeeper.dev/serving` is True while the status says that the process which now runs in it serves its shard. A container that was restarted in place
 * is another process, so its gate closes until the node has joined and caught up again.
 */
import type { NodeStatus } from '../../api/valkey-cluster.ts';
import type { ClusterResource } from '../../model/cluster.ts';
import { servingGate } from './build/stateful-set.ts';
import type { PodObject } from './objects.ts';

export interface GateChange {
  readonly pod: PodObject;
  readonly serving: boolean;
}

/** Pods whose gate has to change. */
export function gateChanges(cluster: ClusterResource, pods: readonly PodObject[]): GateChange[] {
  const rows = (cluster.status.shards ?? []).flatMap(shard => shard.nodes);
  return pods.flatMap(pod => {
    const serving = rows.some(row => serves(row, pod));
    const current = pod.status?.conditions?.find(condition => condition.type === servingGate)?.status;
    // No condition at all is as closed as a False one, and costs no write.
    const changed = serving ? current !== 'True' : current === 'True';
    return changed ? [{ pod, serving }] : [];
  });
}

const serves = (row: NodeStatus, pod: PodObject): boolean => row.ready && runsIn(row, pod);

/** The row tells of the process that runs in the pod now. */
export function runsIn(row: NodeStatus, pod: PodObject): boolean {
  const containerId = pod.status?.containerStatuses?.[0]?.containerID;
  return row.podUid === pod.metadata.uid && (row.containerId === undefined || row.containerId === containerId);
}

/** A strategic merge patch of the pod's status. The uid in it makes it fail on another pod of the same name. */
export function gatePatch({ pod, serving }: GateChange, now: number): unknown {
  const condition = {
    type: servingGate,
    status: serving ? 'True' : 'False',
    reason: serving ? 'Serving' : 'NotServing',
    message: serving ? 'the node serves its shard' : 'the node has not joined its shard, or has not caught up',
    lastTransitionTime: new Date(now).toISOString().replace(/\.\d+Z$/, 'Z'),
  };
  return { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } };
}
