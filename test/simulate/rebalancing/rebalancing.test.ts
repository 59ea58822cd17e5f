/**
 * What the rebalancing planner and the autoscaler promise, on simulated load. The seeds are fixed, so that a failure comes again; SLOTKEEPER_SEED tries another.
 */
import { describe, expect, test } from 'vitest';
import { packedMaximum } from '../../../operator/plan/rebalance/packing.ts';
import { plotLines } from './plot.ts';
import { run, type RunResult } from './run.ts';
import { runScaling } from './scaling-run.ts';
import { STEP_SECONDS } from './simulated-shards.ts';
import { makeTrace, type TraceName } from './traces.ts';

const SEED = Number(process.env['SLOTKEEPER_SEED'] ?? 1);
const said = `seed ${SEED}`;
const ours = (trace: TraceName, shards: number, seconds: number): RunResult =>
  run({ trace, strategy: 'slotkeeper', shards, seconds, seed: SEED });
const late = (values: readonly number[], seconds: number): readonly number[] => values.slice(seconds / STEP_SECONDS);

describe('on a steady load', { timeout: 180_000 }, () => {
  test('the busiest shard comes near the optimum, and then nothing moves any more', () => {
    const { overOptimum, moved, costs, churn, balancedAfter } = ours('hot-shard', 3, 700);
    expect(overOptimum.last, said).toBeLessThan(1.1);
    expect(balancedAfter, said).toBeLessThan(180);
    expect(new Set(late(moved, 400)).size, `${said}: moves long after balance`).toBe(1);
    expect(costs.returned, `${said}: slots that came back`).toBe(0);
    expect(churn, said).toBeLessThan(0.02);
  });

  test('so it is with thirty shards and a slot that is hot alone', () => {
    const { overOptimum, moved, costs, churn } = ours('zipf', 30, 700);
    expect(overOptimum.last, said).toBeLessThan(1.1);
    expect(new Set(late(moved, 500)).size, `${said}: moves long after balance`).toBe(1);
    expect(costs.returned, said).toBe(0);
    expect(churn, said).toBeLessThan(0.15);
  });

  test('equal slot counts stay as uneven as they were', () => {
    const { overOptimum, costs } = run({ trace: 'hot-shard', strategy: 'equal-slots', shards: 3, seconds: 100, seed: SEED });
    expect(costs.jobs).toBe(0);
    expect(overOptimum.last, said).toBeGreaterThan(1.4);
  });
});

describe('on a load that changes', { timeout: 180_000 }, () => {
  test('a hotspot that moves on is followed, with few of the bytes', () => {
    const followed = ours('moving-hotspot', 3, 900);
    const left = run({ trace: 'moving-hotspot', strategy: 'equal-slots', shards: 3, seconds: 900, seed: SEED });
    expect(followed.overOptimum.last, said).toBeLessThan(1.15);
    expect(followed.overOptimum.mean, said).toBeLessThan(0.8 * left.overOptimum.mean);
    expect(followed.churn, said).toBeLessThan(0.05);
  });
});

describe('shards', { timeout: 180_000 }, () => {
  test('come with a crowd and go after it, without turning back', () => {
    const { changes, shards } = runScaling('flash-crowd', 3, 3600, SEED);
    const directions = changes.map(({ from, to }) => Math.sign(to - from));
    expect(Math.max(...shards), said).toBeGreaterThan(3);
    expect(shards.at(-1), said).toBe(3);
    expect(
      directions.toSorted((a, b) => b - a),
      `${said}: growth first, then shrinking, once`,
    ).toEqual(directions);
  });
});

describe('the simulator', () => {
  test('draws the same load from the same seed, of the same total for every trace at its start', () => {
    const totals = (['zipf', 'moving-hotspot', 'flash-crowd'] as const).map(name =>
      makeTrace(name, 30, 5)
        .demandAt(0)
        .reduce((a, b) => a + b, 0),
    );
    for (const total of totals) expect(total).toBeCloseTo(12, 5);
    expect(makeTrace('zipf', 3, 9).demandAt(0)).toEqual(makeTrace('zipf', 3, 9).demandAt(100));
  });

  test('packs slots as well as can be where they are equal', () => {
    expect(packedMaximum(new Float64Array(8).fill(1), 0.5, 3)).toBe(3.5);
    expect(packedMaximum(Float64Array.from([5, 3, 3, 2, 2]), 0, 3)).toBe(5);
  });

  test('plots lines with their names', () => {
    const svg = plotLines('load', [{ name: 'ours', values: [1, 2, 1.5] }], 10, 1);
    expect(svg).toContain('>ours</text>');
    expect(svg.match(/NaN|undefined|Infinity/)).toBeNull();
  });
});
