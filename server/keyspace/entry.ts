/**
 * An entry: one arena block with a key and its value, or with the place of the value.
 *
 *     byte 0      type (bits 0-2), encoding (bits 3-6)
 *          1      EXPIRE | PAYLOAD | LONG_KEY | - | walk marks (bits 4-7, one for each of the four walks)
 *          2-4    last access: seconds modulo 2^24, or for LFU minutes modulo 2^16 and a logarithmic counter
 *          5      length of the key, up to 255
 *          6-7    length of the string value that stands in the entry
 *     then        expiry, unix ms, a double (8 bytes)                                  only with EXPIRE
 *                 payload (8 bytes)                                                    only with PAYLOAD
 *                     integer string: the 64-bit integer
 *                     large string:   ref of its block (4 bytes), length (4 bytes)
 *                     collection:     ref of its root (4 bytes), unused (4 bytes)
 *                 length of the key (4 bytes), byte 5 is unused                        only with LONG_KEY
 *                 key
 *                 value of a string of up to INLINE_LIMIT bytes                        only without PAYLOAD
 *
 * A key of 16 bytes with a value of 64 takes 88 bytes.
 */

import { equalViews } from '../memory/bytes.ts';
import { offsetOf, SEGMENT_BYTES, segmentOf } from '../memory/arena.ts';
import type { Arena, Ref } from '../memory/arena.ts';
import { NO_EXPIRY } from './database.ts';
import type { Encoding, ValueType } from './database.ts';

export const HEADER_BYTES = 8;
export const FLAG_EXPIRE = 1;
export const FLAG_PAYLOAD = 2;
export const FLAG_LONG_KEY = 4;
export const MARK_SHIFT = 4;

/** Longer strings get a block of their own, so that a new expiry or name does not copy them. */
export const INLINE_LIMIT = 1024;
/** Bits of a length up to INLINE_LIMIT. */
export const INLINE_TEXT_BITS = 11;
export const LONG_KEY = 256;

/** Bytes before the key by the three flags. */
const KEY_OFFSET = Uint8Array.from([8, 16, 16, 24, 12, 20, 20, 28]);

export interface EntryShape {
  readonly type: ValueType;
  readonly encoding: Encoding;
  readonly flags: number;
}

/** Bytes of a block with these flags, key and inline value. */
export function entryBytes(flags: number, keyLength: number, inlineLength: number): number {
  return KEY_OFFSET[flags & 7] + keyLength + inlineLength;
}

export function flagsOf(arena: Arena, entry: Ref): number {
  return arena.bytes[segmentOf(entry)][offsetOf(entry) + 1];
}

export function typeOf(arena: Arena, entry: Ref): ValueType {
  return (arena.bytes[segmentOf(entry)][offsetOf(entry)] & 7) as ValueType;
}

export function encodingOf(arena: Arena, entry: Ref): Encoding {
  return (arena.bytes[segmentOf(entry)][offsetOf(entry)] >>> 3) as Encoding;
}

export function setTypeAndEncoding(arena: Arena, entry: Ref, type: ValueType, encoding: Encoding): void {
  arena.bytes[segmentOf(entry)][offsetOf(entry)] = type | (encoding << 3);
}

/** Writes the eight bytes of the header. */
export function writeHeader(
  view: DataView,
  at: number,
  type: ValueType,
  encoding: Encoding,
  flags: number,
  access: number,
  keyLength: number,
  inlineLength: number,
): void {
  view.setInt32(at, type | (encoding << 3) | (flags << 8) | (access << 16), true);
  view.setInt32(at + 4, ((access >>> 16) & 0xff) | ((keyLength & 0xff) << 8) | (inlineLength << 16), true);
  if ((flags & FLAG_LONG_KEY) !== 0) view.setInt32(at + KEY_OFFSET[flags & 7] - 4, keyLength, true);
}

/** Offset of the key's first byte in its segment. */
export function keyStartOf(arena: Arena, entry: Ref): number {
  const offset = offsetOf(entry);
  return offset + KEY_OFFSET[arena.bytes[segmentOf(entry)][offset + 1] & 7];
}

export function keyLengthOf(arena: Arena, entry: Ref): number {
  const bytes = arena.bytes[segmentOf(entry)];
  const offset = offsetOf(entry);
  const flags = bytes[offset + 1] & 7;
  if ((flags & FLAG_LONG_KEY) === 0) return bytes[offset + 5];
  return arena.views[segmentOf(entry)].getInt32(offset + KEY_OFFSET[flags] - 4, true);
}

/** Hot path. */
export function keyEquals(arena: Arena, entry: Ref, view: DataView, start: number, length: number): boolean {
  const own = arena.views[segmentOf(entry)];
  const offset = offsetOf(entry);
  const head = own.getInt32(offset, true);
  const flags = (head >>> 8) & 7;
  if ((flags & FLAG_LONG_KEY) === 0) {
    if (((own.getInt32(offset + 4, true) >>> 8) & 0xff) !== length) return false;
  } else if (own.getInt32(offset + KEY_OFFSET[flags] - 4, true) !== length) return false;
  return equalViews(own, offset + KEY_OFFSET[flags], view, start, length);
}

