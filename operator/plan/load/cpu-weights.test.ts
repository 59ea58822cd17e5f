import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../test/simulate/virtual-time.ts';
import { ASSUMED_WEIGHTS, cpuWeights, EMPTY_FIT, learn, type CpuObservation } from './cpu-weights.ts';

describe('the weights of commands and bytes in the CPU of a node', () => {
  test('are the assumed ones until enough was observed', () => {
    expect(cpuWeights(EMPTY_FIT)).toEqual(ASSUMED_WEIGHTS);
    expect(cpuWeights(learn(EMPTY_FIT, [[0.1, 5, 0.9]], 0))).toEqual(ASSUMED_WEIGHTS);
  });

  test('are found from nodes whose slots do different things', () => {
    const random = seededRandom(7);
    const observations = Array.from({ length: 60 }, (): CpuObservation => {
      const [commands, megabytes] = [0.3 * random(), 2 * random()];
      return [commands, megabytes, 0.02 + 1.4 * commands + 0.15 * megabytes];
    });
    const { commands, perMegabyte, constant } = cpuWeights(learn(EMPTY_FIT, observations, 0));
    expect(commands).toBeGreaterThan(1.2);
    expect(commands).toBeLessThan(1.5);
    expect(perMegabyte).toBeCloseTo(0.15, 1);
    expect(constant).toBeLessThan(0.06);
  });

  test('explain the CPU even where nothing tells commands from bytes', () => {
    const same: CpuObservation = [0.1, 1, 0.5];
    const weights = cpuWeights(learn(EMPTY_FIT, Array<CpuObservation>(40).fill(same), 0));
    expect(weights.commands * 0.1 + weights.perMegabyte + weights.constant).toBeCloseTo(0.5, 1);
  });

  test('are never negative', () => {
    const random = seededRandom(11);
    const noise = Array.from({ length: 200 }, (): CpuObservation => [random(), random(), random()]);
    const falling = Array.from({ length: 40 }, (_, i): CpuObservation => [0.1 * (i % 5), 1, 0.9 - 0.1 * (i % 5)]);
    for (const observations of [noise, falling]) {
      const weights = cpuWeights(learn(EMPTY_FIT, observations, 0));
      expect(Math.min(weights.commands, weights.perMegabyte, weights.constant)).toBeGreaterThanOrEqual(0);
    }
  });

  test('follow a workload that changed within some minutes', () => {
    const told = (perMegabyte: number): readonly CpuObservation[] =>
      Array.from({ length: 20 }, (_, i): CpuObservation => [0.1 + 0.01 * (i % 3), 1 + (i % 7), 0.1 + perMegabyte * (1 + (i % 7))]);
    let fit = learn(EMPTY_FIT, told(0.05), 0);
    for (let minute = 1; minute <= 15; minute++) fit = learn(fit, told(0.01), minute * 60_000);
    expect(cpuWeights(fit).perMegabyte).toBeLessThan(0.015);
  });
});
