import { describe, expect, test } from 'vitest';
import { countSlots, evenSlotRange } from '../../../lib/slot-ranges.ts';
import { loadOf, type Scene } from '../../../test/support/cluster-load.ts';
import type { RebalanceMemory, RebalanceSettings, RebalanceVerdict } from '../../model/rebalancing.ts';
import type { SlotMove } from '../../model/slot-move.ts';
import { DEFAULT_SETTINGS } from './limits.ts';
import { emptyRebalanceMemory, planRebalance } from './rebalance.ts';

interface Turns {
  readonly windows?: number;
  readonly pending?: readonly SlotMove[];
  readonly settings?: Partial<RebalanceSettings>;
  readonly memory?: RebalanceMemory;
}

/** The verdict after some windows (three, when not said) of the same load. */
function decide(scene: Scene, { windows = 3, pending = [], settings = {}, memory = emptyRebalanceMemory() }: Turns = {}): RebalanceVerdict {
  let verdict: RebalanceVerdict | undefined;
  for (let window = 1; window <= windows; window++) {
    const at = (scene.at ?? 0) + window * 10_000;
    const input = { load: loadOf({ ...scene, at }), pending, settings: { ...DEFAULT_SETTINGS, ...settings }, now: at };
    verdict = planRebalance({ ...input, memory: verdict?.memory ?? memory });
    if (verdict.moves.length > 0) break;
  }
  if (verdict === undefined) throw new Error('at least one window');
  return verdict;
}

const slotsOf = (moves: readonly SlotMove[]): number => moves.reduce((sum, { ranges }) => sum + countSlots(ranges), 0);

/** Slots 0 to 8 at 10 % each: all on shard 0. */
const NINE = Object.fromEntries(Array.from({ length: 9 }, (_, slot) => [slot, 0.09]));

describe('a cluster in which nothing is to be done', () => {
  const cases: readonly (readonly [string, Scene, Turns, string, string])[] = [
    ['even', { shards: 3, everySlotCpu: 1e-5 }, {}, 'Balanced', 'within 5 %'],
    ['idle', { shards: 3 }, {}, 'Balanced', ''],
    ['uneven at 4 % of a core', { shards: 3, cpu: { 1: 0.02, 2: 0.02 } }, {}, 'BelowFloor', 'too small'],
    ['7 % over', { shards: 3, everySlotCpu: 1e-4, residual: [0.06, 0, 0] }, {}, 'WithinHysteresis', 'no shard has 10 % more'],
    ['uneven for two windows', { shards: 3, cpu: NINE }, { windows: 2 }, 'WithinHysteresis', 'for 2 of 3 windows'],
    ['unknown', { shards: 3, cpu: NINE, stale: 'the statistics of shard 0 are 60 s old' }, {}, 'StaleStatistics', '60 s old'],
    ['of one shard', { shards: 1, cpu: NINE }, {}, 'Balanced', ''],
  ];
  test.each(cases)('that is %s is left alone, with the reason', (_name, scene, turns, reason, message) => {
    const verdict = decide(scene, turns);
    expect([verdict.reason, verdict.moves]).toEqual([reason, []]);
    expect(verdict.message).toContain(message);
  });

  test('keeps quiet when the same window is looked at many times', () => {
    const input = { load: loadOf({ shards: 3, cpu: NINE, at: 10_000 }), pending: [], settings: DEFAULT_SETTINGS, now: 10_000 };
    let memory = emptyRebalanceMemory();
    for (let turn = 0; turn < 20; turn++) ({ memory } = planRebalance({ ...input, memory }));
    expect([memory.above, memory.active]).toEqual([1, false]);
  });
});

describe('a hot shard', () => {
  test('gives its hot slots to the shards with the least load, one job at a time', () => {
    const first = decide({ shards: 3, cpu: NINE });
    expect(first.reason).toBe('Imbalanced');
    expect(first.message).toBe('shard 0 uses 81 % of its CPU, 3.00 times the mean');
    expect(first.moves).toEqual([{ from: 0, to: 1, ranges: [{ start: 0, end: 2 }], reason: first.message }]);
    const waiting = decide({ shards: 3, cpu: NINE }, { pending: first.moves, memory: first.memory, windows: 1 });
    expect([waiting.reason, waiting.moves]).toEqual(['MovesPending', []]);
    const placed = { 0: 1, 1: 1, 2: 1 };
    const second = decide({ shards: 3, cpu: NINE, placed, at: 40_000 }, { memory: first.memory, windows: 1 });
    expect(second.moves).toMatchObject([{ from: 0, to: 2, ranges: [{ start: 3, end: 5 }] }]);
    const done = decide({ shards: 3, cpu: NINE, placed: { ...placed, 3: 2, 4: 2, 5: 2 } }, { memory: second.memory });
    expect([done.reason, done.moves, done.memory.active]).toEqual(['Balanced', [], false]);
  });

  test('that is above 90 % of its capacity does not wait for three windows', () => {
    const hot = Object.fromEntries(Array.from({ length: 9 }, (_, slot) => [slot, 0.11]));
    expect(decide({ shards: 3, cpu: hot }, { windows: 1 }).moves).toHaveLength(1);
  });

  test('gives the slots with fewer bytes where the load is the same', () => {
    const memory = Object.fromEntries(Array.from({ length: 9 }, (_, slot) => [slot, slot < 6 ? 0.03 : 0.001]));
    expect(decide({ shards: 3, cpu: NINE, memory }).moves).toMatchObject([{ ranges: [{ start: 6, end: 8 }] }]);
  });

  test('gives in batches that are bounded by slots and by bytes', () => {
    const cpu = Object.fromEntries(Array.from({ length: 5000 }, (_, slot) => [slot, 1e-4]));
    const memory = Object.fromEntries(Array.from({ length: 5000 }, (_, slot) => [slot, 1e-5]));
    expect(slotsOf(decide({ shards: 3, cpu }).moves)).toBe(512);
    expect(slotsOf(decide({ shards: 3, cpu, memory }, { settings: { bytesPerMove: 1e6 } }).moves)).toBe(100);
  });

  test('moves at the same time as others, but no shard takes part twice', () => {
    const cpu = Object.fromEntries([0, 1, 2, 3].flatMap(i => [0, 1].map(shard => [evenSlotRange(shard, 8).start + i, 0.15])));
    const { moves } = decide({ shards: 8, cpu });
    expect(moves.map(({ from }) => from)).toEqual([0, 1]);
    expect(new Set(moves.flatMap(({ from, to }) => [from, to])).size).toBe(4);
    expect(decide({ shards: 8, cpu }, { settings: { concurrentMoves: 1 } }).moves).toHaveLength(1);
  });

  test('is relieved of memory too, once that is short enough to matter', () => {
    const memory = Object.fromEntries(Array.from({ length: 80 }, (_, slot) => [slot, 0.01]));
    expect(decide({ shards: 3, memory }).moves).toMatchObject([{ from: 0 }]);
    const less = Object.fromEntries(Array.from({ length: 60 }, (_, slot) => [slot, 0.01]));
    expect(decide({ shards: 3, memory: less }).reason).toBe('BelowFloor');
  });
});

