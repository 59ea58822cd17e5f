import { expect, test } from 'vitest';
import { bytesOfQuantity, coresOfQuantity } from './quantity.ts';

test.each([
  ['1Gi', 2 ** 30],
  ['1.5k', 1500],
  ['500M', 500e6],
  [1024, 1024],
  ['1.7', 1],
  ['lots', undefined],
] as const)('%s is so many bytes', (quantity, bytes) => {
  expect(bytesOfQuantity(quantity)).toBe(bytes);
});

test.each([
  ['250m', 0.25],
  ['1500m', 1.5],
  [2, 2],
  ['0.5', 0.5],
  ['much', undefined],
] as const)('%s is so many cores, parts of one as well', (quantity, cores) => {
  expect(coresOfQuantity(quantity)).toBe(cores);
});
