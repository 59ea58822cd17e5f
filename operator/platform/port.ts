/**
 * What the operator needs from the place it runs in. Kubernetes stands behind it in production, child processes on loopback for `slotkeeper up`, a simulated world in tests.
 *
 * Rules for every implementation:
 * - reads (`cluster`, `observeWorkloads`, `drift`) come from what a watch keeps up to date, and cost no request in a steady state;
 * - writes may be repeated and do nothing the second time; what is gone already is a success of a deletion;
 * - a failure is a `PlatformError`; `transient` says that a later try may succeed and nothing needs to be told to the user yet.
 */
import type { ClusterKey, ClusterResource } from '../model/cluster.ts';
import type { ClusterWorkloads, FenceEvidence, FenceRequest, WorkloadObservation } from '../model/workload.ts';
import type { ValkeyClusterStatus } from '../api/valkey-cluster.ts';

export type PlatformErrorCode = 'NotFound' | 'Conflict' | 'Forbidden' | 'Invalid' | 'Unavailable' | 'Unknown';

export class PlatformError extends Error {
  override readonly name = 'PlatformError';
  readonly code: PlatformErrorCode;
  readonly transient: boolean;
  constructor(code: PlatformErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.transient = code === 'Conflict' || code === 'Unavailable';
  }
}

/** One decision or happening, told once. On Kubernetes an Event of events.k8s.io/v1 about the ValkeyCluster. */
export interface ClusterEvent {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, such as `PrimaryHandedOver`. */
  readonly reason: string;
  /** A sentence for a human; at most 1 KiB is shown. */
  readonly note: string;
}

/** Called with the key of a cluster that changed: its own object, one of its children, a machine that one of its pods is on. May be called too often, never too rarely. */
export type ClusterListener = (key: ClusterKey) => void;

export interface Platform {
  readonly kind: 'kubernetes' | 'local' | 'simulated';
  /** The image of nodes whose spec names none. */
  readonly defaultImage: string;

  /**
   * Starts to follow the world and resolves when the first picture is complete; then `listener` was called for every cluster there is.
   * Follows until `signal` aborts. A cluster that disappears is announced too (`cluster` then returns undefined).
   */
  watch(listener: ClusterListener, signal: AbortSignal): Promise<void>;

  /** The cluster as last seen; undefined when there is none of this key. */
  cluster(key: ClusterKey): ClusterResource | undefined;
  clusterKeys(): readonly ClusterKey[];

  setFinalizer(key: ClusterKey, finalizer: string, present: boolean): Promise<void>;
  /** Replaces the status. The caller writes only what differs. After it resolves, `cluster(key).status` is this or newer. */
  writeStatus(key: ClusterKey, status: ValkeyClusterStatus): Promise<void>;

  /** What `applyWorkloads(wanted)` would create or change, one entry an object such as "StatefulSet shop-0-1: image"; empty when nothing. Never counts nodes that are not wanted. */
  drift(wanted: ClusterWorkloads): Promise<readonly string[]>;
  /**
   * Creates and updates the workloads, Service, connection Secret, budgets and network policy. Never restarts a running node, never removes one.
   * @returns what it did, one entry an object.
   */
  applyWorkloads(wanted: ClusterWorkloads): Promise<readonly string[]>;
  /** Every node workload that exists for the cluster, wanted or not, in order of name. */
  observeWorkloads(key: ClusterKey): Promise<readonly WorkloadObservation[]>;

  /** Removes a workload and its pod, which gets its grace period. */
  deleteNode(key: ClusterKey, nodeName: string): Promise<void>;
  /** Ends the pod gracefully, so that the workload makes a new one by its template. Does nothing when the pod of the workload is not `podUid` any more. */
  restartNode(key: ClusterKey, nodeName: string, podUid: string): Promise<void>;
  /** Begins to remove all that belongs to the cluster; resolves with what is still there, empty when all is gone. */
  deleteAll(key: ClusterKey): Promise<readonly string[]>;

  fence(request: FenceRequest): Promise<FenceEvidence>;

  /** The password of the cluster; undefined when its Secret is missing (the generated one: until `applyWorkloads` made it) or lacks the key. */
  password(wanted: ClusterWorkloads): Promise<string | undefined>;
  /** Where applications of this place connect. */
  connection(wanted: ClusterWorkloads): { readonly host: string; readonly port: number; readonly secretName?: string };

  recordEvent(key: ClusterKey, event: ClusterEvent): void;

  /**
   * Runs `work` while this process holds the leadership; its signal aborts when the lease is lost or `signal` aborts. Resolves when `signal` has aborted and `work` has ended;
   * rejects when the lease was lost (the process should end: another one leads).
   */
  lead(work: (leading: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>;
}
