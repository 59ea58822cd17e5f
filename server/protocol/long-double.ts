/**
 * Arithmetic as in C's `long double` on x86-64: 64 bits of significand. INCRBYFLOAT and HINCRBYFLOAT calculate with it, and their results
 * are stored as text, so a plain double would give other digits (3.0e-5 + 1, 10.5 + 0.1 …).
 *
 *     value = significand × 2^exponent, exactly; |significand| < 2^64
 *
 * Reading and adding round to nearest, ties to even, as the processor does. Text form: `%.17Lf` without trailing zeros.
 */

export interface LongDouble {
  readonly significand: bigint;
  readonly exponent: number;
}

/** ±infinity can be read, but no sum with it is a number. */
const INFINITE: LongDouble = { significand: 1n, exponent: Number.POSITIVE_INFINITY };

const SIGNIFICAND_BITS = 64;
const MAX_EXPONENT = 16384;
const MIN_EXPONENT = -16445;
const MAX_TEXT = 5 * 1024;

const DECIMAL = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i;
const HEXADECIMAL = /^([+-]?)0x([\da-f]*)\.?([\da-f]*)(?:p([+-]?\d+))?$/i;

/** As strtold takes it; undefined for what is no number, overflows, underflows to zero, or is NaN. */
export function parseLongDouble(text: string): LongDouble | undefined {
  if (text.length === 0 || text.length >= MAX_TEXT) return undefined;
  if (/^[+-]?inf(inity)?$/i.test(text)) return INFINITE;
  const decimal = DECIMAL.exec(text);
  const match = decimal ?? HEXADECIMAL.exec(text);
  if (match === null || match[2] + match[3] === '') return undefined;
  const digits = BigInt((decimal === null ? '0x' : '') + match[2] + match[3]);
  if (digits === 0n) return { significand: 0n, exponent: 0 };
  const signed = match[1] === '-' ? -digits : digits;
  const power = Number(match[4] ?? 0) - match[3].length * (decimal === null ? 4 : 1);
  if (decimal === null) return bounded(rounded(signed, 1n, power));
  if (power > MAX_TEXT || power < -2 * MAX_TEXT) return undefined;
  return bounded(power >= 0 ? rounded(signed * 10n ** BigInt(power), 1n, 0) : rounded(signed, 10n ** BigInt(-power), 0));
}

/** undefined when the sum is no finite number. */
export function addLongDoubles(left: LongDouble, right: LongDouble): LongDouble | undefined {
  if (left === INFINITE || right === INFINITE) return undefined;
  const exponent = Math.min(left.exponent, right.exponent);
  const sum = (left.significand << BigInt(left.exponent - exponent)) + (right.significand << BigInt(right.exponent - exponent));
  return sum === 0n ? { significand: 0n, exponent: 0 } : bounded(rounded(sum, 1n, exponent));
}

/** With 17 digits after the point, trailing zeros cut off. */
export function formatLongDouble(value: LongDouble): string {
  const magnitude = value.significand < 0n ? -value.significand : value.significand;
  const scaled = magnitude * 10n ** 17n;
  const units = value.exponent >= 0 ? scaled << BigInt(value.exponent) : divideToEven(scaled, 1n << BigInt(-value.exponent));
  const digits = units.toString().padStart(18, '0');
  const fraction = digits.slice(-17).replace(/0+$/, '');
  const whole = digits.slice(0, -17);
  const text = fraction === '' ? whole : `${whole}.${fraction}`;
  return value.significand < 0n && text !== '0' ? `-${text}` : text;
}

/** numerator / denominator × 2^exponent with at most 64 bits. */
function rounded(numerator: bigint, denominator: bigint, exponent: number): LongDouble {
  const magnitude = numerator < 0n ? -numerator : numerator;
  // A quotient with 64 or 65 bits, then one more look at its length after rounding.
  const shift = SIGNIFICAND_BITS - (bitLength(magnitude) - bitLength(denominator));
  const up = shift > 0 ? magnitude << BigInt(shift) : magnitude;
  let down = shift < 0 ? denominator << BigInt(-shift) : denominator;
  let power = exponent - shift;
  while (bitLength(up / down) > SIGNIFICAND_BITS) {
    down <<= 1n;
    power++;
  }
  let quotient = divideToEven(up, down);
  if (bitLength(quotient) > SIGNIFICAND_BITS) {
    quotient >>= 1n;
    power++;
  }
  return { significand: numerator < 0n ? -quotient : quotient, exponent: power };
}

function bounded(value: LongDouble): LongDouble | undefined {
  const top = value.exponent + bitLength(value.significand < 0n ? -value.significand : value.significand);
  return top > MAX_EXPONENT || top < MIN_EXPONENT ? undefined : value;
}

function divideToEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && (quotient & 1n) === 1n);
  return up ? quotient + 1n : quotient;
}

function bitLength(value: bigint): number {
  return value.toString(16).length * 4 - Math.clz32(Number.parseInt(value.toString(16)[0], 16)) + 28;
}
