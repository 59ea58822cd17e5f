/**
 * Valkey's glob patterns over bytes (`util.c`, stringmatchlen): `*`, `?`, `[a-c]`, `[^a]`, `\` takes the next byte as it is.
 *
 * After a mismatch the search goes on behind the last `*` only, so a pattern costs at most pattern × text steps however many stars it has.
 */

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const ESCAPE = 0x5c;
const DASH = 0x2d;
/** A pattern with more stars than this on its way matches nothing (Valkey's guard against abusive patterns). */
const MAX_STARS = 1000;

/** Whether `text[start, end)` matches the whole pattern. `*` alone does not match an empty text (as in Valkey, where callers know that case). */
export function matchesGlob(pattern: Uint8Array, text: Uint8Array, start: number, end: number, ignoreCase = false): boolean {
  if (start === end) return pattern.length === 0;
  let at = 0;
  let position = start;
  let starAt = -1;
  let starPosition = 0;
  let stars = 0;
  for (;;) {
    if (position < end && at < pattern.length) {
      if (pattern[at] === STAR) {
        // Stars in a row are one; a star at the end matches all the rest.
        while (pattern[at + 1] === STAR) at++;
        if (at + 1 === pattern.length) return true;
        if (++stars > MAX_STARS) return false;
        starAt = at++;
        starPosition = position;
        continue;
      }
      const next = matchOne(pattern, at, text[position], ignoreCase);
      if (next > 0) {
        at = next;
        position++;
        continue;
      }
    } else if (position === end) {
      while (pattern[at] === STAR) at++;
      if (at === pattern.length) return true;
    }
    // The last star takes one byte more; when it took all of them nothing is left to try.
    if (starAt < 0 || starPosition >= end) return false;
    at = starAt + 1;
    position = ++starPosition;
  }
}

/** The same for latin1 text. */
export function matchesGlobText(pattern: string, text: string, ignoreCase = false): boolean {
  const bytes = Buffer.from(text, 'latin1');
  return matchesGlob(Buffer.from(pattern, 'latin1'), bytes, 0, bytes.length, ignoreCase);
}

/** Where the pattern goes on when the one byte matches what stands at `at`; 0 when it does not. */
function matchOne(pattern: Uint8Array, at: number, byte: number, ignoreCase: boolean): number {
  switch (pattern[at]) {
    case QUESTION:
      return at + 1;
    case OPEN:
      return matchSet(pattern, at + 1, byte, ignoreCase);
    case ESCAPE: {
      const literal = at + 1 < pattern.length ? at + 1 : at;
      return sameByte(pattern[literal], byte, ignoreCase) ? literal + 1 : 0;
    }
    default:
      return sameByte(pattern[at], byte, ignoreCase) ? at + 1 : 0;
  }
}

/** A set `[…]` from behind its bracket; one that is not closed ends with the pattern. */
function matchSet(pattern: Uint8Array, first: number, byte: number, ignoreCase: boolean): number {
  let at = first;
  const negated = pattern[at] === CARET;
  if (negated) at++;
  let found = false;
  for (; at < pattern.length && pattern[at] !== CLOSE; at++) {
    if (pattern[at] === ESCAPE && at + 1 < pattern.length) {
      at++;
      if (pattern[at] === byte) found = true;
    } else if (pattern[at + 1] === DASH && at + 2 < pattern.length) {
      if (inRange(pattern[at], pattern[at + 2], byte, ignoreCase)) found = true;
      at += 2;
    } else if (sameByte(pattern[at], byte, ignoreCase)) found = true;
  }
  if (found === negated) return 0;
  return Math.min(at + 1, pattern.length);
}

function inRange(one: number, other: number, byte: number, ignoreCase: boolean): boolean {
  // Valkey compares signed chars.
  const low = fold(Math.min(signed(one), signed(other)), ignoreCase);
  const high = fold(Math.max(signed(one), signed(other)), ignoreCase);
  const value = fold(signed(byte), ignoreCase);
  return value >= low && value <= high;
}

function signed(byte: number): number {
  return (byte << 24) >> 24;
}

function sameByte(one: number, other: number, ignoreCase: boolean): boolean {
  return one === other || (ignoreCase && fold(one, true) === fold(other, true));
}

function fold(byte: number, ignoreCase: boolean): number {
  return ignoreCase && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
