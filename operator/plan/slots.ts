/**
 * Slots: every slot has an owner, in a cluster that holds no data yet.
 *
 * That is a cluster that was never whole, or one whose loss stands in the status already (data-loss.ts). Slots are given out once every shard has a node to give
 * them to. Slots whose owner is gone for good go to an empty node of the shard, or with its primary's role to a replica that never had data.
 */
import { holdsSlots, type Member, type ShardTopology } from '../model/topology.ts';
import { countSlots, subtractSlotRanges } from '../../lib/slot-ranges.ts';
import { trusted, type PlanContext } from './context.ts';
import { holdsData } from './sync-guard.ts';
import { FORCE_REPEAT_MS, STRAGGLERS_MS } from './limits.ts';
import { spreadRoles } from './spread.ts';

export function planSlots(context: PlanContext): void {
  if (context.formed) return;
  const { shards } = context.topology;
  const lacks = (shard: ShardTopology): boolean => holdsSlots(shard) && (shard.unassigned.length > 0 || shard.primary === undefined);
  const heirs = shards.map(shard => (lacks(shard) ? heirOf(context, shard) : undefined));
  const missing = shards.filter((shard, i) => heirs[i] === undefined && lacks(shard));
  if (missing.length > 0) {
    context.progressing('Forming', `Waiting for a node of shard ${missing.map(shard => shard.index).join(', ')} to answer`);
    return;
  }
  if (!context.allWantedAnswer && context.memory.heldFor('stragglers') < STRAGGLERS_MS) {
    context.progressing(
      'Forming',
      'Every shard has a node that answers; the others are waited for a moment, so that primaries can be spread',
    );
    return;
  }
  const spread = spreadHeirs(context, heirs);
  for (const [i, shard] of shards.entries()) {
    const heir = spread[i];
    if (heir !== undefined) giveSlots(context, shard, heir);
  }
}

/** Where a shard has several empty nodes, those are taken that lie evenly on the machines. */
function spreadHeirs(context: PlanContext, heirs: readonly (Member | undefined)[]): readonly (Member | undefined)[] {
  const machine = (member: Member): string => member.pod.hostNode ?? '';
  const choices = heirs.map((heir, i) => {
    const shard = context.topology.shards[i];
    if (heir === undefined) return shard.primary === undefined ? [] : [shard.primary];
    const isChoice = heir.empty && shard.ownerId === undefined;
    return [heir, ...(isChoice ? trusted(context.topology).filter(other => other !== heir && isFreeFor(other, heir)) : [])];
  });
  // A shard that nothing is decided for stands apart from all machines.
  const hosts = spreadRoles(choices.map((members, i) => (members.length > 0 ? members.map(machine) : [`shard ${i}`])));
  return heirs.map((heir, i) => heir && (choices[i].find(member => machine(member) === hosts[i]) ?? heir));
}

const isFreeFor = (other: Member, heir: Member): boolean => other.shard === heir.shard && other.wanted && other.empty;

/** Who gets the shard's slots; undefined while its owner may come back or no node is there. */
function heirOf(context: PlanContext, shard: ShardTopology): Member | undefined {
  if (shard.primary !== undefined) return shard.primary;
  if (shard.ownerId !== undefined && !context.isGone(shard.ownerId)) return undefined;
  const candidates = trusted(context.topology).filter(member => member.shard === shard.index && member.wanted);
  if (shard.replicas.some(holdsData)) return undefined; // the nodes' vote or a fenced promotion: failover.ts
  return candidates.find(member => member.empty) ?? candidates.find(member => shard.replicas.includes(member));
}

function giveSlots(context: PlanContext, shard: ShardTopology, heir: Member): void {
  if (heir.view.role === 'replica') {
    if (context.memory.take(`takeover:${heir.view.nodeId}`, 'failover', FORCE_REPEAT_MS))
      context.act({ kind: 'failover', node: heir.name, mode: 'takeover', reason: 'no copy of the shard is left' });
    return;
  }
  if (shard.ownerId !== undefined && shard.primary === undefined) inheritSlots(context, shard, heir);
  else if (countSlots(shard.unassigned) > 0) context.act({ kind: 'addSlots', node: heir.name, ranges: shard.unassigned });
}

/**
 * Gives `heir` what the owner had, who is gone. That counts by its epoch until somebody claims it with a higher one; nodes that still list the owner must drop it first.
 */
export function inheritSlots(context: PlanContext, shard: ShardTopology, heir: Member): void {
  const own = heir.view.peers.find(peer => peer.myself)?.slots ?? [];
  const ranges = subtractSlotRanges([...shard.slots, ...shard.unassigned], own);
  if (countSlots(ranges) === 0) return;
  for (const member of trusted(context.topology)) {
    if (member.view.peers.some(peer => peer.nodeId === shard.ownerId)) forgetOwner(context, member, shard);
  }
  context.act({ kind: 'bumpEpoch', node: heir.name }, { kind: 'addSlots', node: heir.name, ranges });
}

function forgetOwner(context: PlanContext, member: Member, shard: ShardTopology): void {
  if (shard.ownerId === undefined || shard.replicas.includes(member)) return;
  context.act({ kind: 'forget', node: member.name, nodeId: shard.ownerId });
}
