/**
 * Bitmaps: strings as rows of bits. Bit 0 is the most significant bit of the first byte:
 *
 *     bit    0 1 2 3 4 5 6 7   8 9 …
 *     byte   0x80 0x40 … 0x01  0x80 0x40 …
 *
 * A bitmap stands in a view from byte `base` on; ranges are of bits, `[from, to)`, and may lie beyond 2^32.
 *
 * Hot path: 512 MiB are counted or searched in one go, so whole words are read: 32 bytes a turn to count, 16 to search.
 */

/** How many bits of the range are set. */
export function countBits(view: DataView, base: number, from: number, to: number): number {
  if (from >= to) return 0;
  const first = base + Math.floor(from / 8);
  const last = base + Math.floor((to - 1) / 8);
  const before = view.getUint8(first) & ~(0xff >>> (from % 8));
  const after = view.getUint8(last) & (0x7f >>> ((to - 1) % 8));
  return countBytes(view, first, last + 1) - bitsIn(before) - bitsIn(after);
}

/** The first bit of the range that is `bit`; -1 when there is none. */
export function findBit(view: DataView, base: number, from: number, to: number, bit: 0 | 1): number {
  if (from >= to) return -1;
  // What is looked for becomes a set bit.
  const flip = bit === 1 ? 0 : -1;
  const end = base + Math.ceil(to / 8);
  let at = base + Math.floor(from / 8);
  let found = (view.getUint8(at) ^ flip) & (0xff >>> (from % 8));
  if (found === 0) {
    for (at = skipWords(view, at + 1, end, flip); at < end; at++) {
      found = (view.getUint8(at) ^ flip) & 0xff;
      if (found !== 0) break;
    }
    if (found === 0) return -1;
  }
  const position = (at - base) * 8 + Math.clz32(found) - 24;
  return position < to ? position : -1;
}

/** Behind all that is nothing but `flip`, 16 bytes at a time. */
function skipWords(view: DataView, start: number, end: number, flip: 0 | -1): number {
  let at = start;
  for (; at + 16 <= end; at += 16) {
    const first = (view.getInt32(at, true) ^ flip) | (view.getInt32(at + 4, true) ^ flip);
    const second = (view.getInt32(at + 8, true) ^ flip) | (view.getInt32(at + 12, true) ^ flip);
    if ((first | second) !== 0) break;
  }
  return at;
}

/**
 * Set bits of whole bytes. Eight words go through a tree of carry-save adders (Harley and Seal; Muła, Kurz, Lemire, "Faster Population Counts
 * Using AVX2 Instructions", 2016), so that only one in eight is counted: twice as fast as counting each.
 */
function countBytes(view: DataView, start: number, end: number): number {
  let eights = 0;
  let ones = 0;
  let twos = 0;
  let fours = 0;
  let at = start;
  for (; at + 32 <= end; at += 32) {
    let a = view.getInt32(at, true);
    let b = view.getInt32(at + 4, true);
    let half = ones ^ a;
    let firstTwos = (ones & a) | (half & b);
    ones = half ^ b;
    a = view.getInt32(at + 8, true);
    b = view.getInt32(at + 12, true);
    half = ones ^ a;
    let secondTwos = (ones & a) | (half & b);
    ones = half ^ b;
    half = twos ^ firstTwos;
    const firstFours = (twos & firstTwos) | (half & secondTwos);
    twos = half ^ secondTwos;
    a = view.getInt32(at + 16, true);
    b = view.getInt32(at + 20, true);
    half = ones ^ a;
    firstTwos = (ones & a) | (half & b);
    ones = half ^ b;
    a = view.getInt32(at + 24, true);
    b = view.getInt32(at + 28, true);
    half = ones ^ a;
    secondTwos = (ones & a) | (half & b);
    ones = half ^ b;
    half = twos ^ firstTwos;
    const secondFours = (twos & firstTwos) | (half & secondTwos);
    twos = half ^ secondTwos;
    half = fours ^ firstFours;
    eights += bitsIn((fours & firstFours) | (half & secondFours));
    fours = half ^ secondFours;
  }
  let count = eights * 8 + bitsIn(fours) * 4 + bitsIn(twos) * 2 + bitsIn(ones);
  for (; at + 4 <= end; at += 4) count += bitsIn(view.getInt32(at, true));
  for (; at < end; at++) count += bitsIn(view.getUint8(at));
  return count;
}

function bitsIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

export type BitOperation = 'AND' | 'OR' | 'XOR' | 'NOT';

/** Bytes that are combined at once: they and as many of an operand stay in the processor's first cache. */
const CHUNK = 16 * 1024;

/**
 * Combines bitmaps bit by bit; shorter ones count as if zeros followed. The result, as long as the longest, goes to `target[at…]`, which may be
 * the place of an operand: nothing is written before all operands have been read there. NOT takes the first operand only.
 */
export function combineBitmaps(operation: BitOperation, operands: readonly DataView[], target: Uint8Array, at: number): void {
  const length = operands.reduce((most, operand) => Math.max(most, operand.byteLength), 0);
  const chunk = new Int32Array(Math.ceil(Math.min(length, CHUNK) / 4));
  const bytes = new Uint8Array(chunk.buffer);
  for (let from = 0; from < length; from += CHUNK) {
    chunk.fill(0);
    // Into zeros OR copies.
    combineChunk('OR', chunk, bytes, operands[0], from);
    if (operation === 'NOT') for (let i = 0; i < chunk.length; i++) chunk[i] = ~chunk[i];
    else for (let i = 1; i < operands.length; i++) combineChunk(operation, chunk, bytes, operands[i], from);
    target.set(bytes.subarray(0, Math.min(CHUNK, length - from)), at + from);
  }
}

function combineChunk(operation: 'AND' | 'OR' | 'XOR', chunk: Int32Array, bytes: Uint8Array, operand: DataView, from: number): void {
  const count = Math.max(0, Math.min(bytes.length, operand.byteLength - from));
  const words = count >>> 2;
  // The order of bytes in a word is the processor's, in the chunk and here.
  switch (operation) {
    case 'AND':
      for (let i = 0; i < words; i++) chunk[i] &= operand.getInt32(from + i * 4, true);
      for (let i = words * 4; i < count; i++) bytes[i] &= operand.getUint8(from + i);
      bytes.fill(0, count);
      break;
    case 'OR':
      for (let i = 0; i < words; i++) chunk[i] |= operand.getInt32(from + i * 4, true);
      for (let i = words * 4; i < count; i++) bytes[i] |= operand.getUint8(from + i);
      break;
    case 'XOR':
      for (let i = 0; i < words; i++) chunk[i] ^= operand.getInt32(from + i * 4, true);
      for (let i = words * 4; i < count; i++) bytes[i] ^= operand.getUint8(from + i);
      break;
  }
}
