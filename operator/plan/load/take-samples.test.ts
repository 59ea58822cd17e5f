import { describe, expect, test } from 'vitest';
import type { LoadMemory } from '../../model/load.ts';
import type { NodeSample } from '../../model/node-sample.ts';
import { readLoad } from './read-load.ts';
import { emptyLoadMemory, takeSamples } from './take-samples.ts';

/** What each slot has counted since its node began: 1 % of a core in commands and 100 kB/s for each unit of its weight. */
interface Story {
  readonly nodeId?: string;
  readonly runId?: string;
  readonly at: number;
  /** Seconds that the counters have run, if not `at`. */
  readonly counted?: number;
  readonly cpuSeconds?: number;
  readonly slots: Readonly<Record<number, number>>;
}

function sample({ nodeId = 'n0', runId = 'run', at, counted = at, slots, cpuSeconds }: Story): NodeSample {
  const weight = Object.values(slots).reduce((sum, value) => sum + value, 0);
  return {
    nodeId,
    runId,
    atMs: at * 1000,
    cpuSeconds: cpuSeconds ?? counted * (0.01 + 0.03 * weight),
    usedMemoryBytes: 50e6,
    maxMemoryBytes: 100e6,
    datasetBytes: 40e6,
    keys: 400,
    slots: Object.entries(slots).map(([slot, units]) => ({
      slot: Number(slot),
      keys: 100,
      cpuMicroseconds: Math.round(counted * 10_000 * units),
      networkBytesIn: Math.round(counted * 60_000 * units),
      networkBytesOut: Math.round(counted * 40_000 * units),
    })),
  };
}

const take = (stories: readonly Story[], from: LoadMemory = emptyLoadMemory()): LoadMemory =>
  stories.reduce((memory, story) => takeSamples(memory, [sample(story)], story.at * 1000), from);

const every10s = (story: Omit<Story, 'at'>, from: number, to: number): readonly Story[] =>
  Array.from({ length: (to - from) / 10 + 1 }, (_, i) => ({ ...story, at: from + 10 * i }));

const SLOTS = { 1: 1, 2: 3, 70: 6 };

describe('rates of slots', () => {
  test('come from the second sample on, and share the CPU of the node in proportion', () => {
    const one = take([{ at: 0, slots: SLOTS }]);
    expect([...one.slots.windows].some(count => count > 0)).toBe(false);
    expect(one.nodes.get('n0')?.discarded).toBe('First');
    const { slots, nodes } = take(every10s({ slots: SLOTS }, 0, 60));
    expect(slots.network[70]).toBeCloseTo(600_000, -1);
    expect(slots.cpu[70] / slots.cpu[2]).toBeCloseTo(2);
    expect(slots.cpu[1] + slots.cpu[2] + slots.cpu[70] + (nodes.get('n0')?.residual ?? 0)).toBeCloseTo(0.31, 5);
    expect(slots.memory[1]).toBe(10e6);
  });

  test('ignore a sample that follows too closely, and start anew after a gap', () => {
    const steady = take(every10s({ slots: SLOTS }, 0, 40));
    expect(take([{ at: 42, slots: SLOTS }], steady)).toBe(steady);
    const late = take([{ at: 140, slots: SLOTS }], steady);
    expect(late.nodes.get('n0')).toMatchObject({ discarded: 'Gap', windows: 4, ratedAt: 40_000 });
    expect(late.slots.network[70]).toBe(steady.slots.network[70]);
  });

  const steady = take(every10s({ slots: SLOTS }, 0, 100));
  const rates = (memory: LoadMemory): readonly number[] => Object.keys(SLOTS).map(slot => Math.round(memory.slots.network[Number(slot)]));
  const cases: readonly (readonly [string, readonly Story[], string])[] = [
    ['the process restarts', every10s({ runId: 'other', counted: 0, slots: SLOTS }, 110, 110), 'Restarted'],
    ['the statistics are reset', [{ at: 110, counted: 101, cpuSeconds: 50, slots: { ...SLOTS, 70: 0.01 } }], 'Reset'],
    ['counters jump beyond what a node can do', [{ at: 110, counted: 1e9, slots: SLOTS }], 'Implausible'],
    ['the clock goes back', [{ at: 20, slots: SLOTS }], ''],
  ];
  test.each(cases)('are neither negative nor giant when %s', (_name, stories, reason) => {
    const after = take(stories, steady);
    expect(rates(after)).toEqual(rates(steady));
    expect(after.nodes.get('n0')?.discarded ?? '').toBe(reason);
  });

  test('of a slot that left and came back do not span its absence', () => {
    const away = take([{ at: 110, slots: { 1: 1, 2: 3 } }], steady);
    const back = take(
      [
        { at: 120, counted: 1e5, slots: {} },
        { at: 130, slots: { ...SLOTS, 70: 9000 } },
      ],
      away,
    );
    expect(back.slots.network[70]).toBe(steady.slots.network[70]);
  });

  test('stay with a slot that moves to another node, until its new owner has counted', () => {
    let memory = takeSamples(steady, [sample({ nodeId: 'n1', runId: 'r1', at: 110, slots: { 9: 1 } })], 110_000);
    memory = takeSamples(memory, [sample({ nodeId: 'n1', runId: 'r1', at: 120, slots: { 9: 1, 70: 50 } })], 120_000);
    expect(memory.slots.network[70]).toBe(steady.slots.network[70]);
    const next = { ...sample({ nodeId: 'n1', runId: 'r1', at: 130, slots: { 9: 1, 70: 50 } }) };
    memory = takeSamples(memory, [next], 130_000);
    // The median of the five windows still is the old rate.
    expect(memory.slots.windows[70]).toBe(11);
    expect(memory.slots.network[70]).toBeCloseTo(600_000, -1);
  });

  test('of a node that works besides its slots stay with the slots, and the work becomes a residual', () => {
    let memory = steady;
    for (let at = 110; at <= 160; at += 10) {
      memory = takeSamples(memory, [sample({ at, cpuSeconds: 1000 + at, slots: SLOTS })], at * 1000);
    }
    const slots = memory.slots.cpu[1] + memory.slots.cpu[2] + memory.slots.cpu[70];
    expect(slots + (memory.nodes.get('n0')?.residual ?? 0)).toBeGreaterThan(0.85);
    expect(memory.nodes.get('n0')?.residual).toBeGreaterThan(0.2);
  });
});

