/**
 * The dense encoding: register i is bits 6·i to 6·i + 5 of the bytes from `start` on, so four registers fill three bytes.
 *
 *     +--------+--------+--------+----
 *     |11000000|22221111|33333322|…          the highest bit of each byte on the left
 *     +--------+--------+--------+----
 *
 * Hot path: plain integers, nothing is allocated.
 */

import { REGISTERS } from './layout.ts';

export function denseRegister(bytes: Uint8Array, start: number, index: number): number {
  const bit = index * 6;
  const at = start + (bit >>> 3);
  const shift = bit & 7;
  const low = bytes[at] >>> shift;
  // The last register ends with the last byte.
  return (shift > 2 ? low | (bytes[at + 1] << (8 - shift)) : low) & 63;
}

export function setDenseRegister(bytes: Uint8Array, start: number, index: number, value: number): void {
  const bit = index * 6;
  const at = start + (bit >>> 3);
  const shift = bit & 7;
  bytes[at] = (bytes[at] & ~(63 << shift)) | (value << shift);
  if (shift > 2) bytes[at + 1] = (bytes[at + 1] & ~(63 >>> (8 - shift))) | (value >>> (8 - shift));
}

/** False when the register is at `value` or above. */
export function raiseDenseRegister(bytes: Uint8Array, start: number, index: number, value: number): boolean {
  if (denseRegister(bytes, start, index) >= value) return false;
  setDenseRegister(bytes, start, index, value);
  return true;
}

/** Counts each register's value in `histogram` (64 numbers). */
export function countDense(bytes: Uint8Array, start: number, histogram: Int32Array): void {
  for (let at = start, end = start + (REGISTERS * 6) / 8; at < end; at += 3) {
    const four = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
    histogram[four & 63]++;
    histogram[(four >>> 6) & 63]++;
    histogram[(four >>> 12) & 63]++;
    histogram[four >>> 18]++;
  }
}
