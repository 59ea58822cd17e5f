/**
 * Repair of a cluster's membership: empty nodes become replicas of their shard, and ids that nobody has any more are forgotten.
 *
 * FORGET goes only to an id that owns no slots, that no live node replicates, and whose process is proven to be over. A node that does not hear it would spread the id again;
 * that is seen in the next turn.
 */
import type { Member, ShardTopology } from '../model/topology.ts';
import { knows, trusted, type PlanContext } from './context.ts';
import { FORGET_DEBOUNCE_MS, WRONG_PRIMARY_DEBOUNCE_MS } from './limits.ts';
import { primaryIdOf } from './read-topology.ts';
import { Resyncs } from './resyncs.ts';

export function planRepair(context: PlanContext): void {
  const resyncs = new Resyncs(context);
  for (const shard of context.topology.shards) planReplicas(context, shard, resyncs);
  resyncs.report();
  planForget(context);
}

function planReplicas(context: PlanContext, shard: ShardTopology, resyncs: Resyncs): void {
  const { primary } = shard;
  if (primary === undefined || primary.strangers.length > 0) return;
  for (const member of shard.members) {
    if (
      member === primary ||
      !member.wanted ||
      member.strangers.length > 0 ||
      !knows(member, primary.view.nodeId) ||
      !knows(primary, member.view.nodeId)
    )
      continue;
    if (member.empty || followsWrongPrimary(context, member, primary)) {
      if (!resyncs.admit(member, primary)) continue;
      context.act({ kind: 'replicate', node: member.name, primaryId: primary.view.nodeId });
      if (context.formed)
        context.tell(
          `replicate:${member.view.nodeId}`,
          'Normal',
          'ReplicaAdded',
          `${member.name} replicates ${primary.name} of shard ${shard.index}`,
        );
    }
  }
}

/** Right after a failover a replica follows the old primary for a moment: the nodes correct that themselves. */
function followsWrongPrimary(context: PlanContext, member: Member, primary: Member): boolean {
  if (member.view.role !== 'replica' || primaryIdOf(member) === primary.view.nodeId) return false;
  return context.memory.heldFor(`wrongPrimary:${member.view.nodeId}`) >= WRONG_PRIMARY_DEBOUNCE_MS;
}

function planForget(context: PlanContext): void {
  const { topology } = context;
  const owners = new Set(topology.shards.map(shard => shard.ownerId));
  const members = trusted(topology);
  for (const known of topology.known.values()) {
    if (topology.byId.has(known.nodeId) || owners.has(known.nodeId)) continue;
    if (members.some(member => primaryIdOf(member) === known.nodeId) || ownsSlots(members, known.nodeId)) continue;
    if (comesBack(context, known.nodeId)) continue;
    if (!context.isGone(known.nodeId) || context.memory.heldFor(`gone:${known.nodeId}`) < FORGET_DEBOUNCE_MS) continue;
    for (const member of members) {
      if (member.view.peers.some(peer => peer.nodeId === known.nodeId && !peer.handshake))
        context.act({ kind: 'forget', node: member.name, nodeId: known.nodeId });
    }
    const name = topology.processes.get(known.nodeId)?.name;
    context.tell(
      `forget:${known.nodeId}`,
      'Normal',
      'NodeForgotten',
      `Forgetting node ${known.nodeId.slice(0, 8)}${name === undefined ? '' : ` that ran as ${name}`}: its process is over`,
    );
  }
}

/** It has a volume, and nobody else answers from there: the next process of its workload will be it again. */
function comesBack({ observation, topology }: PlanContext, nodeId: string): boolean {
  const process = topology.processes.get(nodeId);
  if (observation.wanted.persistence === undefined || process === undefined || topology.members.has(process.name)) return false;
  return observation.workloads.some(({ name, deleting }) => name === process.name && !deleting);
}

/** Somebody still counts slots for it: then it is a matter of failover or of lost data first. */
function ownsSlots(members: readonly Member[], nodeId: string): boolean {
  return members.some(member => member.view.peers.some(peer => peer.nodeId === nodeId && peer.slots.length > 0));
}
