import { describe, expect, it } from 'vitest';
import { addToField, type BitField, intoField, readField, writeField } from './bit-field.ts';

const FIELDS: BitField[] = Array.from({ length: 64 }, (_, index) => index + 1).flatMap(bits =>
  bits === 64
    ? [{ signed: true, bits }]
    : [
        { signed: true, bits },
        { signed: false, bits },
      ],
);

function limits({ bits, signed }: BitField): [least: bigint, greatest: bigint] {
  return signed ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] : [0n, 2n ** BigInt(bits) - 1n];
}

/** As the module keeps integers. */
function narrow(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

describe('a field', () => {
  it('reads as what was written, and leaves the bits around it alone', () => {
    for (const field of FIELDS) {
      const [least, greatest] = limits(field);
      for (const offset of [0, 1, 5, 8, 13, 31]) {
        for (const value of [least, least + 1n, (least + greatest) / 2n, greatest - 1n, greatest]) {
          if (value < least || value > greatest) continue;
          const bytes = new Uint8Array(16).fill(0x5a);
          writeField(bytes, 2, offset, field, narrow(value));
          expect([field, offset, readField(bytes, 2, 16, offset, field)]).toEqual([field, offset, narrow(value)]);
          const text = Array.from(bytes, byte => byte.toString(2).padStart(8, '0')).join('');
          const around = '01011010'.repeat(16);
          expect(text.slice(0, 16 + offset)).toBe(around.slice(0, 16 + offset));
          expect(text.slice(16 + offset + field.bits)).toBe(around.slice(16 + offset + field.bits));
          const pattern = BigInt.asUintN(field.bits, value).toString(2).padStart(field.bits, '0');
          expect(text.slice(16 + offset, 16 + offset + field.bits)).toBe(pattern);
        }
      }
    }
  });

  it('reads zeros behind the end', () => {
    const bytes = Uint8Array.of(0xff, 0xff);
    expect(readField(bytes, 0, 1, 4, { signed: false, bits: 8 })).toBe(0xf0);
    expect(readField(bytes, 0, 2, 0, { signed: true, bits: 64 })).toBe(-(2 ** 48));
    expect(readField(bytes, 0, 0, 2 ** 35, { signed: false, bits: 63 })).toBe(0);
  });
});

describe('a value that a field cannot hold', () => {
  it('wraps around, stops at the limit, or fails', () => {
    for (const field of FIELDS) {
      const [least, greatest] = limits(field);
      const range = greatest - least + 1n;
      expect([field, addToField(narrow(greatest), 1, field, 'WRAP')]).toEqual([field, narrow(least)]);
      expect(addToField(narrow(least), -1, field, 'WRAP')).toBe(narrow(greatest));
      expect(addToField(narrow(greatest), 1, field, 'SAT')).toBe(narrow(greatest));
      expect(addToField(narrow(least), -1, field, 'SAT')).toBe(narrow(least));
      expect(addToField(narrow(greatest), 1, field, 'FAIL')).toBeUndefined();
      if (greatest > least) expect(addToField(narrow(greatest - 1n), 1, field, 'FAIL')).toBe(narrow(greatest));
      if (field.bits < 63) expect(intoField(narrow(greatest + range), field, 'WRAP')).toBe(narrow(greatest));
    }
  });

  it('adds exactly where numbers would round', () => {
    expect(addToField(2n ** 60n + 1n, -(2n ** 60n), { signed: true, bits: 64 }, 'FAIL')).toBe(1);
  });

  it('saturates at the upper end for some negative values, as upstream does', () => {
    expect(intoField(-1, { signed: false, bits: 8 }, 'SAT')).toBe(255);
    expect(intoField(-(2n ** 63n), { signed: true, bits: 8 }, 'SAT')).toBe(127);
    expect(intoField(-(2n ** 63n) + 127n, { signed: true, bits: 8 }, 'SAT')).toBe(127);
    expect(intoField(-(2n ** 63n) + 128n, { signed: true, bits: 8 }, 'SAT')).toBe(-128);
    expect(intoField(-(2n ** 63n), { signed: true, bits: 64 }, 'SAT')).toBe(-(2n ** 63n));
  });
});
