/**
 * Numbers as text, exactly as Valkey reads and writes them (`util.c`: string2ll, ll2string, d2string; deps/fpconv for the shape of doubles).
 *
 * Integers: canonical decimal form: no plus sign, no leading zeros, no spaces.
 * Doubles: the shortest digits that read back as the same double; plain form for up to seven trailing zeros and small negative
 * exponents, else `d.ddde+XX`.
 */

/** A canonical integer of up to 15 digits, NaN for everything else. Hot path. */
export function readInteger(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const negative = bytes[at] === 0x2d && at < end;
  if (negative) at++;
  const digits = end - at;
  if (digits <= 0 || digits > 15) return Number.NaN;
  const first = bytes[at] - 0x30;
  if (first === 0) return digits === 1 && !negative ? 0 : Number.NaN;
  let value = 0;
  for (; at < end; at++) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** Powers of ten that doubles represent exactly, as far as 15 digits need them. */
const POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/** `ddd.ddd` of up to 15 digits, exactly (both parts of the division are exact, so it rounds once); NaN for every other form. Hot path. */
export function readPlainDecimal(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === 0x2d;
  let digits = 0;
  let count = 0;
  let fraction = -1;
  for (let at = negative ? start + 1 : start; at < end; at++) {
    const byte = bytes[at];
    if (byte === 0x2e && fraction < 0) {
      fraction = 0;
      continue;
    }
    if (byte < 0x30 || byte > 0x39 || ++count > 15) return Number.NaN;
    digits = digits * 10 + byte - 48;
    if (fraction >= 0) fraction++;
  }
  if (count === 0) return Number.NaN;
  const value = fraction > 0 ? digits / POWERS[fraction] : digits;
  return negative ? -value : value;
}

const DOUBLE = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)$/i;
const NOT_ZERO = /^[^e]*[1-9]/i;

/** A decimal double or infinity, as Valkey 9.1 reads them: no hexadecimal, no spaces; undefined for NaN, for what overflows or underflows, and everything else. */
export function readDouble(text: string): number | undefined {
  const value = readDoubleLoosely(text);
  if (value === undefined) return undefined;
  if (!Number.isFinite(value)) return /inf/i.test(text) ? value : undefined;
  return value === 0 && NOT_ZERO.test(text) ? undefined : value;
}

/** The same, where what overflows is infinite and what underflows is zero (ends of ranges). */
export function readDoubleLoosely(text: string): number | undefined {
  if (!DOUBLE.test(text)) return undefined;
  const initial = text[0] === '-' || text[0] === '+' ? text[1] : text[0];
  if (initial === 'i' || initial === 'I') return text[0] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}

/** A double's text as in replies and sorted set scores. */
export function doubleText(value: number): string {
  if (Number.isInteger(value)) {
    if (value === 0) return Object.is(value, -0) ? '-0' : '0';
    // Within 2^53 a double prints itself; above, Valkey prints the exact integer up to 2^62.
    if (Number.isSafeInteger(value)) return String(value);
    if (Math.abs(value) <= 4611686018427387904) return BigInt(value).toString();
  }
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return shapeDigits(value);
}

/** Puts the shortest digits into fpconv's shape. */
function shapeDigits(value: number): string {
  const [mantissa, exponentText] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const sign = value < 0 ? '-' : '';
  const count = digits.length;
  // value = digits × 10^power
  const power = Number(exponentText) - (count - 1);
  const exponent = Math.abs(power + count - 1);
  if (power >= 0 && exponent < count + 7) return sign + digits + '0'.repeat(power);
  if (power < 0 && (power > -7 || exponent < 4)) {
    const whole = count + power;
    if (whole <= 0) return `${sign}0.${'0'.repeat(-whole)}${digits}`;
    return `${sign}${digits.slice(0, whole)}.${digits.slice(whole)}`;
  }
  const fraction = count > 1 ? `.${digits.slice(1)}` : '';
  return `${sign}${digits[0]}${fraction}e${power + count - 1 < 0 ? '-' : '+'}${exponent}`;
}

/** Characters of a safe integer in decimal. */
export function decimalLength(value: number): number {
  let length = value < 0 ? 2 : 1;
  for (let rest = Math.abs(value); rest >= 10; rest = Math.floor(rest / 10)) length++;
  return length;
}

/** Writes a safe integer in decimal at `at`; returns the offset after it. Up to 17 bytes. */
export function writeDecimal(bytes: Uint8Array, at: number, value: number): number {
  let start = at;
  let rest = value;
  if (rest < 0) {
    bytes[start++] = 0x2d;
    rest = -rest;
  }
  let end = start + 1;
  if (rest <= 0x7fffffff) {
    for (let power = 10; power <= rest; power *= 10) end++;
    let left = rest | 0;
    for (let i = end - 1; i >= start; i--) {
      const next = (left / 10) | 0;
      bytes[i] = 0x30 + left - next * 10;
      left = next;
    }
    return end;
  }
  for (let power = 10; power <= rest; power *= 10) end++;
  for (let i = end - 1; i >= start; i--) {
    const next = Math.floor(rest / 10);
    // The digit first: with 0x30 added the greatest safe integers would round.
    bytes[i] = 0x30 + (rest - next * 10);
    rest = next;
  }
  return end;
}
