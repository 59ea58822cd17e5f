import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countDense, denseRegister, raiseDenseRegister, setDenseRegister } from './dense.ts';
import { CORRUPT, HyperLogLogEditor, RAISED, UNCHANGED } from './editor.ts';
import { ElementHash } from './element-hash.ts';
import { estimate } from './estimate.ts';
import * as layout from './layout.ts';
import { RegisterRow } from './register-row.ts';
import { countSparse, SparseRuns } from './sparse-runs.ts';

const RUNS = { numRuns: 60, verbose: 1 as const };
const MASK = 2n ** 64n - 1n;

/** MurmurHash64A as it is written down, in 64-bit numbers. */
function slowHash(bytes: Uint8Array): bigint {
  const m = 0xc6a4a7935bd1e995n;
  let hash = 0xadc83b19n ^ ((BigInt(bytes.length) * m) & MASK);
  const read = (from: number, to: number): bigint => bytes.subarray(from, to).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const whole = bytes.length & ~7;
  for (let at = 0; at < whole; at += 8) {
    let block = (read(at, at + 8) * m) & MASK;
    block ^= block >> 47n;
    hash = ((hash ^ ((block * m) & MASK)) * m) & MASK;
  }
  if (whole < bytes.length) hash = ((hash ^ read(whole, bytes.length)) * m) & MASK;
  hash ^= hash >> 47n;
  hash = (hash * m) & MASK;
  return hash ^ (hash >> 47n);
}

function trailingZeros(value: bigint): number {
  return (value.toString(2).match(/0*$/)?.[0] ?? '').length;
}

/** Few registers, so that neighbours meet; values that a sparse value can and cannot hold. */
const raise = fc.tuple(
  fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 90 }) }, fc.integer({ min: 0, max: layout.REGISTERS - 1 })),
  fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 1, max: 3 }) }, fc.integer({ min: 1, max: 32 })),
);

function registersOf(editor: HyperLogLogEditor): Map<number, number> {
  const found = new Map<number, number>();
  const row = new RegisterRow();
  const first = editor.start + layout.HEADER_BYTES;
  if (editor.dense) row.raiseToDense(editor.bytes, first);
  else expect(row.raiseToSparse(editor.bytes, first, editor.start + editor.length)).toBe(true);
  for (let index = 0; index < layout.REGISTERS; index++) if (row.get(index) > 0) found.set(index, row.get(index));
  return found;
}

function valueOf(editor: HyperLogLogEditor): string {
  return Buffer.from(editor.bytes.subarray(editor.start, editor.start + editor.length)).toString('hex');
}

describe('the hash of an element', () => {
  test('is MurmurHash64A with the seed of upstream: its bits choose register and value', () => {
    const element = new ElementHash();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(3), (bytes, offset) => {
        const placed = new Uint8Array(offset + bytes.length + 8).fill(0xa5);
        placed.set(bytes, offset);
        element.hash(placed, offset, offset + bytes.length);
        const hash = slowHash(bytes);
        expect([element.index, element.value]).toEqual([Number(hash & 16383n), 1 + trailingZeros((hash >> 14n) | (1n << 50n))]);
      }),
      { ...RUNS, numRuns: 3000 },
    );
  });
});

describe('dense registers', () => {
  test('hold what they are given, without touching their neighbours', () => {
    const bytes = new Uint8Array(layout.DENSE_BYTES + 1).fill(0xff);
    const expected = new Uint8Array(layout.REGISTERS);
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < layout.REGISTERS; index++) {
        expected[index] = (index * 37 + round * 11) & 63;
        setDenseRegister(bytes, layout.HEADER_BYTES, index, expected[index]);
      }
      expect(Uint8Array.from(expected, (_, index) => denseRegister(bytes, layout.HEADER_BYTES, index))).toEqual(expected);
    }
    expect(bytes[layout.DENSE_BYTES]).toBe(0xff);
  });

  test('only go up', () => {
    const bytes = new Uint8Array(layout.DENSE_BYTES);
    expect(raiseDenseRegister(bytes, 0, 5, 9)).toBe(true);
    expect(raiseDenseRegister(bytes, 0, 5, 9)).toBe(false);
    expect(raiseDenseRegister(bytes, 0, 5, 8)).toBe(false);
    expect(denseRegister(bytes, 0, 5)).toBe(9);
  });
});

describe('a row of registers', () => {
  test('takes the larger of each, and writes and counts what it holds', () => {
    const random = (seed: number): Uint8Array => Uint8Array.from({ length: layout.REGISTERS }, (_, i) => Math.imul(i + 1, seed) >>> 26);
    const [left, right] = [random(0x9e3779b1), random(0x85ebca6b)];
    const row = new RegisterRow();
    const dense = new Uint8Array(layout.DENSE_BYTES);
    for (const side of [left, right]) {
      side.forEach((value, index) => setDenseRegister(dense, 0, index, value));
      row.raiseToDense(dense, 0);
    }
    const larger = left.map((value, index) => Math.max(value, right[index]));
    expect(Uint8Array.from(larger, (_, index) => row.get(index))).toEqual(larger);
    row.writeDense(dense, 0);
    expect(Uint8Array.from(larger, (_, index) => denseRegister(dense, 0, index))).toEqual(larger);
    const [counted, expected, fromDense] = [new Int32Array(64), new Int32Array(64), new Int32Array(64)];
    row.count(counted);
    countDense(dense, 0, fromDense);
    for (const value of larger) expected[value]++;
    expect(counted).toEqual(expected);
    expect(fromDense).toEqual(expected);
  });
});

