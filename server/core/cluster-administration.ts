/**
 * What the CLUSTER command asks of the cluster and orders it to do: the commands read arguments and write replies, the cluster decides.
 *
 * Orders answer undefined when they were carried out, else the error line (`ERR …`).
 */

/** How a client is connected: decides which of a node's addresses it is told. */
export interface ClusterClient {
  readonly ipv6: boolean;
  readonly tls: boolean;
  /** The address of this node that it reached: what it is told as long as the node knows no other of itself. */
  readonly localIp: string;
}

/** A node as CLUSTER SLOTS and SHARDS show it. */
export interface ClusterNodeView {
  readonly id: string;
  readonly ip: string;
  /** The port for this kind of client. */
  readonly port: number;
  /** 0 = there is none. */
  readonly tcpPort: number;
  readonly tlsPort: number;
  /** '' = none. */
  readonly hostname: string;
  readonly availabilityZone: string;
  readonly role: 'master' | 'replica';
  readonly replicationOffset: number;
  readonly health: 'online' | 'fail' | 'loading';
}

export interface SlotRangeView {
  readonly start: number;
  readonly end: number;
  /** The primary first; replicas that cannot serve are left out. */
  readonly nodes: readonly ClusterNodeView[];
}

export interface ShardView {
  readonly id: string;
  /** start, end, start, end … */
  readonly slots: readonly number[];
  readonly nodes: readonly ClusterNodeView[];
}

export interface LinkView {
  readonly direction: 'to' | 'from';
  readonly nodeId: string;
  readonly createdAt: number;
  readonly events: string;
  readonly sendBufferBytes: number;
}

export type SetSlotAction = 'migrating' | 'importing' | 'stable' | 'node';

export interface SetSlotOrder {
  readonly slot: number;
  readonly action: SetSlotAction;
  /** '' for stable. */
  readonly nodeId: string;
  /** It comes in the primary's stream. */
  readonly fromPrimary: boolean;
}

export type FailoverMode = 'agreed' | 'force' | 'takeover';

export interface ClusterAdministration {
  // ── Questions ──
  nodesText(client: ClusterClient): string;
  infoText(): string;
  slots(client: ClusterClient): readonly SlotRangeView[];
  shards(client: ClusterClient): readonly ShardView[];
  links(): readonly LinkView[];
  /** Lines of a primary's replicas, or why there are none. */
  replicaLines(nodeId: string, client: ClusterClient): { readonly lines: readonly string[] } | { readonly error: string };
  failureReports(nodeId: string): number | undefined;
  /** Whether a slot has an owner. */
  isAssigned(slot: number): boolean;
  /** Whether this node, or on a replica its primary, owns it. */
  isInMyShard(slot: number): boolean;
  /** Replicas that this primary has by the cluster's table. */
  replicaCount(): number;

  // ── Orders ──
  /** Begins a handshake. `requester` for the log. */
  meet(ip: string, port: number, busPort: number, requester: string): string | undefined;
  forget(nodeId: string, requester: string): string | undefined;
  /** The slots are free, or mine to give up: checked before. */
  addSlots(slots: readonly number[]): void;
  removeSlots(slots: readonly number[]): void;
  flushSlots(): string | undefined;
  checkSetSlot(order: SetSlotOrder): string | undefined;
  setSlot(order: SetSlotOrder): void;
  replicate(nodeId: string): string | undefined;
  replicateNobody(requester: string): void;
  failover(mode: FailoverMode, fromPrimary: boolean, requester: string): string | undefined;
  reset(hard: boolean, requester: string): string | undefined;
  setConfigEpoch(epoch: number): string | undefined;
  bumpEpoch(): { readonly bumped: boolean; readonly epoch: bigint };
  saveConfig(): string | undefined;

  /** CONFIG RESETSTAT: the figures of CLUSTER INFO. */
  resetStatistics(): void;

  // ── DEBUG ──
  /** DEBUG CLUSTERLINK KILL */
  killLink(direction: 'to' | 'from' | 'all', nodeId: string): string | undefined;
  /** DEBUG DROP-CLUSTER-PACKET-FILTER: a packet type, -1 none, -2 all. */
  dropPackets(type: number): void;
  closeLinkOnDrop(on: boolean): void;
  disableReconnection(on: boolean): void;
  disableRandomPing(on: boolean): void;
}
