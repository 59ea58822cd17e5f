/**
 * Integers of 1 to 64 bits at any bit of a string, most significant bit first (Valkey's `bitops.c`, BITFIELD):
 *
 *     five bits of value 23 at offset 7        00000001 01110000
 *
 * Values are numbers when they are safe integers, else bigints, as everywhere; fields of up to 53 bits never need one.
 */

export interface BitField {
  readonly signed: boolean;
  /** 1 to 64, without a sign to 63. */
  readonly bits: number;
}

/** What becomes of a value that its field cannot hold: its low bits, the nearest that fits, nothing. */
export type Overflow = 'WRAP' | 'SAT' | 'FAIL';

export type Integer = number | bigint;

/** The field at bit `offset` of the string `bytes[start, end)`; what lies behind the string is zero. */
export function readField(bytes: Uint8Array, start: number, end: number, offset: number, field: BitField): Integer {
  const { bits, signed } = field;
  if (bits > 53) {
    const high = BigInt(readBits(bytes, start, end, offset, bits - 32));
    const value = (high << 32n) | BigInt(readBits(bytes, start, end, offset + bits - 32, 32));
    return narrow(signed ? BigInt.asIntN(bits, value) : value);
  }
  let value = 0;
  if (bits > 32) value = readBits(bytes, start, end, offset, bits - 32) * 2 ** 32;
  value += readBits(bytes, start, end, offset + Math.max(0, bits - 32), Math.min(bits, 32));
  return signed && value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

/** Writes a value that fits into the field; the string reaches to the field's last bit. */
export function writeField(bytes: Uint8Array, start: number, offset: number, field: BitField, value: Integer): void {
  const { bits } = field;
  if (bits > 53) {
    const pattern = BigInt.asUintN(bits, BigInt(value));
    writeBits(bytes, start, offset, bits - 32, Number(pattern >> 32n));
    writeBits(bytes, start, offset + bits - 32, 32, Number(BigInt.asUintN(32, pattern)));
    return;
  }
  const number = Number(value);
  const pattern = number < 0 ? number + 2 ** bits : number;
  if (bits > 32) writeBits(bytes, start, offset, bits - 32, Math.floor(pattern / 2 ** 32));
  writeBits(bytes, start, offset + Math.max(0, bits - 32), Math.min(bits, 32), pattern % 2 ** 32);
}

/** The sum of a field's value and a 64-bit increment, as the field holds it; undefined when it overflows and that is to fail. */
export function addToField(old: Integer, increment: Integer, field: BitField, overflow: Overflow): Integer | undefined {
  const sum = typeof old === 'number' && typeof increment === 'number' ? old + increment : Number.NaN;
  return fitted(Number.isSafeInteger(sum) ? sum : narrow(BigInt(old) + BigInt(increment)), field, overflow);
}

/**
 * A 64-bit integer as the field holds it; undefined when it overflows and that is to fail.
 *
 * Two kinds of negative values saturate at the upper end, as upstream's do: any in a field without a sign (they are read as unsigned), and those
 * in a signed one whose distance from the field's greatest value takes more than 63 bits.
 */
export function intoField(value: Integer, field: BitField, overflow: Overflow): Integer | undefined {
  const { bits, signed } = field;
  const far = signed ? typeof value === 'bigint' && bits < 64 && (1n << BigInt(bits - 1)) - 1n - value >= 1n << 63n : value < 0;
  return fitted(far ? BigInt.asUintN(64, BigInt(value)) : value, field, overflow);
}

function fitted(value: Integer, field: BitField, overflow: Overflow): Integer | undefined {
  const { bits, signed } = field;
  // A power of two is exact as a number, and so is the comparison of a bigint with it.
  const above = 2 ** (signed ? bits - 1 : bits);
  const least = signed ? -above : 0;
  if (value < above && value >= least) return value;
  switch (overflow) {
    case 'WRAP':
      return narrow(signed ? BigInt.asIntN(bits, BigInt(value)) : BigInt.asUintN(bits, BigInt(value)));
    case 'SAT':
      return narrow(value < least ? BigInt(least) : BigInt(above) - 1n);
    case 'FAIL':
      return undefined;
  }
}

function narrow(value: bigint): Integer {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Up to 32 bits, unsigned. */
function readBits(bytes: Uint8Array, start: number, end: number, offset: number, bits: number): number {
  const first = start + Math.floor(offset / 8);
  const skipped = offset % 8;
  const count = (skipped + bits + 7) >>> 3;
  let value = 0;
  for (let at = first; at < first + count; at++) value = value * 256 + (at < end ? bytes[at] : 0);
  return Math.floor(value / 2 ** (count * 8 - skipped - bits)) % 2 ** bits;
}

/** Up to 32 bits of an unsigned value, from the last byte to the first. */
function writeBits(bytes: Uint8Array, start: number, offset: number, bits: number, value: number): void {
  const last = offset + bits - 1;
  let at = start + Math.floor(last / 8);
  let shift = 7 - (last % 8);
  let rest = value;
  for (let left = bits; left > 0; at--) {
    const width = Math.min(left, 8 - shift);
    const mask = ((1 << width) - 1) << shift;
    bytes[at] = (bytes[at] & ~mask) | ((rest << shift) & mask);
    rest = Math.floor(rest / 2 ** width);
    left -= width;
    shift = 0;
  }
}
