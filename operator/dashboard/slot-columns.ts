/**
 * What the heat map shows: for each slot the shard that serves it and what it costs, as five columns of 32-bit floats.
 *
 *     shard      index of the shard, -1 = nobody
 *     keys       in all databases
 *     cpu        share of one core that its commands take
 *     network    bytes a second, in and out
 *     memory     bytes, estimated: its share of the keys of its node, of the node's data
 *
 * NaN is what is not known: no sample yet, or for rates only one. Sent as they lie in memory, one column after another, which is little-endian on
 * every machine that this runs on.
 */
import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import type { SlotRange } from '../../lib/slot-ranges.ts';
import type { NodeSample } from '../model/node-sample.ts';

export const COLUMNS = ['shard', 'keys', 'cpu', 'network', 'memory'] as const;

export class SlotColumns {
  readonly bytes = new Uint8Array(COLUMNS.length * SLOT_COUNT * Float32Array.BYTES_PER_ELEMENT);
  readonly shard = this.#column(0).fill(-1);
  readonly keys = this.#column(1).fill(Number.NaN);
  readonly cpu = this.#column(2).fill(Number.NaN);
  readonly network = this.#column(3).fill(Number.NaN);
  readonly memory = this.#column(4).fill(Number.NaN);

  #column(index: number): Float32Array {
    return new Float32Array(this.bytes.buffer, index * SLOT_COUNT * Float32Array.BYTES_PER_ELEMENT, SLOT_COUNT);
  }

  assign(shard: number, ranges: readonly SlotRange[]): void {
    for (const { start, end } of ranges) this.shard.fill(shard, start, end + 1);
  }

  /** Adds the slots of a shard by the last sample of its primary; those that others serve are left alone. */
  add(shard: number, { before, last }: SamplePair): void {
    const seconds = before === undefined ? Number.NaN : (last.atMs - before.atMs) / 1000;
    const earlier = new Map(before?.slots.map(counters => [counters.slot, counters] as const));
    const bytesPerKey = last.keys > 0 ? last.datasetBytes / last.keys : 0;
    for (const now of last.slots) {
      const { slot } = now;
      if (this.shard[slot] !== shard) continue;
      const then = earlier.get(slot);
      this.keys[slot] = now.keys;
      this.memory[slot] = now.keys * bytesPerKey;
      this.cpu[slot] = grown(then?.cpuMicroseconds, now.cpuMicroseconds) / 1e6 / seconds;
      const bytes = grown(then?.networkBytesIn, now.networkBytesIn) + grown(then?.networkBytesOut, now.networkBytesOut);
      this.network[slot] = bytes / seconds;
    }
  }
}

/** The last two samples of one process. */
export interface SamplePair {
  /** Undefined until there were two, and after a restart: what was counted before says nothing of the new process. */
  readonly before: NodeSample | undefined;
  readonly last: NodeSample;
}

export function nextPair(pair: SamplePair | undefined, sample: NodeSample): SamplePair {
  const goesOn =
    pair !== undefined && pair.last.runId === sample.runId && pair.last.nodeId === sample.nodeId && pair.last.atMs < sample.atMs;
  return { before: goesOn ? pair.last : undefined, last: sample };
}

/** A counter that fell, or was not there, has begun anew since: what it shows now was counted in between. */
function grown(before: number | undefined, now: number): number {
  return before === undefined || now < before ? now : now - before;
}

/** Share of one core that the whole process took; undefined until there are two samples. */
export function processCpu({ before, last }: SamplePair): number | undefined {
  if (before === undefined) return undefined;
  return Math.max(0, last.cpuSeconds - before.cpuSeconds) / ((last.atMs - before.atMs) / 1000);
}
