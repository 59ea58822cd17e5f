/**
 * Scores as a listpack holds them: an integer where the double is one, else the shortest decimal text (upstream's zzlInsertAt, zzlGetScore).
 */

import type { Element } from '../structures/element.ts';
import { entryInteger, isIntegerEntry, readEntry } from '../structures/listpack.ts';
import { doubleText, readDoubleLoosely, readPlainDecimal } from '../protocol/number-text.ts';

/** The text of a score in a listpack; zero has no sign there. */
export function scoreText(score: number): string {
  return score === 0 ? '0' : doubleText(score);
}

/** The score stored at `p`; `scratch` is overwritten. NaN when it is no number (only in data from outside). */
export function entryScore(bytes: Uint8Array, view: DataView, p: number, scratch: Element): number {
  if (isIntegerEntry(bytes, p)) return entryInteger(bytes, view, p);
  readEntry(bytes, view, p, scratch);
  const short = readPlainDecimal(scratch.bytes, scratch.start, scratch.end);
  return short === short ? short : (readDoubleLoosely(scratch.toString()) ?? Number.NaN);
}
