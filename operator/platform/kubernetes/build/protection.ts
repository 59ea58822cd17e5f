/** What keeps others from harming a cluster: disruption budgets for each shard, and a network policy around the bus. */
import type { V1PodDisruptionBudget } from '@kubernetes/client-node';
import { BUS_PORT, CLIENT_PORT, LABELS } from '../../../api/group.ts';
import type { ClusterWorkloads } from '../../../model/workload.ts';
import { clusterLabels, nodeSelector, objectNames, type OwnedMetadata, ownedMetadata, shardSelector } from './metadata.ts';

export type PodDisruptionBudget = V1PodDisruptionBudget & { apiVersion: 'policy/v1'; kind: 'PodDisruptionBudget'; metadata: OwnedMetadata };
/** As it goes over the wire: the client library's type has `_from` for `from`. */
export interface NetworkPolicy {
  readonly apiVersion: 'networking.k8s.io/v1';
  readonly kind: 'NetworkPolicy';
  readonly metadata: OwnedMetadata;
  readonly spec: {
    readonly podSelector: LabelSelector;
    readonly policyTypes: readonly 'Ingress'[];
    readonly ingress: readonly {
      readonly ports: readonly { readonly port: number; readonly protocol: 'TCP' }[];
      readonly from?: readonly { readonly podSelector: LabelSelector }[];
    }[];
  };
}
interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
}

/**
 * A drain takes one replica of a shard at a time, and the next only when this one serves again. It takes no primary: the operator sees the cordon, hands the role over, and then the
 * pod is a replica's. An eviction obeys one budget only, so the two of a shard never select the same pod. Without replicas there is nobody to hand over to, and a drain must end.
 */
export function buildDisruptionBudgets(wanted: ClusterWorkloads): PodDisruptionBudget[] {
  if (wanted.podDisruptionBudget === 'Disabled') return [];
  const isPrimary = (operator: 'In' | 'NotIn') => [{ key: LABELS.role, operator, values: ['primary'] }];
  const budget = (name: string, shard: number, maxUnavailable: number, operator?: 'In' | 'NotIn'): PodDisruptionBudget => ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: ownedMetadata(wanted, name, clusterLabels(wanted.cluster)),
    spec: {
      maxUnavailable,
      selector: {
        matchLabels: shardSelector(wanted.cluster, shard),
        ...(operator === undefined ? {} : { matchExpressions: isPrimary(operator) }),
      },
    },
  });
  return wanted.shardIndexes.flatMap(shard => {
    const name = objectNames.disruptionBudget(wanted.cluster, shard);
    if (wanted.replicas === 0) return [budget(name, shard, 1)];
    return [budget(name, shard, 1, 'NotIn'), budget(objectNames.primaryBudget(wanted.cluster, shard), shard, 0, 'In')];
  });
}

/** The bus, which has no password, is for the cluster's own nodes; the client port is for whoever has one. */
export function buildNetworkPolicy(wanted: ClusterWorkloads): NetworkPolicy {
  const nodes = nodeSelector(wanted.cluster);
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: ownedMetadata(wanted, objectNames.networkPolicy(wanted.cluster), clusterLabels(wanted.cluster)),
    spec: {
      podSelector: { matchLabels: nodes },
      policyTypes: ['Ingress'],
      ingress: [
        { ports: [{ port: CLIENT_PORT, protocol: 'TCP' }] },
        { ports: [{ port: BUS_PORT, protocol: 'TCP' }], from: [{ podSelector: { matchLabels: nodes } }] },
      ],
    },
  };
}
