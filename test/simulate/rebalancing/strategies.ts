/**
 * Ways of keeping load even, ours and others', behind one interface. The others are written from what is published about them, in short, and get the same smoothed load of slots.
 *
 * - `equal-slots`: every shard has as many slots as the next, whatever their load. What operators do.
 * - `cockroach-like`: the store rebalancer of CockroachDB. Once a minute a store that is 10 % above the mean sheds its hottest range whose move leaves the receiver below that.
 * - `tikv-like`: the hot-region scheduler of PD. Only regions that were hot for three rounds move, from the hottest store to the coolest, while that brings the two nearer; four at a time.
 * - `slicer-like`: weighted moves of Google Slicer. Once a minute, the move with most imbalance removed for its key churn, again and again, up to 9 % of the keys.
 */
import type { ClusterLoad } from '../../../operator/model/load.ts';
import type { RebalanceMemory, RebalanceReason, RebalanceSettings } from '../../../operator/model/rebalancing.ts';
import type { SlotMove } from '../../../operator/model/slot-move.ts';
import { DEFAULT_SETTINGS } from '../../../operator/plan/rebalance/limits.ts';
import { emptyRebalanceMemory, planRebalance } from '../../../operator/plan/rebalance/rebalance.ts';
import { rangesOf } from './simulated-shards.ts';

export interface Strategy {
  decide(load: ClusterLoad, pending: readonly SlotMove[], now: number): readonly SlotMove[];
}

export const STRATEGY_NAMES = ['slotkeeper', 'equal-slots', 'cockroach-like', 'tikv-like', 'slicer-like'] as const;
export type StrategyName = (typeof STRATEGY_NAMES)[number];

export function makeStrategy(name: StrategyName): Strategy {
  switch (name) {
    case 'slotkeeper':
      return new Slotkeeper();
    case 'equal-slots':
      return { decide: () => [] };
    case 'cockroach-like':
      return new CockroachLike();
    case 'tikv-like':
      return new TikvLike();
    case 'slicer-like':
      return new SlicerLike();
  }
}

export class Slotkeeper implements Strategy {
  memory: RebalanceMemory = emptyRebalanceMemory();
  reason: RebalanceReason = 'StaleStatistics';
  readonly #settings: RebalanceSettings;

  constructor(settings: RebalanceSettings = DEFAULT_SETTINGS) {
    this.#settings = settings;
  }

  decide(load: ClusterLoad, pending: readonly SlotMove[], now: number): readonly SlotMove[] {
    const { moves, memory, reason } = planRebalance({ load, pending, now, memory: this.memory, settings: this.#settings });
    this.memory = memory;
    this.reason = reason;
    return moves;
  }
}

/** CPU of shards and slots after the moves that run, for strategies that know one figure. */
class Stores {
  readonly owner: Int16Array;
  readonly use: Float64Array;
  readonly mean: number;
  readonly #slots: Float64Array;

  constructor({ owner, shards, slots }: ClusterLoad, pending: readonly SlotMove[]) {
    this.owner = owner.slice();
    this.use = Float64Array.from(shards, shard => shard.load.cpu);
    this.#slots = slots.cpu;
    for (const { to, ranges } of pending)
      for (const { start, end } of ranges) for (let slot = start; slot <= end; slot++) this.move(slot, to);
    this.mean = this.use.reduce((sum, value) => sum + value, 0) / this.use.length;
  }

  move(slot: number, to: number): SlotMove {
    const from = this.owner[slot];
    this.use[from] -= this.#slots[slot];
    this.use[to] += this.#slots[slot];
    this.owner[slot] = to;
    return { from, to, ranges: rangesOf([slot]), reason: '' };
  }

  get coolest(): number {
    return this.use.indexOf(Math.min(...this.use));
  }

  get hottest(): number {
    return this.use.indexOf(Math.max(...this.use));
  }

  /** Slots of a store, the hottest first. */
  slotsOf(store: number): readonly number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < this.owner.length; slot++) if (this.owner[slot] === store && this.#slots[slot] > 0) slots.push(slot);
    return slots.toSorted((a, b) => this.#slots[b] - this.#slots[a]);
  }
}

const known = (load: ClusterLoad): boolean => load.shards.every(shard => shard.stale === undefined);

class CockroachLike implements Strategy {
  #last = 0;

  decide(load: ClusterLoad, pending: readonly SlotMove[], now: number): readonly SlotMove[] {
    if (!known(load) || now - this.#last < 60_000) return [];
    this.#last = now;
    const stores = new Stores(load, pending);
    const limit = stores.mean * 1.1;
    return [...stores.use.keys()].flatMap(store => {
      if (stores.use[store] <= limit) return [];
      const to = stores.coolest;
      const slot = stores.slotsOf(store).find(hot => stores.use[to] + load.slots.cpu[hot] < limit);
      return slot === undefined ? [] : [stores.move(slot, to)];
    });
  }
}

class TikvLike implements Strategy {
  readonly #degree = new Map<number, number>();

  decide(load: ClusterLoad, pending: readonly SlotMove[]): readonly SlotMove[] {
    if (!known(load)) return [];
    const total = load.slots.cpu.reduce((sum, value) => sum + value, 0);
    const hotAbove = (4 * total) / load.slots.cpu.length;
    for (const [slot, value] of load.slots.cpu.entries()) {
      if (value > hotAbove) this.#degree.set(slot, Math.min(5, (this.#degree.get(slot) ?? 0) + 1));
      else this.#degree.delete(slot);
    }
    const stores = new Stores(load, pending);
    const moves: SlotMove[] = [];
    while (pending.length + moves.length < 4) {
      const [from, to] = [stores.hottest, stores.coolest];
      const slot = stores
        .slotsOf(from)
        .find(hot => (this.#degree.get(hot) ?? 0) >= 3 && stores.use[to] + load.slots.cpu[hot] < 0.95 * stores.use[from]);
      if (slot === undefined) break;
      this.#degree.delete(slot);
      moves.push(stores.move(slot, to));
    }
    return moves;
  }
}

class SlicerLike implements Strategy {
  #last = 0;

  decide(load: ClusterLoad, pending: readonly SlotMove[], now: number): readonly SlotMove[] {
    if (!known(load) || pending.length > 0 || now - this.#last < 60_000) return [];
    this.#last = now;
    const stores = new Stores(load, pending);
    const moves = new Map<string, number[]>();
    let churn = Math.floor(0.09 * load.owner.length);
    while (churn-- > 0) {
      const [from, to] = [stores.hottest, stores.coolest];
      // Slots are alike in their churn: the best for it is the heaviest that does not make the receiver the new hottest.
      const slot = stores.slotsOf(from).find(hot => stores.use[to] + load.slots.cpu[hot] < stores.use[from]);
      if (slot === undefined || stores.use[from] <= 1.01 * stores.mean) break;
      stores.move(slot, to);
      moves.set(`${from}:${to}`, [...(moves.get(`${from}:${to}`) ?? []), slot]);
    }
    return [...moves].map(([pair, slots]) => {
      const [from, to] = pair.split(':').map(Number);
      return { from, to, ranges: rangesOf(slots.toSorted((a, b) => a - b)), reason: '' };
    });
  }
}
