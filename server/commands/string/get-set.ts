/**
 * GET and SET with all their variants: one key, one whole value. Hot path: GET and plain SET allocate nothing.
 */

import type { CommandContext } from '../../core/context.ts';
import { KEEP_EXPIRY, NO_EXPIRY } from '../../keyspace/database.ts';
import { deleteAsExpired, isPast } from '../expired-key.ts';
import * as option from './options.ts';
import { isStringOrReply, replyInlineText, replyString, stringEqualsArgument } from './string-value.ts';

export function get(context: CommandContext): void {
  const { db } = context;
  const entry = db.find(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) context.reply.nil();
  else if (!replyInlineText(context, db, entry) && isStringOrReply(context, db, entry)) replyString(context, db, entry);
}

/** SET key value [NX | XX | IFEQ value] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] */
export function set(context: CommandContext): void {
  if (context.argc === 3) {
    store(context, 2, NO_EXPIRY);
    context.reply.ok();
    return;
  }
  const options = option.parseOptions(context, 3, option.OPTIONS_OF_SET);
  if (options === option.BAD_OPTIONS) return;
  let expireAt = (options & option.OPTION_KEEPTTL) !== 0 ? KEEP_EXPIRY : NO_EXPIRY;
  const expires = option.hasExpireOption(options);
  if (expires) {
    expireAt = option.readOptionExpiry(context, options);
    if (expireAt === option.BAD_EXPIRY) return;
  }
  const getOld = (options & option.OPTION_GET) !== 0;
  if (getOld && !replyOld(context)) return;
  const exists = conditionHolds(context, options);
  if (exists === undefined) return;
  if (expires && isPast(context, expireAt)) {
    if (exists) deleteAsExpired(context, 1);
    if (!getOld) context.reply.ok();
    return;
  }
  store(context, 2, expireAt);
  if (expires) {
    context.keyChanged(1, 'g', 'expire');
    if ((options & option.OPTION_PXAT) === 0) propagateWithExpiry(context, 2, expireAt);
  } else if (getOld) propagateWithoutGet(context);
  if (!getOld) context.reply.ok();
}

/** Replies with the value so far; false when it is no string (the error was replied). */
function replyOld(context: CommandContext): boolean {
  const { db } = context;
  const entry = db.find(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) context.reply.nil();
  else if (!isStringOrReply(context, db, entry)) return false;
  else replyString(context, db, entry);
  return true;
}

/** Whether the key exists, when NX, XX or IFEQ allow the write; else undefined, and the reply is given. */
function conditionHolds(context: CommandContext, options: number): boolean | undefined {
  const { db } = context;
  const entry = db.peek(context.bytes, context.argStart(1), context.argEnd(1));
  const exists = entry !== 0;
  const getOld = (options & option.OPTION_GET) !== 0;
  let holds = true;
  if ((options & option.OPTION_NX) !== 0) holds = !exists;
  else if ((options & option.OPTION_XX) !== 0) holds = exists;
  else if ((options & option.OPTION_IFEQ) !== 0) {
    if (exists && !isStringOrReply(context, db, entry)) return undefined;
    holds = exists && stringEqualsArgument(context, db, entry, option.comparisonIndex(context));
  }
  if (holds) return exists;
  if (!getOld) context.reply.nil();
  return undefined;
}

function store(context: CommandContext, valueIndex: number, expireAt: number): void {
  const { bytes } = context;
  const keyStart = context.argStart(1);
  const keyEnd = context.argEnd(1);
  context.db.setString(bytes, keyStart, keyEnd, bytes, context.argStart(valueIndex), context.argEnd(valueIndex), expireAt);
  context.changed(1);
  context.keyChanged(1, '$', 'set');
}

function propagateWithExpiry(context: CommandContext, valueIndex: number, expireAt: number): void {
  context.propagateInstead(['SET', context.argCopy(1), context.argCopy(valueIndex), 'PXAT', String(expireAt)]);
}

function propagateWithoutGet(context: CommandContext): void {
  const args: (string | Uint8Array)[] = [];
  for (let index = 0; index < context.argc; index++) if (index < 3 || !context.argIs(index, 'GET')) args.push(context.argCopy(index));
  context.propagateInstead(args);
}

export function setnx(context: CommandContext): void {
  const exists = context.db.peek(context.bytes, context.argStart(1), context.argEnd(1)) !== 0;
  if (!exists) store(context, 2, NO_EXPIRY);
  context.reply.integer(exists ? 0 : 1);
}

export function setex(context: CommandContext): void {
  storeExpiring(context, true);
}

export function psetex(context: CommandContext): void {
  storeExpiring(context, false);
}

function storeExpiring(context: CommandContext, seconds: boolean): void {
  const expireAt = option.readExpiry(context, 2, seconds, true);
  if (expireAt === option.BAD_EXPIRY) return;
  store(context, 3, expireAt);
  context.keyChanged(1, 'g', 'expire');
  propagateWithExpiry(context, 3, expireAt);
  context.reply.ok();
}

export function getset(context: CommandContext): void {
  if (!replyOld(context)) return;
  store(context, 2, NO_EXPIRY);
  context.propagateInstead(['SET', context.argCopy(1), context.argCopy(2)]);
}

export function getdel(context: CommandContext): void {
  const { db, bytes } = context;
  const entry = db.find(bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) return context.reply.nil();
  if (!isStringOrReply(context, db, entry)) return;
  replyString(context, db, entry);
  remove(context);
}

/** DELIFEQ key value */
export function delifeq(context: CommandContext): void {
  const { db } = context;
  const entry = db.peek(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) return context.reply.integer(0);
  if (!isStringOrReply(context, db, entry)) return;
  if (!stringEqualsArgument(context, db, entry, 2)) return context.reply.integer(0);
  remove(context);
  context.reply.integer(1);
}

function remove(context: CommandContext): void {
  context.db.delete(context.bytes, context.argStart(1), context.argEnd(1));
  context.changed(1);
  context.propagateInstead(['DEL', context.argCopy(1)]);
  context.keyChanged(1, 'g', 'del');
}

/** GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST] */
export function getex(context: CommandContext): void {
  const options = option.parseOptions(context, 2, option.OPTIONS_OF_GETEX);
  if (options === option.BAD_OPTIONS) return;
  const expires = option.hasExpireOption(options);
  const expireAt = expires ? option.readOptionExpiry(context, options) : NO_EXPIRY;
  if (expires && expireAt === option.BAD_EXPIRY) return;
  const { db, bytes } = context;
  const entry = db.find(bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) return context.reply.nil();
  if (!isStringOrReply(context, db, entry)) return;
  replyString(context, db, entry);
  if (expires && (options & (option.OPTION_EXAT | option.OPTION_PXAT)) !== 0 && isPast(context, expireAt))
    return deleteAsExpired(context, 1);
  if (expires) {
    db.setExpire(db.findForWrite(bytes, context.argStart(1), context.argEnd(1)), expireAt);
    context.changed(1);
    context.propagateInstead(['PEXPIREAT', context.argCopy(1), String(expireAt)]);
    context.keyChanged(1, 'g', 'expire');
  } else if ((options & option.OPTION_PERSIST) !== 0 && db.expireAt(entry) !== NO_EXPIRY) {
    db.setExpire(db.findForWrite(bytes, context.argStart(1), context.argEnd(1)), NO_EXPIRY);
    context.changed(1);
    context.propagateInstead(['PERSIST', context.argCopy(1)]);
    context.keyChanged(1, 'g', 'persist');
  }
}
