/** What the page is told of one cluster, beside the columns of the heat map. Plain data, and no secret in it. Pure. */
import { countSlots, parseSlotRanges, showSlotRanges } from '../../lib/slot-ranges.ts';
import type { Turn } from '../controller/witness.ts';
import type { Decision } from '../model/action.ts';
import { processCpu, type SamplePair, SlotColumns } from './slot-columns.ts';

export interface ClusterView {
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  /** Of the last turn, milliseconds since the epoch. */
  readonly atMs: number;
  readonly state: string;
  readonly version: string;
  /** Nodes, such as `6/6`. */
  readonly ready: string;
  readonly connection: string;
  readonly conditions: readonly ConditionView[];
  readonly shards: readonly ShardView[];
  /** Slots that are on their way; the page shows them only where there are some. */
  readonly moves: readonly MoveView[];
  /** Newest first. */
  readonly decisions: readonly DecisionView[];
  /** When the newest of the samples was taken; null when no node gave any. Another one means other columns. */
  readonly sampledAtMs: number | null;
}

export interface ConditionView {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly since: string;
}

export interface ShardView {
  readonly index: number;
  readonly primary: string;
  readonly slots: number;
  readonly ranges: string;
  readonly nodes: readonly { readonly name: string; readonly role: string; readonly ready: boolean }[];
  readonly load: ShardLoad;
}

/** null = not known. */
export interface ShardLoad {
  readonly keys: number | null;
  /** Share of one core. */
  readonly cpu: number | null;
  /** Bytes a second, in and out. */
  readonly network: number | null;
  readonly memoryBytes: number | null;
  /** 0 = no limit. */
  readonly memoryLimitBytes: number;
}

export interface MoveView {
  /** Shards; null for a node that is in none. */
  readonly from: number | null;
  readonly to: number | null;
  readonly slots: string;
  /** The first of them, where there are many ranges. */
  readonly someSlots: string;
  /** As the server names it. */
  readonly state: string;
  /** [0, 1]; null when it cannot be told. */
  readonly progress: number | null;
}

export interface DecisionView extends Decision {
  readonly atMs: number;
}

export interface ViewParts {
  readonly turn: Turn;
  /** By node name. */
  readonly samples: ReadonlyMap<string, SamplePair>;
  readonly decisions: readonly DecisionView[];
}

export function clusterView({ turn, samples, decisions }: ViewParts, columns: SlotColumns): ClusterView {
  const { observation, status } = turn;
  const { key, name, namespace } = observation.cluster;
  const { host, port } = observation.connection;
  const times = primaries(turn).flatMap(primary => samples.get(primary)?.last.atMs ?? []);
  return {
    key,
    name,
    namespace,
    atMs: observation.at,
    state: status.state ?? 'Forming',
    version: status.version ?? '',
    ready: status.ready ?? '',
    connection: `${host}:${port}`,
    conditions: (status.conditions ?? []).map(({ type, status: value, reason, message, lastTransitionTime }) => ({
      type,
      status: value,
      reason,
      message,
      since: lastTransitionTime,
    })),
    shards: shardViews(turn, samples, columns),
    moves: movesOf(turn),
    decisions,
    sampledAtMs: times.length === 0 ? null : Math.max(...times),
  };
}

export function slotColumns({ topology }: Turn, samples: ReadonlyMap<string, SamplePair>): SlotColumns {
  const columns = new SlotColumns();
  for (const shard of topology.shards) columns.assign(shard.index, shard.slots);
  for (const { index, primary } of topology.shards) {
    const pair = primary === undefined ? undefined : samples.get(primary.name);
    if (pair !== undefined) columns.add(index, pair);
  }
  return columns;
}

function primaries({ topology }: Turn): readonly string[] {
  return topology.shards.flatMap(shard => shard.primary?.name ?? []);
}

function shardViews({ status, topology }: Turn, samples: ReadonlyMap<string, SamplePair>, columns: SlotColumns): readonly ShardView[] {
  const network = new Map<number, number>();
  for (const [slot, shard] of columns.shard.entries()) network.set(shard, (network.get(shard) ?? 0) + columns.network[slot]);
  return (status.shards ?? []).map(({ index, primary, slots, nodes }) => {
    const pair = primary === undefined ? undefined : samples.get(primary);
    return {
      index,
      primary: primary ?? '',
      slots: countSlots(topology.shards.find(shard => shard.index === index)?.slots ?? []),
      ranges: slots ?? '',
      nodes: nodes.map(({ name, role, ready }) => ({ name, role, ready })),
      load: {
        keys: pair?.last.keys ?? null,
        cpu: (pair === undefined ? undefined : processCpu(pair)) ?? null,
        network: known(network.get(index)),
        memoryBytes: pair?.last.usedMemoryBytes ?? null,
        memoryLimitBytes: pair?.last.maxMemoryBytes ?? 0,
      },
    };
  });
}

function known(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** How far a job is, the server does not tell in a way that could be compared. */
function movesOf({ status }: Turn): MoveView[] {
  return (status.migrations ?? []).map(({ from, to, slots, state }) => ({
    from: from ?? null,
    to: to ?? null,
    slots,
    someSlots: showSlotRanges(parseSlotRanges(slots), { separator: ', ' }),
    state,
    progress: null,
  }));
}
