/**
 * Listpack: a compact row of strings and integers in one block, byte for byte as upstream stores and dumps it (listpack.c).
 *
 *     | total bytes u32 | entries u16 | entry | entry | … | 0xFF |          entries 65535 = "more than that: count them"
 *     entry = encoding and data | backlen
 *
 *     0xxxxxxx                 7-bit unsigned integer      11110001 + 2 bytes    16-bit integer, little endian
 *     10llllll + data          string of up to 63          11110010 + 3 bytes    24-bit
 *     110xxxxx + 1 byte        13-bit signed integer       11110011 + 4 bytes    32-bit
 *     1110llll + 1 + data      string of up to 4095        11110100 + 8 bytes    64-bit
 *     11110000 + u32 + data    longer string
 *
 * backlen is the length of encoding and data in groups of 7 bits, most significant first; all bytes but the first have the high bit
 * set, so that it is read from the right. Strings that are canonical integers are stored as integers.
 *
 * These functions read a listpack that begins at `base` of a buffer; `p` is where an entry begins. `listpack-edit.ts` changes one.
 *
 * | length (below 65535), first, last, next, previous | O(1) |
 * | find, entry by index | O(entries) |
 *
 * Hot path: plain integers, no allocation.
 */

import { LONG, parseDecimal, parseLong } from './decimal.ts';
import type { Element } from './element.ts';

export const LISTPACK_HEADER = 6;
export const LISTPACK_END = 0xff;
export const LENGTH_UNKNOWN = 65535;
/** Bytes of a listpack without entries. */
export const EMPTY_LISTPACK_BYTES = 7;
/** No listpack grows beyond this (upstream's safety limit). */
export const MAX_LISTPACK_BYTES = 1 << 30;

/** Bytes of the whole listpack. */
export function listpackBytes(view: DataView, base: number): number {
  return view.getUint32(base, true);
}

/** Number of entries. */
export function listpackLength(bytes: Uint8Array, view: DataView, base: number): number {
  const length = view.getUint16(base + 4, true);
  if (length !== LENGTH_UNKNOWN) return length;
  let count = 0;
  for (let p = base + LISTPACK_HEADER; bytes[p] !== LISTPACK_END; p = nextEntry(bytes, view, p)) count++;
  return count;
}

/** The first entry, or the end byte. */
export function firstEntry(base: number): number {
  return base + LISTPACK_HEADER;
}

/** Where the end byte stands. */
export function endOfEntries(view: DataView, base: number): number {
  return base + view.getUint32(base, true) - 1;
}

/** Bytes of encoding and data of the entry at `p`, without its backlen. */
export function encodedBytes(bytes: Uint8Array, view: DataView, p: number): number {
  const byte = bytes[p];
  if (byte < 0x80) return 1;
  if (byte < 0xc0) return 1 + (byte & 0x3f);
  if (byte < 0xe0) return 2;
  if (byte < 0xf0) return 2 + (((byte & 0x0f) << 8) | bytes[p + 1]);
  if (byte === 0xf0) return 5 + view.getUint32(p + 1, true);
  if (byte === 0xf4) return 9;
  return byte - 0xf1 + 3;
}

/** Bytes that the backlen of an entry of `encoded` bytes takes. */
export function backlenBytes(encoded: number): number {
  if (encoded <= 127) return 1;
  if (encoded <= 16383) return 2;
  if (encoded <= 2097151) return 3;
  return encoded <= 268435455 ? 4 : 5;
}

/** The entry after `p`, or the end byte. */
export function nextEntry(bytes: Uint8Array, view: DataView, p: number): number {
  const encoded = encodedBytes(bytes, view, p);
  return p + encoded + backlenBytes(encoded);
}

/** The entry before `p` (an entry or the end byte); `p` must not be the first. */
export function previousEntry(bytes: Uint8Array, p: number): number {
  const encoded = backlenBefore(bytes, p);
  return p - encoded - backlenBytes(encoded);
}

/** Decodes the backlen that ends before `p`; -1 when it is longer than five bytes. */
function backlenBefore(bytes: Uint8Array, p: number): number {
  let at = p - 1;
  let value = bytes[at] & 0x7f;
  let scale = 128;
  while (bytes[at] & 0x80) {
    if (p - at >= 5) return -1;
    value += (bytes[--at] & 0x7f) * scale;
    scale *= 128;
  }
  return value;
}

/** Reads the entry at `p`. */
export function readEntry(bytes: Uint8Array, view: DataView, p: number, element: Element): void {
  const byte = bytes[p];
  if (byte < 0x80) element.setInteger(byte);
  else if (byte < 0xc0) element.setBytes(bytes, p + 1, p + 1 + (byte & 0x3f));
  else if (byte < 0xe0 || byte > 0xf0) {
    if (byte === 0xf4) element.setLong(view.getInt32(p + 5, true), view.getInt32(p + 1, true));
    else element.setInteger(shortInteger(bytes, view, p));
  } else if (byte < 0xf0) element.setBytes(bytes, p + 2, p + 2 + (((byte & 0x0f) << 8) | bytes[p + 1]));
  else element.setBytes(bytes, p + 5, p + 5 + view.getUint32(p + 1, true));
}

