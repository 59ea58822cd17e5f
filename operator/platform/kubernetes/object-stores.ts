/**
 * The local copies of all that the operator follows, and who is told of a change: the cluster that an object belongs to, and for a machine every
 * cluster with a pod on it. Also remembers what is gone, which a fence needs: the last state of a pod, and when a machine was last seen silent.
 */
import { LABELS } from '../../api/group.ts';
import { type ClusterKey, clusterKey } from '../../model/cluster.ts';
import { ownedSelector } from './build/metadata.ts';
import type { KubernetesClient } from './client.ts';
import { type GonePod, type HostHistory, isReady } from './fence.ts';
import {
  type KubernetesObject,
  type NodeObject,
  type PodObject,
  type ResourceType,
  resourceTypes,
  type SecretObject,
  type StatefulSetObject,
  type ValkeyClusterObject,
} from './objects.ts';
import { Reflector } from './reflector.ts';

/** More pods than this are not remembered after their end; the oldest go first. */
const mostGonePods = 2000;

export interface ObjectStoresOptions {
  readonly client: KubernetesClient;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly now: () => number;
  readonly onClusterChange: (key: ClusterKey) => void;
  readonly onError: (error: Error) => void;
}

export class ObjectStores {
  readonly clusters: Reflector<ValkeyClusterObject>;
  readonly statefulSets: Reflector<StatefulSetObject>;
  readonly pods: Reflector<PodObject>;
  readonly secrets: Reflector<SecretObject>;
  readonly nodes: Reflector<NodeObject>;
  /** Children by the plural of their type: what is applied and deleted. */
  readonly children: ReadonlyMap<string, Reflector<KubernetesObject>>;
  readonly #options: ObjectStoresOptions;
  readonly #gone = new Map<string, GonePod>();
  readonly #notReadyAt = new Map<string, number>();

  constructor(options: ObjectStoresOptions) {
    this.#options = options;
    const { client, namespace, onError } = options;
    const child = <T extends KubernetesObject>(
      type: ResourceType,
      also: (before: T | undefined, after: T | undefined) => void = () => {},
    ) =>
      new Reflector<T>({
        client,
        type,
        namespace,
        labelSelector: ownedSelector,
        onError,
        onChange: (before, after) => {
          also(before, after);
          this.#tellOwner(after ?? before);
        },
      });
    this.clusters = new Reflector({
      client,
      type: resourceTypes.valkeyCluster,
      namespace,
      onError,
      onChange: (before, after) => {
        const meta = (after ?? before)?.metadata;
        if (meta !== undefined) options.onClusterChange(clusterKey(meta.namespace ?? '', meta.name));
      },
    });
    this.statefulSets = child(resourceTypes.statefulSet);
    this.pods = child(resourceTypes.pod, (before, after) => this.#rememberPod(before, after));
    this.secrets = child(resourceTypes.secret);
    this.nodes = new Reflector({
      client,
      type: resourceTypes.node,
      onError,
      onChange: (before, after) => this.#followHost(before, after),
    });
    this.children = new Map<string, Reflector<KubernetesObject>>([
      // Written and deleted by the operator through the common shape; the typed views above read the same stores.
      [resourceTypes.statefulSet.plural, this.statefulSets as unknown as Reflector<KubernetesObject>],
      [resourceTypes.secret.plural, this.secrets as unknown as Reflector<KubernetesObject>],
      [resourceTypes.service.plural, child(resourceTypes.service)],
      [resourceTypes.podDisruptionBudget.plural, child(resourceTypes.podDisruptionBudget)],
      [resourceTypes.networkPolicy.plural, child(resourceTypes.networkPolicy)],
    ]);
  }

  /** Resolves when every copy is complete. Machines and pods first: no cluster is looked at without them. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.nodes.start(signal),
      this.pods.start(signal),
      ...[...this.children.values()].map(store => store.start(signal)),
    ]);
    await this.clusters.start(signal);
  }

  /** Children of one type that belong to the cluster. */
  childrenOf(plural: string, key: ClusterKey): KubernetesObject[] {
    return [...(this.children.get(plural)?.values() ?? [])].filter(object => ownerKey(object) === key);
  }

  /** What is known of a pod that is not there. Whoever was never seen counts as missed from the first question on. */
  gonePod(uid: string): GonePod {
    const known = this.#gone.get(uid);
    if (known !== undefined) return known;
    const first = { last: undefined, at: this.#options.now() };
    this.#gone.set(uid, first);
    return first;
  }

  hosts(): Map<string, HostHistory> {
    const entries = [...this.nodes.values()].map(
      node => [node.metadata.name, { node, notReadyAt: this.#notReadyAt.get(node.metadata.name) ?? 0 }] as const,
    );
    return new Map(entries);
  }

  #tellOwner(object: KubernetesObject | undefined): void {
    const key = object === undefined ? undefined : ownerKey(object);
    if (key !== undefined) this.#options.onClusterChange(key);
  }

  #rememberPod(before: PodObject | undefined, after: PodObject | undefined): void {
    if (before === undefined || before.metadata.uid === after?.metadata.uid) return;
    this.#gone.set(before.metadata.uid, { last: before, at: this.#options.now() });
    if (this.#gone.size > mostGonePods) this.#gone.delete(this.#gone.keys().next().value ?? '');
  }

  #followHost(before: NodeObject | undefined, after: NodeObject | undefined): void {
    const name = (after ?? before)?.metadata.name ?? '';
    if (after !== undefined && !isReady(after)) this.#notReadyAt.set(name, this.#options.now());
    // The moment at which it turned Ready again is the end of its silence.
    if (before !== undefined && !isReady(before)) this.#notReadyAt.set(name, this.#options.now());
    if (after === undefined) this.#notReadyAt.delete(name);
    if (hostState(before) === hostState(after)) return;
    for (const pod of this.pods.values()) if (pod.spec?.nodeName === name) this.#tellOwner(pod);
  }
}

function ownerKey(object: KubernetesObject): ClusterKey | undefined {
  const cluster = object.metadata.labels?.[LABELS.cluster];
  return cluster === undefined ? undefined : clusterKey(object.metadata.namespace ?? '', cluster);
}

/** What of a machine matters to a cluster; its heartbeats do not. */
function hostState(node: NodeObject | undefined): string {
  return node === undefined ? '' : JSON.stringify([isReady(node), node.spec?.unschedulable ?? false, node.spec?.taints ?? []]);
}
