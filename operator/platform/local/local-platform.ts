/**
 * The platform port over child processes and folders on this machine: what stands under `slotkeeper up`.
 *
 * One cluster, given when it is made. Its status lives in memory: what the nodes say tells all of it again at the next start.
 * The state folder keeps its uid. Passwords are not generated: the nodes listen on loopback only, as a plain valkey-server would.
 * Who wants one puts a Secret into the manifest and names it in spec.auth.passwordSecret.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ValkeyClusterSpec, ValkeyClusterStatus } from '../../api/valkey-cluster.ts';
import { type ClusterKey, type ClusterResource, clusterKey } from '../../model/cluster.ts';
import type { ClusterWorkloads, FenceEvidence, FenceRequest, NodeWorkload, WorkloadObservation } from '../../model/workload.ts';
import { type ClusterEvent, type ClusterListener, type Platform, PlatformError } from '../port.ts';
import { LocalNode } from './local-node.ts';
import { LOOPBACK, nodePort } from './loopback.ts';
import { Reaper } from './reaper.ts';
import { LOCAL_IMAGE } from './server-program.ts';
import type { StateFolder } from './state-folder.ts';

/** A Secret of the manifest: its keys and values as text. */
export type LocalSecret = { readonly name: string; readonly data: ReadonlyMap<string, string> };

export type LocalPlatformOptions = {
  readonly namespace: string;
  readonly name: string;
  readonly spec: ValkeyClusterSpec;
  readonly secrets: readonly LocalSecret[];
  readonly folder: StateFolder;
  readonly firstPort: number;
  readonly serverBinary: string | undefined;
  readonly onEvent: (event: ClusterEvent) => void;
  /** The status was written, or a process changed. */
  readonly onChanged: () => void;
};

/** What is kept in the state folder. */
type StoredObjects = {
  readonly uid: string;
  /** Where their number follows the load: shards that may hold data. All of them are started again, and then it is decided anew. */
  readonly shards?: number;
};

const STOP_GRACE_MS = 2_000;

export class LocalPlatform implements Platform {
  readonly kind = 'local';
  readonly defaultImage = LOCAL_IMAGE;
  readonly #options: LocalPlatformOptions;
  readonly #nodes = new Map<string, LocalNode>();
  readonly #reaper = new Reaper();
  readonly #key: ClusterKey;
  #objects: StoredObjects;
  #cluster: ClusterResource;
  #listener: ClusterListener = () => {};
  #password = '';
  #graceMs = 30_000;
  #stopped = false;

