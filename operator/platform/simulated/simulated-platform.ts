/**
 * The platform port over a simulated place: clusters, pods and addresses as plain objects, processes of simulated nodes, faults at the call of a test. Time is virtual.
 *
 * Pods behave as on Kubernetes: a process that dies starts again in its pod under the same address, blank; a pod that is deleted is made anew with another address.
 * Where the cluster has persistence, the next process is the same node with all of its data instead.
 */
import { CLUSTER_FINALIZER } from '../../api/group.ts';
import type { ValkeyClusterStatus } from '../../api/valkey-cluster.ts';
import type { ClusterKey, ClusterResource } from '../../model/cluster.ts';
import type {
  ClusterWorkloads,
  FenceEvidence,
  FenceRequest,
  NodeAddress,
  NodeWorkload,
  WorkloadObservation,
} from '../../model/workload.ts';
import { announcedName } from '../../api/group.ts';
import type { ClusterEvent, ClusterListener, Platform } from '../port.ts';
import type { SimulatedNetwork } from './simulated-network.ts';
import { SimulatedNode } from './simulated-node.ts';
import type { VirtualClock } from './virtual-clock.ts';

const START_MS = 300;
const STOP_MS = 200;

export interface SimulatedPod {
  readonly uid: string;
  readonly revision: string;
  readonly image: string;
  address: NodeAddress;
  node: SimulatedNode | undefined;
  containerId: string | undefined;
  restarts: number;
  deletingSince: number | undefined;
  draining: boolean;
  readonly createdAt: number;
}

interface Workload {
  template: NodeWorkload;
  namespace: string;
  pod: SimulatedPod | undefined;
  deleting: boolean;
  /** What the last process left on its volume; undefined without persistence, and before there was one. */
  volume?: SimulatedNode;
}

export class SimulatedPlatform implements Platform {
  readonly kind = 'simulated';
  readonly defaultImage = 'simulated';
  readonly events: (ClusterEvent & { readonly key: ClusterKey })[] = [];
  statusWrites = 0;
  /** Images whose processes never come up. */
  readonly brokenImages = new Set<string>();
  /** Nodes for which there is no machine. */
  readonly brokenNodes = new Set<string>();
  readonly #clock: VirtualClock;
  readonly #network: SimulatedNetwork;
  readonly #random: () => number;
  readonly #clusters = new Map<ClusterKey, ClusterResource>();
  readonly #workloads = new Map<ClusterKey, Map<string, Workload>>();
  #listeners: ClusterListener[] = [];
  #nextAddress = 1;
  #nextUid = 1;

  constructor(clock: VirtualClock, network: SimulatedNetwork, random: () => number) {
    this.#clock = clock;
    this.#network = network;
    this.#random = random;
  }

  // What a test does.

  apply(cluster: Pick<ClusterResource, 'key' | 'namespace' | 'name' | 'spec'>): void {
    const before = this.#clusters.get(cluster.key);
    const fresh = { uid: `uid-${cluster.key}`, finalizers: [], status: {} };
    this.#clusters.set(cluster.key, { ...fresh, ...before, ...cluster, generation: (before?.generation ?? 0) + 1, resourceVersion: '1' });
    this.#announce(cluster.key);
  }

  requestDeletion(key: ClusterKey): void {
    this.#change(key, { deletedAt: this.#clock.now() });
  }

  podOf(key: ClusterKey, name: string): SimulatedPod | undefined {
    return this.#workloads.get(key)?.get(name)?.pod;
  }

  pod(key: ClusterKey, name: string): SimulatedPod {
    const pod = this.podOf(key, name);
    if (pod === undefined) throw new Error(`There is no pod ${name}`);
    return pod;
  }

  /** The process dies and starts again in its pod. */
  killProcess(key: ClusterKey, name: string): void {
    const pod = this.pod(key, name);
    this.#stopProcess(key, name);
    pod.restarts++;
    this.#start(key, name, pod);
    this.#announce(key);
  }

  /** The pod goes at once and another one comes, at `address` or a new one. */
  replacePod(key: ClusterKey, name: string, address?: NodeAddress): void {
    const workload = this.#workloads.get(key)?.get(name);
    if (workload?.pod === undefined) return;
    this.#stopProcess(key, name);
    this.#createPod(key, workload, address);
  }

