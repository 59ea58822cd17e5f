/**
 * What a PING, PONG or MEET says about its sender's role, primary and slots, and what this node makes of it.
 */

import type { PacketHeader } from './bus-packet.ts';
import { type ClusterNode, effectiveEpoch, isPrimary, isReplica, logName, sameShard } from './cluster-node.ts';
import { type ClusterState, TODO_BROADCAST, TODO_SAVE, TODO_STATE, TODO_SYNC } from './cluster-state.ts';
import { resolveEpochCollision } from './config-epoch.ts';
import { FLAG_MIGRATE_TO, FLAG_PRIMARY, FLAG_REPLICA } from './node-flags.ts';
import { follow, setAsPrimary, updateShardId } from './roles.ts';
import { sameSlots, slotsOf } from './slot-bitmap.ts';
import { applyClaim } from './slot-ownership.ts';

/** False: the packet is stale, nothing more of it is to be taken. */
export function takeRole(state: ClusterState, sender: ClusterNode, header: PacketHeader): boolean {
  if (header.primaryId === '') {
    setAsPrimary(state, sender);
    return true;
  }
  // A replica of itself, or of a replica of it, is no configuration.
  if (header.primaryId === sender.id) return false;
  const claimed = state.nodes.get(header.primaryId);
  if (isPrimary(sender) && !demote(state, sender, claimed, header.configEpoch)) return false;
  if (!isReplica(sender)) {
    sender.flags |= FLAG_REPLICA;
    state.later(TODO_SAVE | TODO_STATE);
  }
  if (claimed !== undefined && sender.replicaOf !== claimed) changePrimary(state, sender, claimed);
  return true;
}

/** A primary says that it is a replica now. */
function demote(state: ClusterState, sender: ClusterNode, claimed: ClusterNode | undefined, epoch: bigint): boolean {
  const { log } = state.environment;
  if (claimed !== undefined && sameShard(claimed, sender)) {
    const known = effectiveEpoch(sender) > effectiveEpoch(claimed) ? effectiveEpoch(sender) : effectiveEpoch(claimed);
    if (known > epoch && sender.slotCount === 0 && isPrimary(claimed)) {
      // Its own epoch is from before it joined the shard: no failover, and nothing that it could lose. Refused for good, it could never be voted for.
      return demoted(state, sender);
    }
    if (known > epoch) {
      log.notice(
        `Ignore stale message from ${sender.id} (${logName(sender)}) in shard ${sender.shardId}; gossip config epoch: ${epoch}, current config epoch: ${known}`,
      );
      return false;
    }
    // I would know of a failover that I won.
    if (claimed === state.myself && isReplica(claimed)) return false;
    moveToNewPrimary(state, sender, claimed, epoch);
  }
  if (sender.slotCount > 0) {
    const slots = state.slots.unassignAllOf(sender);
    log.notice(
      `Node ${sender.id} (${logName(sender)}) is no longer primary of shard ${sender.shardId}; removed all ${slots} slot(s) it used to own`,
    );
    if (claimed !== undefined) log.notice(`Node ${sender.id} (${logName(sender)}) is now part of shard ${claimed.shardId}`);
  }
  return demoted(state, sender);
}

function demoted(state: ClusterState, sender: ClusterNode): true {
  sender.flags &= ~(FLAG_PRIMARY | FLAG_MIGRATE_TO);
  sender.flags |= FLAG_REPLICA;
  state.later(TODO_SAVE | TODO_STATE | TODO_SYNC);
  return true;
}

/** A failover that we hear of from the loser first: the winner takes the slots. */
function moveToNewPrimary(state: ClusterState, from: ClusterNode, to: ClusterNode, epoch: bigint): void {
  noteOpenSlots(state, from, to);
  const moved = state.slots.moveAll(from, to);
  if (isReplica(to)) {
    setAsPrimary(state, to);
    to.configEpoch = epoch;
  }
  if (moved.slots > 0)
    state.environment.log.notice(
      `A failover occurred in shard ${from.shardId}; node ${from.id} (${logName(from)}) lost ${moved.slots} slot(s) and failed over to node ${to.id} (${logName(to)}) with a config epoch of ${epoch}`,
    );
  state.later(TODO_SAVE | TODO_STATE | TODO_SYNC);
}