  constructor(options: LocalPlatformOptions) {
    this.#options = options;
    this.#key = clusterKey(options.namespace, options.name);
    const objects = parseObjects(options.folder.readObjects()) ?? { uid: randomUUID() };
    options.folder.writeObjects(objects);
    this.#objects = objects;
    const { namespace, name, spec } = options;
    this.#cluster = {
      key: this.#key,
      namespace,
      name,
      uid: objects.uid,
      generation: 1,
      resourceVersion: '1',
      finalizers: [],
      spec,
      status: statusAtStart(spec, objects),
    };
  }

  async watch(listener: ClusterListener, signal: AbortSignal): Promise<void> {
    this.#listener = listener;
    signal.addEventListener('abort', () => {
      this.#listener = () => {};
    });
    listener(this.#key);
  }

  cluster(key: ClusterKey): ClusterResource | undefined {
    return key === this.#key ? this.#cluster : undefined;
  }

  clusterKeys(): readonly ClusterKey[] {
    return [this.#key];
  }

  async setFinalizer(key: ClusterKey, finalizer: string, present: boolean): Promise<void> {
    this.#expect(key);
    const others = this.#cluster.finalizers.filter(name => name !== finalizer);
    this.#change({ finalizers: present ? [...others, finalizer] : others });
  }

  async writeStatus(key: ClusterKey, status: ValkeyClusterStatus): Promise<void> {
    this.#expect(key);
    this.#rememberShards(status);
    this.#change({ status });
  }

  async drift(wanted: ClusterWorkloads): Promise<readonly string[]> {
    return wanted.nodes.flatMap(node => {
      const existing = this.#nodes.get(node.name);
      if (existing === undefined) return [`node ${node.name}: missing`];
      return isDeepStrictEqual(existing.template, node) ? [] : [`node ${node.name}: ${changedParts(existing.template, node).join(', ')}`];
    });
  }

  async applyWorkloads(wanted: ClusterWorkloads): Promise<readonly string[]> {
    if (this.#stopped) return [];
    const did = await this.drift(wanted);
    this.#graceMs = wanted.terminationGracePeriodSeconds * 1_000;
    this.#password = this.#findPassword(wanted) ?? '';
    for (const node of wanted.nodes) {
      const existing = this.#nodes.get(node.name);
      if (existing === undefined) this.#nodes.set(node.name, this.#startNode(node));
      else existing.setTemplate(node);
    }
    if (did.length > 0) this.#announce();
    return did;
  }

  async observeWorkloads(key: ClusterKey): Promise<readonly WorkloadObservation[]> {
    return key === this.#key ? this.workloads() : [];
  }

  /** Every node of this machine in order of shard and index; `observeWorkloads` without a promise, for the status view. */
  workloads(): readonly WorkloadObservation[] {
    return [...this.#nodes.values()].map(node => node.observe()).toSorted((a, b) => a.shard - b.shard || a.index - b.index);
  }

  async deleteNode(key: ClusterKey, nodeName: string): Promise<void> {
    this.#expect(key);
    this.#removeNode(nodeName, this.#graceMs).catch(() => {});
  }

  async restartNode(key: ClusterKey, nodeName: string, podUid: string): Promise<void> {
    this.#expect(key);
    this.#nodes.get(nodeName)?.restart(podUid, this.#graceMs);
  }

  async deleteAll(key: ClusterKey): Promise<readonly string[]> {
    this.#expect(key);
    const names = [...this.#nodes.keys()];
    for (const name of names) this.#removeNode(name, this.#graceMs).catch(() => {});
    return names.map(name => `node ${name}`);
  }

  async fence(request: FenceRequest): Promise<FenceEvidence> {
    const runs = this.#nodes.get(request.nodeName)?.runs(request.podUid, request.containerId) ?? false;
    return runs
      ? { fenced: false, reason: 'Running', detail: `the process of ${request.nodeName} still runs` }
      : { fenced: true, reason: 'ContainerTerminated', detail: `the process of ${request.nodeName} has ended` };
  }

  async password(wanted: ClusterWorkloads): Promise<string | undefined> {
    return this.#findPassword(wanted);
  }

  connection(_wanted: ClusterWorkloads): { readonly host: string; readonly port: number } {
    return { host: LOOPBACK, port: this.#options.firstPort };
  }

  recordEvent(key: ClusterKey, event: ClusterEvent): void {
    if (key === this.#key) this.#options.onEvent(event);
  }

  async lead(work: (leading: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    await work(signal);
  }

  /**
   * Ends every node and gives the state folder back. Those that do not end in time are ended with SIGKILL: after two seconds, or after their grace period where
   * they have data to save.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    const graceMs = this.#cluster.spec.persistence === undefined ? STOP_GRACE_MS : this.#graceMs;
    await Promise.all([...this.#nodes.values()].map(node => node.stop(graceMs)));
    this.#nodes.clear();
    this.#announce();
    this.#reaper.close();
    this.#options.folder.release();
  }

  #rememberShards({ autoscaling, shards: rows = [] }: ValkeyClusterStatus): void {
    if (autoscaling === undefined) return;
    const shards = Math.max(autoscaling.targetShards, ...rows.filter(row => row.slots !== '').map(row => row.index + 1));
    if (this.#objects.shards === shards) return;
    this.#objects = { ...this.#objects, shards };
    this.#options.folder.writeObjects(this.#objects);
  }

  #startNode(node: NodeWorkload): LocalNode {
    const { folder, firstPort, serverBinary, spec } = this.#options;
    return new LocalNode(node, {
      port: nodePort(firstPort, spec.shards, node),
      folder: folder.nodeFolder(node.name),
      logFile: folder.logFile(node.name),
      serverBinary,
      password: () => this.#password,
      onStarted: identity => {
        this.#reaper.add(identity.pid);
        folder.recordProcess(identity);
      },
      onEnded: pid => {
        this.#reaper.remove(pid);
        folder.forgetProcess(pid);
      },
      onChanged: () => this.#announce(),
    });
  }

  async #removeNode(name: string, graceMs: number): Promise<void> {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    await node.delete(graceMs);
    if (this.#nodes.get(name) === node) this.#nodes.delete(name);
    this.#announce();
  }

  #findPassword({ password }: ClusterWorkloads): string | undefined {
    if (password.generate) return '';
    return this.#options.secrets.find(secret => secret.name === password.secretName)?.data.get(password.key);
  }

  #change(fields: Partial<ClusterResource>): void {
    this.#cluster = { ...this.#cluster, ...fields, resourceVersion: String(Number(this.#cluster.resourceVersion) + 1) };
    this.#announce();
  }

  #announce(): void {
    this.#listener(this.#key);
    this.#options.onChanged();
  }

  #expect(key: ClusterKey): void {
    if (key !== this.#key) throw new PlatformError('NotFound', `There is no ValkeyCluster ${key} here`);
  }
}

function changedParts(before: NodeWorkload, after: NodeWorkload): readonly string[] {
  return (['image', 'directives', 'revision', 'shard', 'index'] as const).filter(part => !isDeepStrictEqual(before[part], after[part]));
}

function parseObjects(value: unknown): StoredObjects | undefined {
  if (typeof value !== 'object' || value === null || !('uid' in value) || typeof value.uid !== 'string') return undefined;
  const shards = 'shards' in value && Number.isSafeInteger(value.shards) ? Number(value.shards) : undefined;
  return { uid: value.uid, ...(shards === undefined ? {} : { shards }) };
}

/** Nodes that keep their data must all be there again, however many shards there were. */
function statusAtStart({ autoscaling, persistence }: ValkeyClusterSpec, { shards }: StoredObjects): ValkeyClusterStatus {
  if (autoscaling === undefined || persistence === undefined || shards === undefined) return {};
  return { autoscaling: { targetShards: shards, wantedShards: shards, reason: 'StaleStatistics' } };
}
