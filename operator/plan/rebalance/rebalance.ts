/**
 * Rebalancing by load: from the load, the moves that run and what is remembered → moves, or the one reason why there are none.
 *
 * A shard that has 10 % more than its part for three windows, and is busy enough for it to matter, gives slots away until all are within 5 %. Between the two nothing
 * happens, so that a cluster near balance is left alone. Moves that run count as done, a slot that moved rests, and a load for which nothing helped is not tried again.
 */
import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import { normaliseSlotRanges } from '../../../lib/slot-ranges.ts';
import { DIMENSIONS, type ClusterLoad, type Dimension } from '../../model/load.ts';
import type { RebalanceMemory, RebalanceReason, RebalanceSettings, RebalanceVerdict } from '../../model/rebalancing.ts';
import type { SlotMove } from '../../model/slot-move.ts';
import { chooseSlots, type Choice, type Handout } from './choose-slots.ts';
import { concurrentMovesOf, CONFIRM_WINDOWS, FLOOR, GIANT, REST_MS, SAME_LOAD, URGENT, WINDOW_STEP_MS } from './limits.ts';
import { drawPicture, moveSlot, slotUse, type Picture } from './picture.ts';

export interface RebalanceInput {
  readonly load: ClusterLoad;
  /** Moves of whatever purpose that are decided and not done yet. */
  readonly pending: readonly SlotMove[];
  readonly settings: RebalanceSettings;
  readonly memory: RebalanceMemory;
  readonly now: number;
}

export function emptyRebalanceMemory(): RebalanceMemory {
  return { above: 0, windowAt: 0, active: false, restUntil: new Float64Array(SLOT_COUNT) };
}

export function planRebalance(input: RebalanceInput): RebalanceVerdict {
  const memory = { ...input.memory, restUntil: withRests(input.memory.restUntil, input.pending, input.now) };
  const picture = drawPicture(input.load, input.pending);
  const stale = input.load.shards.find(shard => shard.stale !== undefined)?.stale;
  if (stale !== undefined) return verdict(picture, 'StaleStatistics', stale, { ...memory, above: 0 });
  const excess = findExcess(picture, input.settings.threshold / (memory.active ? 2 : 1));
  const worst = excess[0];
  if (worst === undefined) return atRest(picture, input, { ...memory, above: 0, active: false });
  const above = input.load.windowAt - memory.windowAt >= WINDOW_STEP_MS ? memory.above + 1 : memory.above;
  const confirmed: RebalanceMemory = { ...memory, above, windowAt: above > memory.above ? input.load.windowAt : memory.windowAt };
  if (!memory.active && above < (worst.utilisation >= URGENT ? 1 : CONFIRM_WINDOWS))
    return verdict(picture, 'WithinHysteresis', `${describe(picture, worst)} for ${above} of ${CONFIRM_WINDOWS} windows`, confirmed);
  if (isStuck(memory.stuck, worst, picture))
    return verdict(picture, reasonOfStuck(picture, worst), `${describe(picture, worst)}, and no move would help`, {
      ...confirmed,
      active: false,
    });
  return decide(picture, input, excess, confirmed);
}

/** A shard that has more than its part. */
interface Excess {
  readonly dimension: Dimension;
  readonly place: number;
  readonly utilisation: number;
  /** Over its ideal. */
  readonly ratio: number;
}

/** The worst first: by the share of a capacity that could be freed. */
function findExcess(picture: Picture, threshold: number): readonly Excess[] {
  const found = DIMENSIONS.flatMap(dimension => {
    const { use, ideal } = picture.dimensions[dimension];
    return [...use].flatMap((utilisation, place): readonly Excess[] =>
      utilisation >= FLOOR[dimension] && utilisation > ideal[place] * (1 + threshold)
        ? [{ dimension, place, utilisation, ratio: utilisation / ideal[place] }]
        : [],
    );
  });
  const freed = ({ utilisation, ratio }: Excess): number => utilisation - utilisation / ratio;
  return found.toSorted((a, b) => freed(b) - freed(a));
}

