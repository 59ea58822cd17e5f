/**
 * The cluster as it will be when the moves that run are done: utilisation of every shard in every dimension, and how good it could be.
 *
 * The even level is the mean, but for slots that are more than that alone. Such a giant fills a shard whatever is done, and the rest is shared by the others:
 *
 *     level = (all − giants) ÷ (shards − giants)          a shard's ideal = max(level, what it takes besides + its hottest slot)
 *
 * So a shard that one slot makes hot is not out of balance once it stands alone, and the others are measured by what they can reach.
 */
import { DIMENSIONS, type ClusterLoad, type Dimension } from '../../model/load.ts';
import type { SlotMove } from '../../model/slot-move.ts';

export interface DimensionPicture {
  /** By place of the shard: share of its capacity that is used. */
  readonly use: Float64Array;
  readonly ideal: Float64Array;
  /** Slot that weighs most; -1 without any. */
  readonly hottest: Int32Array;
  readonly mean: number;
  readonly level: number;
  /** What a shard uses on average without its slots. */
  readonly besides: number;
  /** Slots that fill a shard alone. */
  readonly giants: number;
}

export interface Picture {
  readonly load: ClusterLoad;
  /** By slot: place of its shard after the moves that run. */
  readonly owner: Int16Array;
  readonly dimensions: Readonly<Record<Dimension, DimensionPicture>>;
}

export function drawPicture(load: ClusterLoad, pending: readonly SlotMove[]): Picture {
  const owner = load.owner.slice();
  for (const { to, ranges } of pending) {
    const place = load.shards.findIndex(({ shard }) => shard === to);
    for (const { start, end } of ranges) if (place !== -1) owner.fill(place, start, end + 1);
  }
  const dimensions = {
    cpu: drawDimension(load, owner, 'cpu'),
    network: drawDimension(load, owner, 'network'),
    memory: drawDimension(load, owner, 'memory'),
  };
  return { load, owner, dimensions };
}

/** Share of the capacity of the shard at `place` that `slot` uses there. */
export function slotUse({ load }: Picture, dimension: Dimension, slot: number, place: number): number {
  const capacity = load.shards[place].capacity[dimension];
  return capacity > 0 ? load.slots[dimension][slot] / capacity : 0;
}

/** `slot` goes to `to`: the figures of both shards follow; what is ideal stays as it was. */
export function moveSlot(picture: Picture, slot: number, to: number): void {
  const from = picture.owner[slot];
  for (const dimension of DIMENSIONS) {
    picture.dimensions[dimension].use[from] -= slotUse(picture, dimension, slot, from);
    picture.dimensions[dimension].use[to] += slotUse(picture, dimension, slot, to);
  }
  picture.owner[slot] = to;
}

function drawDimension(load: ClusterLoad, owner: Int16Array, dimension: Dimension): DimensionPicture {
  const { shards } = load;
  const slots = load.slots[dimension];
  const capacity = Float64Array.from(shards, shard => shard.capacity[dimension]);
  const use = new Float64Array(shards.length);
  const base = new Float64Array(shards.length);
  const hottest = new Int32Array(shards.length).fill(-1);
  for (const [place, shard] of shards.entries())
    base[place] = use[place] = capacity[place] > 0 ? shard.load[dimension] / capacity[place] : 0;
  for (let slot = 0; slot < owner.length; slot++) {
    const value = slots[slot];
    if (value === 0) continue;
    const [before, after] = [load.owner[slot], owner[slot]];
    if (before !== -1 && capacity[before] > 0) base[before] -= value / capacity[before];
    if (before !== after && before !== -1 && capacity[before] > 0) use[before] -= value / capacity[before];
    if (after === -1 || capacity[after] === 0) continue;
    if (before !== after) use[after] += value / capacity[after];
    if (hottest[after] === -1 || value > slots[hottest[after]]) hottest[after] = slot;
  }
  const besides = Math.max(0, sum(base) / use.length);
  const { level, giants } = evenLevel(use, slots, besides, capacity);
  const ideal = use.map((_, place) => {
    const hot = hottest[place];
    return hot === -1 ? level : Math.max(level, Math.max(0, base[place]) + slots[hot] / capacity[place]);
  });
  return { use, ideal, hottest, level, besides, giants, mean: sum(use) / use.length };
}

function evenLevel(
  use: Float64Array,
  slots: Float64Array,
  besides: number,
  capacity: Float64Array,
): { readonly level: number; readonly giants: number } {
  const capable = capacity.filter(value => value > 0);
  if (capable.length === 0) return { level: 0, giants: 0 };
  const perShard = sum(capable) / capable.length;
  let rest = sum(use);
  let sharers = use.length;
  let level = rest / sharers;
  const floor = (level - besides) * perShard;
  const heavy = slots.filter(value => value > floor && value > 0).toSorted((a, b) => b - a);
  for (const giant of heavy) {
    const alone = giant / perShard + besides;
    if (sharers === 1 || alone <= level) break;
    rest -= alone;
    sharers--;
    level = Math.max(0, rest / sharers);
  }
  return { level, giants: use.length - sharers };
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
