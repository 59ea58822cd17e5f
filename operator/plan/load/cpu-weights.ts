/**
 * What a node's CPU consists of. cpu-usec counts the execution of commands only, and sockets cost more than commands; so the CPU of the process is fitted over the windows of all
 * nodes as  commands × cpu-usec + perByte × network bytes + constant,  by least squares. Where the data does not tell the three apart (every shard loaded alike) the fit stays near
 * weights that are assumed: a ridge whose strength is a share of each term's own weight, so that units do not matter. No weight is negative.
 */
import type { CpuFit } from '../../model/load.ts';
import { FIT_HALF_LIFE_MS, FIT_MIN_OBSERVATIONS } from './limits.ts';

export interface CpuWeights {
  /** Seconds of CPU for a second of command execution. */
  readonly commands: number;
  /** Seconds of CPU for a megabyte through sockets. */
  readonly perMegabyte: number;
  /** Seconds a second that every node takes, whatever its slots do. */
  readonly constant: number;
}

/** A request of some fifty bytes costs about as much in the sockets as in ten times its execution; large values cost less by the byte. */
export const ASSUMED_WEIGHTS: CpuWeights = { commands: 1, perMegabyte: 0.02, constant: 0 };

const RIDGE = 0.02;

export const EMPTY_FIT: CpuFit = { at: 0, count: 0, xx: [0, 0, 0, 0, 0, 0], xy: [0, 0, 0] };

/** What one node did in one window: seconds of commands, megabytes and seconds of CPU, a second each. */
export type CpuObservation = readonly [commandCpu: number, megabytes: number, cpu: number];

export function learn(fit: CpuFit, observations: readonly CpuObservation[], now: number): CpuFit {
  if (observations.length === 0) return fit;
  const keep = fit.count === 0 ? 0 : 0.5 ** (Math.max(0, now - fit.at) / FIT_HALF_LIFE_MS);
  const xx = fit.xx.map(sum => sum * keep);
  const xy = fit.xy.map(sum => sum * keep);
  for (const [a, b, y] of observations) {
    for (const [i, product] of [a * a, a * b, a, b * b, b, 1].entries()) xx[i] += product;
    for (const [i, product] of [a * y, b * y, y].entries()) xy[i] += product;
  }
  return { at: now, count: fit.count * keep + observations.length, xx: xx as unknown as CpuFit['xx'], xy: xy as unknown as CpuFit['xy'] };
}

export function cpuWeights({ count, xx, xy }: CpuFit): CpuWeights {
  if (count < FIT_MIN_OBSERVATIONS) return ASSUMED_WEIGHTS;
  const [aa, ab, a, bb, b, n] = xx;
  const prior = [ASSUMED_WEIGHTS.commands, ASSUMED_WEIGHTS.perMegabyte, ASSUMED_WEIGHTS.constant];
  const full = [
    [aa, ab, a],
    [ab, bb, b],
    [a, b, n],
  ];
  const matrix = full.map((row, i) => row.map((value, j) => (i === j ? value * (1 + RIDGE) : value)));
  const right = xy.map((value, i) => value + RIDGE * full[i][i] * prior[i]);
  const [commands, perMegabyte, constant] = solveNonNegative(matrix, right);
  return commands + perMegabyte > 0 ? { commands, perMegabyte, constant } : ASSUMED_WEIGHTS;
}

/** Least squares over the terms that may be there: the best of the subsets whose solution has no negative part (three terms, seven subsets). */
function solveNonNegative(matrix: readonly (readonly number[])[], right: readonly number[]): readonly number[] {
  let best: readonly number[] = [0, 0, 0];
  let bestCost = 0;
  for (let mask = 1; mask < 8; mask++) {
    const terms = [0, 1, 2].filter(term => (mask >> term) & 1 && matrix[term][term] > 0);
    const solved = solve(
      terms.map(i => terms.map(j => matrix[i][j])),
      terms.map(i => right[i]),
    );
    if (solved === undefined || solved.some(value => value < 0)) continue;
    const cost = terms.reduce(
      (sum, i, row) => sum + solved[row] * (terms.reduce((inner, j, column) => inner + matrix[i][j] * solved[column], 0) - 2 * right[i]),
      0,
    );
    if (cost < bestCost) {
      bestCost = cost;
      best = [0, 1, 2].map(term => solved[terms.indexOf(term)] ?? 0);
    }
  }
  return best;
}

/** Gauss with pivots; undefined for a matrix that is (nearly) singular. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): readonly number[] | undefined {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    const pivot = rows.slice(column).reduce((best, row) => (Math.abs(row[column]) > Math.abs(best[column]) ? row : best));
    if (Math.abs(pivot[column]) < 1e-15) return undefined;
    rows.splice(rows.indexOf(pivot), 1);
    rows.splice(column, 0, pivot);
    for (const row of rows.slice(column + 1)) {
      const factor = row[column] / pivot[column];
      for (let i = column; i <= size; i++) row[i] -= factor * pivot[i];
    }
  }
  const solution = Array.from({ length: size }, () => 0);
  for (let row = size - 1; row >= 0; row--) {
    const known = solution.reduce((sum, value, i) => (i > row ? sum + rows[row][i] * value : sum), 0);
    solution[row] = (rows[row][size] - known) / rows[row][row];
  }
  return solution;
}
