/**
 * Smoothing of one figure: the median of the last five windows, then a moving average of the medians. The median drops a spike of two windows whole; a step is
 * believed after three. Hot: it runs for every slot in every window, so the values are passed in place and nothing is allocated.
 */
import { EWMA_WEIGHT, MEDIAN_WINDOWS } from './limits.ts';

/**
 * Puts `value` into the ring of five at `base` and gives the new smoothed value.
 * @param seen how many values the ring was given before this one
 * @param before the smoothed value so far
 */
export function smooth(ring: Float32Array | number[], base: number, seen: number, value: number, before: number): number {
  ring[base + (seen % MEDIAN_WINDOWS)] = value;
  const median = medianOf(ring, base, Math.min(seen + 1, MEDIAN_WINDOWS));
  return seen === 0 ? median : before + EWMA_WEIGHT * (median - before);
}

/** Of `count` (1 to 5) values from `base` on: the middle one, by how many are smaller; of an even number the lower of the two in the middle. */
export function medianOf(values: Float32Array | readonly number[], base: number, count: number): number {
  if (count === 5) return medianOfFive(values[base], values[base + 1], values[base + 2], values[base + 3], values[base + 4]);
  const rank = (count - 1) >> 1;
  for (let i = base; i < base + count; i++) {
    const value = values[i];
    let smaller = 0;
    let equal = 0;
    for (let j = base; j < base + count; j++) {
      if (values[j] < value) smaller++;
      else if (values[j] === value) equal++;
    }
    if (smaller <= rank && rank < smaller + equal) return value;
  }
  return 0;
}

/** Of the two pairs, the greater minimum and the smaller maximum are left to compare with the fifth. */
function medianOfFive(a: number, b: number, c: number, d: number, e: number): number {
  const low = Math.max(Math.min(a, b), Math.min(c, d));
  const high = Math.min(Math.max(a, b), Math.max(c, d));
  return Math.max(Math.min(low, high), Math.min(e, Math.max(low, high)));
}
