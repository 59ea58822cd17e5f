import { describe, expect, test } from 'vitest';
import { medianOf, smooth } from './smoothing.ts';

function smoothAll(values: readonly number[]): number {
  const ring: number[] = [];
  return values.reduce((before, value, seen) => smooth(ring, 0, seen, value, before), 0);
}

describe('smoothing', () => {
  test('takes the middle value, of an even number the lower of the two in the middle', () => {
    expect(medianOf([3, 1, 2], 0, 3)).toBe(2);
    expect(medianOf([9, 4, 1, 3, 2], 1, 4)).toBe(2);
    expect(medianOf([7, 7, 7, 7, 7], 0, 5)).toBe(7);
  });

  test('finds the middle of five in every order', () => {
    const orders = (rest: readonly number[]): readonly (readonly number[])[] =>
      rest.length === 0 ? [[]] : rest.flatMap((value, i) => orders(rest.toSpliced(i, 1)).map(order => [value, ...order]));
    for (const values of [
      [1, 2, 3, 4, 5],
      [1, 1, 3, 3, 3],
      [1, 1, 2, 7, 7],
    ])
      expect(orders(values).every(order => medianOf(order, 0, 5) === values[2])).toBe(true);
  });

  test('drops a spike of two windows whole', () => {
    expect(smoothAll([10, 10, 10, 10, 10, 900, 900, 10, 10, 10])).toBe(10);
  });

  test('believes a step after three windows', () => {
    expect(smoothAll([10, 10, 10, 10, 10, 20, 20])).toBe(10);
    expect(smoothAll([10, 10, 10, 10, 10, 20, 20, 20])).toBe(15);
    expect(smoothAll([10, 10, 10, 10, 10, 20, 20, 20, 20, 20, 20])).toBeGreaterThan(19);
  });
});