  /** The machine below the pod is being drained: no new pods come to it. */
  drain(key: ClusterKey, name: string): void {
    this.pod(key, name).draining = true;
    this.#announce(key);
  }

  // The port.

  watch(listener: ClusterListener, signal: AbortSignal): Promise<void> {
    this.#listeners.push(listener);
    signal.addEventListener('abort', () => (this.#listeners = this.#listeners.filter(other => other !== listener)));
    for (const key of this.#clusters.keys()) listener(key);
    return Promise.resolve();
  }

  cluster(key: ClusterKey): ClusterResource | undefined {
    return this.#clusters.get(key);
  }

  clusterKeys(): readonly ClusterKey[] {
    return [...this.#clusters.keys()];
  }

  setFinalizer(key: ClusterKey, finalizer: string, present: boolean): Promise<void> {
    const others = (this.#clusters.get(key)?.finalizers ?? []).filter(other => other !== finalizer);
    this.#change(key, { finalizers: present ? [...others, finalizer] : others });
    if (!present && finalizer === CLUSTER_FINALIZER && this.#clusters.get(key)?.deletedAt !== undefined) this.#clusters.delete(key);
    return Promise.resolve();
  }

  writeStatus(key: ClusterKey, status: ValkeyClusterStatus): Promise<void> {
    this.statusWrites++;
    this.#change(key, { status });
    return Promise.resolve();
  }

  drift(wanted: ClusterWorkloads): Promise<readonly string[]> {
    const existing = this.#workloads.get(wanted.key);
    return Promise.resolve(
      wanted.nodes.filter(node => existing?.get(node.name)?.template.revision !== node.revision).map(node => `node ${node.name}`),
    );
  }

  async applyWorkloads(wanted: ClusterWorkloads): Promise<readonly string[]> {
    const did = await this.drift(wanted);
    const workloads = this.#workloads.get(wanted.key) ?? new Map<string, Workload>();
    this.#workloads.set(wanted.key, workloads);
    for (const template of wanted.nodes) {
      const existing = workloads.get(template.name);
      if (existing !== undefined) existing.template = template;
      else {
        const created: Workload = { template, namespace: wanted.namespace, pod: undefined, deleting: false };
        workloads.set(template.name, created);
        this.#createPod(wanted.key, created);
      }
    }
    return did;
  }

  observeWorkloads(key: ClusterKey): Promise<readonly WorkloadObservation[]> {
    return Promise.resolve(
      [...(this.#workloads.get(key) ?? new Map<string, Workload>()).values()]
        .map(workload => this.#observe(workload))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    );
  }

  deleteNode(key: ClusterKey, nodeName: string): Promise<void> {
    const workload = this.#workloads.get(key)?.get(nodeName);
    if (workload === undefined) return Promise.resolve();
    workload.deleting = true;
    this.#clock.after(STOP_MS, () => {
      this.#stopProcess(key, nodeName);
      this.#workloads.get(key)?.delete(nodeName);
      this.#announce(key);
    });
    return Promise.resolve();
  }

  restartNode(key: ClusterKey, nodeName: string, podUid: string): Promise<void> {
    const workload = this.#workloads.get(key)?.get(nodeName);
    if (workload?.pod?.uid !== podUid || workload.pod.deletingSince !== undefined) return Promise.resolve();
    workload.pod.deletingSince = this.#clock.now();
    this.#clock.after(STOP_MS, () => this.replacePod(key, nodeName));
    this.#announce(key);
    return Promise.resolve();
  }

  deleteAll(key: ClusterKey): Promise<readonly string[]> {
    const names = [...(this.#workloads.get(key)?.keys() ?? [])];
    for (const name of names) void this.deleteNode(key, name);
    return Promise.resolve(names);
  }

  fence({ key, nodeName, podUid, containerId }: FenceRequest): Promise<FenceEvidence> {
    const pod = this.#workloads.get(key)?.get(nodeName)?.pod;
    const runs = pod?.uid === podUid && pod.node !== undefined && (containerId === undefined || pod.containerId === containerId);
    if (!runs) return Promise.resolve({ fenced: true, reason: 'ContainerTerminated', detail: `the process of ${nodeName} has ended` });
    const cut = pod.node !== undefined && this.#network.partitioned.has(pod.node);
    return Promise.resolve({
      fenced: false,
      reason: cut ? 'NodeUnreachable' : 'Running',
      detail: cut ? 'its machine does not answer' : 'it runs',
    });
  }

  password(): Promise<string | undefined> {
    return Promise.resolve('secret');
  }

  connection(wanted: ClusterWorkloads): { readonly host: string; readonly port: number } {
    return { host: wanted.cluster, port: 6379 };
  }

  recordEvent(key: ClusterKey, event: ClusterEvent): void {
    this.events.push({ ...event, key });
  }

  lead(work: (leading: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    return work(signal);
  }

  #createPod(key: ClusterKey, workload: Workload, address?: NodeAddress): void {
    const { template } = workload;
    const pod: SimulatedPod = {
      uid: `pod-${this.#nextUid++}`,
      revision: template.revision,
      image: template.image,
      address: address ?? this.#newAddress(),
      node: undefined,
      containerId: undefined,
      restarts: 0,
      deletingSince: undefined,
      draining: false,
      createdAt: this.#clock.now(),
    };
    workload.pod = pod;
    this.#start(key, template.name, pod);
    this.#announce(key);
  }

  #newAddress(): NodeAddress {
    const n = this.#nextAddress++;
    return { host: `10.0.${n >> 8}.${n & 255}`, port: 6379, busPort: 16379 };
  }

  #start(key: ClusterKey, name: string, pod: SimulatedPod): void {
    if (this.brokenImages.has(pod.image) || this.brokenNodes.has(name)) return;
    this.#clock.after(START_MS * (0.5 + this.#random()), () => {
      const workload = this.#workloads.get(key)?.get(name);
      if (workload?.pod !== pod || pod.node !== undefined) return;
      const { volume } = workload;
      const id = volume?.nodeId ?? Array.from({ length: 40 }, () => Math.floor(this.#random() * 16).toString(16)).join('');
      const config = new Map(workload.template.directives.map(line => [line.name, line.args.join(' ')] as const));
      pod.node = new SimulatedNode(id, announcedName(workload.namespace, name), pod.address, config);
      pod.node.ownServer = pod.image.startsWith('slotkeeper');
      if (volume !== undefined) pod.node.restore(volume);
      pod.containerId = `container-${this.#nextUid++}`;
      this.#network.attach(pod.node);
      this.#announce(key);
    });
  }

  #stopProcess(key: ClusterKey, name: string): void {
    const workload = this.#workloads.get(key)?.get(name);
    const pod = workload?.pod;
    if (workload === undefined || pod?.node === undefined) return;
    this.#network.detach(pod.node);
    if (workload.template.persistent === true) workload.volume = pod.node;
    pod.node = undefined;
  }

  #observe({ template, pod, deleting }: Workload): WorkloadObservation {
    const base = { name: template.name, shard: template.shard, index: template.index, templateRevision: template.revision, deleting };
    if (pod === undefined) return base;
    return {
      ...base,
      pod: {
        uid: pod.uid,
        ...(pod.containerId === undefined ? {} : { containerId: pod.containerId }),
        revision: pod.revision,
        image: pod.image,
        process:
          pod.node !== undefined
            ? { kind: 'running', startedAt: pod.createdAt }
            : {
                kind: 'waiting',
                ...this.#whyWaiting(template.name, pod),
              },
        restartCount: pod.restarts,
        ready: pod.node !== undefined,
        address: pod.address,
        hostUnschedulable: pod.draining,
        hostReady: true,
        ...(pod.deletingSince === undefined ? {} : { deletingSince: pod.deletingSince }),
        createdAt: pod.createdAt,
      },
    };
  }

  #whyWaiting(name: string, pod: SimulatedPod): { readonly reason: string; readonly message: string } {
    if (this.brokenImages.has(pod.image)) return { reason: 'ImagePullBackOff', message: `cannot pull ${pod.image}` };
    if (this.brokenNodes.has(name)) return { reason: 'Unschedulable', message: 'no machine has room' };
    return { reason: 'ContainerCreating', message: '' };
  }

  #change(key: ClusterKey, fields: Partial<ClusterResource>): void {
    const cluster = this.#clusters.get(key);
    if (cluster === undefined) return;
    this.#clusters.set(key, { ...cluster, ...fields, resourceVersion: String(Number(cluster.resourceVersion) + 1) });
    this.#announce(key);
  }

  #announce(key: ClusterKey): void {
    for (const listener of this.#listeners) listener(key);
  }
}
