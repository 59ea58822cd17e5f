/** MGET, MSET and their variants: several keys in one step. Hot path: MGET and MSET allocate nothing. */

import type { CommandContext } from '../../core/context.ts';
import { KEEP_EXPIRY, NO_EXPIRY, TYPE_STRING } from '../../keyspace/database.ts';
import { SYNTAX_ERROR, wrongArity } from '../../protocol/reply-errors.ts';
import * as option from './options.ts';
import { replyString } from './string-value.ts';

export function mget(context: CommandContext): void {
  const { db, reply } = context;
  reply.array(context.argc - 1);
  for (let index = 1; index < context.argc; index++) {
    const entry = db.find(context.bytes, context.argStart(index), context.argEnd(index));
    if (entry === 0 || db.type(entry) !== TYPE_STRING) reply.nil();
    else replyString(context, db, entry);
  }
}

export function mset(context: CommandContext): void {
  if (context.argc % 2 === 0) return context.reply.error(wrongArity(context.command.fullName));
  storePairs(context, 1, context.argc, NO_EXPIRY);
  context.reply.ok();
}

export function msetnx(context: CommandContext): void {
  if (context.argc % 2 === 0) return context.reply.error(wrongArity(context.command.fullName));
  if (countExisting(context, 1, context.argc) > 0) return context.reply.integer(0);
  storePairs(context, 1, context.argc, NO_EXPIRY);
  context.reply.integer(1);
}

/** MSETEX numkeys key value [key value ...] [NX | XX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] */
export function msetex(context: CommandContext): void {
  const { reply } = context;
  const count = context.argInteger(1);
  if (count === undefined || count < 1 || count > 2 ** 31 - 1) return reply.error('ERR invalid numkeys value or out of range');
  const end = 2 + count * 2;
  if (end > context.argc) return reply.error(SYNTAX_ERROR);
  const options = option.parseOptions(context, end, option.OPTIONS_OF_MSETEX);
  if (options === option.BAD_OPTIONS) return;
  const expires = option.hasExpireOption(options);
  let expireAt = (options & option.OPTION_KEEPTTL) !== 0 ? KEEP_EXPIRY : NO_EXPIRY;
  if (expires) {
    expireAt = option.readOptionExpiry(context, options);
    if (expireAt === option.BAD_EXPIRY) return;
  }
  const conditions = options & (option.OPTION_NX | option.OPTION_XX);
  if (conditions !== 0) {
    const existing = countExisting(context, 2, end);
    if (existing !== (conditions === option.OPTION_XX ? count : 0)) return reply.integer(0);
  }
  storePairs(context, 2, end, expireAt);
  if (expires && (options & option.OPTION_PXAT) === 0) propagateExpiryAsTime(context, option.expireOptionIndex(options), expireAt);
  reply.integer(1);
}

function countExisting(context: CommandContext, first: number, end: number): number {
  let count = 0;
  for (let index = first; index < end; index += 2) {
    if (context.db.peek(context.bytes, context.argStart(index), context.argEnd(index)) !== 0) count++;
  }
  return count;
}

function storePairs(context: CommandContext, first: number, end: number, expireAt: number): void {
  const { bytes, db } = context;
  for (let index = first; index < end; index += 2) {
    const value = context.argStart(index + 1);
    db.setString(bytes, context.argStart(index), context.argEnd(index), bytes, value, context.argEnd(index + 1), expireAt);
    context.keyChanged(index, '$', 'set');
    if (expireAt >= 0) context.keyChanged(index, 'g', 'expire');
  }
  context.changed((end - first) / 2);
}

function propagateExpiryAsTime(context: CommandContext, optionIndex: number, expireAt: number): void {
  const args: (string | Uint8Array)[] = [];
  for (let index = 0; index < context.argc; index++) {
    if (index === optionIndex) args.push('PXAT');
    else if (index === optionIndex + 1) args.push(String(expireAt));
    else args.push(context.argCopy(index));
  }
  context.propagateInstead(args);
}
