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

const DOUBLE = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|0x(?:[\da-f]+\.?[\da-f]*|\.[\da-f]+)(?:p[+-]?\d+)?)$/i;

/** A double as strtod takes it (decimal, hexadecimal, infinity), without spaces; undefined for NaN and everything else. */
export function readDouble(text: string): number | undefined {
  if (!DOUBLE.test(text)) return undefined;
  const lower = text.toLowerCase();
  const sign = lower[0] === '-' ? -1 : 1;
  const magnitude = lower[0] === '-' || lower[0] === '+' ? lower.slice(1) : lower;
  if (magnitude[0] === 'i') return sign * Number.POSITIVE_INFINITY;
  if (magnitude.startsWith('0x')) return sign * readHexDouble(magnitude.slice(2));
  const value = Number(magnitude);
  // strtod reports ERANGE for what overflows, and Valkey refuses it.
  return Number.isFinite(value) ? sign * value : undefined;
}

function readHexDouble(text: string): number {
  const [mantissa, exponent = '0'] = text.split('p');
  const [whole, fraction = ''] = mantissa.split('.');
  let value = 0;
  for (const digit of whole + fraction) value = value * 16 + Number.parseInt(digit, 16);
  return value * 2 ** (Number(exponent) - 4 * fraction.length);
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
