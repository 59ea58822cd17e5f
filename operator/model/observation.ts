/**
 * Observation: all that a plan may know about one cluster, gathered at one moment. Plain data; `at` is its time.
 *
 * Two views meet in it: what the platform says of workloads and pods, and what every node that answers says of itself and of the cluster.
 */
import type { ClusterResource } from './cluster.ts';
import type { NodeSample } from './node-sample.ts';
import type { ClusterWorkloads, FenceEvidence, WorkloadObservation } from './workload.ts';
import type { SlotRange } from '../../lib/slot-ranges.ts';

export interface Observation {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly cluster: ClusterResource;
  readonly wanted: ClusterWorkloads;
  readonly workloads: readonly WorkloadObservation[];
  /** What `applyWorkloads` would change. */
  readonly drift: readonly string[];
  readonly passwordAvailable: boolean;
  readonly connection: { readonly host: string; readonly port: number; readonly secretName?: string };
  /** By node name: one for each workload whose pod has an address and a running process. */
  readonly nodes: ReadonlyMap<string, NodeObservation>;
  /** By node name: what primaries have counted, of those only that were asked in this turn. */
  readonly samples: ReadonlyMap<string, NodeSample>;
  /** By node id of a failed primary: can it still write? Asked only where a promotion may need it. */
  readonly fences: ReadonlyMap<string, FenceEvidence>;
}

export type NodeObservation =
  | { readonly reachable: true; readonly view: NodeView }
  | {
      readonly reachable: false;
      readonly problem: NodeProblem;
      readonly message: string;
      /** Of a node that loads what its primary sends: it answers little else. */
      readonly sync?: SyncProgress;
    };

export type NodeProblem = 'refused' | 'timeout' | 'closed' | 'authentication' | 'loading' | 'protocol' | 'error';

/** What one node says. */
export interface NodeView {
  readonly nodeId: string;
  /** `cluster-announce-human-nodename`. */
  readonly announcedName: string;
  readonly version: string;
  /** Slotkeeper's own server or Valkey's. */
  readonly server: 'slotkeeper' | 'valkey';
  /** It writes an append-only file. */
  readonly appendOnly: boolean;
  readonly runId: string;
  readonly role: 'primary' | 'replica';
  readonly configEpoch: number;
  readonly currentEpoch: number;
  /** `cluster_state:ok`. */
  readonly clusterOk: boolean;
  readonly keys: number;
  /** Replication offset: of a primary its own, of a replica what it has applied. */
  readonly offset: number;
  /** Of a replica: its link to its primary. */
  readonly replication?: ReplicaLink;
  readonly loading: boolean;
  /** Lines of CLUSTER NODES, its own among them. */
  readonly peers: readonly PeerView[];
  /** Values of the directives that are applied without a restart, as CONFIG GET tells them. */
  readonly liveConfig: ReadonlyMap<string, string>;
  readonly memory: NodeMemory;
  /** Slot migrations that it takes or took part in, newest first; undefined when the server does not know them. */
  readonly migrations?: readonly SlotMigration[];
}

export interface NodeMemory {
  readonly usedBytes: number;
  /** What it used when it had started: no data. */
  readonly startupBytes: number;
  /** `maxmemory`; 0: no limit. */
  readonly limitBytes: number;
}

/** One entry of CLUSTER GETSLOTMIGRATIONS. */
export interface SlotMigration {
  /** The same on both sides. */
  readonly name: string;
  readonly operation: 'import' | 'export';
  readonly ranges: readonly SlotRange[];
  /** Both are undefined for what a replica only follows. */
  readonly sourceId?: string;
  readonly targetId?: string;
  /** As the server names it: `snapshotting`, `failover-paused` … */
  readonly state: string;
  readonly outcome: 'running' | 'success' | 'cancelled' | 'failed';
  /** Why it failed, in the server's words; often empty. */
  readonly message: string;
}

/** How far a full sync has come. */
export interface SyncProgress {
  readonly readBytes: number;
  /** 0 = the primary does not say. */
  readonly totalBytes: number;
  /** Keys that are loaded. */
  readonly keys: number;
}

export interface ReplicaLink {
  readonly up: boolean;
  readonly syncing: boolean;
  /** While `syncing`. */
  readonly sync?: SyncProgress;
  readonly primaryHost: string;
  readonly primaryPort: number;
  /** Seconds since the link was lost; 0 when up. */
  readonly downSeconds: number;
}

/** One line of CLUSTER NODES: a node as another node sees it. */
export interface PeerView {
  readonly nodeId: string;
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
  readonly hostname?: string;
  readonly myself: boolean;
  readonly role: 'primary' | 'replica' | 'unknown';
  /** `pfail`: suspected by this node alone; `fail`: by the majority. */
  readonly health: 'ok' | 'pfail' | 'fail';
  readonly handshake: boolean;
  readonly noAddress: boolean;
  readonly primaryId?: string;
  readonly configEpoch: number;
  readonly linkConnected: boolean;
  /** Owned slots as ranges, both ends included. */
  readonly slots: readonly SlotRange[];
  readonly migrating: boolean;
}
