/**
 * Joining: every node of ours gets to know every other one.
 *
 * A blank node first gets a config epoch of its own, so that no two primaries ever start with the same one. Then nodes meet: all pairs in a small cluster, since that is
 * quickest; through one hub in a large one, where gossip does the rest. A node that others know by another address is met again, before anything is forgotten.
 * In a cluster that was formed, blank nodes join only those that are not: two blank nodes that meet would be a second cluster.
 */
import type { Member } from '../model/topology.ts';
import { trusted, type PlanContext } from './context.ts';
import { MEET_ALL_PAIRS_MAX_NODES, MEET_REPEAT_MS } from './limits.ts';

export function planJoining(context: PlanContext): void {
  const members = trusted(context.topology).filter(member => !member.view.loading && !(member.blank && mustWait(context, member)));
  const established = members.filter(member => !member.blank);
  if (context.formed && established.length === 0) return;
  giveEpochs(context, members);
  for (const [from, to] of pairs(members, established)) {
    const acquainted = isKnownAt(from, to) && isKnownAt(to, from);
    if (!acquainted) meet(context, from, to);
  }
}

/**
 * A blank node at the address of a primary that has not been succeeded yet stays as it is: without an epoch. The others still take what it says for the old primary's words
 * until they notice its new id, and would count a new epoch as the old primary's: then they deny their votes to its replica.
 */
function mustWait(context: PlanContext, blank: Member): boolean {
  const shard = context.shard(blank.shard);
  return context.formed && shard?.ownerId !== undefined && shard.primary === undefined;
}

/**
 * The lowest epochs that nobody has. Not a new highest one: that would reach every node as its current epoch, and an election under way would be refused as outdated.
 */
function giveEpochs(context: PlanContext, members: readonly Member[]): void {
  const taken = new Set(members.flatMap(member => member.view.peers.map(peer => peer.configEpoch)));
  let next = 1;
  for (const member of members) {
    const epoch = member.view.peers.find(peer => peer.myself)?.configEpoch ?? member.view.configEpoch;
    if (!member.blank || epoch !== 0) continue;
    while (taken.has(next)) next++;
    context.act({ kind: 'setConfigEpoch', node: member.name, epoch: next++ });
  }
}

function pairs(members: readonly Member[], established: readonly Member[]): readonly (readonly [Member, Member])[] {
  if (members.length <= MEET_ALL_PAIRS_MAX_NODES) return members.flatMap((from, i) => members.slice(i + 1).map(to => [from, to] as const));
  const candidates = established.length > 0 ? established : members;
  const hub = candidates.reduce((best, member) => (member.view.peers.length > best.view.peers.length ? member : best));
  return members.filter(member => member !== hub).map(member => [hub, member] as const);
}

/** `member` knows `other`, and at the address where it is now or over a link that works. */
function isKnownAt(member: Member, other: Member): boolean {
  const peer = member.view.peers.find(candidate => candidate.nodeId === other.view.nodeId);
  if (peer === undefined || peer.handshake || peer.noAddress) return false;
  const { address } = other.pod;
  const here = peer.host === address?.host && peer.port === address.port;
  return here || (peer.linkConnected && peer.health === 'ok');
}

function meet(context: PlanContext, from: Member, to: Member): void {
  const { address } = to.pod;
  if (address === undefined) return;
  if (!context.memory.take(`meet:${from.view.nodeId}:${to.view.nodeId}`, 'meet', MEET_REPEAT_MS)) return;
  context.act({ kind: 'meet', node: from.name, peer: to.name, peerId: to.view.nodeId, peerAddress: address });
}
