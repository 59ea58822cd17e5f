/**
 * Integers as canonical decimal text, read and written byte by byte: an optional minus, no plus, no leading zero, no `-0`;
 * what Valkey's string2ll takes. Compact encodings store such texts as integers and give the same text back.
 *
 * Hot path: plain loops, no strings.
 */

/** Longest text of a 64-bit integer: `-9223372036854775808`. */
const LONGEST = 20;
const MIN_LONG = -(2n ** 63n);
const MAX_LONG = 2n ** 63n - 1n;

/** `parseDecimal` of a text that is a 64-bit integer but no safe one: read it with `parseLong`. */
export const LONG = Infinity;

/** The integer that `bytes[start, end)` is the canonical text of: NaN when it is none, LONG when it takes more than 53 bits. */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 0 || length > LONGEST) return Number.NaN;
  let at = start;
  const negative = bytes[at] === 0x2d;
  if (negative) at++;
  let digit = bytes[at] - 48;
  if (at === end || digit < 0 || digit > 9) return Number.NaN;
  if (digit === 0) return length === 1 ? 0 : Number.NaN;
  if (end - at > 15) return parseLong(bytes, start, end) === undefined ? Number.NaN : safeOrLong(bytes, start, end);
  let value = digit;
  for (at++; at < end; at++) {
    digit = bytes[at] - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

function safeOrLong(bytes: Uint8Array, start: number, end: number): number {
  const value = Number(parseLong(bytes, start, end));
  return Number.isSafeInteger(value) ? value : LONG;
}

/** The same for the whole 64-bit range. */
export function parseLong(bytes: Uint8Array, start: number, end: number): bigint | undefined {
  const length = end - start;
  if (length === 0 || length > LONGEST) return undefined;
  let at = start;
  const negative = bytes[at] === 0x2d;
  if (negative) at++;
  if (at === end || bytes[at] < 0x30 || bytes[at] > 0x39) return undefined;
  if (bytes[at] === 0x30) return length === 1 ? 0n : undefined;
  let value = 0n;
  for (; at < end; at++) {
    const digit = bytes[at] - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10n + BigInt(digit);
  }
  if (negative) value = -value;
  return value < MIN_LONG || value > MAX_LONG ? undefined : value;
}

/** Writes a safe integer as text at `target[at]`; returns the end. */
export function writeDecimal(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  if (rest < 0) {
    target[at++] = 0x2d;
    rest = -rest;
  }
  const end = at + decimalDigits(rest);
  let write = end;
  while (rest >= 0x40000000) {
    const quotient = Math.floor(rest / 10);
    target[--write] = 48 + (rest - quotient * 10);
    rest = quotient;
  }
  let small = rest | 0;
  do {
    const quotient = (small / 10) | 0;
    target[--write] = 48 + (small - quotient * 10);
    small = quotient;
  } while (write > at);
  return end;
}

/** Number of digits of a safe integer ≥ 0. */
export function decimalDigits(value: number): number {
  let digits = 1;
  let limit = 10;
  while (value >= limit) {
    digits++;
    limit *= 10;
  }
  return digits;
}
