/** A ValkeyCluster as the operator holds it: metadata, a parsed spec, the status as last written. Plain data. */
import type { ValkeyClusterSpec, ValkeyClusterStatus } from '../api/valkey-cluster.ts';

/** `namespace/name`: the key of the work queue and of every map of clusters. */
export type ClusterKey = string;

export interface ClusterResource {
  readonly key: ClusterKey;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly resourceVersion: string;
  /** Milliseconds since the epoch; undefined while it is not being deleted. */
  readonly deletedAt?: number;
  readonly finalizers: readonly string[];
  /** Parsed by `valkeyClusterSpecSchema`, defaults filled in. */
  readonly spec: ValkeyClusterSpec;
  /** What is wrong with the spec as stored (it passed an older schema, or the platform checks none): then `spec` is not to be acted on. */
  readonly specProblem?: string;
  readonly status: ValkeyClusterStatus;
}

export function clusterKey(namespace: string, name: string): ClusterKey {
  return `${namespace}/${name}`;
}
