/**
 * What the cluster needs of the world around it, as interfaces: sockets, the nodes file, the data set, replication, pausing of clients,
 * settings, time and chance. `cluster-service.ts` fills them from the server's ports; tests and the simulation fill them with models.
 */

import type { Clock, Entropy, ServerLog, Timers } from '../core/ports.ts';

// ── Sockets (the platform implements them over TCP) ──

/** One connection of the bus. */
export interface BusSocket {
  /** '' when they cannot be told (any more). */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  /** Bytes that were written and that the system did not take yet. */
  readonly pendingBytes: number;
  /** Takes the bytes over: the caller changes them no more. Nothing is thrown; a broken connection tells `closed`. `taken`: the system has them. */
  write(bytes: Uint8Array, taken?: () => void): void;
  /** Says that nothing more will be written; `closed` is told when the peer does so too. */
  end(): void;
  /** Closes at once. `closed` is not told any more. */
  close(): void;
}

export interface BusSocketEvents {
  /** An outgoing connection stands. Not called for accepted ones. */
  opened(): void;
  /** Bytes are valid during the call. */
  data(bytes: Uint8Array): void;
  /** Failed to connect, was closed by the peer or broke. Once at most. */
  closed(reason: string): void;
}

export interface BusNetwork {
  /** Never throws: failure is told by `closed`, later. */
  connect(host: string, port: number, events: BusSocketEvents): BusSocket;
}

// ── The nodes file ──

/** Synchronous on purpose: a vote must be on the disk before its packet leaves, and nothing may happen in between. */
export interface NodesStore {
  /** Content, undefined when there is no file or it is empty. Throws what the system says. */
  read(): string | undefined;
  /** Replaces the content atomically (temporary file, rename); with `sync` it is on the disk, directory entry included, when this returns. Throws what the system says. */
  write(content: string, sync: boolean): void;
}

// ── The server ──

export interface ClusterData {
  keysInSlot(slot: number): number;
  readonly empty: boolean;
  /**
   * Deletes the keys of a slot that this node lost, in slices; they go to the replicas as deletions. From now on nobody sees them. A slot that
   * becomes this node's again is empty.
   */
  dropSlot(slot: number): void;
  /** The slot has another owner, or none: what was counted for it begins anew. */
  ownerChanged(slot: number): void;
  /** Empties all databases: this node was a replica and becomes an empty primary. */
  flushAll(): void;
}

export interface ClusterReplication {
  /** Offset of the stream that this node has produced or applied; 0 on a replica that never synced. */
  readonly offset: number;
  /** '' = replicates nobody. */
  readonly primaryHost: string;
  millisecondsSincePrimary(): number;
  /** `keepHistory`: same shard, a partial resync is possible. */
  follow(host: string, port: number, keepHistory: boolean): void;
  promote(): void;
  /** On: nothing is written and no replica is fed, so that the data stay what they were at the start. Off: they are served from here on. */
  standAside(on: boolean): void;
  /** While it stands aside: a replica that has the stream up to `offset` is to take over, and its link counts as up. */
  yieldTo(offset: number): void;
}

export interface ClusterClients {
  /** Stops client writes for a manual failover. */
  pauseWrites(untilMs: number): void;
  unpauseWrites(): void;
  /** A PUBLISH or SPUBLISH of another node arrived. */
  deliver(channel: Uint8Array, message: Uint8Array, sharded: boolean): void;
}

/** The directives that the cluster reads. Times in milliseconds unless the name says otherwise. */
export interface ClusterSettings {
  readonly nodeTimeout: number;
  /** 0 = half of the node timeout. */
  readonly pingInterval: number;
  readonly gossipPercent: number;
  readonly blacklistTtlSeconds: number;
  readonly replicaValidityFactor: number;
  readonly replicaPingPeriodSeconds: number;
  readonly replicaNoFailover: boolean;
  readonly allowReplicaMigration: boolean;
  readonly migrationBarrier: number;
  readonly requireFullCoverage: boolean;
  readonly manualFailoverTimeout: number;
  /** Bytes, 0 = no limit. */
  readonly linkBufferLimit: number;
  /** A failed write of the nodes file ends the process, or is logged. */
  readonly saveBehavior: 'sync' | 'best-effort';
  readonly tlsCluster: boolean;
  /** What this node tells of itself; ports are never 0 but where the thing is off. */
  readonly announce: AnnouncedAddress;
}

export interface AnnouncedAddress {
  /** '' = learn it from MEET. */
  readonly ip: string;
  readonly tcpPort: number;
  readonly tlsPort: number;
  readonly busPort: number;
  readonly clientIpv4: string;
  readonly clientIpv6: string;
  readonly clientTcpPort: number;
  readonly clientTlsPort: number;
  readonly hostname: string;
  readonly humanName: string;
  readonly availabilityZone: string;
}

export interface ClusterEnvironment {
  readonly clock: Pick<Clock, 'now'>;
  readonly entropy: Entropy;
  readonly timers: Pick<Timers, 'after'>;
  readonly log: ServerLog;
  readonly network: BusNetwork;
  readonly store: NodesStore;
  readonly data: ClusterData;
  readonly replication: ClusterReplication;
  readonly clients: ClusterClients;
  /** The values of now: cheap to call. */
  settings(): ClusterSettings;
  /** This node is shutting down: it takes nobody's place any more. */
  readonly leaving: () => boolean;
  /** The nodes file cannot be written and saveBehavior says that this is fatal. */
  fatal(message: string): void;
}
