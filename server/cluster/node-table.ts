/**
 * All nodes that this node knows, by id; which nodes form a shard; and the ids that must not come back for a while (CLUSTER FORGET).
 *
 * Invariants: `replica.replicaOf.replicas` holds the replica; each list of replicas is sorted by id; a shard lists its members in the
 * order in which they joined. Nodes in handshake have a random id and belong to no shard.
 */

import { assert } from '../../lib/assert.ts';
import { type ClusterNode, isPrimary, isReplica } from './cluster-node.ts';
import { FLAG_MIGRATE_TO } from './node-flags.ts';

export class NodeTable {
  readonly byId = new Map<string, ClusterNode>();
  readonly shards = new Map<string, ClusterNode[]>();
  /** Node id → unix seconds until which it stays forgotten. */
  readonly forgotten = new Map<string, number>();
  #myself: ClusterNode | undefined;

  get myself(): ClusterNode {
    assert(this.#myself !== undefined, 'the table knows its own node');
    return this.#myself;
  }

  set myself(node: ClusterNode) {
    this.#myself = node;
  }

  get size(): number {
    return this.byId.size;
  }

  get(id: string): ClusterNode | undefined {
    return this.byId.get(id);
  }

  all(): readonly ClusterNode[] {
    return [...this.byId.values()];
  }

  add(node: ClusterNode): void {
    assert(!this.byId.has(node.id), `node ${node.id} is not in the table twice`);
    this.byId.set(node.id, node);
  }

  /** Takes a node out of every relation. Links and slots are the caller's matter. */
  remove(node: ClusterNode): void {
    for (const replica of node.replicas) replica.replicaOf = undefined;
    node.replicas.length = 0;
    this.detachReplica(node);
    for (const other of this.byId.values()) other.failureReports.delete(node.id);
    this.leaveShard(node);
    this.byId.delete(node.id);
  }

  /** The end of a handshake: the true id is known, and the node becomes a member of its (for now random) shard. */
  rename(node: ClusterNode, id: string): void {
    this.byId.delete(node.id);
    node.id = id;
    this.add(node);
    this.joinShard(node, node.shardId);
  }

  joinShard(node: ClusterNode, shardId: string): void {
    this.leaveShard(node);
    node.shardId = shardId;
    const members = this.shards.get(shardId);
    if (members === undefined) this.shards.set(shardId, [node]);
    else members.push(node);
  }

  leaveShard(node: ClusterNode): void {
    const members = this.shards.get(node.shardId);
    const at = members?.indexOf(node) ?? -1;
    if (members === undefined || at === -1) return;
    members.splice(at, 1);
    if (members.length === 0) this.shards.delete(node.shardId);
  }

  /** Makes `replica` a replica of `primary` in the table (flags aside). */
  attachReplica(primary: ClusterNode, replica: ClusterNode): void {
    assert(primary !== replica, 'no node replicates itself');
    this.detachReplica(replica);
    replica.replicaOf = primary;
    primary.replicas.push(replica);
    primary.replicas.sort((a, b) => (a.id < b.id ? -1 : 1));
    primary.flags |= FLAG_MIGRATE_TO;
  }

  detachReplica(replica: ClusterNode): void {
    const primary = replica.replicaOf;
    replica.replicaOf = undefined;
    if (primary === undefined) return;
    const at = primary.replicas.indexOf(replica);
    if (at !== -1) primary.replicas.splice(at, 1);
    if (primary.replicas.length === 0) primary.flags &= ~FLAG_MIGRATE_TO;
  }

  /** Some primary has a replica: then a primary without one counts as orphaned. */
  anyPrimaryHasReplicas(): boolean {
    for (const node of this.byId.values()) if (!isReplica(node) && node.replicas.length > 0) return true;
    return false;
  }

  greatestEpoch(): bigint {
    let greatest = 0n;
    for (const node of this.byId.values()) if (node.configEpoch > greatest) greatest = node.configEpoch;
    return greatest;
  }

  /** My primary, or myself when I am one. undefined: a replica that does not know its primary. */
  myPrimary(): ClusterNode | undefined {
    return isPrimary(this.myself) ? this.myself : this.myself.replicaOf;
  }

  forget(id: string, untilSeconds: number): void {
    this.forgotten.set(id, untilSeconds);
  }

  isForgotten(id: string, nowSeconds: number): boolean {
    for (const [known, until] of this.forgotten) if (until < nowSeconds) this.forgotten.delete(known);
    return this.forgotten.has(id);
  }
}
