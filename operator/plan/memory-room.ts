/**
 * Room for slots in a primary's memory. What a slot weighs is its share of what its owner uses; an import fills the target before the source has freed anything, and beside
 * the data lie the buffers of the migration. So nothing is moved to a node that would use more than 92 % of its `maxmemory`.
 */
import { countSlots } from '../../lib/slot-ranges.ts';
import type { Member, ShardTopology } from '../model/topology.ts';
import { MEMORY_LIMIT_SHARE } from './limits.ts';

/** Of the slots that `shard` owns, on the average. 0 when it holds no keys. */
export function bytesPerSlot({ primary, slots }: ShardTopology): number {
  const count = countSlots(slots);
  if (primary === undefined || count === 0 || primary.view.keys === 0) return 0;
  const { usedBytes, startupBytes } = primary.view.memory;
  return Math.max(0, usedBytes - startupBytes) / count;
}

/** How many bytes more `target` may take; Infinity without a limit. */
export function roomBytes({ view: { memory } }: Member): number {
  return memory.limitBytes === 0 ? Number.POSITIVE_INFINITY : MEMORY_LIMIT_SHARE * memory.limitBytes - memory.usedBytes;
}

/** `1.5 GiB`, for a human. */
export function showBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = Math.max(0, bytes);
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
