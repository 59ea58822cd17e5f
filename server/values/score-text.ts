/**
 * Scores as a listpack holds them: an integer where the double is one, else the shortest decimal text (upstream's zzlInsertAt, zzlGetScore).
 */

import type { Element } from '../structures/element.ts';
import { entryInteger, isIntegerEntry, readEntry } from '../structures/listpack.ts';
import { doubleText, readDoubleLoosely } from '../protocol/number-text.ts';

/** Powers of ten that doubles represent exactly, as far as scores of 15 digits need them. */
const POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/** The text of a score in a listpack; zero has no sign there. */
export function scoreText(score: number): string {
  return score === 0 ? '0' : doubleText(score);
}

/** The score stored at `p`; `scratch` is overwritten. NaN when it is no number (only in data from outside). */
export function entryScore(bytes: Uint8Array, view: DataView, p: number, scratch: Element): number {
  if (isIntegerEntry(bytes, p)) return entryInteger(bytes, view, p);
  readEntry(bytes, view, p, scratch);
  const short = shortScore(scratch.bytes, scratch.start, scratch.end);
  return short === short ? short : (readDoubleLoosely(scratch.toString()) ?? Number.NaN);
}

/** `ddd.ddd` of up to 15 digits, exactly (both parts of the division are exact, so it rounds once); NaN for every other form. */
function shortScore(bytes: Uint8Array, start: number, end: number): number {
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
