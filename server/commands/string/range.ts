/** APPEND, STRLEN, SETRANGE, GETRANGE: parts of a string. */

import type { CommandContext } from '../../core/context.ts';
import { type Database, ENC_INT, NO_EXPIRY } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { NOT_INTEGER_ERROR, STRING_TOO_LONG } from '../../protocol/reply-errors.ts';
import { isStringOrReply, segmentBytes, stringByteLength, stringBytes } from './string-value.ts';

export function strlen(context: CommandContext): void {
  const { db, reply } = context;
  const entry = db.find(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) return reply.integer(0);
  if (isStringOrReply(context, db, entry)) reply.integer(stringByteLength(db, entry));
}

export function append(context: CommandContext): void {
  const { bytes, db, reply } = context;
  const start = context.argStart(1);
  const end = context.argEnd(1);
  const entry = db.findForWrite(bytes, start, end);
  let length = context.argLength(2);
  if (entry === 0) db.setString(bytes, start, end, bytes, context.argStart(2), context.argEnd(2), NO_EXPIRY);
  else {
    if (!isStringOrReply(context, db, entry)) return;
    const old = stringByteLength(db, entry);
    if (!fitsOrReply(context, old, length)) return;
    length += old;
    write(context, db.resizeString(asBytes(context, entry), length), old, 2);
  }
  context.changed(1);
  context.keyChanged(1, '$', 'append');
  reply.integer(length);
}

export function setrange(context: CommandContext): void {
  const { bytes, db, reply } = context;
  const offset = context.argInteger(2) ?? context.argBigInt(2);
  if (offset === undefined) return reply.error(NOT_INTEGER_ERROR);
  if (offset < 0) return reply.error('ERR offset is out of range');
  const start = context.argStart(1);
  const end = context.argEnd(1);
  let entry = db.findForWrite(bytes, start, end);
  if (entry !== 0 && !isStringOrReply(context, db, entry)) return;
  const old = entry === 0 ? 0 : stringByteLength(db, entry);
  const added = context.argLength(3);
  if (added === 0) return reply.integer(old);
  if (!fitsOrReply(context, Number(offset), added)) return;
  if (entry === 0) entry = db.setString(bytes, start, end, bytes, 0, 0, NO_EXPIRY);
  const length = Math.max(old, Number(offset) + added);
  write(context, db.resizeString(asBytes(context, entry), length), Number(offset), 3);
  context.changed(1);
  context.keyChanged(1, '$', 'setrange');
  reply.integer(length);
}

/** An integer becomes its text, so that bytes of it can be changed. */
function asBytes(context: CommandContext, entry: Ref): Ref {
  const { db } = context;
  if (db.encoding(entry) !== ENC_INT) return entry;
  // Resizing keeps the text of an integer as its old bytes.
  return db.resizeString(entry, stringByteLength(db, entry));
}

function write(context: CommandContext, entry: Ref, offset: number, index: number): void {
  const { db } = context;
  segmentBytes(db, entry).set(context.bytes.subarray(context.argStart(index), context.argEnd(index)), db.stringStart(entry) + offset);
}

/** Replies with an error and says false when a string of `base + added` bytes is too long. */
function fitsOrReply(context: CommandContext, base: number, added: number): boolean {
  if (context.obeying || base + added <= context.ports.config.integer('proto-max-bulk-len')) return true;
  context.reply.error(STRING_TOO_LONG);
  return false;
}

export function getrange(context: CommandContext): void {
  const { db, reply } = context;
  const first = context.argInteger(2) ?? context.argBigInt(2);
  const last = context.argInteger(3) ?? context.argBigInt(3);
  if (first === undefined || last === undefined) return reply.error(NOT_INTEGER_ERROR);
  const entry = db.find(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) return reply.bulkString('');
  if (isStringOrReply(context, db, entry)) replyRange(context, db, entry, Number(first), Number(last));
}

function replyRange(context: CommandContext, db: Database, entry: Ref, first: number, last: number): void {
  const value = stringBytes(db, entry);
  const { length } = value;
  if (first < 0 && last < 0 && first > last) return context.reply.bulkString('');
  const from = rangeStart(first, length);
  const end = rangeEnd(last, length);
  if (from >= end) return context.reply.bulkString('');
  context.reply.bulk(value, from, end);
}

/** Where a range begins among `length` places, when its first one is `first`; negative counts from the end. */
export function rangeStart(first: number, length: number): number {
  return first < 0 ? Math.max(0, length + first) : first;
}

/** The place behind the last one of a range; 0 without places. */
export function rangeEnd(last: number, length: number): number {
  return Math.min(rangeStart(last, length), length - 1) + 1;
}
