/**
 * What happens between nodes, in steps of virtual time: introductions, gossip, failure detection, votes, UPDATE messages, replication.
 *
 * A step is coarser than the real bus, but keeps its rules: gossip brings only ids that both trust, a node that answers under another id makes the old one address-less and
 * failed, a vote needs a majority of slot owners that see the primary failed, a higher config epoch takes slots, and a replica takes whatever data its primary's address serves:
 * from a blank process too, unless that one keeps a full sync waiting.
 */
import { intersectSlotRanges, normaliseSlotRanges, subtractSlotRanges } from '../../../lib/slot-ranges.ts';
import type { NodeAddress } from '../../model/workload.ts';
import { SlotCounters, type SlotDemand } from './simulated-load.ts';
import { letGo, stepExports, stepImports } from './simulated-migrations.ts';
import type { Peer, SimulatedNode } from './simulated-node.ts';

export class SimulatedNetwork {
  readonly nodeTimeoutMs: number;
  /** By `host:port`: who listens there now. */
  readonly #listening = new Map<string, SimulatedNode>();
  /** Nodes that nobody can talk to although they run. */
  readonly partitioned = new Set<SimulatedNode>();
  /** Why slot migrations from this node fail now, by the wish of a test. */
  migrationProblem: (source: SimulatedNode) => string | undefined = () => undefined;

  /** What clients ask of the slots, by the wish of a test; undefined: nodes count nothing. */
  demand: ReadonlyMap<number, SlotDemand> | undefined;
  #steppedAt: number | undefined;

  constructor(nodeTimeoutMs: number) {
    this.nodeTimeoutMs = nodeTimeoutMs;
  }

  attach(node: SimulatedNode): void {
    this.#listening.set(keyOf(node.address), node);
  }

  detach(node: SimulatedNode): void {
    if (this.#listening.get(keyOf(node.address)) === node) this.#listening.delete(keyOf(node.address));
  }

  /** Who answers at `address`, for the operator as for nodes. */
  at(address: NodeAddress): SimulatedNode | undefined {
    const node = this.#listening.get(keyOf(address));
    return node !== undefined && !this.partitioned.has(node) ? node : undefined;
  }

  nodes(): readonly SimulatedNode[] {
    return [...this.#listening.values()].filter(node => !this.partitioned.has(node));
  }

  step(now: number): void {
    const nodes = this.nodes();
    for (const node of nodes) this.#introduce(node);
    for (const node of nodes) for (const peer of node.peers.values()) this.#ping(node, peer, now);
    for (const node of nodes) this.#gossip(node, now);
    this.#agreeOnFailures(nodes, now);
    for (const node of nodes) this.#promote(node, nodes);
    for (const node of nodes) this.#migrate(node);
    for (const node of nodes) this.#replicate(node);
    this.#serve(nodes, (now - (this.#steppedAt ?? now)) / 1000);
    this.#steppedAt = now;
  }

  #serve(nodes: readonly SimulatedNode[], seconds: number): void {
    if (this.demand === undefined) return;
    for (const node of nodes) {
      node.counters ??= new SlotCounters();
      node.counters.step(this.demand, node.isPrimary ? node.slots : [], seconds);
    }
  }

  #introduce(node: SimulatedNode): void {
    for (const place of node.meeting) {
      const other = this.#listening.get(place);
      if (other === undefined || other === node || this.partitioned.has(other)) continue;
      learn(node, other);
      learn(other, node);
      node.meeting.delete(place);
    }
  }

