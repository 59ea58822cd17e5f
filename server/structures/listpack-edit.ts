/**
 * Changing a listpack (the layout stands in `listpack.ts`).
 *
 * The first half works on a listpack at `base` of a buffer that has room enough (nodes of lists, blobs that are built); the second half on a
 * listpack that is a block of the arena: it makes room and gives the block's ref back, which may be a new one. Places in a block are
 * given as offsets from its beginning, because the block may move.
 *
 * The bytes to store must not lie in the listpack that is changed. Every change costs the move of what follows it.
 * Hot path: no allocation on the JavaScript heap.
 */

import { type Arena, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { copyBytes, moveBytes } from '../memory/bytes.ts';
import { LONG, parseDecimal, parseLong } from './decimal.ts';
import {
  backlenBytes,
  EMPTY_LISTPACK_BYTES,
  encodedBytes,
  endOfEntries,
  LENGTH_UNKNOWN,
  LISTPACK_END,
  LISTPACK_HEADER,
  listpackLength,
  nextEntry,
} from './listpack.ts';

/** The `integer` argument of the functions here: what the text would be stored as. NaN = a string. */
export function storedInteger(source: Uint8Array, start: number, end: number): number {
  return end - start <= 20 ? parseDecimal(source, start, end) : Number.NaN;
}

/** Bytes of the whole entry for a text of `length` bytes. */
export function entryBytes(integer: number, length: number): number {
  const encoded = encodedBytesOf(integer, length);
  return encoded + backlenBytes(encoded);
}

function encodedBytesOf(integer: number, length: number): number {
  if (integer !== integer) return length < 64 ? length + 1 : length < 4096 ? length + 2 : length + 5;
  if (integer >= -4096 && integer <= 4095) return integer >= 0 && integer <= 127 ? 1 : 2;
  if (integer >= -32768 && integer <= 32767) return 3;
  if (integer >= -8388608 && integer <= 8388607) return 4;
  return integer >= -2147483648 && integer <= 2147483647 ? 5 : 9;
}

/** Writes an entry at `p` and returns where it ends. Header and end byte are the caller's. */
export function writeEntry(
  bytes: Uint8Array,
  view: DataView,
  p: number,
  source: Uint8Array,
  start: number,
  end: number,
  integer: number,
): number {
  const length = end - start;
  const encoded = encodedBytesOf(integer, length);
  if (integer !== integer) {
    const data = p + encoded - length;
    if (length < 64) bytes[p] = 0x80 | length;
    else if (length < 4096) {
      bytes[p] = 0xe0 | (length >> 8);
      bytes[p + 1] = length & 0xff;
    } else {
      bytes[p] = 0xf0;
      view.setUint32(p + 1, length, true);
    }
    copyBytes(bytes, data, source, start, end);
  } else if (integer === LONG) {
    bytes[p] = 0xf4;
    view.setBigInt64(p + 1, parseLong(source, start, end) as bigint, true);
  } else writeInteger(bytes, view, p, integer, encoded);
  return writeBacklen(bytes, p + encoded, encoded);
}

function writeInteger(bytes: Uint8Array, view: DataView, p: number, integer: number, encoded: number): void {
  switch (encoded) {
    case 1:
      bytes[p] = integer;
      break;
    case 2:
      bytes[p] = 0xc0 | ((integer >> 8) & 0x1f);
      bytes[p + 1] = integer & 0xff;
      break;
    case 3:
      bytes[p] = 0xf1;
      view.setInt16(p + 1, integer, true);
      break;
    case 4:
      bytes[p] = 0xf2;
      bytes[p + 1] = integer & 0xff;
      bytes[p + 2] = (integer >> 8) & 0xff;
      bytes[p + 3] = (integer >> 16) & 0xff;
      break;
    case 5:
      bytes[p] = 0xf3;
      view.setInt32(p + 1, integer, true);
      break;
    default:
      bytes[p] = 0xf4;
      view.setInt32(p + 1, integer | 0, true);
      view.setInt32(p + 5, Math.floor(integer / 0x100000000), true);
  }
}

function writeBacklen(bytes: Uint8Array, p: number, encoded: number): number {
  const count = backlenBytes(encoded);
  let rest = encoded;
  for (let i = count - 1; i >= 0; i--) {
    bytes[p + i] = (rest & 0x7f) | (i === 0 ? 0 : 0x80);
    rest >>>= 7;
  }
  return p + count;
}

/** An empty listpack at `base`; it takes EMPTY_LISTPACK_BYTES. */
export function writeEmptyListpack(bytes: Uint8Array, view: DataView, base: number): void {
  writeHeader(view, base, EMPTY_LISTPACK_BYTES, 0);
  bytes[base + LISTPACK_HEADER] = LISTPACK_END;
}

/** `length` above 65534 is written as "unknown". */
export function writeHeader(view: DataView, base: number, total: number, length: number): void {
  view.setUint32(base, total, true);
  view.setUint16(base + 4, length < LENGTH_UNKNOWN ? length : LENGTH_UNKNOWN, true);
}

/** Header of a listpack that gained or lost `entries`. An unknown length stays unknown until it is small again. */
function adjustHeader(bytes: Uint8Array, view: DataView, base: number, total: number, entries: number): void {
  view.setUint32(base, total, true);
  const length = view.getUint16(base + 4, true);
  if (length !== LENGTH_UNKNOWN) view.setUint16(base + 4, Math.min(length + entries, LENGTH_UNKNOWN), true);
  else if (entries < 0) view.setUint16(base + 4, Math.min(listpackLength(bytes, view, base), LENGTH_UNKNOWN), true);
}

/** Inserts an entry of `size` bytes (`entryBytes`) before the one at `p` (or the end byte); the buffer has room. */
export function insertAt(
  bytes: Uint8Array,
  view: DataView,
  base: number,
  p: number,
  source: Uint8Array,
  start: number,
  end: number,
  integer: number,
  size: number,
): void {
  const total = view.getUint32(base, true);
  moveBytes(bytes, p + size, p, base + total - p);
  writeEntry(bytes, view, p, source, start, end, integer);
  adjustHeader(bytes, view, base, total + size, 1);
}

/** Removes the `entries` entries that stand in `[p, until)`. */
export function removeRange(bytes: Uint8Array, view: DataView, base: number, p: number, until: number, entries: number): void {
  const total = view.getUint32(base, true);
  moveBytes(bytes, p, until, base + total - until);
  adjustHeader(bytes, view, base, total - (until - p), -entries);
}

// ── A listpack that is a block of the arena ──

export function createListpack(arena: Arena, capacity: number = EMPTY_LISTPACK_BYTES): Ref {
  const ref = arena.alloc(Math.max(capacity, EMPTY_LISTPACK_BYTES));
  writeEmptyListpack(arena.bytes[segmentOf(ref)], arena.views[segmentOf(ref)], offsetOf(ref));
  return ref;
}

/** Inserts before the entry at `offset`. */
export function insertInBlock(arena: Arena, ref: Ref, offset: number, source: Uint8Array, start: number, end: number): Ref {
  const integer = storedInteger(source, start, end);
  const size = entryBytes(integer, end - start);
  const total = arena.u32(ref, 0);
  const block = arena.realloc(ref, total, total + size);
  const base = offsetOf(block);
  insertAt(arena.bytes[segmentOf(block)], arena.views[segmentOf(block)], base, base + offset, source, start, end, integer, size);
  return block;
}

export function appendToBlock(arena: Arena, ref: Ref, source: Uint8Array, start: number, end: number): Ref {
  return insertInBlock(arena, ref, arena.u32(ref, 0) - 1, source, start, end);
}

export function prependToBlock(arena: Arena, ref: Ref, source: Uint8Array, start: number, end: number): Ref {
  return insertInBlock(arena, ref, LISTPACK_HEADER, source, start, end);
}

/** Puts another text in the place of the entry at `offset`. */
export function replaceInBlock(arena: Arena, ref: Ref, offset: number, source: Uint8Array, start: number, end: number): Ref {
  const integer = storedInteger(source, start, end);
  const size = entryBytes(integer, end - start);
  const total = arena.u32(ref, 0);
  const old = entrySpan(arena, ref, offset);
  const block = size > old ? arena.realloc(ref, total, total - old + size) : ref;
  const bytes = arena.bytes[segmentOf(block)];
  const view = arena.views[segmentOf(block)];
  const p = offsetOf(block) + offset;
  if (size !== old) {
    moveBytes(bytes, p + size, p + old, total - offset - old);
    view.setUint32(offsetOf(block), total - old + size, true);
  }
  writeEntry(bytes, view, p, source, start, end, integer);
  return size < old ? arena.realloc(block, total - old + size, total - old + size) : block;
}

/** Removes `entries` entries from the one at `offset` on (fewer when the listpack ends). */
export function deleteFromBlock(arena: Arena, ref: Ref, offset: number, entries: number): Ref {
  const bytes = arena.bytes[segmentOf(ref)];
  const view = arena.views[segmentOf(ref)];
  const base = offsetOf(ref);
  const last = endOfEntries(view, base);
  let until = base + offset;
  let removed = 0;
  for (; removed < entries && until < last; removed++) until = nextEntry(bytes, view, until);
  removeRange(bytes, view, base, base + offset, until, removed);
  const total = view.getUint32(base, true);
  return arena.realloc(ref, total, total);
}

/** Bytes of the entry at `offset`, with its backlen. */
export function entrySpan(arena: Arena, ref: Ref, offset: number): number {
  const encoded = encodedBytes(arena.bytes[segmentOf(ref)], arena.views[segmentOf(ref)], offsetOf(ref) + offset);
  return encoded + backlenBytes(encoded);
}

/** A block with a copy of a listpack. */
export function copyIntoBlock(arena: Arena, bytes: Uint8Array, start: number, end: number): Ref {
  const ref = arena.alloc(end - start);
  copyBytes(arena.bytes[segmentOf(ref)], offsetOf(ref), bytes, start, end);
  return ref;
}
