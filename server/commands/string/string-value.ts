/**
 * Reading string values in commands: into the reply, as bytes, as a number. Hot path: no allocation but where it says so.
 */

import type { CommandContext } from '../../core/context.ts';
import { type Database, ENC_INT, ENC_RAW, TYPE_STRING } from '../../keyspace/database.ts';
import { INLINE_TEXT_BITS } from '../../keyspace/entry.ts';
import { offsetOf, type Ref, segmentOf } from '../../memory/arena.ts';
import { readInteger } from '../../protocol/number-text.ts';
import { WRONG_TYPE } from '../../protocol/reply-errors.ts';
import { parseLong } from '../../structures/decimal.ts';

/** Replies WRONGTYPE and says false when the entry is no string. */
export function isStringOrReply(context: CommandContext, db: Database, entry: Ref): boolean {
  if (db.type(entry) === TYPE_STRING) return true;
  context.reply.error(WRONG_TYPE);
  return false;
}

/** Replies with the whole value of a text that stands in its entry, as most do. False: it is something else, and nothing was replied. Hot path. */
export function replyInlineText(context: CommandContext, db: Database, entry: Ref): boolean {
  const text = db.inlineText(entry);
  if (text === 0) return false;
  const segment = segmentOf(entry);
  const start = offsetOf(entry) + (text >>> INLINE_TEXT_BITS);
  const length = text & ((1 << INLINE_TEXT_BITS) - 1);
  context.reply.bulkView(db.arena.bytes[segment], db.arena.views[segment], start, start + length);
  return true;
}

/** Replies with the whole value. */
export function replyString(context: CommandContext, db: Database, entry: Ref): void {
  if (db.encoding(entry) === ENC_INT) {
    context.reply.bulkInteger(integerOf(db, entry));
    return;
  }
  const start = db.stringStart(entry);
  const segment = segmentOf(db.stringBlock(entry));
  context.reply.bulkView(db.arena.bytes[segment], db.arena.views[segment], start, start + db.stringLength(entry));
}

/** The value's bytes; allocates. A view into the arena, or a fresh array for integers: valid until the next write. */
export function stringBytes(db: Database, entry: Ref): Uint8Array {
  if (db.encoding(entry) === ENC_INT) return Buffer.from(db.stringInteger(entry).toString(), 'latin1');
  const start = db.stringStart(entry);
  return segmentBytes(db, entry).subarray(start, start + db.stringLength(entry));
}

/** What a text's bytes lie in, from `db.stringStart(entry)` on: valid until the next write. Not of integers. */
export function segmentBytes(db: Database, entry: Ref): Uint8Array {
  return db.arena.bytes[segmentOf(db.stringBlock(entry))];
}

/** The length of the value in bytes. */
export function stringByteLength(db: Database, entry: Ref): number {
  return db.encoding(entry) === ENC_INT ? db.stringInteger(entry).toString().length : db.stringLength(entry);
}

/** The value as an integer: a number when it is a safe one, a bigint above, undefined when the value is no 64-bit integer. */
export function stringAsInteger(db: Database, entry: Ref): number | bigint | undefined {
  if (db.encoding(entry) === ENC_INT) return integerOf(db, entry);
  const bytes = segmentBytes(db, entry);
  const start = db.stringStart(entry);
  const end = start + db.stringLength(entry);
  const small = readInteger(bytes, start, end);
  return Number.isNaN(small) ? parseLong(bytes, start, end) : small;
}

/** The value of an entry that is kept as an integer: a number when it is a safe one. */
export function integerOf(db: Database, entry: Ref): number | bigint {
  const value = db.stringNumber(entry);
  return Number.isSafeInteger(value) ? value : db.stringInteger(entry);
}

/** Whether the value equals the argument `index`. */
export function stringEqualsArgument(context: CommandContext, db: Database, entry: Ref, index: number): boolean {
  const value = stringBytes(db, entry);
  const from = context.argStart(index);
  if (context.argLength(index) !== value.length) return false;
  for (let at = 0; at < value.length; at++) if (value[at] !== context.bytes[from + at]) return false;
  return true;
}

/**
 * Stores a value that is kept as text even where it reads as an integer (results of INCRBYFLOAT, copies of texts). `raw`: in its own
 * block of bytes, however short it is. Returns the entry.
 */
export function storeText(db: Database, key: KeyRange, value: Uint8Array, expireAt: number, raw: boolean): Ref {
  // Bytes that are no number go first, so that no integer is made of them; the value over them.
  const entry = db.setString(key.bytes, key.start, key.end, Buffer.alloc(value.length, '-'), 0, value.length, expireAt);
  const stored = raw && db.encoding(entry) !== ENC_RAW ? db.resizeString(entry, value.length) : entry;
  segmentBytes(db, stored).set(value, db.stringStart(stored));
  return stored;
}

export interface KeyRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}
