/**
 * Topology: the nodes' views put together into one picture of who owns which slots and who follows whom. Plain data, made by plan, shown by status.
 */
import type { SlotRange } from '../../lib/slot-ranges.ts';
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
  /** Slots that belong to the shard. */
  readonly range: SlotRange;
  /** Who owns most of them by the nodes' views; undefined when nobody owns any. */
  readonly ownerId?: string;
  /** The owner, when it answers and says that it is a primary. */
  readonly primary?: Member;
  /** Slots that the owner has, in all. */
  readonly slots: readonly SlotRange[];
  /** Slots of the range that nobody owns. */
  readonly unassigned: readonly SlotRange[];
  /** Members, of whatever workload, that replicate the owner. */
  readonly replicas: readonly Member[];
  /** Members whose workload belongs to this shard. */
  readonly members: readonly Member[];
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
