/**
 * Ranges of a sorted set: by score (`ZRANGEBYSCORE key (1 5`) and by member (`ZRANGEBYLEX key [a (c`), as data without closures, so that
 * every encoding compares in its own loop.
 */

import { compareBytes } from '../memory/bytes.ts';

export interface ScoreRange {
  readonly min: number;
  readonly max: number;
  readonly minExclusive: boolean;
  readonly maxExclusive: boolean;
}

export function aboveMin(score: number, range: ScoreRange): boolean {
  return range.minExclusive ? score > range.min : score >= range.min;
}

export function belowMax(score: number, range: ScoreRange): boolean {
  return range.maxExclusive ? score < range.max : score <= range.max;
}

export function isEmptyScoreRange(range: ScoreRange): boolean {
  return range.min > range.max || (range.min === range.max && (range.minExclusive || range.maxExclusive));
}

/** One end of a range by member: `-` and `+` are beyond all members. */
export type LexBound =
  | { readonly kind: 'lowest' }
  | { readonly kind: 'highest' }
  | { readonly kind: 'member'; readonly bytes: Uint8Array; readonly exclusive: boolean };

export interface LexRange {
  readonly min: LexBound;
  readonly max: LexBound;
}

export function aboveLexMin(bytes: Uint8Array, start: number, end: number, range: LexRange): boolean {
  const bound = range.min;
  if (bound.kind !== 'member') return bound.kind === 'lowest';
  const order = compareBytes(bytes, start, end, bound.bytes, 0, bound.bytes.length);
  return bound.exclusive ? order > 0 : order >= 0;
}

export function belowLexMax(bytes: Uint8Array, start: number, end: number, range: LexRange): boolean {
  const bound = range.max;
  if (bound.kind !== 'member') return bound.kind === 'highest';
  const order = compareBytes(bytes, start, end, bound.bytes, 0, bound.bytes.length);
  return bound.exclusive ? order < 0 : order <= 0;
}

export function isEmptyLexRange(range: LexRange): boolean {
  const { min, max } = range;
  if (min.kind === 'highest' || max.kind === 'lowest') return true;
  if (min.kind !== 'member' || max.kind !== 'member') return false;
  const order = compareBytes(min.bytes, 0, min.bytes.length, max.bytes, 0, max.bytes.length);
  return order > 0 || (order === 0 && (min.exclusive || max.exclusive));
}
