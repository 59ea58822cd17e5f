/**
 * The keyed hash of keys. Its two secret odd multipliers and seed are drawn when the server starts, so that nobody outside can choose keys that
 * collide: a difference between two keys goes through a multiplication by a secret before the next word could cancel it.
 *
 * 32 bits come out. Their order is the order of the slot tables, of SCAN and of walks.
 */

export interface HashKey {
  readonly seed: number;
  readonly first: number;
  readonly second: number;
}

/** From 24 hex characters of entropy. */
export function hashKeyFrom(hex: string): HashKey {
  const word = (at: number): number => Number.parseInt(hex.slice(at, at + 8), 16) | 0;
  return { seed: word(0), first: word(8) | 1, second: word(16) | 1 };
}

/** Hash (signed 32 bits) of `length` bytes at `start`. Hot path. */
export function hashBytes(key: HashKey, view: DataView, start: number, length: number): number {
  const first = key.first;
  const second = key.second;
  let hash = key.seed ^ length;
  const end = start + length;
  let at = start;
  // Two words a turn: V8 checks the view once for both.
  for (; at < end - 7; at += 8) {
    const low = view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    hash = withWord(hash, low, first, second);
    hash = withWord(hash, high, first, second);
  }
  if (at < end - 3) {
    hash = withWord(hash, view.getInt32(at, true), first, second);
    at += 4;
  }
  let tail = 0;
  for (; at < end; at++) tail = (tail << 8) | view.getUint8(at);
  hash = Math.imul(hash ^ tail, first);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), second);
  return hash ^ (hash >>> 16);
}

function withWord(hash: number, word: number, first: number, second: number): number {
  const mixed = Math.imul(word ^ hash, first);
  return (Math.imul((mixed << 15) | (mixed >>> 17), second) + hash) | 0;
}
