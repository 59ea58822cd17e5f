/** What every object of a cluster carries: its labels, its owner, and who selects it. */
import { API_GROUP_VERSION, APP_NAME, LABELS, MANAGED_BY, NODE_COMPONENT, VALKEY_CLUSTER_KIND } from '../../../api/group.ts';
import type { ClusterWorkloads, NodeWorkload } from '../../../model/workload.ts';

/** Selects whatever the operator made, in a watch. */
export const ownedSelector = `${LABELS.managedBy}=${MANAGED_BY},${LABELS.cluster}`;

export const clusterLabels = (cluster: string): Record<string, string> => ({
  [LABELS.name]: APP_NAME,
  [LABELS.instance]: cluster,
  [LABELS.managedBy]: MANAGED_BY,
  [LABELS.cluster]: cluster,
});

export const nodeLabels = (cluster: string, node: NodeWorkload): Record<string, string> => ({
  ...clusterLabels(cluster),
  [LABELS.component]: NODE_COMPONENT,
  [LABELS.shard]: String(node.shard),
  [LABELS.index]: String(node.index),
  [LABELS.node]: node.name,
});

/** Pods of a cluster that run a node. */
export const nodeSelector = (cluster: string): Record<string, string> => ({
  [LABELS.cluster]: cluster,
  [LABELS.component]: NODE_COMPONENT,
});
export const shardSelector = (cluster: string, shard: number): Record<string, string> => ({
  ...nodeSelector(cluster),
  [LABELS.shard]: String(shard),
});

export interface OwnedMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Record<string, string>;
  readonly ownerReferences: { apiVersion: string; kind: string; name: string; uid: string; controller: true; blockOwnerDeletion: true }[];
}

/** The garbage collector removes the object with the ValkeyCluster of this uid. */
export function ownedMetadata(wanted: ClusterWorkloads, name: string, labels: Record<string, string>): OwnedMetadata {
  const owner = { apiVersion: API_GROUP_VERSION, kind: VALKEY_CLUSTER_KIND, name: wanted.cluster, uid: wanted.uid };
  return { name, namespace: wanted.namespace, labels, ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }] };
}

/** Names of the objects of a cluster, in one place so that they never meet: node names end in two numbers, these do not. */
export const objectNames = {
  clientService: (cluster: string): string => cluster,
  peerService: (cluster: string): string => `${cluster}-nodes`,
  authFile: (cluster: string): string => `${cluster}-auth-file`,
  networkPolicy: (cluster: string): string => cluster,
  disruptionBudget: (cluster: string, shard: number): string => `${cluster}-${shard}`,
  primaryBudget: (cluster: string, shard: number): string => `${cluster}-${shard}-primary`,
  /** The volume claim of a node's one pod, where the cluster has persistence. */
  volumeClaim: (nodeName: string): string => `data-${nodeName}-0`,
  /** The one pod of a node's StatefulSet. */
  pod: (node: string): string => `${node}-0`,
} as const;
