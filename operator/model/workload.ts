/**
 * Node workloads, wanted and observed, in words that no platform owns. On Kubernetes a workload is a StatefulSet of one pod; locally a folder and a child process.
 */
import type { ClusterKey } from './cluster.ts';
import type { ValkeyClusterSpec } from '../api/valkey-cluster.ts';

/** One line of valkey.conf: the name and its arguments, unquoted. */
export interface DirectiveLine {
  readonly name: string;
  readonly args: readonly string[];
}

/**
 * One node that should run. The platform adds what depends on it: `port`, `cluster-port`, `bind`, `dir`, `cluster-announce-ip`, `logfile`, `protected-mode no`,
 * and from the password Secret `requirepass` and `primaryauth`. Without `persistent` the node keeps its data in the container's own layer: when its process ends,
 * `dir` is emptied. With it, `dir` lies on a volume that stays with the workload: data and identity live and die together either way.
 */
export interface NodeWorkload {
  /** `<cluster>-<shard>-<index>` */
  readonly name: string;
  readonly shard: number;
  readonly index: number;
  readonly image: string;
  /** In the order of the command line; a later line wins over an earlier one. */
  readonly directives: readonly DirectiveLine[];
  readonly persistent?: true;
  /** Changes exactly when the running process has to be restarted for this description; stands on the pod as label `slotkeeper.dev/revision`. */
  readonly revision: string;
}

/** All that one cluster should have in the place it runs in; the platform turns it into its own objects. */
export interface ClusterWorkloads {
  readonly key: ClusterKey;
  readonly namespace: string;
  readonly cluster: string;
  readonly uid: string;
  readonly generation: number;
  readonly nodes: readonly NodeWorkload[];
  /** Shards as the spec wants them; `shardIndexes` may hold more while some still have slots to give away. */
  readonly shards: number;
  /** Shards whose nodes should run, in order. */
  readonly shardIndexes: readonly number[];
  readonly replicas: number;
  readonly resources: NonNullable<ValkeyClusterSpec['resources']>;
  readonly scheduling: NonNullable<ValkeyClusterSpec['scheduling']>;
  /** One budget a shard (`maxUnavailable: 1`), or none. */
  readonly podDisruptionBudget: 'Managed' | 'Disabled';
  readonly terminationGracePeriodSeconds: number;
  /** Where the password is; the platform generates it when `generate` is true and the Secret is not there. */
  readonly password: { readonly secretName: string; readonly key: string; readonly generate: boolean };
  readonly connectionSecretName: string;
  /** A volume for each node. */
  readonly persistence?: NonNullable<ValkeyClusterSpec['persistence']>;
}

/** Life of the process in a workload's pod (on Kubernetes, of its one container). */
export type ProcessState =
  /** `reason` as the platform names it: ContainerCreating, ImagePullBackOff, CrashLoopBackOff, Unschedulable, Evicted … */
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  | { readonly kind: 'running'; readonly startedAt: number }
  | { readonly kind: 'terminated'; readonly reason: string; readonly message: string; readonly exitCode: number };

export interface PodObservation {
  readonly uid: string;
  /** Identifies one process: it changes when the container restarts in place. Undefined until there has been one. */
  readonly containerId?: string;
  readonly revision: string;
  readonly image: string;
  readonly process: ProcessState;
  /** How the previous process of this pod ended, when it was restarted in place (OOMKilled, Error …). */
  readonly lastTermination?: { readonly reason: string; readonly exitCode: number; readonly message: string; readonly at: number };
  readonly restartCount: number;
  /** The platform's readiness probe says yes. */
  readonly ready: boolean;
  /** Where the operator and the other nodes reach it; undefined until it has an address. */
  readonly address?: NodeAddress;
  /** The machine it was placed on. */
  readonly hostNode?: string;
  /** The machine takes no new pods (cordoned) or is being drained: the primary role should leave it. */
  readonly hostUnschedulable: boolean;
  /** The machine is not answering (NotReady) or gone. */
  readonly hostReady: boolean;
  /** Set when it is being deleted or evicted: it is on its way down. */
  readonly deletingSince?: number;
  readonly createdAt: number;
}

export interface NodeAddress {
  /** An IP address: CLUSTER MEET takes nothing else. */
  readonly host: string;
  readonly port: number;
  readonly busPort: number;
}

/** What exists for one node name, wanted or left over. */
export interface WorkloadObservation {
  readonly name: string;
  readonly shard: number;
  readonly index: number;
  /** Revision that the workload's template carries: what the next pod will have. */
  readonly templateRevision: string;
  /** The workload itself is being deleted. */
  readonly deleting: boolean;
  readonly pod?: PodObservation;
}

/** Which process is to be proven dead. */
export interface FenceRequest {
  readonly key: ClusterKey;
  readonly nodeName: string;
  readonly podUid: string;
  /** Undefined: every process of the pod. */
  readonly containerId?: string;
}

/** Proof, or the lack of it, that a process can no longer accept a write. `detail` is for a human. */
export type FenceEvidence =
  | {
      readonly fenced: true;
      readonly reason: 'ContainerTerminated' | 'PodSucceededOrFailed' | 'NodeGone' | 'NodeOutOfService' | 'PodAbsent';
      readonly detail: string;
    }
  | { readonly fenced: false; readonly reason: 'Running' | 'NodeUnreachable' | 'AbsentTooShort' | 'Unknown'; readonly detail: string };