describe('the load of a cluster', () => {
  const owners = [
    { shard: 0, primaryId: 'n0', slots: [{ start: 0, end: 8191 }] },
    { shard: 1, primaryId: 'n1', slots: [{ start: 8192, end: 16_383 }] },
  ];
  const both = every10s({ slots: SLOTS }, 0, 60).reduce(
    (memory, story) =>
      takeSamples(memory, [sample(story), sample({ ...story, nodeId: 'n1', runId: 'r1', slots: { 9000: 2 } })], story.at * 1000),
    emptyLoadMemory(),
  );

  test('is the sum of the slots of each shard and what follows no slot', () => {
    const { shards, owner, windowAt } = readLoad(both, owners, 0.25, 61_000);
    expect(shards[0].load).toMatchObject({ cpu: expect.closeTo(0.31, 5), network: expect.closeTo(1e6, -2), memory: 50e6 });
    expect(shards[0].capacity).toMatchObject({ cpu: 0.25, memory: 100e6 });
    expect(shards[1].load.cpu).toBeCloseTo(0.07, 5);
    expect(shards.map(shard => shard.stale)).toEqual([undefined, undefined]);
    expect([owner[70], owner[9000], windowAt]).toEqual([0, 1, 60_000]);
  });

  test('follows a slot to its new owner at once', () => {
    const moved = [
      { ...owners[0], slots: [{ start: 0, end: 69 }] },
      { ...owners[1], slots: [{ start: 70, end: 16_383 }] },
    ];
    expect(readLoad(both, moved, undefined, 61_000).shards.map(shard => Math.round(shard.load.network / 1e4))).toEqual([40, 80]);
  });

  test('says which shard has no statistics that can be trusted, and why', () => {
    const stale = (memory: LoadMemory, now: number): readonly (string | undefined)[] =>
      readLoad(memory, owners, undefined, now).shards.map(shard => shard.stale);
    expect(stale(both, 100_000)).toEqual(['the statistics of shard 0 are 40 s old', 'the statistics of shard 1 are 40 s old']);
    expect(stale(takeSamples(both, [sample({ at: 70, runId: 'new', counted: 0, slots: SLOTS })], 70_000), 71_000)).toEqual([
      'the statistics of shard 0 span 0 of 3 windows',
      undefined,
    ]);
    expect(readLoad(both, [{ shard: 0, slots: [] }], undefined, 61_000).shards[0].stale).toBe('there are no statistics of shard 0 yet');
  });
});
