/** What is remembered → the load of the cluster now, under the ownership of now. */
import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import type { SlotRange } from '../../../lib/slot-ranges.ts';
import type { ClusterLoad, LoadMemory, NodeSeries, ShardLoad } from '../../model/load.ts';
import { MIN_WINDOWS, STALE_AFTER_MS } from './limits.ts';

export interface ShardOwnership {
  readonly shard: number;
  /** Node id of its primary, when that answers. */
  readonly primaryId?: string;
  readonly slots: readonly SlotRange[];
}

/** @param cpuLimitCores what one node may use: the engine is one thread, so more than one core counts as one. */
export function readLoad(
  memory: LoadMemory,
  owners: readonly ShardOwnership[],
  cpuLimitCores: number | undefined,
  now: number,
): ClusterLoad {
  const { slots } = memory;
  const owner = new Int16Array(SLOT_COUNT).fill(-1);
  const cpuCapacity = Math.min(1, cpuLimitCores ?? 1);
  let windowAt = now;
  const shards = owners.map(({ shard, primaryId, slots: ranges }, place): ShardLoad => {
    const node = primaryId === undefined ? undefined : memory.nodes.get(primaryId);
    windowAt = Math.min(windowAt, node?.ratedAt ?? 0);
    let cpu = node?.residual ?? 0;
    let network = 0;
    let keys = 0;
    for (const { start, end } of ranges)
      for (let slot = start; slot <= end; slot++) {
        owner[slot] = place;
        cpu += slots.cpu[slot];
        network += slots.network[slot];
        keys += slots.keys[slot];
      }
    const stale = whyStale(node, shard, now);
    return {
      shard,
      load: { cpu, network, memory: node?.usedMemoryBytes ?? 0 },
      keys,
      // Nobody says what a node's network can do.
      capacity: { cpu: cpuCapacity, network: 0, memory: node?.maxMemoryBytes ?? 0 },
      ...(stale === undefined ? {} : { stale }),
    };
  });
  return { windowAt, shards, owner, slots: { cpu: slots.cpu, network: slots.network, memory: slots.memory, keys: slots.keys } };
}

function whyStale(node: NodeSeries | undefined, shard: number, now: number): string | undefined {
  if (node === undefined) return `there are no statistics of shard ${shard} yet`;
  if (node.windows < MIN_WINDOWS) return `the statistics of shard ${shard} span ${node.windows} of ${MIN_WINDOWS} windows`;
  const age = now - node.ratedAt;
  return age > STALE_AFTER_MS ? `the statistics of shard ${shard} are ${Math.round(age / 1000)} s old` : undefined;
}
