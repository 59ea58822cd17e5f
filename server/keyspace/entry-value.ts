/**
 * Making, copying and freeing of entries, and the strings in them: in the entry itself up to INLINE_LIMIT, else in a block of their own,
 * integers as eight bytes. None of these functions touches a table: who moves an entry tells its tables.
 */

import { writeDecimal } from '../structures/decimal.ts';
import { copyViews } from '../memory/bytes.ts';
import { offsetOf, segmentOf } from '../memory/arena.ts';
import type { Arena, Ref } from '../memory/arena.ts';
import { ENC_EMBSTR, ENC_INT, ENC_RAW, TYPE_STRING } from './database.ts';
import type { Encoding, FreeValue, ValueType } from './database.ts';
import {
  accessOf,
  encodingOf,
  entryBytes,
  expireAtOf,
  FLAG_EXPIRE,
  FLAG_LONG_KEY,
  FLAG_PAYLOAD,
  flagsOf,
  INLINE_LIMIT,
  inlineLengthOf,
  keyLengthOf,
  keyStartOf,
  LONG_KEY,
  MARK_SHIFT,
  marksOf,
  payloadStartOf,
  typeOf,
  writeExpireAt,
  writeHeader,
} from './entry.ts';

/** Above this size a growing string gets room for more than it needs now. */
const MOST_SPARE = 1024 * 1024;

/** What Valkey calls embstr: key, value and their headers fit into two cache lines. */
export function stringEncoding(keyLength: number, valueLength: number, expires: boolean): Encoding {
  const keyHeader = keyLength < 32 ? 1 : keyLength < 256 ? 3 : 5;
  const size = 8 + 1 + keyHeader + keyLength + 1 + (expires ? 8 : 0) + 3 + valueLength + 1;
  return size <= 128 ? ENC_EMBSTR : ENC_RAW;
}

/** A new block with header and key; `flags` decides what else has room. The expiry, payload and value are still to be written. */
export function allocEntry(
  arena: Arena,
  type: ValueType,
  encoding: Encoding,
  flags: number,
  access: number,
  keyBytes: Uint8Array,
  keyView: DataView,
  keyStart: number,
  keyLength: number,
  inlineLength: number,
): Ref {
  const allFlags = keyLength >= LONG_KEY ? flags | FLAG_LONG_KEY : flags;
  const entry = arena.alloc(entryBytes(allFlags, keyLength, inlineLength));
  const segment = segmentOf(entry);
  const view = arena.views[segment];
  const at = offsetOf(entry);
  writeHeader(view, at, type, encoding, allFlags, access, keyLength, inlineLength);
  copyViews(arena.bytes[segment], view, at + entryBytes(allFlags, 0, 0), keyBytes, keyView, keyStart, keyLength);
  return entry;
}

/**
 * A copy of an entry in a new block: with or without an expiry, maybe under another key, with room for `inlineLength` bytes of value. The payload
 * moves along (large strings and collections are not copied), as do the first bytes of an inline value. Marks are those of the old one.
 */
export function copyEntry(
  arena: Arena,
  entry: Ref,
  expireAt: number,
  payload: boolean,
  inlineLength: number,
  keyBytes: Uint8Array,
  keyView: DataView,
  keyStart: number,
  keyLength: number,
): Ref {
  const expires = expireAt >= 0;
  const flags = (expires ? FLAG_EXPIRE : 0) | (payload ? FLAG_PAYLOAD : 0) | (marksOf(arena, entry) << MARK_SHIFT);
  const copy = allocEntry(
    arena,
    typeOf(arena, entry),
    encodingOf(arena, entry),
    flags,
    accessOf(arena, entry),
    keyBytes,
    keyView,
    keyStart,
    keyLength,
    inlineLength,
  );
  if (expires) writeExpireAt(arena, copy, expireAt);
  const had = (flagsOf(arena, entry) & FLAG_PAYLOAD) !== 0;
  if (payload && had) copyWithinArena(arena, entry, payloadStartOf(arena, entry), copy, payloadStartOf(arena, copy), 8);
  if (!payload && !had) {
    const from = keyStartOf(arena, entry) + keyLengthOf(arena, entry);
    const to = keyStartOf(arena, copy) + keyLength;
    copyWithinArena(arena, entry, from, copy, to, Math.min(inlineLength, inlineLengthOf(arena, entry)));
  }
  return copy;
}

function copyWithinArena(arena: Arena, from: Ref, fromOffset: number, to: Ref, toOffset: number, length: number): void {
  const source = segmentOf(from);
  const target = segmentOf(to);
  copyViews(arena.bytes[target], arena.views[target], toOffset, arena.bytes[source], arena.views[source], fromOffset, length);
}

