/**
 * Which shard a slot and an owner belong to. A shard's slots are whatever its node owns: they move between shards at any time.
 *
 * An owner belongs to the shard of the workload that runs it, or ran it by our records. Slots that nobody owns belong to the shard that had them by the last status: so what
 * a lost shard had stays known when nobody answers any more. Where there is no record either, in a cluster that was never whole, every shard of the spec gets an even share.
 */
import {
  countSlots,
  evenSlotRange,
  intersectSlotRanges,
  normaliseSlotRanges,
  parseSlotRanges,
  subtractSlotRanges,
  type SlotRange,
  ALL_SLOTS,
} from '../../lib/slot-ranges.ts';
import { findCondition } from '../api/conditions.ts';
import { shardOfNode } from '../api/group.ts';
import type { NodeProcess } from '../model/memory.ts';
import type { Observation } from '../model/observation.ts';
import type { Member, ShardTopology } from '../model/topology.ts';
import type { SlotClaims } from './slot-claims.ts';

interface ShardRecord {
  readonly index: number;
  readonly slots: readonly SlotRange[];
  readonly ownerId?: string;
}

interface Picture {
  readonly observation: Observation;
  readonly members: ReadonlyMap<string, Member>;
  readonly byId: ReadonlyMap<string, Member>;
  readonly claims: SlotClaims;
  readonly processes: ReadonlyMap<string, NodeProcess>;
}

export function readShards(picture: Picture): readonly ShardTopology[] {
  const records = readRecords(picture.observation);
  const homes = new Map([...picture.claims.keys()].map(id => [id, homeOf(id, picture, records)]));
  const free = subtractSlotRanges(ALL_SLOTS, [...picture.claims.values()].flat());
  const unrecorded = subtractSlotRanges(
    free,
    records.flatMap(record => record.slots),
  );
  const { shards: target } = picture.observation.wanted;
  return shardIndexes(picture, records).map(index => {
    const record = records.find(candidate => candidate.index === index);
    const fair = index < target ? intersectSlotRanges(unrecorded, [evenSlotRange(index, target)]) : [];
    const unassigned = normaliseSlotRanges([...intersectSlotRanges(free, record?.slots ?? []), ...fair]);
    const claimants = [...picture.claims].filter(([id, slots]) => homes.get(id) === index && slots.length > 0);
    return readShard(picture, index, record, claimants, unassigned);
  });
}

function readRecords({ cluster }: Observation): readonly ShardRecord[] {
  return (cluster.status.shards ?? []).map(({ index, slots, ownerId }) => ({
    index,
    slots: parseSlotRanges(slots),
    ...(ownerId === undefined ? {} : { ownerId }),
  }));
}

/** Shards that should be, and those of which nodes, or ids that others still know, are left. */
function shardIndexes({ observation, processes }: Picture, records: readonly ShardRecord[]): readonly number[] {
  const { wanted, workloads, cluster } = observation;
  const indexes = new Set([...wanted.shardIndexes, ...workloads.map(workload => workload.shard)]);
  for (const { index, slots } of records) if (slots.length > 0) indexes.add(index);
  for (const { name } of processes.values()) {
    const shard = shardOfNode(cluster.name, name);
    if (shard !== undefined) indexes.add(shard);
  }
  return [...indexes].toSorted((a, b) => a - b);
}

function homeOf(id: string, { observation, byId, members, processes, claims }: Picture, records: readonly ShardRecord[]): number {
  const member = byId.get(id);
  if (member !== undefined) return member.shard;
  const process = processes.get(id);
  const ran = process === undefined ? undefined : shardOfNode(observation.cluster.name, process.name);
  const home =
    ran ??
    records.find(record => record.ownerId === id)?.index ??
    [...members.values()].find(candidate => followedBy(candidate) === id && candidate.wanted)?.shard;
  if (home !== undefined) return home;
  const slots = claims.get(id) ?? [];
  const even = observation.wanted.shardIndexes
    .filter(index => index < observation.wanted.shards)
    .map(index => ({ index, slots: [evenSlotRange(index, observation.wanted.shards)] }));
  const known = records.some(record => record.slots.length > 0) ? records : even;
  return known
    .map(record => ({ index: record.index, common: countSlots(intersectSlotRanges(record.slots, slots)) }))
    .reduce((best, next) => (next.common > best.common ? next : best), { index: 0, common: 0 }).index;
}

function readShard(
  { observation, members, byId }: Picture,
  index: number,
  record: ShardRecord | undefined,
  claimants: readonly (readonly [string, readonly SlotRange[]])[],
  unassigned: readonly SlotRange[],
): ShardTopology {
  const ours = [...members.values()].filter(member => member.shard === index);
  const [most] = claimants.toSorted(([, a], [, b]) => countSlots(b) - countSlots(a));
  const formed = findCondition(observation.cluster.status.conditions, 'ClusterFormed')?.status === 'True';
  const ownerId = most?.[0] ?? (unassigned.length === 0 ? slotlessPrimary(ours, record) : formed ? record?.ownerId : undefined);
  const owner = ownerId === undefined ? undefined : byId.get(ownerId);
  const primary = owner?.view.role === 'primary' ? owner : undefined;
  return {
    index,
    leaving: index >= observation.wanted.shards,
    ...(ownerId === undefined ? {} : { ownerId }),
    ...(primary === undefined ? {} : { primary }),
    slots: most?.[1] ?? [],
    unassigned,
    replicas: ownerId === undefined ? [] : [...members.values()].filter(member => followedBy(member) === ownerId),
    members: ours,
  };
}

/** Of a shard that has no slots yet, or no more: the primary that its other nodes follow, or are to follow. */
function slotlessPrimary(ours: readonly Member[], record: ShardRecord | undefined): string | undefined {
  const primaries = ours.filter(member => member.view.role === 'primary' && member.strangers.length === 0);
  const rank = (member: Member): number => {
    const followers = ours.filter(other => followedBy(other) === member.view.nodeId).length;
    const recorded = record?.ownerId === member.view.nodeId ? 100 : 0;
    return followers * 1_000 + recorded + (member.wanted ? 10 : 0) + (member.blank ? 0 : 1);
  };
  return primaries.toSorted((a, b) => rank(b) - rank(a) || a.index - b.index).at(0)?.view.nodeId;
}

const followedBy = (member: Member): string | undefined =>
  member.view.role === 'replica' ? member.view.peers.find(peer => peer.myself)?.primaryId : undefined;