function decide(picture: Picture, input: RebalanceInput, excess: readonly Excess[], memory: RebalanceMemory): RebalanceVerdict {
  const { load, settings, pending, now } = input;
  const busy = new Set(pending.flatMap(({ from, to }) => [from, to]).map(shard => load.shards.findIndex(known => known.shard === shard)));
  const worst = excess[0];
  const moves: SlotMove[] = [];
  const refused = new Set<Extract<Choice, { ok: false }>['why']>();
  const most = settings.concurrentMoves ?? concurrentMovesOf(load.shards.length);
  let waiting = false;
  const restUntil = memory.restUntil.slice();
  const said = excess.map(found => describe(picture, found));
  for (const [i, { dimension, place }] of excess.entries()) {
    if (dimension !== worst.dimension && moves.length > 0) continue;
    if (pending.length + moves.length >= most || busy.has(place)) {
      waiting = true;
      continue;
    }
    const free = load.shards.flatMap((_, other) => (busy.has(other) ? [] : [other]));
    const choice = chooseSlots(picture, dimension, place, free, slot => restUntil[slot] > now);
    if (!choice.ok) {
      if (busy.size > 0) waiting = true;
      refused.add(choice.why);
      continue;
    }
    const batch = firstBatch(picture, choice.handouts[0], settings);
    moves.push(moveOf(picture, place, batch, said[i]));
    for (const slot of batch.slots) {
      moveSlot(picture, slot, batch.to);
      restUntil[slot] = now + REST_MS;
    }
    busy.add(place).add(batch.to);
  }
  if (moves.length > 0)
    return verdict(
      picture,
      'Imbalanced',
      said[0],
      { ...withoutStuck(memory), active: true, ...(settings.acting ? { restUntil } : {}) },
      moves,
    );
  if (waiting) return verdict(picture, 'MovesPending', `${said[0]}; ${pending.length} moves run`, { ...memory, active: true });
  return helpless(picture, worst, refused, memory);
}

/** Something is uneven, and nothing can be done. */
function helpless(picture: Picture, worst: Excess, refused: ReadonlySet<string>, memory: RebalanceMemory): RebalanceVerdict {
  const said = describe(picture, worst);
  if (refused.has('Resting')) return verdict(picture, 'Resting', `${said}; its slots moved a moment ago`, memory);
  if (refused.has('NoMemoryHeadroom'))
    return verdict(picture, 'NoMemoryHeadroom', `${said}; too little memory is free for a migration`, { ...memory, active: false });
  const stuck = {
    shard: picture.load.shards[worst.place].shard,
    dimension: worst.dimension,
    utilisation: worst.utilisation,
    excess: worst.ratio,
  };
  return verdict(picture, reasonOfStuck(picture, worst), `${said}, and no move would help`, { ...memory, active: false, stuck });
}

const reasonOfStuck = (picture: Picture, { dimension, place }: Excess): RebalanceReason =>
  isGiant(picture, dimension, place) ? 'SingleHotSlot' : 'NoImprovingMove';

function isStuck(stuck: RebalanceMemory['stuck'], worst: Excess, { load }: Picture): boolean {
  if (stuck === undefined || stuck.shard !== load.shards[worst.place].shard || stuck.dimension !== worst.dimension) return false;
  const change = Math.max(Math.abs(worst.utilisation / stuck.utilisation - 1), Math.abs(worst.ratio / stuck.excess - 1));
  return change < SAME_LOAD;
}

function withoutStuck({ stuck: _gone, ...memory }: RebalanceMemory): RebalanceMemory {
  return memory;
}

/** Nothing is to be done: why? */
function atRest(picture: Picture, { settings: { threshold } }: RebalanceInput, memory: RebalanceMemory): RebalanceVerdict {
  const places = DIMENSIONS.flatMap(dimension => [...picture.dimensions[dimension].use.keys()].map(place => ({ dimension, place })));
  const over = (least: number, counted: boolean): boolean =>
    places.some(({ dimension, place }) => {
      const { use, ideal } = picture.dimensions[dimension];
      return use[place] >= FLOOR[dimension] === counted && use[place] > ideal[place] * (1 + least);
    });
  const hot = hotSlotOf(picture);
  if (hot !== undefined) {
    const { slot, shard, utilisation } = hot;
    const message = `slot ${slot} alone takes ${percent(utilisation)} of shard ${shard}: a slot cannot be split, and nothing else is in its way`;
    return verdict(picture, 'SingleHotSlot', message, memory);
  }
  if (over(threshold / 2, true))
    return verdict(picture, 'WithinHysteresis', `no shard has ${percent(threshold)} more than its part`, memory);
  if (over(threshold, false) && !over(threshold / 2, true))
    return verdict(picture, 'BelowFloor', 'the load is uneven, and too small to matter', memory);
  return verdict(picture, 'Balanced', `every shard is within ${percent(threshold / 2)} of its part`, memory);
}