describe('where a move would not help', () => {
  test('eight equal slots on three shards end as 3/3/2', () => {
    const cpu = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [i, 0.1]));
    const placed = { 3: 1, 4: 1, 5: 1, 6: 2, 7: 2 };
    const verdict = decide({ shards: 3, cpu, placed });
    expect([verdict.reason, verdict.moves]).toEqual(['NoImprovingMove', []]);
    const later = decide({ shards: 3, cpu, placed, at: 100_000 }, { memory: verdict.memory });
    expect([later.reason, later.memory.active]).toEqual(['NoImprovingMove', false]);
  });

  test('it is tried again when the load is another one', () => {
    const cpu = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [i, 0.1]));
    const placed = { 3: 1, 4: 1, 5: 1, 6: 2, 7: 2 };
    const { memory } = decide({ shards: 3, cpu, placed });
    expect(decide({ shards: 3, cpu: { ...cpu, 6: 0.02 }, placed, at: 100_000 }, { memory }).moves).toHaveLength(1);
  });

  test('slots that moved rest for five minutes from their arrival on', () => {
    const { memory, moves } = decide({ shards: 3, cpu: NINE });
    const placed = { 0: 1, 1: 1, 2: 1 };
    const burst = { 0: 0.3, 1: 0.3, 2: 0.3 };
    const arriving = decide({ shards: 3, cpu: NINE, at: 60_000 }, { memory, pending: moves, windows: 1 }).memory;
    expect(decide({ shards: 3, cpu: burst, placed, at: 200_000 }, { memory: arriving }).reason).toBe('Resting');
    expect(decide({ shards: 3, cpu: burst, placed, at: 400_000 }, { memory: arriving }).moves).toHaveLength(1);
  });

  test('because memory is too full for a migration, it says so', () => {
    expect(decide({ shards: 3, cpu: NINE, usedMemory: [0.95, 0.5, 0.5] }).reason).toBe('NoMemoryHeadroom');
    const memory = Object.fromEntries(Object.keys(NINE).map(slot => [slot, 0.05]));
    expect(decide({ shards: 3, cpu: NINE, memory, usedMemory: [0.3, 0.9, 0.9] }).reason).toBe('NoMemoryHeadroom');
  });

  test('only observing leaves nothing resting', () => {
    const { memory, moves } = decide({ shards: 3, cpu: NINE }, { settings: { acting: false } });
    expect([moves.length, Math.max(...memory.restUntil)]).toEqual([1, 0]);
  });
});

describe('a single hot slot', () => {
  const beside = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [100 + i, 0.02]));
  const cpu = { 42: 0.6, ...beside };

  test('is isolated: its neighbours with load go, and it is named', () => {
    const verdict = decide({ shards: 3, cpu });
    expect(verdict.hotSlot).toEqual({ slot: 42, shard: 0, dimension: 'cpu', utilisation: 0.6 });
    expect(verdict.moves).toMatchObject([{ from: 0, to: 1 }]);
    expect(verdict.moves[0].ranges.some(({ start, end }) => start <= 42 && 42 <= end)).toBe(false);
  });

  test('that stands alone is a condition, not a reason to try again', () => {
    const placed = Object.fromEntries(Object.keys(beside).map((slot, i) => [slot, 1 + (i % 2)]));
    const verdict = decide({ shards: 3, cpu, placed }, { windows: 30 });
    expect([verdict.reason, verdict.moves, verdict.memory.active]).toEqual(['SingleHotSlot', [], false]);
    expect(verdict.message).toBe('slot 42 alone takes 60 % of shard 0: a slot cannot be split, and nothing else is in its way');
  });

  test('parts from another one that shares its shard', () => {
    const { moves } = decide({ shards: 4, cpu: { 42: 0.5, 43: 0.4, 5000: 0.05 } });
    expect(moves).toMatchObject([{ from: 0, ranges: [{ start: expect.any(Number) }] }]);
    expect(slotsOf(moves)).toBe(1);
  });

  test('does not hide that the others are uneven', () => {
    const others = Object.fromEntries([0, 1, 2, 3].map(i => [evenSlotRange(1, 4).start + i, 0.05]));
    expect(decide({ shards: 4, cpu: { 42: 0.8, ...others } }).moves).toMatchObject([{ from: 1 }]);
  });
});
