import { describe, expect, it } from 'vitest';
import { type BitOperation, combineBitmaps, countBits, findBit } from './bitmap.ts';

/** Bytes that look random, the same in each run. */
function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state >>> 24;
  });
}

/** The bits of bytes as text, one character a bit. */
function bitText(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(2).padStart(8, '0')).join('');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

describe('counting bits', () => {
  it('counts those of the range alone, wherever it begins and ends', () => {
    for (const base of [0, 3]) {
      const bytes = noise(150, 7);
      const text = bitText(bytes.subarray(base));
      for (let from = 0; from < 90; from += 7) {
        for (let to = from; to <= text.length; to += 11) {
          const expected = text.slice(from, to).replaceAll('0', '').length;
          expect([base, from, to, countBits(viewOf(bytes), base, from, to)]).toEqual([base, from, to, expected]);
        }
      }
    }
  });

  it('counts every bit of many words', () => {
    expect(countBits(viewOf(new Uint8Array(100_001).fill(0xff)), 1, 0, 800_000)).toBe(800_000);
  });

  it('finds none in an empty range', () => {
    expect(countBits(viewOf(new Uint8Array(0)), 0, 0, 0)).toBe(0);
    expect(countBits(viewOf(noise(4, 1)), 0, 9, 3)).toBe(0);
  });
});

describe('finding a bit', () => {
  it('gives the first one of the range that is set, or not', () => {
    for (const filler of [0x00, 0xff]) {
      for (let at = 0; at < 200; at++) {
        const bytes = new Uint8Array(28).fill(filler);
        bytes[2 + (at >> 3)] ^= 0x80 >> (at & 7);
        const bit = filler === 0 ? 1 : 0;
        expect(findBit(viewOf(bytes), 2, 0, 208, bit)).toBe(at);
        expect(findBit(viewOf(bytes), 2, at, at + 1, bit)).toBe(at);
        expect(findBit(viewOf(bytes), 2, at + 1, 208, bit)).toBe(-1);
        expect(findBit(viewOf(bytes), 2, 0, at, bit)).toBe(-1);
      }
    }
  });

  it('finds none in an empty range', () => {
    expect(findBit(viewOf(new Uint8Array(0)), 0, 0, 0, 0)).toBe(-1);
    expect(findBit(viewOf(noise(4, 1)), 0, 9, 3, 1)).toBe(-1);
  });
});

describe('combining bitmaps', () => {
  const bit: Record<BitOperation, (bits: number[]) => number> = {
    AND: bits => bits.reduce((a, b) => a & b),
    OR: bits => bits.reduce((a, b) => a | b),
    XOR: bits => bits.reduce((a, b) => a ^ b),
    NOT: ([first]) => ~first & 0xff,
  };
  const lengths = [0, 1, 5, 33, 16_384, 16_389, 40_001];

  it.each(['AND', 'OR', 'XOR', 'NOT'] as const)('takes what a shorter one lacks as zeros: %s', operation => {
    for (const first of lengths) {
      for (const second of lengths) {
        const operands = operation === 'NOT' ? [noise(first, 1)] : [noise(first, 1), noise(second, 2), noise(37, 3)];
        const length = Math.max(...operands.map(operand => operand.length));
        const target = new Uint8Array(length + 5).fill(0xaa);
        combineBitmaps(operation, operands.map(viewOf), target, 3);
        const expected = Uint8Array.from({ length }, (_, at) => bit[operation](operands.map(operand => operand[at] ?? 0)));
        expect(Buffer.compare(target.subarray(3, 3 + length), expected)).toBe(0);
        expect([...target.subarray(0, 3), ...target.subarray(3 + length)]).toEqual([0xaa, 0xaa, 0xaa, 0xaa, 0xaa]);
      }
    }
  });

  it('may write where an operand stands', () => {
    const target = noise(40_000, 1);
    const operands = [noise(40_000, 2), target.slice(), target.slice()];
    const expected = Uint8Array.from(operands[0], (byte, at) => byte ^ operands[1][at] ^ operands[2][at]);
    combineBitmaps('XOR', [operands[0], target, target].map(viewOf), target, 0);
    expect(Buffer.compare(target, expected)).toBe(0);
  });
});
