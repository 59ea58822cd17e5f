/**
 * What follows from a claim: a primary says, in a packet or by an UPDATE about it, which slots it serves under which epoch.
 *
 * For each slot the newer claim wins (greater epoch), and a slot that nobody claims goes to whoever does. Then this node looks at
 * what it lost: with its last slot it becomes a replica of the winner (same shard, or replica migration allowed), otherwise it
 * deletes the keys of slots that are no longer its own. Open slots follow failovers of either side and end when the operator moved
 * the slot elsewhere. Source: clusterUpdateSlotsConfigWith, and the valkey-wire notes on it.
 */

import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import { type ClusterNode, effectiveEpoch, isPrimary, isReplica, logName, sameShard } from './cluster-node.ts';
import { type ClusterState, TODO_BROADCAST, TODO_SAVE, TODO_STATE, TODO_SYNC } from './cluster-state.ts';
import { bumpEpoch } from './config-epoch.ts';
import { follow } from './roles.ts';
import { addSlot, hasSlot, removeSlot } from './slot-bitmap.ts';

const CHANGED = TODO_SAVE | TODO_STATE | TODO_SYNC;

/** What one claim changed, gathered slot by slot. */
interface Outcome {
  /** The claimant took slots of my shard's primary. */
  newPrimary: boolean;
  claimed: number;
  takenFromMyShard: number;
  /** Slots that were mine, hold keys, and are lost. */
  readonly dirty: number[];
  readonly moves: { first: number; last: number; from: ClusterNode }[];
}

/** `owner` claims `slots` under `epoch`. */
export function applyClaim(state: ClusterState, owner: ClusterNode, epoch: bigint, slots: Uint8Array): void {
  if (owner === state.myself) {
    state.environment.log.notice('Discarding UPDATE message about myself.');
    return;
  }
  const myPrimary = state.nodes.myPrimary();
  const outcome: Outcome = { newPrimary: false, claimed: 0, takenFromMyShard: 0, dirty: [], moves: [] };
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    if (hasSlot(slots, slot)) claimSlot(state, owner, epoch, slot, myPrimary, outcome);
    else disclaimSlot(state, owner, epoch, slot);
  }
  for (const { first, last, from } of outcome.moves)
    state.environment.log.notice(
      `Slot range [${first}, ${last}] is migrated from node ${from.id} (${logName(from)}) in shard ${from.shardId} to node ${owner.id} (${logName(owner)}) in shard ${owner.shardId}.`,
    );
  settleLosses(state, owner, epoch, myPrimary, outcome);
}

function claimSlot(
  state: ClusterState,
  owner: ClusterNode,
  epoch: bigint,
  slot: number,
  myPrimary: ClusterNode | undefined,
  outcome: Outcome,
): void {
  const { slots, environment } = state;
  outcome.claimed++;
  const holder = slots.owner[slot];
  if (holder === owner) {
    removeSlot(slots.notClaimed, slot);
    return;
  }
  if (!slots.isUnclaimed(slot) && (holder as ClusterNode).configEpoch >= epoch && !state.migrations.isGranted(slot)) return;
  if (holder !== undefined && !slots.isUnclaimed(slot) && !sameShard(holder, owner)) recordMove(outcome, slot, holder);
  if (holder === state.myself && environment.data.keysInSlot(slot) > 0) outcome.dirty.push(slot);
  if (holder !== undefined && holder === myPrimary) {
    outcome.newPrimary = true;
    outcome.takenFromMyShard++;
  }
  updateOpenSlot(state, owner, slot);
  slots.reassign(owner, slot);
  state.later(CHANGED);
}

function recordMove(outcome: Outcome, slot: number, from: ClusterNode): void {
  const last = outcome.moves.at(-1);
  if (last !== undefined && last.from === from && last.last === slot - 1) last.last = slot;
  else outcome.moves.push({ first: slot, last: slot, from });
}

/** A slot that is open here gets a new owner. */
function updateOpenSlot(state: ClusterState, owner: ClusterNode, slot: number): void {
  const { slots, environment } = state;
  const target = slots.migratingTo.get(slot);
  if (target !== undefined && !sameShard(owner, state.myself)) {
    environment.log.notice(
      `Slot ${slot} is no longer being migrated to node ${target.id} (${logName(target)}) in shard ${target.shardId}.`,
    );
    slots.migratingTo.delete(slot);
  }
  const source = slots.importingFrom.get(slot);
  if (source === undefined || source === owner) return;
  if (sameShard(owner, source)) {
    environment.log.verbose(
      `Failover occurred in migration source. Update importing source for slot ${slot} to node ${owner.id} (${logName(owner)}) in shard ${owner.shardId}.`,
    );
    slots.importingFrom.set(slot, owner);
  } else {
    environment.log.notice(
      `Slot ${slot} is no longer being imported from node ${source.id} (${logName(source)}) in shard ${source.shardId}.`,
    );
    slots.importingFrom.delete(slot);
  }
}

