/** The rows of the status that show shards and nodes. They hold what an operator that starts anew must know: which process ran which node id. */
import { formatSlotRanges } from '../../lib/slot-ranges.ts';
import type { NodeStatus, ShardStatus } from '../api/valkey-cluster.ts';
import type { Observation } from '../model/observation.ts';
import type { PlanResult } from '../model/plan-result.ts';
import type { Member, ShardTopology } from '../model/topology.ts';

export function shardRows(observation: Observation, { topology }: PlanResult): ShardStatus[] {
  return topology.shards.map(shard => {
    const nodes = observation.wanted.nodes
      .filter(node => node.shard === shard.index)
      .map(node => nodeRow(node.name, shard, topology.members.get(node.name)));
    const lostNodes = lostRows(shard, observation, topology);
    return {
      index: shard.index,
      ...(shard.primary === undefined ? {} : { primary: shard.primary.name }),
      slots: formatSlotRanges(shard.slots),
      readyReplicas: shard.replicas.filter(isReady).length,
      nodes,
      ...(lostNodes.length === 0 ? {} : { lostNodes }),
    };
  });
}

function nodeRow(name: string, shard: ShardTopology, member: Member | undefined): NodeStatus {
  if (member === undefined) return { name, role: 'none', ready: false };
  const role = shard.primary?.name === name ? 'primary' : shard.replicas.some(replica => replica.name === name) ? 'replica' : 'none';
  const { containerId, uid } = member.pod;
  return {
    name,
    role,
    ready: role !== 'none' && isReady(member),
    nodeId: member.view.nodeId,
    podUid: uid,
    ...(containerId === undefined ? {} : { containerId }),
  };
}

/** Answers, plays its part, and the platform lets clients come to it. A replica could take over: it has synced, and has heard which slots its primary serves. */
export function isReady(member: Member): boolean {
  const { view, pod } = member;
  if (!pod.ready || view.loading || pod.deletingSince !== undefined) return false;
  if (view.role === 'primary') return true;
  const primaryId = view.peers.find(peer => peer.myself)?.primaryId;
  const knowsSlots = view.peers.some(peer => peer.nodeId === primaryId && peer.slots.length > 0);
  return view.replication?.up === true && !view.replication.syncing && knowsSlots;
}

function lostRows(shard: ShardTopology, observation: Observation, topology: PlanResult['topology']): NonNullable<ShardStatus['lostNodes']> {
  const here = new Set(observation.wanted.nodes.filter(node => node.shard === shard.index).map(node => node.name));
  return [...topology.processes]
    .filter(([id, process]) => !topology.byId.has(id) && (here.has(process.name) || id === shard.ownerId))
    .map(([nodeId, process]) => ({ nodeId, ...process }))
    .toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
}