/**
 * The access bits of an entry that has this key and no expiry, -1 = it has not: the key, the expiry and the time of access from one look at the header. Hot
 * path.
 */
export function accessOfKey(arena: Arena, entry: Ref, view: DataView, start: number, length: number): number {
  const own = arena.views[segmentOf(entry)];
  const offset = offsetOf(entry);
  const head = own.getInt32(offset, true);
  const lengths = own.getInt32(offset + 4, true);
  if ((head & ((FLAG_EXPIRE | FLAG_LONG_KEY) << 8)) !== 0 || ((lengths >>> 8) & 0xff) !== length) return -1;
  const payload = (head & (FLAG_PAYLOAD << 8)) === 0 ? 0 : 8;
  if (!equalViews(own, offset + HEADER_BYTES + payload, view, start, length)) return -1;
  return (head >>> 16) | ((lengths & 0xff) << 16);
}

/**
 * Reads the cache lines of entries, as far as a key of 16 bytes with a value of 64 reaches. What it returns depends on what it read. Ref 0 may be
 * among them.
 */
export function touchEntries(arena: Arena, refs: Uint32Array, count: number): number {
  const nextLine = 64;
  const lastWord = 80;
  // A place beyond the segment's end becomes one at its beginning: no branch.
  const inside = SEGMENT_BYTES - 1;
  let sum = 0;
  let i = 0;
  while (i < count) {
    const segment = segmentOf(refs[i]);
    const bytes = arena.bytes[segment] as Uint8Array | undefined;
    if (bytes === undefined || bytes.length === 0) {
      i++;
      continue;
    }
    // Short, so that the processor fetches many at once: while they stand in one segment.
    for (; i < count; i++) {
      const ref = refs[i];
      if (segmentOf(ref) !== segment) break;
      const offset = offsetOf(ref);
      sum ^= bytes[offset] ^ bytes[(offset + nextLine) & inside] ^ bytes[(offset + lastWord) & inside];
    }
  }
  return sum;
}

/** See `Database.inlineText`. Hot path. */
export function inlineTextOf(arena: Arena, entry: Ref): number {
  const view = arena.views[segmentOf(entry)];
  const offset = offsetOf(entry);
  const head = view.getInt32(offset, true);
  if ((head & ((FLAG_PAYLOAD | FLAG_LONG_KEY) << 8)) !== 0) return 0;
  const lengths = view.getInt32(offset + 4, true);
  const start = ((head & (FLAG_EXPIRE << 8)) === 0 ? HEADER_BYTES : HEADER_BYTES + 8) + ((lengths >>> 8) & 0xff);
  return (start << INLINE_TEXT_BITS) | (lengths >>> 16);
}

export function expireAtOf(arena: Arena, entry: Ref): number {
  const view = arena.views[segmentOf(entry)];
  const offset = offsetOf(entry);
  if ((view.getUint8(offset + 1) & FLAG_EXPIRE) === 0) return NO_EXPIRY;
  return view.getFloat64(offset + HEADER_BYTES, true);
}

/** Only for an entry with FLAG_EXPIRE. */
export function writeExpireAt(arena: Arena, entry: Ref, at: number): void {
  arena.views[segmentOf(entry)].setFloat64(offsetOf(entry) + HEADER_BYTES, at, true);
}

/** Offset of the payload in its segment; only for an entry with FLAG_PAYLOAD. */
export function payloadStartOf(arena: Arena, entry: Ref): number {
  const offset = offsetOf(entry);
  return offset + HEADER_BYTES + ((arena.bytes[segmentOf(entry)][offset + 1] & FLAG_EXPIRE) !== 0 ? 8 : 0);
}

export function accessOf(arena: Arena, entry: Ref): number {
  const view = arena.views[segmentOf(entry)];
  const offset = offsetOf(entry);
  return view.getUint16(offset + 2, true) | (view.getUint8(offset + 4) << 16);
}

export function writeAccess(arena: Arena, entry: Ref, access: number): void {
  const view = arena.views[segmentOf(entry)];
  const offset = offsetOf(entry);
  view.setUint16(offset + 2, access & 0xffff, true);
  view.setUint8(offset + 4, access >>> 16);
}

/** The four walk marks of an entry as a number below 16. */
export function marksOf(arena: Arena, entry: Ref): number {
  return arena.bytes[segmentOf(entry)][offsetOf(entry) + 1] >>> MARK_SHIFT;
}

export function writeMarks(arena: Arena, entry: Ref, marks: number): void {
  const bytes = arena.bytes[segmentOf(entry)];
  const at = offsetOf(entry) + 1;
  bytes[at] = (bytes[at] & 0x0f) | (marks << MARK_SHIFT);
}

/** Length of a string value that stands in the entry itself. */
export function inlineLengthOf(arena: Arena, entry: Ref): number {
  return arena.views[segmentOf(entry)].getUint16(offsetOf(entry) + 6, true);
}

export function writeInlineLength(arena: Arena, entry: Ref, length: number): void {
  arena.views[segmentOf(entry)].setUint16(offsetOf(entry) + 6, length, true);
}
