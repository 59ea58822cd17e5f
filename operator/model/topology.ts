/**
 * Topology: the nodes' views put together into one picture of who owns which slots and who follows whom. Plain data, made by plan, shown by status.
 */
import { normaliseSlotRanges, type SlotRange } from '../../lib/slot-ranges.ts';
import type { NodeView } from './observation.ts';
import type { NodeProcess } from './memory.ts';
import type { PodObservation } from './workload.ts';

/** A node of ours that answers: its announced name is that of its workload. */
export interface Member {
  readonly name: string;
  readonly shard: number;
  readonly index: number;
  /** False for a node that is left over after the number of replicas was lowered. */
  readonly wanted: boolean;
  readonly view: NodeView;
  readonly pod: PodObservation;
  /** Knows nobody, owns no slots, holds no keys: just started. */
  readonly blank: boolean;
  /** A primary without slots and keys, blank or met: it may become a replica or be given slots. */
  readonly empty: boolean;
  /** Ids of healthy nodes that it knows and that are not ours: then it takes part in nothing. */
  readonly strangers: readonly string[];
}

export interface ShardTopology {
  readonly index: number;
  /** It is not among the shards of the spec: it gives its slots away, then its nodes go. */
  readonly leaving: boolean;
  /** Its node that owns slots, by the nodes' views. Of a shard that has none to own: its primary that answers. Undefined when there is neither. */
  readonly ownerId?: string;
  /** The owner, when it answers and says that it is a primary. */
  readonly primary?: Member;
  /** Slots that the owner has: a shard's slots are whatever it owns. */
  readonly slots: readonly SlotRange[];
  /** Slots that nobody owns and that belong here: by the last record, else (in a cluster that was never whole) by an even share. */
  readonly unassigned: readonly SlotRange[];
  /** Members, of whatever workload, that replicate the owner. */
  readonly replicas: readonly Member[];
  /** Members whose workload belongs to this shard. */
  readonly members: readonly Member[];
}

/** All slots that belong to the shard, owned or not. */
export function slotsOf({ slots, unassigned }: Pick<ShardTopology, 'slots' | 'unassigned'>): readonly SlotRange[] {
  return unassigned.length === 0 ? slots : normaliseSlotRanges([...slots, ...unassigned]);
}

/** It has slots, or should have: clients need its primary. A shard that is new or drained has none, and that is no trouble. */
export function holdsSlots(shard: Pick<ShardTopology, 'slots' | 'unassigned'>): boolean {
  return shard.slots.length > 0 || shard.unassigned.length > 0;
}

/** An id that some member knows, put together from all views. */
export interface KnownNode {
  readonly nodeId: string;
  readonly primaryId?: string;
  readonly configEpoch: number;
  /** Every member that knows it calls it failed, or has no address of it. */
  readonly failed: boolean;
}

export interface Topology {
  readonly members: ReadonlyMap<string, Member>;
  readonly byId: ReadonlyMap<string, Member>;
  readonly known: ReadonlyMap<string, KnownNode>;
  readonly shards: readonly ShardTopology[];
  /** Ids that own slots and so vote. */
  readonly voters: { readonly total: number; readonly alive: number; readonly needed: number };
  /** Names of workloads whose process answers as somebody else. */
  readonly impostors: ReadonlyMap<string, string>;
  /** Process that ran each id, as last seen, those that still run among them. */
  readonly processes: ReadonlyMap<string, NodeProcess>;
}
