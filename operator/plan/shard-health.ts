/** Is a shard well enough to lose a member, or to hand over its primary's role? */
import { countSlots } from '../../lib/slot-ranges.ts';
import type { Member, ShardTopology, Topology } from '../model/topology.ts';
import type { PlanContext } from './context.ts';
import { CAUGHT_UP_LAG_BYTES } from './limits.ts';
import { primaryIdOf } from './read-topology.ts';

/**
 * `replica` has the primary's data set, is fed what comes, and knows which slots its primary serves: one that was introduced a moment ago may not have heard of them, and would
 * take over without them.
 */
export function isFollowing(replica: Member, primary: Member): boolean {
  return isFed(replica, primary) && knowsSlotsOf(replica, primary);
}

/** All is well but for replicas that have not heard of the latest slots: it is so for a moment whenever slots move. */
export function hasOnlyToHear(context: PlanContext, shard: ShardTopology): boolean {
  return firstTrouble(context, shard, undefined, isFed) === undefined && whyUnsettled(context, shard) !== undefined;
}

/** `replica` has the primary's data set and is fed what comes. */
function isFed(replica: Member, primary: Member): boolean {
  const { replication, loading } = replica.view;
  if (replication === undefined || !replication.up || replication.syncing || loading) return false;
  return primaryIdOf(replica) === primary.view.nodeId;
}

function knowsSlotsOf(replica: Member, primary: Member): boolean {
  const known = replica.view.peers.find(peer => peer.nodeId === primary.view.nodeId)?.slots ?? [];
  const served = primary.view.peers.find(peer => peer.myself)?.slots ?? [];
  return countSlots(known) === countSlots(served);
}

/** It follows, and has all that `primary` wrote, but for the last moments. */
export function hasCaughtUp(replica: Member, primary: Member): boolean {
  return isFollowing(replica, primary) && primary.view.offset - replica.view.offset <= CAUGHT_UP_LAG_BYTES;
}

/**
 * `replica` would get the votes of a majority, its primary's among them: who votes knows whose replica it is, and they are linked both ways. A node that was introduced a
 * moment ago is known by its id first and by its role later; votes for it are denied until then, and writes would stay paused until the failover's time is up.
 */
export function isElectable(topology: Topology, replica: Member, primary: Member): boolean {
  const friends = [...topology.members.values()].filter(voter => {
    const seen = voter.view.peers.find(peer => peer.nodeId === replica.view.nodeId);
    const sees = replica.view.peers.find(peer => peer.nodeId === voter.view.nodeId);
    if (seen === undefined || sees === undefined || seen.handshake || sees.handshake) return false;
    return seen.primaryId === primary.view.nodeId && seen.linkConnected && sees.linkConnected && sees.slots.length > 0;
  });
  return friends.includes(primary) && friends.length >= topology.voters.needed;
}

/** Every wanted node of the shard but `except` answers and plays its part; the primary sees a whole cluster. How far behind a replica is does not count: load alone must not unsettle a shard. */
export function isSettled(context: PlanContext, shard: ShardTopology, except?: string): boolean {
  return whyUnsettled(context, shard, except) === undefined;
}

/** In words for a human; undefined when all is well. */
export function whyUnsettled(context: PlanContext, shard: ShardTopology, except?: string): string | undefined {
  return firstTrouble(context, shard, except, isFollowing);
}

function firstTrouble(
  context: PlanContext,
  shard: ShardTopology,
  except: string | undefined,
  follows: (replica: Member, primary: Member) => boolean,
): string | undefined {
  const { primary } = shard;
  if (primary === undefined) return `shard ${shard.index} has no primary that answers`;
  if (!primary.view.clusterOk) return `${primary.name} says that the cluster is not whole`;
  for (const node of context.observation.wanted.nodes) {
    if (node.shard !== shard.index || node.name === except || node.name === primary.name) continue;
    const member = context.topology.members.get(node.name);
    if (member === undefined) return `${node.name} does not answer`;
    if (member.pod.deletingSince !== undefined) return `${node.name} is stopping`;
    if (!follows(member, primary)) return `${node.name} has not caught up with ${primary.name}`;
  }
  return undefined;
}

/** The replica to hand over to: caught up, staying, most advanced; `suits` narrows the choice. */
export function successorOf(shard: ShardTopology, suits: (replica: Member) => boolean): Member | undefined {
  const { primary } = shard;
  if (primary === undefined) return undefined;
  return shard.replicas
    .filter(replica => replica.strangers.length === 0 && replica.pod.deletingSince === undefined && replica.pod.process.kind === 'running')
    .filter(replica => hasCaughtUp(replica, primary) && suits(replica))
    .toSorted((a, b) => b.view.offset - a.view.offset || (a.name < b.name ? -1 : 1))
    .at(0);
}
