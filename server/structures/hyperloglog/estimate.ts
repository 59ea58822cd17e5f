/**
 * The cardinality that a histogram of register values stands for: the estimator of Otmar Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches" (arXiv:1702.01284, algorithm 6), in upstream's order of operations, so that every bit of the result is the same.
 */

import { REGISTERS } from './layout.ts';

/** Bits of a hash that choose no register: registers hold values up to this plus one. */
const HASH_BITS = 50;
/** 1 / (2 · ln 2) */
const ALPHA = 0.7213475204444817;
/** What no 64-bit integer holds becomes this in upstream: only registers that no elements give lead there. */
const BEYOND = -(2 ** 63);

/** A whole number; beyond 53 bits, which takes registers that no elements give, an exact multiple of a power of two. */
export function estimate(histogram: Int32Array): number {
  let z = REGISTERS * tau((REGISTERS - histogram[HASH_BITS + 1]) / REGISTERS);
  for (let value = HASH_BITS; value >= 1; value--) {
    z += histogram[value];
    z *= 0.5;
  }
  z += REGISTERS * sigma(histogram[0] / REGISTERS);
  const cardinality = Math.round((ALPHA * REGISTERS * REGISTERS) / z);
  return cardinality < 2 ** 63 ? cardinality : BEYOND;
}

function sigma(ratio: number): number {
  if (ratio === 1) return Infinity;
  let x = ratio;
  let y = 1;
  let z = x;
  let before: number;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (before !== z);
  return z;
}

function tau(ratio: number): number {
  if (ratio === 0 || ratio === 1) return 0;
  let x = ratio;
  let y = 1;
  let z = 1 - x;
  let before: number;
  do {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (before !== z);
  return z / 3;
}