describe('the editor', () => {
  test('keeps the largest value of each register, sparse or dense', () => {
    fc.assert(
      fc.property(fc.array(raise, { maxLength: 300 }), fc.constantFrom(40, 300, 1_000_000), (raises, most) => {
        const editor = new HyperLogLogEditor();
        const expected = new Map<number, number>();
        editor.create();
        for (const [index, value] of raises) {
          const grew = value > (expected.get(index) ?? 0);
          expect(editor.raise(index, value, most)).toBe(grew ? RAISED : UNCHANGED);
          if (grew) expected.set(index, value);
          if (!editor.dense) expect(editor.length).toBeLessThanOrEqual(Math.max(most, layout.EMPTY.length));
        }
        expect(registersOf(editor)).toEqual(new Map([...expected].toSorted(([a], [b]) => a - b)));
      }),
      RUNS,
    );
  });

  test('gives the same bytes whether a search goes on where the last one stopped or begins anew', () => {
    fc.assert(
      fc.property(fc.array(raise, { maxLength: 400 }), fc.boolean(), (raises, ascending) => {
        const going = new HyperLogLogEditor();
        const fresh = new HyperLogLogEditor();
        going.create();
        fresh.create();
        for (const [index, value] of ascending ? raises.toSorted(([a], [b]) => a - b) : raises) {
          going.raise(index, value, 1_000_000);
          fresh.open(fresh.bytes.slice(0, fresh.length), 0, fresh.length);
          fresh.raise(index, value, 1_000_000);
        }
        expect(valueOf(going)).toBe(valueOf(fresh));
      }),
      { ...RUNS, numRuns: 200 },
    );
  });

  test('joins neighbours of one value, and splits runs, as upstream does', () => {
    const editor = new HyperLogLogEditor();
    editor.create();
    for (const index of [1000, 1020, 1021]) editor.raise(index, index === 1000 ? 2 : 3, 3000);
    // XZERO:1000 VAL:2,1 ZERO:19 VAL:3,2 XZERO:15362
    expect(valueOf(editor).slice(32)).toBe('43e7' + '84' + '12' + '89' + '7c01');
  });

  test('becomes dense when it grows too long, and when a value is too large', () => {
    const editor = new HyperLogLogEditor();
    editor.create();
    expect(editor.raise(7, 33, 3000)).toBe(RAISED);
    expect([editor.dense, editor.length]).toEqual([true, layout.DENSE_BYTES]);
    editor.create();
    expect(editor.raise(7, 1, 18)).toBe(RAISED);
    expect([editor.dense, registersOf(editor)]).toEqual([true, new Map([[7, 1]])]);
  });

  test('never fails in another way than by saying so, whatever the opcodes are', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(raise, { maxLength: 50 }),
        fc.constantFrom(50, 3000),
        (opcodes, raises, most) => {
          const value = Uint8Array.from([...layout.EMPTY.subarray(0, layout.HEADER_BYTES), ...opcodes]);
          const editor = new HyperLogLogEditor();
          editor.open(value, 0, value.length);
          for (const [index, register] of raises) expect([CORRUPT, UNCHANGED, RAISED]).toContain(editor.raise(index, register, most));
          const valid = countSparse(new SparseRuns(), value, layout.HEADER_BYTES, value.length, new Int32Array(64));
          editor.open(value, 0, value.length);
          expect(editor.makeDense()).toBe(valid);
        },
      ),
      { ...RUNS, numRuns: 500 },
    );
  });

  test('refuses a sparse value that is longer than any valid one', () => {
    const value = new Uint8Array(layout.LONGEST_SPARSE + 1);
    value.set(layout.EMPTY);
    const editor = new HyperLogLogEditor();
    editor.open(value, 0, value.length);
    expect(editor.raise(1, 1, 1_000_000)).toBe(CORRUPT);
    expect(editor.rewritten).toBe(false);
  });
});

describe('the estimate', () => {
  test('is exact for no elements and for few, and near for many', () => {
    const element = new ElementHash();
    const editor = new HyperLogLogEditor();
    const row = new RegisterRow();
    const histogram = new Int32Array(64);
    const cardinality = (): number => {
      row.clear();
      const first = editor.start + layout.HEADER_BYTES;
      if (editor.dense) row.raiseToDense(editor.bytes, first);
      else row.raiseToSparse(editor.bytes, first, editor.start + editor.length);
      histogram.fill(0);
      row.count(histogram);
      return estimate(histogram);
    };
    editor.create();
    expect(cardinality()).toBe(0);
    for (let count = 1; count <= 100_000; count++) {
      const name = Buffer.from(`element ${count}`);
      element.hash(name, 0, name.length);
      editor.raise(element.index, element.value, 3000);
      if (count === 5) expect(cardinality()).toBe(5);
      if (count === 1000 || count === 100_000) expect(Math.abs(cardinality() - count) / count).toBeLessThan(0.04);
    }
  });

  test('of registers that no elements give is what the reference server says', () => {
    const histogram = new Int32Array(64);
    histogram[63] = layout.REGISTERS;
    expect(estimate(histogram)).toBe(-(2 ** 63));
  });
});

test('the cached cardinality is 64 bits, and stale when the top one is set', () => {
  const bytes = layout.EMPTY.slice();
  layout.cacheCardinality(bytes, 0, 2 ** 40 + 5);
  expect(layout.cachedCardinality(bytes, 0)).toBe(2 ** 40 + 5);
  bytes.fill(0xff, 8, 15);
  bytes[15] = 0x7f;
  expect(layout.cachedCardinality(bytes, 0)).toBe(2n ** 63n - 1n);
  layout.forgetCardinality(bytes, 0);
  expect(layout.cachedCardinality(bytes, 0)).toBe(-1);
});