  #ping(node: SimulatedNode, peer: Peer, now: number): void {
    const other = peer.address === undefined ? undefined : this.at(peer.address);
    if (other?.nodeId === peer.nodeId) {
      if (other.peers.has(node.nodeId)) Object.assign(peer, { silentSince: undefined, failed: false });
      hear(node, other);
      return;
    }
    if (other !== undefined) Object.assign(peer, { address: undefined, failed: true });
    peer.silentSince ??= now;
  }

  /** A node tells what it knows to those that know it. */
  #gossip(node: SimulatedNode, now: number): void {
    for (const peer of node.peers.values()) {
      const other = peer.address === undefined ? undefined : this.at(peer.address);
      if (other?.nodeId !== peer.nodeId || !other.peers.has(node.nodeId)) continue;
      for (const known of node.peers.values()) {
        if (known.nodeId === other.nodeId || known.address === undefined || (other.banned.get(known.nodeId) ?? 0) > now) continue;
        const theirs = other.peers.get(known.nodeId);
        if (theirs === undefined && !known.failed) other.peers.set(known.nodeId, { ...known });
        else if (theirs !== undefined && theirs.failed && !known.failed && known.silentSince === undefined) theirs.address = known.address;
      }
    }
  }

  #agreeOnFailures(nodes: readonly SimulatedNode[], now: number): void {
    const voters = nodes.filter(node => node.slots.length > 0);
    for (const node of nodes) {
      for (const peer of node.peers.values()) {
        if (peer.failed || peer.silentSince === undefined || now - peer.silentSince < this.nodeTimeoutMs) continue;
        const total =
          new Set([...node.peers.values()].filter(known => known.slots.length > 0).map(known => known.nodeId)).size +
          (node.slots.length > 0 ? 1 : 0);
        const reports = voters.filter(
          voter => voter.peers.get(peer.nodeId)?.silentSince !== undefined || voter.peers.get(peer.nodeId)?.failed === true,
        ).length;
        if (reports > total / 2) peer.failed = true;
      }
    }
  }

  #promote(node: SimulatedNode, nodes: readonly SimulatedNode[]): void {
    const primary = node.primaryId === undefined ? undefined : node.peers.get(node.primaryId);
    const wish = node.promotion;
    node.promotion = undefined;
    if (primary === undefined) return;
    const alive = primary.address !== undefined && this.at(primary.address)?.nodeId === primary.nodeId;
    if (wish === 'graceful' && !(alive && node.synced)) return;
    if (wish === undefined && !(primary.failed && primary.slots.length > 0 && (node.offset > 0 || node.synced))) return;
    const rivals = nodes.filter(other => other !== node && other.primaryId === node.primaryId && other.offset > node.offset);
    if (wish === undefined && rivals.length > 0) return;
    if (wish !== 'takeover') {
      const voters = [...node.peers.values()].filter(peer => peer.slots.length > 0);
      const granted = voters.filter(peer => {
        const voter = peer.address === undefined ? undefined : this.at(peer.address);
        return voter?.nodeId === peer.nodeId && (wish !== undefined || voter.peers.get(primary.nodeId)?.failed === true);
      }).length;
      if (granted <= voters.length / 2) return;
    }
    this.#takeRole(node, primary);
  }

  #takeRole(node: SimulatedNode, primary: Peer): void {
    node.configEpoch = ++node.currentEpoch;
    node.slots = primary.slots;
    node.primaryId = undefined;
    primary.slots = [];
    for (const other of this.nodes()) if (other.peers.has(node.nodeId)) hear(other, node);
  }

  #migrate(node: SimulatedNode): void {
    const reach = (nodeId: string): SimulatedNode | undefined => {
      const address = node.peers.get(nodeId)?.address;
      const other = address === undefined ? undefined : this.at(address);
      return other?.nodeId === nodeId ? other : undefined;
    };
    stepExports(node, reach, this.migrationProblem(node));
    stepImports(node, reach);
  }

  #replicate(node: SimulatedNode): void {
    const peer = node.primaryId === undefined ? undefined : node.peers.get(node.primaryId);
    if (peer === undefined) return;
    const source = peer.address === undefined ? undefined : this.at(peer.address);
    if (source === undefined || !source.isPrimary) {
      node.synced = false;
      return;
    }
    const knownHistory = source.nodeId === peer.nodeId && node.synced;
    if (!knownHistory && source.config.get('repl-diskless-sync-delay') !== '0') {
      node.synced = false;
      return;
    }
    node.data = new Map(source.data);
    node.offset = source.offset;
    node.synced = true;
  }
}

function keyOf(address: NodeAddress): string {
  return `${address.host}:${address.port}`;
}

function learn(node: SimulatedNode, other: SimulatedNode): void {
  const known = node.peers.get(other.nodeId);
  if (known !== undefined) Object.assign(known, { address: other.address });
  else
    node.peers.set(other.nodeId, {
      nodeId: other.nodeId,
      address: other.address,
      configEpoch: 0,
      slots: [],
      primaryId: undefined,
      failed: false,
      silentSince: undefined,
    });
  hear(node, other);
}

/** `node` takes in what `other` says of itself; the higher config epoch has the slots. */
function hear(node: SimulatedNode, other: SimulatedNode): void {
  const peer = node.peers.get(other.nodeId);
  if (peer === undefined) return;
  node.currentEpoch = Math.max(node.currentEpoch, other.currentEpoch);
  peer.primaryId = other.primaryId;
  if (!other.isPrimary) {
    peer.slots = [];
    return;
  }
  peer.configEpoch = other.configEpoch;
  const stronger = [...node.peers.values()]
    .filter(third => third !== peer && third.configEpoch > other.configEpoch)
    .flatMap(third => third.slots);
  peer.slots = normaliseSlotRanges(
    subtractSlotRanges(other.slots, node.configEpoch > other.configEpoch ? [...stronger, ...node.slots] : stronger),
  );
  for (const third of node.peers.values()) {
    if (third === peer || third.configEpoch >= other.configEpoch || third.slots.length === 0) continue;
    third.slots = subtractSlotRanges(third.slots, other.slots);
    // The own primary has lost its slots to a node of its shard: that is its successor.
    if (third.slots.length === 0 && third.nodeId === node.primaryId && inSameShard(node, other)) node.primaryId = other.nodeId;
  }
  if (node.isPrimary && node.slots.length > 0 && node.configEpoch < other.configEpoch) {
    if (!inSameShard(node, other)) letGo(node, intersectSlotRanges(node.slots, other.slots));
    else node.slots = subtractSlotRanges(node.slots, other.slots);
    if (node.slots.length === 0 && inSameShard(node, other)) Object.assign(node, { primaryId: other.nodeId, synced: true });
  }
}

/** By their names, `<cluster>-<shard>-<index>.<namespace>`; upstream knows it by the shard id. */
function inSameShard(one: SimulatedNode, other: SimulatedNode): boolean {
  const shard = (node: SimulatedNode): string => node.announcedName.replace(/-\d+\./, '.');
  return shard(one) === shard(other);
}