/** Open slots that name the loser will name the winner. */
function noteOpenSlots(state: ClusterState, from: ClusterNode, to: ClusterNode): void {
  const { importingFrom, migratingTo } = state.slots;
  const of = (open: ReadonlyMap<number, ClusterNode>): number[] => [...open].filter(([, peer]) => peer === from).map(([slot]) => slot);
  const winner = `${to.id} (${logName(to)}) in shard ${to.shardId}`;
  const { log } = state.environment;
  for (const slot of of(importingFrom))
    log.verbose(`Failover occurred in migration source. Update importing source for slot ${slot} to node ${winner}.`);
  for (const slot of of(migratingTo))
    log.verbose(`Failover occurred in migration target. Slot ${slot} is now being migrated to node ${winner}.`);
  const counts = [of(importingFrom).length, of(migratingTo).length];
  if (counts[0] > 0)
    log.notice(`A failover occurred in migration source. Update importing source of ${counts[0]} slot(s) to node ${winner}.`);
  if (counts[1] > 0)
    log.notice(`A failover occurred in migration target. Update migrating target of ${counts[1]} slot(s) to node ${winner}.`);
}

function changePrimary(state: ClusterState, sender: ClusterNode, claimed: ClusterNode): void {
  const me = state.myself;
  state.environment.log.notice(
    `Node ${sender.id} (${logName(sender)}) is now a replica of node ${claimed.id} (${logName(claimed)}) in shard ${claimed.shardId}`,
  );
  state.nodes.attachReplica(claimed, sender);
  const chained = me.replicaOf?.replicaOf;
  if (me.replicaOf !== undefined && chained !== undefined && chained !== me) {
    // My primary became a replica itself: I follow the one at the top. Judged before shard ids change, since a shared shard means shared history.
    state.environment.log.notice(`I'm a sub-replica! Reconfiguring myself as a replica of ${chained.id} from ${me.replicaOf.id}`);
    follow(state, chained, true, !sameShard(chained, me));
    state.later(TODO_SAVE | TODO_STATE | TODO_SYNC | TODO_BROADCAST);
  }
  updateShardId(state, sender, claimed.shardId);
  state.later(TODO_SAVE);
}

/** The sender's slots, if it is a primary, and what others should know if its claim is old. */
export function takeConfiguration(state: ClusterState, sender: ClusterNode, header: PacketHeader, wasReplica: boolean): void {
  const { log } = state.environment;
  if (header.primaryId === '' && isPrimary(sender) && (wasReplica || !sameSlots(sender.slots, header.slots))) {
    log.notice(`Mismatch in topology information for sender node ${sender.id} (${logName(sender)}) in shard ${sender.shardId}`);
    applyClaim(state, sender, header.configEpoch, header.slots);
    const newer = newerOwner(state, sender, header);
    if (newer !== undefined) {
      log.verbose(
        `Node ${sender.id} (${logName(sender)}) has old slots configuration, sending an UPDATE message about ${newer.id} (${logName(newer)})`,
      );
      state.messenger.update(sender.link, newer);
    }
  }
  if (isPrimary(state.myself) && isPrimary(sender) && header.configEpoch === state.myself.configEpoch) resolveEpochCollision(state, sender);
}

/** The first node that serves, under a greater epoch, a slot that the sender claims. */
function newerOwner(state: ClusterState, sender: ClusterNode, header: PacketHeader): ClusterNode | undefined {
  for (const slot of slotsOf(header.slots)) {
    const owner = state.slots.owner[slot];
    if (owner === undefined || owner === sender || state.slots.isUnclaimed(slot)) continue;
    if (owner.configEpoch > header.configEpoch) return owner;
  }
  return undefined;
}
