/**
 * Load over time, by slot: what clients would use of the engines' CPU, in cores. Each trace is drawn from one seed and is the same for every strategy.
 *
 * `zipf`: a million keys, Zipf 0.99, hashed to slots; steady. `hot-shard`: nine hot slots that lie on one shard; steady. `moving-hotspot`: a third of the load is on 24 slots
 * of one region, which moves on every ten minutes. `diurnal`: groups of slots rise and fall at different times of a day that lasts an hour. `flash-crowd`: a crowd comes to
 * 40 slots within a minute, stays for a while and fades.
 */
import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import { seededRandom } from '../virtual-time.ts';

export const TRACE_NAMES = ['zipf', 'hot-shard', 'moving-hotspot', 'diurnal', 'flash-crowd'] as const;
export type TraceName = (typeof TRACE_NAMES)[number];

export interface Trace {
  readonly name: TraceName;
  /** What the slots would use at this moment, in cores, noise aside. */
  demandAt(seconds: number): Float64Array;
}

/** Of all shards' CPU, at the start. */
const MEAN_UTILISATION = 0.4;
const HOTSPOT_SECONDS = 600;
const DAY_SECONDS = 3600;

/** @param crowd what a flash crowd brings, as a share of the load that is there */
export function makeTrace(name: TraceName, shards: number, seed: number, crowd = 0.5): Trace {
  const random = seededRandom(seed);
  const total = shards * MEAN_UTILISATION;
  const background = scaled(zipfSlots(random, 0.6), total);
  switch (name) {
    case 'zipf': {
      const slots = scaled(zipfSlots(random, 0.99), total);
      return { name, demandAt: () => slots };
    }
    case 'hot-shard':
      return hotShard(background, shards, random);
    case 'moving-hotspot':
      return movingHotspot(background, total, random);
    case 'diurnal':
      return diurnal(background, random);
    case 'flash-crowd':
      return flashCrowd(background, shards, random, crowd);
  }
}

/** Weights of slots that a million keys of this Zipf exponent give; the tail beyond the first 100,000 keys is even. */
function zipfSlots(random: () => number, exponent: number): Float64Array {
  const [keys, drawn] = [1_000_000, 100_000];
  const slots = new Float64Array(SLOT_COUNT);
  for (let rank = 1; rank <= drawn; rank++) slots[Math.floor(random() * SLOT_COUNT)] += rank ** -exponent;
  const tail = (keys ** (1 - exponent) - drawn ** (1 - exponent)) / (1 - exponent);
  return slots.map(weight => weight + tail / SLOT_COUNT);
}

function scaled(weights: Float64Array, total: number): Float64Array {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return weights.map(weight => (weight / sum) * total);
}

/** Slots 100 to 800 of the first shard: nine of them carry as much as a shard and a half. */
function hotShard(background: Float64Array, shards: number, random: () => number): Trace {
  const slots = background.map(load => load * 0.5);
  const width = Math.floor(SLOT_COUNT / shards);
  const places = new Set<number>();
  while (places.size < 9) places.add(Math.floor(random() * width));
  for (const slot of places) slots[slot] += (1.5 * MEAN_UTILISATION) / 9;
  return { name: 'hot-shard', demandAt: () => slots };
}

function movingHotspot(background: Float64Array, total: number, random: () => number): Trace {
  const starts = Array.from({ length: 100 }, () => Math.floor(random() * (SLOT_COUNT - 200)));
  return {
    name: 'moving-hotspot',
    demandAt(seconds) {
      const slots = background.map(load => (load * 2) / 3);
      const start = starts[Math.floor(seconds / HOTSPOT_SECONDS) % starts.length];
      for (let i = 0; i < 24; i++) slots[start + 7 * i] += total / 3 / 24;
      return slots;
    },
  };
}

function diurnal(background: Float64Array, random: () => number): Trace {
  const phases = Array.from({ length: 32 }, () => random());
  return {
    name: 'diurnal',
    demandAt: seconds =>
      background.map(
        (load, slot) => load * (1 + 0.8 * Math.sin(2 * Math.PI * (seconds / DAY_SECONDS + phases[Math.floor(slot / (SLOT_COUNT / 32))]))),
      ),
  };
}

const CROWD = { from: 600, full: 660, until: 1800, gone: 2400 } as const;

/** Share of the crowd that is there. */
function crowdAt(seconds: number): number {
  if (seconds < CROWD.from || seconds >= CROWD.gone) return 0;
  if (seconds < CROWD.full) return (seconds - CROWD.from) / (CROWD.full - CROWD.from);
  return seconds < CROWD.until ? 1 : (CROWD.gone - seconds) / (CROWD.gone - CROWD.until);
}

/** The crowd's slots lie on a tenth of the shards. */
function flashCrowd(background: Float64Array, shards: number, random: () => number, crowd: number): Trace {
  const total = shards * MEAN_UTILISATION;
  const width = Math.max(Math.floor(SLOT_COUNT / shards), Math.floor(SLOT_COUNT / 10));
  const start = Math.floor(random() * (SLOT_COUNT - width));
  const places = Array.from({ length: 40 }, () => start + Math.floor(random() * width));
  return {
    name: 'flash-crowd',
    demandAt(seconds) {
      const slots = background.slice();
      for (const slot of places) slots[slot] += (crowdAt(seconds) * total * crowd) / places.length;
      return slots;
    },
  };
}
