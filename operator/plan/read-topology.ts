/**
 * Puts the nodes' views together into one picture.
 *
 * Who owns a slot: a node that answers speaks for itself; for one that does not, the view with the highest config epoch counts. Where two claim a slot, the higher
 * config epoch has it, as among the nodes themselves. A shard's owner is who has most of the shard's slots.
 */
import { countSlots, evenSlotRange, normaliseSlotRanges, subtractSlotRanges, type SlotRange } from '../../lib/slot-ranges.ts';
import { announcedName } from '../api/group.ts';
import type { Memory, NodeProcess } from '../model/memory.ts';
import type { NodeView, Observation, PeerView } from '../model/observation.ts';
import type { KnownNode, Member, ShardTopology, Topology } from '../model/topology.ts';

export function readTopology(observation: Observation, memory: Memory): Topology {
  const { members, impostors } = findMembers(observation);
  const processes = recordProcesses(observation, memory, members);
  const ours = new Set(processes.keys());
  const ourAddresses = new Set(observation.workloads.map(({ pod }) => `${pod?.address?.host}:${pod?.address?.port}`));
  const trustedMembers = new Map(
    [...members].map(([name, member]) => [name, { ...member, strangers: strangersOf(member.view, ours, ourAddresses) }]),
  );
  const byId = new Map([...trustedMembers.values()].map(member => [member.view.nodeId, member]));
  const known = collectKnown([...trustedMembers.values()]);
  const claims = resolveClaims([...trustedMembers.values()], byId);
  const shards = Array.from({ length: observation.wanted.shards }, (_, index) =>
    readShard(index, observation.wanted.shards, claims, trustedMembers, byId),
  );
  const owners = [...claims].filter(([, slots]) => slots.length > 0).map(([id]) => id);
  const alive = owners.filter(id => byId.get(id)?.view.role === 'primary').length;
  return {
    members: trustedMembers,
    byId,
    known,
    shards,
    voters: { total: owners.length, alive, needed: Math.floor(owners.length / 2) + 1 },
    impostors,
    processes: pruneProcesses(processes, known, byId),
  };
}

function findMembers(observation: Observation): {
  readonly members: ReadonlyMap<string, Member>;
  readonly impostors: ReadonlyMap<string, string>;
} {
  const members = new Map<string, Member>();
  const impostors = new Map<string, string>();
  const wanted = new Set(observation.wanted.nodes.map(node => node.name));
  for (const { name, shard, index, pod } of observation.workloads) {
    const node = observation.nodes.get(name);
    if (pod === undefined || node === undefined || !node.reachable) continue;
    const { view } = node;
    if (view.announcedName !== announcedName(observation.cluster.namespace, name)) {
      impostors.set(name, view.announcedName);
      continue;
    }
    const own = selfOf(view);
    const empty = view.role === 'primary' && own.slots.length === 0 && view.keys === 0;
    const blank = empty && view.peers.every(peer => peer.myself || peer.handshake);
    members.set(name, { name, shard, index, wanted: wanted.has(name), view, pod, blank, empty, strangers: [] });
  }
  return { members, impostors };
}

/** The line of CLUSTER NODES that a node prints about itself. */
function selfOf(view: NodeView): Pick<PeerView, 'slots' | 'configEpoch' | 'primaryId'> {
  return view.peers.find(peer => peer.myself) ?? { slots: [], configEpoch: view.configEpoch };
}

/** Status first, then memory, then what answers now: the newer wins. */
function recordProcesses(observation: Observation, memory: Memory, members: ReadonlyMap<string, Member>): Map<string, NodeProcess> {
  const processes = new Map<string, NodeProcess>();
  for (const shard of observation.cluster.status.shards ?? []) {
    for (const node of shard.nodes)
      if (node.nodeId !== undefined && node.podUid !== undefined)
        processes.set(node.nodeId, processOf(node.name, node.podUid, node.containerId));
    for (const lost of shard.lostNodes ?? []) processes.set(lost.nodeId, processOf(lost.name, lost.podUid, lost.containerId));
  }
  for (const [id, process] of memory.processes) processes.set(id, process);
  for (const { name, view, pod } of members.values()) processes.set(view.nodeId, processOf(name, pod.uid, pod.containerId));
  return processes;
}

function processOf(name: string, podUid: string, containerId: string | undefined): NodeProcess {
  return containerId === undefined ? { name, podUid } : { name, podUid, containerId };
}