/** `owner` does not claim `slot`. */
function disclaimSlot(state: ClusterState, owner: ClusterNode, epoch: bigint, slot: number): void {
  const { slots, environment, myself } = state;
  // The slot keeps its owner: a redirection too many is better than an unserved slot.
  if (slots.owner[slot] === owner) addSlot(slots.notClaimed, slot);
  const target = slots.migratingTo.get(slot);
  if (target !== undefined && target !== owner && sameShard(target, owner) && (target.configEpoch < epoch || isReplica(target))) {
    environment.log.verbose(
      `Failover occurred in migration target. Slot ${slot} is now being migrated to node ${owner.id} (${logName(owner)}) in shard ${owner.shardId}.`,
    );
    slots.migratingTo.set(slot, owner);
    state.later(CHANGED);
  }
  if (!isPrimary(myself) || slots.importingFrom.get(slot) !== owner) return;
  environment.log.notice(
    `Slot ${slot} is no longer being imported from node ${owner.id} (${logName(owner)}) in shard ${owner.shardId}; Clear my importing source for the slot.`,
  );
  slots.importingFrom.delete(slot);
  state.later(CHANGED);
  if (slots.owner[slot] === myself) return;
  // The source let go of the slot and this node missed the end of the import: it is the new owner.
  slots.reassign(myself, slot);
  bumpEpoch(state);
}

function settleLosses(state: ClusterState, owner: ClusterNode, epoch: bigint, myPrimary: ClusterNode | undefined, outcome: Outcome): void {
  const { myself, environment } = state;
  const siblings = sameShard(owner, myself);
  const twoEmptyPrimaries =
    siblings && myself.replicaOf !== owner && outcome.claimed === 0 && myself.slotCount === 0 && effectiveEpoch(myself) < epoch;
  let deleteDirty = outcome.dirty.length > 0;
  if ((outcome.newPrimary || twoEmptyPrimaries) && (myPrimary?.slotCount ?? 0) === 0) {
    deleteDirty = false;
    if (myself.slotCount === 0 && isPrimary(owner) && (siblings || environment.settings().allowReplicaMigration)) {
      environment.log.notice(
        `Configuration change detected. Reconfiguring myself as a replica of node ${owner.id} (${logName(owner)}) in shard ${owner.shardId}`,
      );
      follow(state, owner, !siblings, !siblings);
      state.later(CHANGED | TODO_BROADCAST);
    } else if (isPrimary(myself) && outcome.claimed >= outcome.takenFromMyShard && !siblings) {
      environment.log.notice(
        `My last slot was migrated to node ${owner.id} (${logName(owner)}) in shard ${owner.shardId}. I am now an empty primary.`,
      );
      deleteDirty = true;
    }
  }
  state.migrations.ownershipChanged();
  if (deleteDirty) for (const slot of outcome.dirty) dropDirtySlot(state, slot);
}

function dropDirtySlot(state: ClusterState, slot: number): void {
  const { myself, environment } = state;
  environment.log.notice(`Deleting keys in dirty slot ${slot} on node ${myself.id} (${logName(myself)}) in shard ${myself.shardId}`);
  environment.data.dropSlot(slot);
}

/**
 * After a start or a promotion: keys of slots that another node owns are deleted; a slot without an owner that holds keys is taken.
 * True when the table changed.
 */
export function reconcileData(state: ClusterState): boolean {
  const { slots, environment, myself } = state;
  if (isReplica(myself)) return false;
  let changed = false;
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const owner = slots.owner[slot];
    if (owner === myself || slots.importingFrom.has(slot) || environment.data.keysInSlot(slot) === 0) continue;
    changed = true;
    if (owner === undefined) {
      environment.log.notice(`I have keys for unassigned slot ${slot}. Taking responsibility for it.`);
      slots.assign(myself, slot);
    } else {
      environment.log.notice(`I have keys for slot ${slot}, but the slot is assigned to another node. Deleting keys in the slot.`);
      environment.data.dropSlot(slot);
    }
  }
  if (changed) state.later(CHANGED);
  return changed;
}
