/**
 * Changes of role: a node of the table becomes a primary, this node follows another one, a shard id changes.
 */

import { assert } from '../../lib/assert.ts';
import { type ClusterNode, isPrimary, isReplica, logName, primaryOf } from './cluster-node.ts';
import { type ClusterState, TODO_SAVE, TODO_STATE, TODO_SYNC } from './cluster-state.ts';
import { resetManualFailover } from './manual-failover.ts';
import { FLAG_MIGRATE_TO, FLAG_MY_PRIMARY_FAIL, FLAG_PRIMARY, FLAG_REPLICA } from './node-flags.ts';

/** `node` (perhaps this one) was taken for a replica and is a primary. */
export function setAsPrimary(state: ClusterState, node: ClusterNode): void {
  if (isPrimary(node)) return;
  state.environment.log.notice(`Reconfiguring node ${node.id} (${logName(node)}) as primary for shard ${node.shardId}`);
  const hadPrimary = node.replicaOf !== undefined;
  state.nodes.detachReplica(node);
  if (hadPrimary && node !== state.myself) node.flags |= FLAG_MIGRATE_TO;
  node.flags &= ~FLAG_REPLICA;
  node.flags |= FLAG_PRIMARY;
  if (node === state.myself) {
    node.flags &= ~FLAG_MY_PRIMARY_FAIL;
    state.environment.replication.promote();
    state.migrations.promoted();
  }
  state.later(TODO_SAVE | TODO_STATE);
}

/** This node becomes a replica of `primary`. It owns no slot. `fullSync`: the history is another one (another shard). */
export function follow(state: ClusterState, primary: ClusterNode, closeSlots: boolean, fullSync: boolean): void {
  const me = state.myself;
  assert(primary !== me, 'a node does not follow itself');
  assert(me.slotCount === 0, 'a node that follows another one owns no slots');
  me.flags &= ~(FLAG_PRIMARY | FLAG_MIGRATE_TO | FLAG_MY_PRIMARY_FAIL);
  me.flags |= FLAG_REPLICA;
  if (closeSlots) state.slots.closeAll();
  state.nodes.attachReplica(primary, me);
  updateShardId(state, me, primary.shardId);
  state.environment.replication.follow(primary.ip, replicationPort(state, primary), !fullSync);
  resetManualFailover(state);
  state.migrations.ownershipChanged();
  // An election for the former primary's slots has lost its meaning.
  state.election.at = 0;
  state.later(TODO_SAVE | TODO_STATE);
}

/** Points replication at my primary again, after its address changed or when it was never pointed there. */
export function refollow(state: ClusterState): void {
  const primary = state.myself.replicaOf;
  if (primary !== undefined) state.environment.replication.follow(primary.ip, replicationPort(state, primary), true);
}

export function replicationPort(state: ClusterState, node: ClusterNode): number {
  return state.environment.settings().tlsCluster ? node.tlsPort : node.tcpPort;
}

/**
 * A replica's shard is its primary's: an update that says otherwise is refused, so that nodes.conf never holds a shard that
 * disagrees with itself.
 */
export function updateShardId(state: ClusterState, node: ClusterNode, shardId: string): void {
  const me = state.myself;
  if (isReplica(node) && primaryOf(node).shardId !== shardId) {
    state.environment.log.notice(
      `Shard id ${shardId} update request for node id ${node.id} diverges from existing primary shard id ${primaryOf(node).shardId}, rejecting!`,
    );
    return;
  }
  if (node.shardId !== shardId) {
    state.nodes.joinShard(node, shardId);
    state.later(TODO_SAVE);
  }
  if (node !== me && me.replicaOf === node && me.shardId !== shardId) {
    state.nodes.joinShard(me, shardId);
    state.later(TODO_SAVE | TODO_SYNC);
  }
}