/** A record is kept while the id answers or some member still knows it; with no member at all, everything is kept. */
function pruneProcesses(
  processes: ReadonlyMap<string, NodeProcess>,
  known: ReadonlyMap<string, KnownNode>,
  byId: ReadonlyMap<string, Member>,
): ReadonlyMap<string, NodeProcess> {
  if ([...byId.values()].every(member => member.blank)) return processes;
  return new Map([...processes].filter(([id]) => known.has(id) || byId.has(id)));
}

/** A peer is no stranger when its id was ever one of ours, or its address is one of ours now: then it is a node that we have not identified yet. */
function strangersOf(view: NodeView, ours: ReadonlySet<string>, ourAddresses: ReadonlySet<string>): readonly string[] {
  return view.peers
    .filter(peer => !peer.myself && !peer.handshake && !peer.noAddress && peer.health === 'ok' && peer.linkConnected)
    .filter(peer => !ours.has(peer.nodeId) && !ourAddresses.has(`${peer.host}:${peer.port}`))
    .map(peer => peer.nodeId);
}

function collectKnown(members: readonly Member[]): ReadonlyMap<string, KnownNode> {
  const known = new Map<string, KnownNode>();
  for (const member of members) {
    for (const peer of member.view.peers) {
      if (peer.handshake) continue;
      const before = known.get(peer.nodeId);
      const failed = (before?.failed ?? true) && (peer.health !== 'ok' || peer.noAddress);
      const newest = before === undefined || peer.configEpoch >= before.configEpoch ? peer : before;
      known.set(peer.nodeId, {
        nodeId: peer.nodeId,
        configEpoch: newest.configEpoch,
        failed,
        ...(newest.primaryId === undefined ? {} : { primaryId: newest.primaryId }),
      });
    }
  }
  return known;
}

/** Node id → slots that it has, disjoint. */
function resolveClaims(members: readonly Member[], byId: ReadonlyMap<string, Member>): ReadonlyMap<string, readonly SlotRange[]> {
  const claims = new Map<string, { readonly epoch: number; readonly slots: readonly SlotRange[] }>();
  for (const member of members) {
    for (const peer of member.view.peers) {
      if (peer.handshake || peer.slots.length === 0 || (byId.has(peer.nodeId) && !peer.myself)) continue;
      const before = claims.get(peer.nodeId);
      if (before === undefined || before.epoch < peer.configEpoch) claims.set(peer.nodeId, { epoch: peer.configEpoch, slots: peer.slots });
    }
  }
  const resolved = new Map<string, readonly SlotRange[]>();
  let taken: readonly SlotRange[] = [];
  for (const [id, { slots }] of [...claims].toSorted(([, a], [, b]) => b.epoch - a.epoch)) {
    resolved.set(id, subtractSlotRanges(slots, taken));
    taken = normaliseSlotRanges([...taken, ...slots]);
  }
  return resolved;
}

function readShard(
  index: number,
  shards: number,
  claims: ReadonlyMap<string, readonly SlotRange[]>,
  members: ReadonlyMap<string, Member>,
  byId: ReadonlyMap<string, Member>,
): ShardTopology {
  const range = evenSlotRange(index, shards);
  let ownerId: string | undefined;
  let most = 0;
  let unassigned: readonly SlotRange[] = [range];
  for (const [id, slots] of claims) {
    const outside = subtractSlotRanges([range], slots);
    const owned = range.end - range.start + 1 - countSlots(outside);
    if (owned > most) [ownerId, most] = [id, owned];
    if (owned > 0) unassigned = subtractSlotRanges(unassigned, slots);
  }
  const owner = ownerId === undefined ? undefined : byId.get(ownerId);
  const primary = owner?.view.role === 'primary' ? owner : undefined;
  return {
    index,
    range,
    ...(ownerId === undefined ? {} : { ownerId }),
    ...(primary === undefined ? {} : { primary }),
    slots: ownerId === undefined ? [] : (claims.get(ownerId) ?? []),
    unassigned,
    replicas:
      ownerId === undefined
        ? []
        : [...members.values()].filter(member => member.view.role === 'replica' && selfOf(member.view).primaryId === ownerId),
    members: [...members.values()].filter(member => member.shard === index),
  };
}

/** The id that `member` says it replicates. */
export function primaryIdOf(member: Member): string | undefined {
  return member.view.role === 'replica' ? selfOf(member.view).primaryId : undefined;
}