/** True when the entry at `p` is stored as an integer. */
export function isIntegerEntry(bytes: Uint8Array, p: number): boolean {
  const byte = bytes[p];
  return byte < 0x80 || (byte >= 0xc0 && byte < 0xe0) || byte > 0xf0;
}

/** The integer at `p` (which is stored as one); beyond 53 bits it is rounded. */
export function entryInteger(bytes: Uint8Array, view: DataView, p: number): number {
  if (bytes[p] === 0xf4) return view.getInt32(p + 5, true) * 0x100000000 + view.getUint32(p + 1, true);
  return shortInteger(bytes, view, p);
}

/** An integer of up to 32 bits. */
function shortInteger(bytes: Uint8Array, view: DataView, p: number): number {
  const byte = bytes[p];
  if (byte < 0x80) return byte;
  if (byte < 0xe0) return ((((byte & 0x1f) << 8) | bytes[p + 1]) << 19) >> 19;
  if (byte === 0xf1) return view.getInt16(p + 1, true);
  if (byte === 0xf2) return ((bytes[p + 1] | (bytes[p + 2] << 8) | (bytes[p + 3] << 16)) << 8) >> 8;
  return view.getInt32(p + 1, true);
}

/**
 * Finds the first entry equal to `needle[start, end)`, from `p` on, looking at one entry and skipping `skip` (1 for the fields of pairs).
 * Returns where it stands, or -1.
 */
export function findEntry(
  bytes: Uint8Array,
  view: DataView,
  p: number,
  needle: Uint8Array,
  start: number,
  end: number,
  skip: number,
): number {
  const length = end - start;
  const integer = length <= 20 ? parseDecimal(needle, start, end) : Number.NaN;
  while (bytes[p] !== LISTPACK_END) {
    const encoded = encodedBytes(bytes, view, p);
    if (entryEquals(bytes, view, p, encoded, needle, start, length, integer)) return p;
    p += encoded + backlenBytes(encoded);
    for (let left = skip; left > 0 && bytes[p] !== LISTPACK_END; left--) p = nextEntry(bytes, view, p);
  }
  return -1;
}

/** Whether the entry at `p` (of `encoded` bytes) is `needle[start, start + length)`, whose `parseDecimal` is `integer`. */
export function entryEquals(
  bytes: Uint8Array,
  view: DataView,
  p: number,
  encoded: number,
  needle: Uint8Array,
  start: number,
  length: number,
  integer: number,
): boolean {
  const byte = bytes[p];
  if (byte < 0x80) return byte === integer;
  if (byte >= 0xc0 && (byte < 0xe0 || byte > 0xf0)) {
    if (byte !== 0xf4) return shortInteger(bytes, view, p) === integer;
    return equalsLong(view, p, needle, start, length, integer);
  }
  const data = byte < 0xc0 ? 1 : byte < 0xf0 ? 2 : 5;
  if (encoded - data !== length) return false;
  const from = p + data;
  for (let i = 0; i < length; i++) if (bytes[from + i] !== needle[start + i]) return false;
  return true;
}

function equalsLong(view: DataView, p: number, needle: Uint8Array, start: number, length: number, integer: number): boolean {
  if (integer !== LONG) return view.getInt32(p + 5, true) * 0x100000000 + view.getUint32(p + 1, true) === integer;
  return view.getBigInt64(p + 1, true) === parseLong(needle, start, start + length);
}

/** The entry with this index; negative ones count from the end. -1 when there is none. */
export function seekEntry(bytes: Uint8Array, view: DataView, base: number, index: number): number {
  const length = view.getUint16(base + 4, true);
  const known = length !== LENGTH_UNKNOWN;
  if (known && (index >= length || index < -length)) return -1;
  let forward = index;
  if (index < 0 && known && -index > length >>> 1) forward = index + length;
  else if (index >= 0 && known && index > length >>> 1) forward = index - length;
  let p = forward >= 0 ? base + LISTPACK_HEADER : endOfEntries(view, base);
  if (forward >= 0) {
    for (; forward > 0 && bytes[p] !== LISTPACK_END; forward--) p = nextEntry(bytes, view, p);
    return bytes[p] === LISTPACK_END ? -1 : p;
  }
  for (; forward < 0; forward++) {
    if (p === base + LISTPACK_HEADER) return -1;
    p = previousEntry(bytes, p);
  }
  return p;
}

/**
 * Whether `bytes[start, end)` is a whole, well-formed listpack: every length stays inside, every backlen matches, the counts are right.
 * For data from outside; nothing else here checks anything.
 */
export function isListpack(bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
  const size = end - start;
  if (size < EMPTY_LISTPACK_BYTES || view.getUint32(start, true) !== size || bytes[end - 1] !== LISTPACK_END) return false;
  const last = end - 1;
  let count = 0;
  let p = start + LISTPACK_HEADER;
  while (p < last) {
    const byte = bytes[p];
    if (byte > 0xf4) return false;
    const prefix = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : byte === 0xf0 ? 5 : 1;
    if (p + prefix > last) return false;
    const encoded = encodedBytes(bytes, view, p);
    const next = p + encoded + backlenBytes(encoded);
    if (next > last || backlenBefore(bytes, next) !== encoded) return false;
    p = next;
    count++;
  }
  if (p !== last) return false;
  const told = view.getUint16(start + 4, true);
  return told === LENGTH_UNKNOWN || told === count;
}
