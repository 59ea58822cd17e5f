/**
 * What this node knows of one node of the cluster (itself included): identity, address, role, slots, liveness and links.
 *
 * Plain mutable data; `node-table.ts` keeps the relations between nodes (replica lists, shards) true, the other files of the folder
 * change the rest. Times are unix milliseconds, 0 = never.
 */

import { FLAG_FAIL, FLAG_HANDSHAKE, FLAG_MEET, FLAG_NOADDR, FLAG_PFAIL, FLAG_PRIMARY, FLAG_REPLICA } from './node-flags.ts';
import { SLOT_BITMAP_BYTES } from './slot-bitmap.ts';

/** A connection of the bus, as the parts see it (`bus-link.ts` has the whole of it). */
export interface NodeLink {
  readonly createdAt: number;
  /** The peer made it. */
  readonly inbound: boolean;
  /** The node at the other end, once it is known. */
  node: ClusterNode | undefined;
  /** The peer set the bit for extensions on this link. */
  knowsExtensions: boolean;
  /** Bytes can be sent: the connection stands. */
  readonly open: boolean;
  readonly closed: boolean;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  /** Bytes that wait here and in the socket. */
  readonly sendBufferBytes: number;
  /** Queues a whole packet; it may be shared between links, so nobody changes it. */
  send(packet: Uint8Array): void;
  /** Sends what is queued. */
  flush(): void;
  close(): void;
}

export interface ClusterNode {
  id: string;
  shardId: string;
  readonly createdAt: number;
  flags: number;
  configEpoch: bigint;
  /** Change through SlotMap only. */
  readonly slots: Uint8Array;
  slotCount: number;
  /** undefined on a primary, and on a replica whose primary is not known (yet). */
  replicaOf: ClusterNode | undefined;
  /** Sorted by id. Change through NodeTable only. */
  readonly replicas: ClusterNode[];

  ip: string;
  tcpPort: number;
  tlsPort: number;
  busPort: number;
  hostname: string;
  humanName: string;
  availabilityZone: string;
  clientIpv4: string;
  clientIpv6: string;
  clientTcpPort: number;
  clientTlsPort: number;

  /** When the ping that waits for its pong was sent, 0 = none waits. */
  pingSentAt: number;
  pongReceivedAt: number;
  dataReceivedAt: number;
  meetSentAt: number;
  failedAt: number;
  /** A primary that came back with less than a replica has: when it last said so (see returning.ts). */
  yieldedAt: number;
  /** Since when it is an orphaned primary, for replica migration. */
  orphanedSince: number;
  connectAttemptAt: number;
  inboundLinkFreedAt: number;
  replicationOffset: number;
  /** Our link to it. */
  link: NodeLink | undefined;
  /** Its link to us. */
  inboundLink: NodeLink | undefined;
  /** Voting primaries that see it failing: id → time of the report, rounded up to the second. */
  readonly failureReports: Map<string, number>;
}

export function createClusterNode(id: string, shardId: string, flags: number, now: number): ClusterNode {
  return {
    id,
    shardId,
    createdAt: now,
    flags,
    configEpoch: 0n,
    slots: new Uint8Array(SLOT_BITMAP_BYTES),
    slotCount: 0,
    replicaOf: undefined,
    replicas: [],
    ip: '',
    tcpPort: 0,
    tlsPort: 0,
    busPort: 0,
    hostname: '',
    humanName: '',
    availabilityZone: '',
    clientIpv4: '',
    clientIpv6: '',
    clientTcpPort: 0,
    clientTlsPort: 0,
    pingSentAt: 0,
    pongReceivedAt: 0,
    dataReceivedAt: 0,
    meetSentAt: 0,
    failedAt: 0,
    yieldedAt: 0,
    orphanedSince: 0,
    connectAttemptAt: 0,
    inboundLinkFreedAt: now,
    replicationOffset: 0,
    link: undefined,
    inboundLink: undefined,
    failureReports: new Map(),
  };
}

export const isPrimary = (node: ClusterNode): boolean => (node.flags & FLAG_PRIMARY) !== 0;
export const isReplica = (node: ClusterNode): boolean => (node.flags & FLAG_REPLICA) !== 0;
/** Primaries with slots vote on failures and elections. */
export const isVotingPrimary = (node: ClusterNode): boolean => isPrimary(node) && node.slotCount > 0;
export const isFailed = (node: ClusterNode): boolean => (node.flags & FLAG_FAIL) !== 0;
export const isSuspected = (node: ClusterNode): boolean => (node.flags & FLAG_PFAIL) !== 0;
export const inHandshake = (node: ClusterNode): boolean => (node.flags & FLAG_HANDSHAKE) !== 0;
export const hasAddress = (node: ClusterNode): boolean => (node.flags & FLAG_NOADDR) === 0;
export const isHealthy = (node: ClusterNode): boolean => (node.flags & (FLAG_HANDSHAKE | FLAG_MEET | FLAG_PFAIL | FLAG_FAIL)) === 0;
export const sameShard = (one: ClusterNode, other: ClusterNode): boolean => one.shardId === other.shardId;

/** The epoch that covers the node's slots: its primary's when it is a replica. */
export const effectiveEpoch = (node: ClusterNode): bigint => (node.replicaOf ?? node).configEpoch;

/** The primary at the end of the chain; the node itself when it replicates nobody. */
export function primaryOf(node: ClusterNode): ClusterNode {
  let primary = node;
  for (let hops = 0; primary.replicaOf !== undefined && hops < 8; hops++) primary = primary.replicaOf;
  return primary;
}

/** How logs name a node: the announced human name, else its address. */
export function logName(node: ClusterNode): string {
  if (node.humanName !== '') return node.humanName;
  return node.ip.includes(':') ? `[${node.ip}]:${node.tcpPort}` : `${node.ip}:${node.tcpPort}`;
}

/** 40 characters; hexadecimal ones when a server made them, but any lower-case letter is taken. */
export function isNodeId(text: string): boolean {
  return /^[0-9a-z]{40}$/.test(text);
}
