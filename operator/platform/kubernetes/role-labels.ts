/**
 * The label `slotkeeper.dev/role` of each pod, from the status. A disruption budget keeps whoever carries `primary` from being evicted: a drain that came before the hand-over would
 * cost clients the time that the primary takes to find its successor while it stops. The label also tells a human who is who (`kubectl get pods -L slotkeeper.dev/role`).
 */
import { LABELS } from '../../api/group.ts';
import type { ClusterResource } from '../../model/cluster.ts';
import type { PodObject } from './objects.ts';
import { runsIn } from './readiness-gates.ts';

export interface RoleChange {
  readonly pod: PodObject;
  readonly role: 'primary' | 'replica';
}

/**
 * Pods whose label has to change; new primaries first, so that at no moment the only one that could lose data is without protection. A node whose role is not known keeps
 * what it has: it may be the primary that only the operator does not reach.
 */
export function roleChanges(cluster: ClusterResource, pods: readonly PodObject[]): RoleChange[] {
  const rows = (cluster.status.shards ?? []).flatMap(shard => shard.nodes);
  const changes = pods.flatMap(pod => {
    const role = rows.find(row => runsIn(row, pod))?.role;
    if (role === undefined || role === 'none' || pod.metadata.labels?.[LABELS.role] === role) return [];
    return [{ pod, role }];
  });
  return changes.toSorted((a, b) => Number(b.role === 'primary') - Number(a.role === 'primary'));
}

/** A strategic merge patch of the pod. The uid in it makes it fail on another pod of the same name. */
export function rolePatch({ pod, role }: RoleChange): unknown {
  return { metadata: { uid: pod.metadata.uid, labels: { [LABELS.role]: role } } };
}
