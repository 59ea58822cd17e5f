/**
 * Which slots one busy shard gives to which others.
 *
 * Slots go in the order of load taken away ÷ cost of the move, as long as the destination has room below the even level in this dimension, memory for a migration, and does not
 * become a new trouble in another dimension. Where slots are too coarse for that (a shard with two giants), the one whose move leaves the lower maximum of the two shards goes.
 */
import { DIMENSIONS, type Dimension } from '../../model/load.ts';
import {
  COPY_BYTES_PER_SECOND,
  DESTINATIONS,
  FILL_TOLERANCE,
  FLOOR,
  MEMORY_HEADROOM,
  MIN_IMPROVEMENT,
  PAUSE_SECONDS_PER_MEGABYTE_PER_SECOND,
  PAUSE_WEIGHT,
  SECONDS_PER_SLOT,
  SIDE_EFFECT,
} from './limits.ts';
import { slotUse, type Picture } from './picture.ts';

export interface Handout {
  readonly to: number;
  /** The one that is worth most first. */
  readonly slots: readonly number[];
}

export type Choice =
  | { readonly ok: true; readonly handouts: readonly Handout[] }
  | { readonly ok: false; readonly why: 'NoImprovingMove' | 'NoMemoryHeadroom' | 'Resting' };

/** Seconds of copying that moving the slot is worth. */
export function moveCost({ load }: Picture, slot: number): number {
  const pause = (load.slots.network[slot] / 1e6) * PAUSE_SECONDS_PER_MEGABYTE_PER_SECOND;
  return SECONDS_PER_SLOT + load.slots.memory[slot] / COPY_BYTES_PER_SECOND + PAUSE_WEIGHT * pause;
}

/**
 * @param from place of the shard that gives
 * @param free places that may take
 * @param rests says of a slot whether it may not move now
 */
export function chooseSlots(
  picture: Picture,
  dimension: Dimension,
  from: number,
  free: readonly number[],
  rests: (slot: number) => boolean,
): Choice {
  const { use, ideal, level } = picture.dimensions[dimension];
  if (picture.dimensions.memory.use[from] > MEMORY_HEADROOM) return { ok: false, why: 'NoMemoryHeadroom' };
  const { candidates, resting } = candidatesOf(picture, dimension, from, rests);
  const takers = free.filter(to => to !== from && use[to] < use[from]).toSorted((a, b) => use[a] - use[b] || a - b);
  const room = new Room(picture, dimension);
  const handouts: Handout[] = [];
  const goal = ideal[from] * (1 + FILL_TOLERANCE);
  let left = use[from];
  let highest = 0;
  const taken = new Set<number>();
  for (const to of takers.slice(0, DESTINATIONS)) {
    const slots: number[] = [];
    for (const slot of candidates) {
      if (left <= goal) break;
      const weight = slotUse(picture, dimension, slot, from);
      // Rounded: a slot may go a little over the level where leaving it would be further under it.
      const space = Math.min(left - ideal[from], level - room.useOf(dimension, to)) + FILL_TOLERANCE * level;
      if (weight / 2 > space || taken.has(slot) || !room.take(slot, to)) continue;
      slots.push(slot);
      taken.add(slot);
      left -= weight;
    }
    if (slots.length === 0) continue;
    handouts.push({ to, slots });
    highest = Math.max(highest, room.useOf(dimension, to));
    if (left <= goal) break;
  }
  const reached = Math.max(left, highest);
  const single = halve(picture, dimension, from, takers, candidates);
  const enough = use[from] * (1 - MIN_IMPROVEMENT);
  const coarse = handouts.length === 0 || reached > enough || reached - (single?.reached ?? reached) > MIN_IMPROVEMENT * use[from];
  if (single !== undefined && coarse && single.reached <= enough) return { ok: true, handouts: [{ to: single.to, slots: [single.slot] }] };
  if (handouts.length > 0 && reached <= enough) return { ok: true, handouts };
  if (resting >= MIN_IMPROVEMENT * use[from]) return { ok: false, why: 'Resting' };
  return { ok: false, why: room.short ? 'NoMemoryHeadroom' : 'NoImprovingMove' };
}

/** Slots of the shard that may move, the best first; and the load of those that may not. */
function candidatesOf(
  picture: Picture,
  dimension: Dimension,
  from: number,
  rests: (slot: number) => boolean,
): { candidates: readonly number[]; resting: number } {
  const loads = picture.load.slots[dimension];
  const worth = new Map<number, number>();
  let resting = 0;
  for (let slot = 0; slot < loads.length; slot++) {
    if (picture.owner[slot] !== from || loads[slot] <= 0) continue;
    if (rests(slot)) resting += slotUse(picture, dimension, slot, from);
    else worth.set(slot, loads[slot] / moveCost(picture, slot));
  }
  return { candidates: [...worth].toSorted(([a, x], [b, y]) => y - x || a - b).map(([slot]) => slot), resting };
}

/** The one slot whose move leaves the lowest maximum of the two shards. */
function halve(
  picture: Picture,
  dimension: Dimension,
  from: number,
  takers: readonly number[],
  candidates: readonly number[],
): { readonly slot: number; readonly to: number; readonly reached: number } | undefined {
  const { use } = picture.dimensions[dimension];
  let best: { slot: number; to: number; reached: number } | undefined;
  const to = takers[0];
  if (to === undefined) return undefined;
  const room = new Room(picture, dimension);
  for (const slot of candidates) {
    const reached = Math.max(use[from] - slotUse(picture, dimension, slot, from), use[to] + slotUse(picture, dimension, slot, to));
    if (reached < (best?.reached ?? use[from]) && room.fits(slot, to)) best = { slot, to, reached };
  }
  return best;
}

/** What destinations can still take, in the dimensions that the move is not about too. */
class Room {
  readonly #picture: Picture;
  readonly #bounds: Readonly<Record<Dimension, number>>;
  readonly #added: Readonly<Record<Dimension, Float64Array>>;
  /** Memory kept a slot from moving. */
  short = false;

  constructor(picture: Picture, moved: Dimension) {
    const places = picture.load.shards.length;
    const bound = (dimension: Dimension): number =>
      dimension === moved ? Number.POSITIVE_INFINITY : Math.max(FLOOR[dimension], picture.dimensions[dimension].level * (1 + SIDE_EFFECT));
    this.#picture = picture;
    // No shard may become what would have to be mended next.
    this.#bounds = { cpu: bound('cpu'), network: bound('network'), memory: Math.min(MEMORY_HEADROOM, bound('memory')) };
    this.#added = { cpu: new Float64Array(places), network: new Float64Array(places), memory: new Float64Array(places) };
  }

  useOf(dimension: Dimension, to: number): number {
    return this.#picture.dimensions[dimension].use[to] + this.#added[dimension][to];
  }

  fits(slot: number, to: number): boolean {
    for (const dimension of DIMENSIONS) {
      const more = slotUse(this.#picture, dimension, slot, to);
      if (more === 0 || this.useOf(dimension, to) + more <= this.#bounds[dimension]) continue;
      if (dimension === 'memory') this.short = true;
      return false;
    }
    return true;
  }

  /** False when `to` has no room for `slot`. */
  take(slot: number, to: number): boolean {
    if (!this.fits(slot, to)) return false;
    for (const dimension of DIMENSIONS) this.#added[dimension][to] += slotUse(this.#picture, dimension, slot, to);
    return true;
  }
}
