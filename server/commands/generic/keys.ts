/** DEL, EXISTS, RENAME, COPY, MOVE and the like: keys whatever their value. */

import type { CommandContext } from '../../core/context.ts';
import { type Database, ENC_INT, ENC_RAW, NO_EXPIRY, TYPE_STRING } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { DB_INDEX_OUT_OF_RANGE, NO_SUCH_KEY, NOT_INTEGER_ERROR, SAME_OBJECT, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { storeText, stringBytes } from '../string/string-value.ts';
import { peekCounted } from './peek-counted.ts';

export function del(context: CommandContext): void {
  let deleted = 0;
  for (let index = 1; index < context.argc; index++) {
    const entry = context.db.findForWrite(context.bytes, context.argStart(index), context.argEnd(index));
    if (entry === 0) continue;
    context.db.deleteEntry(entry);
    context.keyChanged(index, 'g', 'del');
    deleted++;
  }
  if (deleted > 0) context.changed(deleted);
  context.reply.integer(deleted);
}

export function exists(context: CommandContext): void {
  let count = 0;
  for (let index = 1; index < context.argc; index++) if (peekCounted(context, index) !== 0) count++;
  context.reply.integer(count);
}

export function touch(context: CommandContext): void {
  let count = 0;
  for (let index = 1; index < context.argc; index++) {
    const entry = context.db.find(context.bytes, context.argStart(index), context.argEnd(index));
    if (entry === 0) continue;
    context.db.touch(entry);
    count++;
  }
  context.reply.integer(count);
}

export const TYPE_NAMES: readonly string[] = ['string', 'list', 'set', 'zset', 'hash', 'stream'];

export function type(context: CommandContext): void {
  const entry = peekCounted(context, 1);
  context.reply.simple(entry === 0 ? 'none' : TYPE_NAMES[context.db.type(entry)]);
}

export function randomkey(context: CommandContext): void {
  const { db, reply } = context;
  const entry = db.random(() => context.ports.entropy.random());
  if (entry === 0) reply.nil();
  else reply.bulkString(db.keyString(entry));
}

export function rename(context: CommandContext): void {
  renameKey(context, false);
}

export function renamenx(context: CommandContext): void {
  renameKey(context, true);
}

function renameKey(context: CommandContext, onlyIfFree: boolean): void {
  const { bytes, db, reply } = context;
  const targetStart = context.argStart(2);
  const targetEnd = context.argEnd(2);
  if (db.findForWrite(bytes, context.argStart(1), context.argEnd(1)) === 0) return reply.error(NO_SUCH_KEY);
  if (context.argString(1) === context.argString(2)) return onlyIfFree ? reply.integer(0) : reply.ok();
  const target = db.findForWrite(bytes, targetStart, targetEnd);
  if (target !== 0) {
    if (onlyIfFree) return reply.integer(0);
    db.deleteEntry(target);
  }
  db.moveTo(db.findForWrite(bytes, context.argStart(1), context.argEnd(1)), db, bytes, targetStart, targetEnd);
  context.changed(1);
  context.keyChanged(1, 'g', 'rename_from');
  context.keyChanged(2, 'g', 'rename_to');
  if (onlyIfFree) reply.integer(1);
  else reply.ok();
}

/** MOVE key db */
export function move(context: CommandContext): void {
  const { bytes, db, reply } = context;
  const target = databaseOrReply(context, 2);
  if (target === undefined) return;
  if (target === db) return reply.error(SAME_OBJECT);
  const start = context.argStart(1);
  const end = context.argEnd(1);
  if (db.findForWrite(bytes, start, end) === 0 || target.findForWrite(bytes, start, end) !== 0) return reply.integer(0);
  db.moveTo(db.findForWrite(bytes, start, end), target, bytes, start, end);
  context.changed(1);
  context.keyChanged(1, 'g', 'move_from');
  context.keyChangedBytes(target, bytes, start, end, 'g', 'move_to');
  reply.integer(1);
}

/** COPY source destination [DB index] [REPLACE] */
export function copy(context: CommandContext): void {
  const { bytes, db, reply } = context;
  let target = db;
  let replace = false;
  for (let index = 3; index < context.argc; index++) {
    if (context.argIs(index, 'REPLACE')) replace = true;
    else if (context.argIs(index, 'DB') && index + 1 < context.argc) {
      const chosen = databaseOrReply(context, ++index);
      if (chosen === undefined) return;
      target = chosen;
    } else return reply.error(SYNTAX_ERROR);
  }
  if (target === db && context.argString(1) === context.argString(2)) return reply.error(SAME_OBJECT);
  if (db.find(bytes, context.argStart(1), context.argEnd(1)) === 0) return reply.integer(0);
  const old = target.findForWrite(bytes, context.argStart(2), context.argEnd(2));
  if (old !== 0) {
    if (!replace) return reply.integer(0);
    target.deleteEntry(old);
  }
  copyEntry(context, db.peek(bytes, context.argStart(1), context.argEnd(1)), target);
  context.changed(1);
  context.keyChangedBytes(target, bytes, context.argStart(2), context.argEnd(2), 'g', 'copy_to');
  reply.integer(1);
}

function copyEntry(context: CommandContext, source: Ref, target: Database): void {
  const { bytes, db } = context;
  const start = context.argStart(2);
  const end = context.argEnd(2);
  const expireAt = db.expireAt(source);
  if (db.type(source) === TYPE_STRING) {
    const encoding = db.encoding(source);
    if (encoding === ENC_INT) target.setInteger(bytes, start, end, db.stringInteger(source), expireAt);
    else storeText(target, { bytes, start, end }, stringBytes(db, source).slice(), expireAt, encoding === ENC_RAW);
    return;
  }
  const built = context.ports.values.duplicate(db.type(source), db.encoding(source), db.root(source));
  const entry = target.create(bytes, start, end, built.type, built.encoding, built.root);
  if (expireAt !== NO_EXPIRY) target.setExpire(entry, expireAt);
}

/** The database that argument `index` names; undefined after an error was replied. */
function databaseOrReply(context: CommandContext, index: number): Database | undefined {
  const chosen = context.argInteger(index);
  const { databases } = context.ports;
  if (chosen === undefined || Math.abs(chosen) > 2 ** 31 - 1) context.reply.error(NOT_INTEGER_ERROR);
  else if (chosen < 0 || chosen >= databases.count) context.reply.error(DB_INDEX_OUT_OF_RANGE);
  else return databases.get(chosen);
  return undefined;
}
