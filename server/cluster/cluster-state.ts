/**
 * The state that all parts of the cluster share: nodes, slots, epochs, the running election, the manual failover, what is to be done
 * before the next packets leave, and figures.
 *
 * The parts (gossip, failure detection, election …) are functions over this state; none keeps state of its own. They never save or
 * send at once: they set `todo` bits and queue packets, and `ClusterBus.settle` does it in the one order that is safe — decide,
 * persist, send.
 */

import { PACKET_NAMES } from './bus-packet.ts';
import type { ClusterNode, NodeLink } from './cluster-node.ts';
import type { ClusterEnvironment } from './environment.ts';
import { NodeTable } from './node-table.ts';
import { SlotMap } from './slot-map.ts';

export const TODO_FAILOVER = 1 << 0;
export const TODO_STATE = 1 << 1;
export const TODO_SAVE = 1 << 2;
export const TODO_SYNC = 1 << 3;
export const TODO_MANUAL_FAILOVER = 1 << 4;
export const TODO_BROADCAST = 1 << 5;

export type FailReason = 'none' | 'not-full-coverage' | 'minority-partition';

export type CannotFailover = 'none' | 'data-age' | 'waiting-delay' | 'expired' | 'waiting-votes';

/** A replica's election. */
export interface Election {
  /** When it starts or started, 0 = none is planned. */
  at: number;
  /** Ids of the primaries that voted for it. */
  readonly votes: Set<string>;
  requested: boolean;
  rank: number;
  failedPrimaryRank: number;
  epoch: bigint;
  cannot: CannotFailover;
  cannotLoggedAt: number;
}

/** A manual failover, on the replica that asked for it and on its primary. */
export interface ManualFailover {
  /** Time limit, 0 = none runs. */
  until: number;
  /** On the primary: who asked. */
  replica: ClusterNode | undefined;
  /** On the replica: the offset at which the primary paused, -1 = not told yet. */
  primaryOffset: number;
  canStart: boolean;
}

/** A primary that came back and has not decided yet whether it goes on as one (`returning.ts`). */
export interface Returning {
  readonly since: number;
  /** To whom it yields, '' = nobody yet. */
  yieldsTo: string;
  announcedAt: number;
  loggedAt: number;
}

export interface BusStatistics {
  readonly sent: number[];
  readonly received: number[];
  bytesSent: number;
  bytesReceived: number;
  pubsubBytesSent: number;
  pubsubBytesReceived: number;
  moduleBytesSent: number;
  moduleBytesReceived: number;
  linksOverLimit: number;
}

/** Switches that DEBUG turns. */
export interface ClusterDebug {
  /** Packet type whose arrivals are dropped; -1 none, -2 all. */
  dropPacketType: number;
  closeLinkOnDrop: boolean;
  disableReconnection: boolean;
  disableRandomPing: boolean;
}

/** What the cluster tells atomic slot migration, and asks of it. */
export interface MigrationHooks {
  /** The target of a migration may take this slot of mine whatever the epochs say. */
  isGranted(slot: number): boolean;
  /** Slots changed hands, or this node its role. Called before keys of lost slots are deleted. */
  ownershipChanged(): void;
  /** This node was a replica and is a primary now. */
  promoted(): void;
  /** A node has answered a ping; the slots that it claims are known at the end of the turn. */
  pongReceived(): void;
  readonly anyImporting: boolean;
  readonly anyExporting: boolean;
}

const NO_MIGRATIONS: MigrationHooks = {
  isGranted: () => false,
  ownershipChanged() {},
  promoted() {},
  pongReceived() {},
  anyImporting: false,
  anyExporting: false,
};

export class ClusterState {
  readonly environment: ClusterEnvironment;
  readonly nodes = new NodeTable();
  readonly slots: SlotMap;
  currentEpoch = 0n;
  lastVoteEpoch = 0n;

  /** The cluster serves requests, as far as this node can tell. */
  ok = false;
  failReason: FailReason = 'none';
  /** This node may vote: it had the time to hear of what happened while it was away. */
  safeToJoin = false;
  /** Primaries with slots. */
  size = 0;
  firstStateUpdateAt = 0;
  inMinorityAt = 0;

  readonly election: Election = {
    at: 0,
    votes: new Set(),
    requested: false,
    rank: 0,
    failedPrimaryRank: 0,
    epoch: 0n,
    cannot: 'none',
    cannotLoggedAt: 0,
  };
  returning: Returning | undefined;
  readonly manualFailover: ManualFailover = { until: 0, replica: undefined, primaryOffset: -1, canStart: false };
  todo = 0;
  /** Rises with each change that clients may see in CLUSTER SLOTS, SHARDS and NODES. */
  version = 0;

  readonly statistics: BusStatistics = noStatistics();
  readonly debug: ClusterDebug = { dropPacketType: -1, closeLinkOnDrop: false, disableReconnection: false, disableRandomPing: false };
  /** Links with packets that wait for the next `settle`. */
  readonly unsent = new Set<NodeLink>();
  readonly messenger: Messenger;
  /** Set by the service that has them. */
  migrations: MigrationHooks = NO_MIGRATIONS;
  /** Looks again at a manual failover that waits for the replication stream; set by ClusterBus. */
  wake: () => void = () => {};

  constructor(environment: ClusterEnvironment, messenger: (state: ClusterState) => Messenger) {
    this.environment = environment;
    this.slots = new SlotMap(this.nodes, slot => environment.data.ownerChanged(slot));
    this.messenger = messenger(this);
  }

  /** CONFIG RESETSTAT. */
  resetStatistics(): void {
    Object.assign(this.statistics, noStatistics());
  }

  get now(): number {
    return this.environment.clock.now();
  }

  /** Votes and reports that make a majority. */
  get quorum(): number {
    return Math.floor(this.size / 2) + 1;
  }

  get myself(): ClusterNode {
    return this.nodes.myself;
  }

  /** Asks `settle` for these things. */
  later(todo: number): void {
    if (todo & TODO_SAVE) this.version++;
    this.todo |= todo;
  }

  replicationOffsetOf(node: ClusterNode): number {
    return node === this.nodes.myself ? this.environment.replication.offset : node.replicationOffset;
  }
}

function noStatistics(): BusStatistics {
  return {
    sent: PACKET_NAMES.map(() => 0),
    received: PACKET_NAMES.map(() => 0),
    bytesSent: 0,
    bytesReceived: 0,
    pubsubBytesSent: 0,
    pubsubBytesReceived: 0,
    moduleBytesSent: 0,
    moduleBytesReceived: 0,
    linksOverLimit: 0,
  };
}

/** How the parts send. Each of these queues packets; they leave at the end of the turn. */
export interface Messenger {
  ping(link: NodeLink, type: 0 | 1 | 2): void;
  broadcastPong(to: 'all' | 'siblings'): void;
  broadcastFail(nodeId: string): void;
  update(link: NodeLink | undefined, about: ClusterNode): void;
  requestVotes(force: boolean): void;
  vote(node: ClusterNode): void;
  startManualFailover(primary: ClusterNode): void;
  publish(channel: Uint8Array, message: Uint8Array, sharded: boolean): void;
  /** Closes a link, ours or a node's, and forgets it. */
  drop(link: NodeLink | undefined): void;
}