/** Frees the value of an entry, not the entry's own block. */
export function freeEntryValue(arena: Arena, freeValue: FreeValue, entry: Ref): void {
  if ((flagsOf(arena, entry) & FLAG_PAYLOAD) === 0) return;
  const type = typeOf(arena, entry);
  const encoding = encodingOf(arena, entry);
  const root = payloadRef(arena, entry);
  if (type !== TYPE_STRING) {
    if (root !== 0) freeValue(arena, type, encoding, root);
  } else if (encoding !== ENC_INT) arena.free(root);
}

export function freeEntry(arena: Arena, freeValue: FreeValue, entry: Ref): void {
  freeEntryValue(arena, freeValue, entry);
  arena.free(entry);
}

/** Ref in the payload: block of a large string, root of a collection. */
export function payloadRef(arena: Arena, entry: Ref): Ref {
  return arena.views[segmentOf(entry)].getUint32(payloadStartOf(arena, entry), true);
}

export function writePayload(arena: Arena, entry: Ref, ref: Ref, length: number): void {
  const view = arena.views[segmentOf(entry)];
  const at = payloadStartOf(arena, entry);
  view.setUint32(at, ref, true);
  view.setUint32(at + 4, length, true);
}

// ── Strings ──

/** The block that holds the bytes of a string that is no integer. */
export function stringBlockOf(arena: Arena, entry: Ref): Ref {
  return (flagsOf(arena, entry) & FLAG_PAYLOAD) === 0 ? entry : payloadRef(arena, entry);
}

/** Offset of its first byte in the segment of `stringBlockOf`. */
export function stringStartOf(arena: Arena, entry: Ref): number {
  if ((flagsOf(arena, entry) & FLAG_PAYLOAD) !== 0) return offsetOf(payloadRef(arena, entry));
  return keyStartOf(arena, entry) + keyLengthOf(arena, entry);
}

export function stringLengthOf(arena: Arena, entry: Ref): number {
  if ((flagsOf(arena, entry) & FLAG_PAYLOAD) === 0) return inlineLengthOf(arena, entry);
  return arena.views[segmentOf(entry)].getUint32(payloadStartOf(arena, entry) + 4, true);
}

/** Whether a string of this length stands in a block of its own. */
export function isLarge(length: number): boolean {
  return length > INLINE_LIMIT;
}

/** A block for a large string with its bytes. */
export function allocString(arena: Arena, bytes: Uint8Array, start: number, end: number): Ref {
  const block = arena.alloc(end - start);
  arena.bytes[segmentOf(block)].set(bytes.subarray(start, end), offsetOf(block));
  return block;
}

/** Makes a large string's block hold `length` bytes: the old ones are kept, new ones are zero. Grows with spare room. */
export function resizeLarge(arena: Arena, entry: Ref, length: number): void {
  const old = payloadRef(arena, entry);
  const before = stringLengthOf(arena, entry);
  let block = old;
  const capacity = arena.capacity(old);
  if (length > capacity || length < capacity >>> 2) {
    const wanted = length > before ? length + Math.min(length, MOST_SPARE) : length;
    block = arena.realloc(old, Math.min(before, length), wanted);
  }
  if (length > before) arena.bytes[segmentOf(block)].fill(0, offsetOf(block) + before, offsetOf(block) + length);
  writePayload(arena, entry, block, length);
}

/** An entry whose key is another entry's: the bytes are read where they stand. */
export function copyWithOwnKey(arena: Arena, entry: Ref, expireAt: number, payload: boolean, inlineLength: number): Ref {
  const segment = segmentOf(entry);
  return copyEntry(
    arena,
    entry,
    expireAt,
    payload,
    inlineLength,
    arena.bytes[segment],
    arena.views[segment],
    keyStartOf(arena, entry),
    keyLengthOf(arena, entry),
  );
}

/** The same entry with its value inline or as payload, keeping expiry and marks. */
export function reshaped(arena: Arena, entry: Ref, payload: boolean, inlineLength: number): Ref {
  return copyWithOwnKey(arena, entry, expireAtOf(arena, entry), payload, inlineLength);
}

/** Whether a block holds `size` bytes without wasting more than an eighth. */
export function fitsWell(arena: Arena, block: Ref, size: number): boolean {
  const capacity = arena.capacity(block);
  return size <= capacity && size > capacity - (capacity >>> 3) - 8;
}

/** The decimal text of a 64-bit integer; returns its length. */
export function writeIntegerText(target: Uint8Array, integer: bigint): number {
  const number = Number(integer);
  if (Number.isSafeInteger(number)) return writeDecimal(target, 0, number);
  return Buffer.from(target.buffer).write(integer.toString(), 'latin1');
}
