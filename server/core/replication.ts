/**
 * What the other parts need of replication: the role of this node, its stream and its replicas, and what the commands of the replication
 * family hand over to it. Implemented by `replication/replication.ts`.
 */

import type { Session } from './session.ts';
import type { StreamPosition } from './snapshots.ts';

export type Role = 'primary' | 'replica';

export interface ReplicationPort {
  readonly role: Role;
  readonly primaryHost: string;
  readonly primaryPort: number;
  readonly linkUp: boolean;
  /** Offset of the stream that this node has produced or applied. */
  readonly offset: number;
  readonly replicationId: string;
  /** Where the data stand in their stream, for a file of them; undefined when nobody could go on from there. */
  position(): StreamPosition | undefined;
  /**
   * The data come from a file that stands at this point of a stream. As a replica this node can go on from there; as a primary it begins a
   * stream of its own whose past that point is, so that replicas which are not beyond it can go on.
   */
  restore(position: StreamPosition, as: Role): void;
  /** On: no replica is fed, because this primary may have less of the data than they have. Off: they are served as a primary's or a replica's. */
  standAside(on: boolean): void;
  /** While it stands aside: who has the stream up to `offset` is to take over, and is let in to be elected, but not fed. */
  yieldTo(offset: number): void;
  /** Milliseconds since the link to the primary last brought data or went down; Infinity when it never was up. */
  millisecondsSincePrimary(): number;
  /** REPLICAOF host port. `keepHistory`: a partial resync from the new primary is possible (same shard). */
  follow(host: string, port: number, keepHistory: boolean): void;
  /** REPLICAOF NO ONE. */
  promote(): void;
  /** Online replicas that acknowledged `offset`. */
  acknowledged(offset: number): number;
  readonly onlineReplicas: number;
  /** All that are attached, those that wait for a full sync too. */
  readonly attachedReplicas: number;
  /** Memory of the backlog. */
  readonly backlogBytes: number;
  /** Replicas that answered within min-replicas-max-lag. */
  goodReplicas(): number;
  /** Asks all replicas for an acknowledgement at the end of this turn, or of the pause when writes are paused. */
  requestAcks(): void;
  /** The same without waiting for the end of the turn: for who is about to pause writes. */
  requestAcksAtOnce(): void;
  /** Runs `action` at each acknowledgement. */
  onAck(action: () => void): void;
  /** ROLE and INFO replication. */
  replicas(): readonly ReplicaView[];
  onRoleChange(action: () => void): void;
  /** Writes are refused because too few replicas are good (NOREPLICAS). */
  readonly tooFewGoodReplicas: boolean;
  /** Drops all replica connections (they resync). */
  disconnectReplicas(): void;
  /** A new replication id: replicas need a full sync (DEBUG CHANGE-REPL-ID). */
  changeId(): void;
  /** On: a replica takes nothing more from its primary, and so confirms nothing more; its data are being saved for the last time. */
  rest(on: boolean): void;
  /** The server closes: the link to the primary is closed too. */
  stop(): void;
  readonly linkState: LinkState;
  /**
   * False on a replica from the moment that its old data set is dropped for a full sync until the new one is whole. Such a node answers LOADING while
   * the sync runs and, when that broke off, MASTERDOWN whatever replica-serve-stale-data says; it should not be elected.
   */
  readonly dataWhole: boolean;
  /** Dispatch's check for commands without the `stale` flag: a primary, a replica with its link up, or one that may serve what it has. Hot path. */
  readonly mayServeData: boolean;
  /** Error line when writes are refused here because of replication (READONLY, NOREPLICAS); undefined when they may go on. Hot path: two compares. */
  refuseWrite(): string | undefined;

  /** Calls `wait.done` once, later; what comes back ends the wait without it. */
  whenAcknowledged(wait: AcknowledgementWait): () => void;
  /** The same as `acknowledged` for what is fsynced in a replica's AOF. */
  acknowledgedInAof(offset: number): number;

  // ── The commands of the replication family ──
  /** What the peer said of itself with REPLCONF; made when first asked for. */
  profile(session: Session): ReplicaProfile;
  /** SYNC and PSYNC: from here on the session is a replica. An error line when it is refused; else all that is answered goes out by the port. */
  serveSync(session: Session, request: SyncRequest): string | undefined;
  /** Whether this client brings a snapshot to a replica whose main connection has not asked for the stream yet. */
  awaitsMainChannel(rdbClientId: number): boolean;
  /** Memory of the stream that a replica holds back while it loads a snapshot. */
  readonly pendingStreamBytes: number;
  /** REPLCONF ACK of a replica; ignored from anybody else. */
  takeAck(session: Session, offset: number, aofOffset: number): void;
  /** REPLCONF GETACK in the stream of our primary: acknowledge as soon as it is counted itself. */
  sendAck(): void;
}

export interface AcknowledgementWait {
  readonly offset: number;
  /** How many are enough. */
  readonly replicas: number;
  /** In the replicas' AOF (WAITAOF). */
  readonly inAof: boolean;
  /** 0 = no limit. */
  readonly timeoutMs: number;
  /** With how many acknowledged it in the end; undefined when the node became a replica. */
  readonly done: (acknowledged: number | undefined) => void;
}

export type LinkState = 'none' | 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected';

/** What a replica tells before it asks to sync. */
export interface ReplicaProfile {
  listeningPort: number;
  /** '' = the address it connects from. */
  announcedIp: string;
  eof: boolean;
  psync2: boolean;
  /** It can take the snapshot on a connection of its own (and this node is willing to). */
  dualChannel: boolean;
  /** 0x090102 for 9.1.2, 0 = not told. */
  version: number;
  /** Told with SET-CLUSTER-NODE-ID. */
  nodeId: string;
  /** Only the snapshot is wanted, no stream after it. */
  rdbOnly: boolean;
  /** This connection is the second one of a dual-channel sync: it brings the snapshot. */
  rdbChannel: boolean;
  /** Client id of the second connection that belongs to this one, 0 = none. */
  rdbClientId: number;
  /** Of the snapshot only the functions are wanted. */
  withoutKeys: boolean;
}

export type SyncRequest =
  | { readonly kind: 'sync' }
  | { readonly kind: 'psync'; readonly id: string; readonly offset: number; readonly failover: boolean };

export interface ReplicaView {
  readonly session: Session | undefined;
  readonly host: string;
  readonly port: number;
  /** Which connection of a dual-channel sync it is, or `replica`. */
  readonly channel: 'replica' | 'main-channel' | 'rdb-channel';
  readonly state: 'wait_bgsave' | 'send_bulk' | 'online' | 'bg_transfer' | 'rdb_transmitted';
  readonly ackedOffset: number;
  readonly lagSeconds: number;
  /** Node id that the replica told with REPLCONF SET-CLUSTER-NODE-ID, '' when it did not. */
  readonly nodeId: string;
  readonly version: string;
}