function firstBatch({ load }: Picture, { to, slots }: Handout, { slotsPerMove, bytesPerMove }: RebalanceSettings): Handout {
  let bytes = 0;
  const count = slots.slice(0, slotsPerMove).findIndex(slot => (bytes += load.slots.memory[slot]) > bytesPerMove);
  // One slot is always a batch, however large.
  return { to, slots: slots.slice(0, count === -1 ? slotsPerMove : Math.max(1, count)) };
}

function moveOf({ load }: Picture, from: number, { to, slots }: Handout, reason: string): SlotMove {
  const ranges = normaliseSlotRanges(slots.map(slot => ({ start: slot, end: slot })));
  return { from: load.shards[from].shard, to: load.shards[to].shard, ranges, reason };
}

/** Slots on their way rest from the moment on that they arrive. */
function withRests(restUntil: Float64Array, pending: readonly SlotMove[], now: number): Float64Array {
  if (pending.length === 0) return restUntil;
  const rests = restUntil.slice();
  for (const { ranges } of pending) for (const { start, end } of ranges) rests.fill(now + REST_MS, start, end + 1);
  return rests;
}

function isGiant(picture: Picture, dimension: Dimension, place: number): boolean {
  const { hottest, level, besides } = picture.dimensions[dimension];
  return hottest[place] !== -1 && slotUse(picture, dimension, hottest[place], place) + besides > level * (1 + GIANT);
}

/** The heaviest slot that is more than a shard's even part, where that matters. */
function hotSlotOf(picture: Picture): RebalanceVerdict['hotSlot'] {
  const found = DIMENSIONS.flatMap(dimension => {
    const { use, hottest } = picture.dimensions[dimension];
    return [...use].flatMap((used, place) =>
      used >= FLOOR[dimension] && isGiant(picture, dimension, place) ? [{ dimension, place, slot: hottest[place], used }] : [],
    );
  });
  const hot = found.toSorted((a, b) => b.used - a.used)[0];
  if (hot === undefined) return undefined;
  const { dimension, place, slot } = hot;
  return { slot, shard: picture.load.shards[place].shard, dimension, utilisation: slotUse(picture, dimension, slot, place) };
}

function verdict(
  picture: Picture,
  reason: RebalanceReason,
  message: string,
  memory: RebalanceMemory,
  moves: readonly SlotMove[] = [],
): RebalanceVerdict {
  const uneven = DIMENSIONS.map(dimension => {
    const { load } = picture;
    const use = load.shards.map(shard => (shard.capacity[dimension] > 0 ? shard.load[dimension] / shard.capacity[dimension] : 0));
    const [highest, mean] = [Math.max(0, ...use), use.reduce((sum, value) => sum + value, 0) / use.length];
    return { dimension, used: highest >= FLOOR[dimension], ratio: mean > 0 ? highest / mean : 1 };
  }).toSorted((a, b) => Number(b.used) - Number(a.used) || (a.used ? b.ratio - a.ratio : 0))[0];
  const hotSlot = hotSlotOf(picture);
  return {
    reason,
    message,
    moves,
    maxOverMean: uneven.ratio,
    dimension: uneven.dimension,
    ...(hotSlot === undefined ? {} : { hotSlot }),
    memory,
  };
}

const NAMES: Readonly<Record<Dimension, string>> = { cpu: 'CPU', network: 'network', memory: 'memory' };

function describe({ load, dimensions }: Picture, { dimension, place, utilisation, ratio }: Excess): string {
  const { mean, giants } = dimensions[dimension];
  const times =
    giants === 0 ? `${(utilisation / mean).toFixed(2)} times the mean` : `${ratio.toFixed(2)} times its part beside the hot slot`;
  return `shard ${load.shards[place].shard} uses ${percent(utilisation)} of its ${NAMES[dimension]}, ${times}`;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
