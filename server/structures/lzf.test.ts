import { expect, test } from 'vitest';
import { decompressLzf, LzfCompressor } from './lzf.ts';

const compressor = new LzfCompressor();
const EMPTY = new Uint8Array(0);

function generator(): { readonly seed: number; readonly random: (limit: number) => number } {
  const seed = Date.now() & 0xffff;
  let state = seed;
  const random = (limit: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
  return { seed, random };
}

function compress(input: Uint8Array, limit = input.length): Uint8Array | undefined {
  const output = new Uint8Array(limit + 8).fill(0xee);
  const length = compressor.compress(input, 0, input.length, output, 4, limit);
  expect([...output.subarray(0, 4), ...output.subarray(limit + 4)]).toEqual(Array(8).fill(0xee));
  return length === 0 ? undefined : output.slice(4, 4 + length);
}

function expand(compressed: Uint8Array, length: number): Uint8Array | undefined {
  const output = new Uint8Array(length + 4).fill(0xee);
  const whole = decompressLzf(compressed, 0, compressed.length, output, 2, length);
  expect([...output.subarray(0, 2), ...output.subarray(length + 2)]).toEqual(Array(4).fill(0xee));
  return whole ? output.slice(2, 2 + length) : undefined;
}

test('a hundred times "a" is written as the reference server writes it', () => {
  expect(Buffer.from(compress(Buffer.from('a'.repeat(100))) ?? []).toString('hex')).toBe('016161e05700016161');
});

test('what was compressed expands to the same bytes', () => {
  const { random, seed } = generator();
  for (let round = 0; round < 300; round++) {
    const alphabet = 1 + random(6);
    const input = Uint8Array.from({ length: 5 + random(3000) }, () => 97 + random(alphabet));
    const compressed = compress(input);
    expect(compressed === undefined || Buffer.compare(expand(compressed, input.length) ?? EMPTY, input) === 0, `seed ${seed}`).toBe(true);
  }
});

test('what does not compress within the limit is refused without writing beyond it', () => {
  const noise = Uint8Array.from({ length: 64 }, (_, i) => (i * 89 + ((i * i) >> 3)) & 0xff);
  expect(compress(noise, 60)).toBeUndefined();
  expect(compress(Buffer.from('abc'))).toBeUndefined();
});

test('random bytes never expand outside of the given range', () => {
  const { random, seed } = generator();
  for (let round = 0; round < 2000; round++) {
    const length = random(200);
    const expanded = expand(
      Uint8Array.from({ length: random(40) }, () => random(256)),
      length,
    );
    expect(expanded === undefined || expanded.length === length, `seed ${seed}`).toBe(true);
  }
});

test('a stream of another length, a cut one and one that points before its start are refused', () => {
  const compressed = Buffer.from('016161e05700016161', 'hex');
  expect(expand(compressed, 100)).toEqual(Uint8Array.from(Buffer.from('a'.repeat(100))));
  expect(expand(compressed, 99)).toBeUndefined();
  expect(expand(compressed, 101)).toBeUndefined();
  expect(expand(compressed.subarray(0, 4), 100)).toBeUndefined();
  expect(expand(Buffer.from('2005', 'hex'), 3)).toBeUndefined();
});
