import { expect, test } from 'vitest';
import { sortedOrder } from './sort-order.ts';

/** Many equals, from a small generator. */
function weights(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => (state = (Math.imul(state, 1103515245) + 12345) >>> 8) % 50);
}

test('a whole sort keeps equals in their order', () => {
  const given = weights(500, 7);
  const order = [...sortedOrder(500, (a, b) => given[a] - given[b], undefined)];
  expect(order).toEqual(given.map((_, index) => index).toSorted((a, b) => given[a] - given[b] || a - b));
});

test('a partial sort puts into its range what belongs there, whatever the length and the range', () => {
  for (const count of [1, 2, 6, 7, 8, 40, 41, 300]) {
    const given = weights(count, count);
    const sorted = given.toSorted((a, b) => a - b);
    for (const [from, until] of [
      [0, 1],
      [0, Math.min(10, count)],
      [count >> 1, count],
      [count - 1, count],
    ]) {
      const order = sortedOrder(count, (a, b) => given[a] - given[b], { from, until });
      expect([...order].toSorted((a, b) => a - b)).toEqual(given.map((_, index) => index));
      expect([...order.subarray(from, until)].map(index => given[index])).toEqual(sorted.slice(from, until));
    }
  }
});

test('weights that are chosen against the partial sort do not make it quadratic', () => {
  // McIlroy, "A killer adversary for quicksort" (1999): weights are settled only when a comparison forces them to be.
  const count = 4000;
  const gas = count;
  const values = Array.from({ length: count }, () => gas);
  let solid = 0;
  let candidate = 0;
  let comparisons = 0;
  const compare = (a: number, b: number): number => {
    comparisons++;
    if (values[a] === gas && values[b] === gas) values[a === candidate ? a : b] = solid++;
    if (values[a] === gas) candidate = a;
    else if (values[b] === gas) candidate = b;
    return values[a] - values[b];
  };
  sortedOrder(count, compare, { from: 0, until: count - 1 });
  expect(comparisons).toBeLessThan(60 * count * Math.log2(count));
});
