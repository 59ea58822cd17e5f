/**
 * Names that every part and every user of the API shares: group, version, labels, annotations, finalizer, ports.
 * They are part of the contract: a change here is a change of the API.
 */

export const API_GROUP = 'slotkeeper.dev';
export const API_VERSION = 'v1alpha1';
export const API_GROUP_VERSION = `${API_GROUP}/${API_VERSION}`;

export const VALKEY_CLUSTER_KIND = 'ValkeyCluster';
export const VALKEY_CLUSTER_NAMES = {
  kind: 'ValkeyCluster',
  plural: 'valkeyclusters',
  singular: 'valkeycluster',
  shortNames: ['vkc'],
} as const;

/** Who applied a field, in server-side apply, and who reports an Event. */
export const FIELD_MANAGER = 'slotkeeper';

/** Held by every ValkeyCluster until its nodes are gone. */
export const CLUSTER_FINALIZER = `${API_GROUP}/nodes`;

/** Labels of every child object; `cluster` alone selects all that belongs to one. */
export const LABELS = {
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  managedBy: 'app.kubernetes.io/managed-by',
  component: 'app.kubernetes.io/component',
  cluster: `${API_GROUP}/cluster`,
  shard: `${API_GROUP}/shard`,
  index: `${API_GROUP}/index`,
  node: `${API_GROUP}/node`,
  /** The hash of what a pod must be restarted for; on the workload's pod template and so on the pod. */
  revision: `${API_GROUP}/revision`,
  /** `primary` or `replica`, on a pod only: what its node is now. Set by the operator, never read by it. */
  role: `${API_GROUP}/role`,
} as const;

/** The value of the component label of pods that run a node. */
export const NODE_COMPONENT = 'node';

/** Selects the pods of a cluster's nodes, as `/scale` tells it. */
export function nodeSelectorText(cluster: string): string {
  return `${LABELS.cluster}=${cluster},${LABELS.component}=${NODE_COMPONENT}`;
}

export const MANAGED_BY = 'slotkeeper';
export const APP_NAME = 'valkey';

export const CLIENT_PORT = 6379;
export const BUS_PORT = 16379;

/** The user of the connection Secret: the one that `requirepass` protects. */
export const DEFAULT_USER = 'default';

/** `<cluster>-<shard>-<index>`: the workload's name. A role is never in it. */
export function nodeName(cluster: string, shard: number, index: number): string {
  return `${cluster}-${shard}-${index}`;
}
/** The shard in a name that `nodeName` made; undefined when it is none of the cluster's. */
export function shardOfNode(cluster: string, node: string): number | undefined {
  const match = node.startsWith(`${cluster}-`) ? /^(\d+)-\d+$/.exec(node.slice(cluster.length + 1)) : null;
  return match === null ? undefined : Number(match[1]);
}
/** What a node announces to its peers (`cluster-announce-human-nodename`): it tells nodes of clusters with the same name apart. */
export function announcedName(namespace: string, node: string): string {
  return `${node}.${namespace}`;
}
export function connectionSecretName(cluster: string): string {
  return `${cluster}-connection`;
}
/** Where a generated password lives when the spec names no Secret of its own. */
export function generatedPasswordSecretName(cluster: string): string {
  return `${cluster}-password`;
}
