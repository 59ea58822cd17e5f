/**
 * The rows of the status that show shards and nodes. They hold what an operator that starts anew must know: which process ran which node id, and which slots
 * belong to which shard, owned or not.
 */
import { formatSlotRanges } from '../../lib/slot-ranges.ts';
import { findCondition } from '../api/conditions.ts';
import { shardOfNode } from '../api/group.ts';
import type { NodeStatus, ShardStatus } from '../api/valkey-cluster.ts';
import { loadRow } from './load-status.ts';
import type { NodeObservation, Observation, SyncProgress } from '../model/observation.ts';
import type { PlanResult } from '../model/plan-result.ts';
import { holdsSlots, type Member, type ShardTopology, slotsOf, type Topology } from '../model/topology.ts';

export function shardRows(observation: Observation, result: PlanResult): ShardStatus[] {
  const { topology, dataLoss } = result;
  const formed = findCondition(observation.cluster.status.conditions, 'ClusterFormed');
  // What a cluster that was never whole is about to give out is no record yet: the number of shards may still change.
  const wasWhole = formed?.status === 'True' || formed?.reason === 'DataLost' || dataLoss !== undefined;
  return topology.shards.map(shard => {
    const nodes = nodeNames(observation, shard).map(name => nodeRow(name, shard, topology.members.get(name), observation.nodes.get(name)));
    const lostNodes = lostRows(shard, observation, topology);
    const load = loadRow(observation, result, shard.index);
    return {
      index: shard.index,
      ...(shard.primary === undefined ? {} : { primary: shard.primary.name }),
      ...(shard.ownerId === undefined ? {} : { ownerId: shard.ownerId }),
      slots: formatSlotRanges(wasWhole ? slotsOf(shard) : shard.slots),
      readyReplicas: shard.replicas.filter(replica => isReady(replica, holdsSlots(shard))).length,
      ...(load === undefined ? {} : { load }),
      nodes,
      ...(lostNodes.length === 0 ? {} : { lostNodes }),
    };
  });
}

/** Nodes that should run, and of a shard that leaves those that are left. */
function nodeNames({ wanted, workloads }: Observation, shard: ShardTopology): readonly string[] {
  const left = shard.leaving ? workloads : [];
  return [...new Set([...wanted.nodes, ...left].filter(node => node.shard === shard.index).map(node => node.name))];
}

function nodeRow(name: string, shard: ShardTopology, member: Member | undefined, node: NodeObservation | undefined): NodeStatus {
  const sync = syncColumn(member?.view.replication?.sync ?? (node?.reachable === false ? node.sync : undefined), shard);
  if (member === undefined) return { name, role: 'none', ready: false, ...sync };
  const role = shard.primary?.name === name ? 'primary' : shard.replicas.some(replica => replica.name === name) ? 'replica' : 'none';
  const { containerId, uid } = member.pod;
  return {
    name,
    role,
    ready: role !== 'none' && isReady(member, holdsSlots(shard)),
    nodeId: member.view.nodeId,
    podUid: uid,
    ...(containerId === undefined ? {} : { containerId }),
    ...sync,
  };
}

/**
 * In steps of ten: a sync causes ten writes of the status, however long it takes. A primary that streams its snapshot does not know its size:
 * then the keys tell how far it is.
 */
function syncColumn(sync: SyncProgress | undefined, { primary }: ShardTopology): Pick<NodeStatus, 'syncPercent'> {
  if (sync === undefined) return {};
  const keys = primary?.view.keys ?? 0;
  const share = sync.totalBytes > 0 ? sync.readBytes / sync.totalBytes : keys > 0 ? sync.keys / keys : 0;
  return { syncPercent: Math.min(90, Math.floor(share * 10) * 10) };
}

/** Answers, plays its part, and the platform lets clients come to it. A replica could take over: it has synced, and has heard which slots its primary serves, if it serves any. */
function isReady(member: Member, hasSlots: boolean): boolean {
  const { view, pod } = member;
  if (!pod.ready || view.loading || pod.deletingSince !== undefined) return false;
  if (view.role === 'primary') return true;
  return view.replication?.up === true && !view.replication.syncing && knowsItsPrimary(member, hasSlots);
}

export function isNodeReady(topology: Topology, name: string): boolean {
  const member = topology.members.get(name);
  const shard = topology.shards.find(({ index }) => index === member?.shard);
  return member !== undefined && isReady(member, shard === undefined || holdsSlots(shard));
}

function knowsItsPrimary({ view }: Member, hasSlots: boolean): boolean {
  const primaryId = view.peers.find(peer => peer.myself)?.primaryId;
  return view.peers.some(peer => peer.nodeId === primaryId && !peer.handshake && (peer.slots.length > 0 || !hasSlots));
}

function lostRows(shard: ShardTopology, observation: Observation, topology: Topology): NonNullable<ShardStatus['lostNodes']> {
  const here = (name: string): boolean => shardOfNode(observation.cluster.name, name) === shard.index;
  return [...topology.processes]
    .filter(([id, process]) => !topology.byId.has(id) && (here(process.name) || id === shard.ownerId))
    .map(([nodeId, process]) => ({ nodeId, ...process }))
    .toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
}
