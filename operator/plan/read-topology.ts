/** Puts the nodes' views together into one picture: who is there, who is known, who owns which slots (slot-claims.ts), and what that makes of the shards (shard-ownership.ts). */
import { announcedName } from '../api/group.ts';
import type { Memory, NodeProcess } from '../model/memory.ts';
import type { NodeView, Observation, PeerView } from '../model/observation.ts';
import type { KnownNode, Member, Topology } from '../model/topology.ts';
import { readShards } from './shard-ownership.ts';
import { resolveClaims } from './slot-claims.ts';

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
  const present = pruneProcesses(processes, known, byId);
  const shards = readShards({ observation, members: trustedMembers, byId, claims, processes: present });
  const owners = [...claims].filter(([, slots]) => slots.length > 0).map(([id]) => id);
  const alive = owners.filter(id => byId.get(id)?.view.role === 'primary').length;
  return {
    members: trustedMembers,
    byId,
    known,
    shards,
    voters: { total: owners.length, alive, needed: Math.floor(owners.length / 2) + 1 },
    impostors,
    processes: present,
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

/** The id that `member` says it replicates. */
export function primaryIdOf(member: Member): string | undefined {
  return member.view.role === 'replica' ? selfOf(member.view).primaryId : undefined;
}
