/** EXPIRE, TTL and their families. */

import type { CommandContext } from '../../core/context.ts';
import { NO_EXPIRY } from '../../keyspace/database.ts';
import { invalidExpireTime, NOT_INTEGER_ERROR } from '../../protocol/reply-errors.ts';
import { deleteAsExpired, isPast } from '../expired-key.ts';
import { peekCounted } from './peek-counted.ts';

const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);

export function expire(context: CommandContext): void {
  setExpiry(context, context.now, 1000);
}

export function pexpire(context: CommandContext): void {
  setExpiry(context, context.now, 1);
}

export function expireat(context: CommandContext): void {
  setExpiry(context, 0, 1000);
}

export function pexpireat(context: CommandContext): void {
  setExpiry(context, 0, 1);
}

/** The argument counts units of `unit` milliseconds from `base` on. */
function setExpiry(context: CommandContext, base: number, unit: number): void {
  const { bytes, db, reply } = context;
  const conditions = readConditions(context);
  if (conditions === undefined) return;
  const at = readTime(context, base, unit);
  if (at === undefined) return;
  const entry = db.findForWrite(bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0 || !holds(conditions, db.expireAt(entry), at)) return reply.integer(0);
  if (isPast(context, at)) {
    deleteAsExpired(context, 1);
    return reply.integer(1);
  }
  db.setExpire(entry, at);
  context.changed(1);
  context.keyChanged(1, 'g', 'expire');
  const args: (string | Uint8Array)[] = ['PEXPIREAT', context.argCopy(1), String(at)];
  for (let index = 3; index < context.argc; index++) args.push(context.argCopy(index));
  context.propagateInstead(args);
  reply.integer(1);
}

interface Conditions {
  readonly nx: boolean;
  readonly xx: boolean;
  readonly gt: boolean;
  readonly lt: boolean;
}

const UNCONDITIONAL: Conditions = { nx: false, xx: false, gt: false, lt: false };

function readConditions(context: CommandContext): Conditions | undefined {
  if (context.argc === 3) return UNCONDITIONAL;
  let { nx, xx, gt, lt } = UNCONDITIONAL;
  for (let index = 3; index < context.argc; index++) {
    if (context.argIs(index, 'NX')) nx = true;
    else if (context.argIs(index, 'XX')) xx = true;
    else if (context.argIs(index, 'GT')) gt = true;
    else if (context.argIs(index, 'LT')) lt = true;
    else {
      context.reply.error(`ERR Unsupported option ${context.argString(index)}`);
      return undefined;
    }
  }
  if (nx && (xx || gt || lt)) context.reply.error('ERR NX and XX, GT or LT options at the same time are not compatible');
  else if (gt && lt) context.reply.error('ERR GT and LT options at the same time are not compatible');
  else return { nx, xx, gt, lt };
  return undefined;
}

/** A key without expiry counts as one that never ends. */
function holds({ nx, xx, gt, lt }: Conditions, current: number, at: number): boolean {
  const none = current === NO_EXPIRY;
  if (nx && !none) return false;
  if (xx && none) return false;
  if (gt && (none || at <= current)) return false;
  return !(lt && !none && at >= current);
}

/** Unix milliseconds; before 1970 becomes 0, beyond 2^53 is cut to it. undefined after an error was replied. */
function readTime(context: CommandContext, base: number, unit: number): number | undefined {
  const given = context.argInteger(2);
  if (given !== undefined && Math.abs(given) < 1e12) return Math.max(0, given * unit + base);
  const exact = context.argBigInt(2);
  if (exact === undefined) {
    context.reply.error(NOT_INTEGER_ERROR);
    return undefined;
  }
  const total = exact * BigInt(unit);
  if (total > MAX || total < MIN || total > MAX - BigInt(base)) {
    context.reply.error(invalidExpireTime(context.command.fullName));
    return undefined;
  }
  return Math.min(Math.max(0, Number(total + BigInt(base))), Number.MAX_SAFE_INTEGER);
}

export function ttl(context: CommandContext): void {
  replyExpiry(context, context.now, true);
}

export function pttl(context: CommandContext): void {
  replyExpiry(context, context.now, false);
}

export function expiretime(context: CommandContext): void {
  replyExpiry(context, 0, true);
}

export function pexpiretime(context: CommandContext): void {
  replyExpiry(context, 0, false);
}

function replyExpiry(context: CommandContext, base: number, seconds: boolean): void {
  const entry = peekCounted(context, 1);
  if (entry === 0) return context.reply.integer(-2);
  const at = context.db.expireAt(entry);
  if (at === NO_EXPIRY) return context.reply.integer(-1);
  const left = Math.max(0, at - base);
  context.reply.integer(seconds ? Math.floor((left + 500) / 1000) : left);
}

export function persist(context: CommandContext): void {
  const { db } = context;
  const entry = db.findForWrite(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0 || db.expireAt(entry) === NO_EXPIRY) return context.reply.integer(0);
  db.setExpire(entry, NO_EXPIRY);
  context.changed(1);
  context.keyChanged(1, 'g', 'persist');
  context.reply.integer(1);
}
