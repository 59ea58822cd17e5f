/** INCR and its family: strings as numbers. Hot path: steps between safe integers allocate nothing. */

import type { CommandContext } from '../../core/context.ts';
import { KEEP_EXPIRY, NO_EXPIRY } from '../../keyspace/database.ts';
import { addLongDoubles, formatLongDouble, parseLongDouble } from '../../protocol/long-double.ts';
import { NAN_OR_INFINITY, NOT_FLOAT, NOT_INTEGER_ERROR, OVERFLOW } from '../../protocol/reply-errors.ts';
import { isStringOrReply, storeText, stringAsInteger, stringBytes } from './string-value.ts';

const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);

export function incr(context: CommandContext): void {
  add(context, 1);
}

export function decr(context: CommandContext): void {
  add(context, -1);
}

export function incrby(context: CommandContext): void {
  const amount = context.argInteger(2) ?? context.argBigInt(2);
  if (amount === undefined) return context.reply.error(NOT_INTEGER_ERROR);
  add(context, amount);
}

export function decrby(context: CommandContext): void {
  const amount = context.argInteger(2) ?? context.argBigInt(2);
  if (amount === undefined) return context.reply.error(NOT_INTEGER_ERROR);
  if (amount === MIN) return context.reply.error('ERR decrement would overflow');
  add(context, -amount);
}

function add(context: CommandContext, amount: number | bigint): void {
  const { bytes, db, reply } = context;
  const start = context.argStart(1);
  const end = context.argEnd(1);
  const entry = db.findForWrite(bytes, start, end);
  let old: number | bigint = 0;
  if (entry !== 0) {
    if (!isStringOrReply(context, db, entry)) return;
    const value = stringAsInteger(db, entry);
    if (value === undefined) return reply.error(NOT_INTEGER_ERROR);
    old = value;
  }
  const sum = sumOf(old, amount);
  if (sum === undefined) return reply.error(OVERFLOW);
  db.setInteger(bytes, start, end, sum, entry === 0 ? NO_EXPIRY : KEEP_EXPIRY);
  context.changed(1);
  context.keyChanged(1, '$', 'incrby');
  reply.integer(sum);
}

/** A number where it is a safe integer; undefined when it leaves 64 bits. */
function sumOf(left: number | bigint, right: number | bigint): number | bigint | undefined {
  if (typeof left === 'number' && typeof right === 'number') {
    const sum = left + right;
    // -0 is no integer's text.
    if (Number.isSafeInteger(sum)) return sum + 0;
  }
  const exact = BigInt(left) + BigInt(right);
  if (exact > MAX || exact < MIN) return undefined;
  const narrow = Number(exact);
  return Number.isSafeInteger(narrow) ? narrow : exact;
}

export function incrbyfloat(context: CommandContext): void {
  const { bytes, db, reply } = context;
  const start = context.argStart(1);
  const end = context.argEnd(1);
  const entry = db.findForWrite(bytes, start, end);
  if (entry !== 0 && !isStringOrReply(context, db, entry)) return;
  const old = parseLongDouble(entry === 0 ? '0' : Buffer.from(stringBytes(db, entry)).toString('latin1'));
  const amount = parseLongDouble(context.argString(2));
  if (old === undefined || amount === undefined) return reply.error(NOT_FLOAT);
  const sum = addLongDoubles(old, amount);
  if (sum === undefined) return reply.error(NAN_OR_INFINITY);
  const text = formatLongDouble(sum);
  const value = Buffer.from(text, 'latin1');
  storeText(db, { bytes, start, end }, value, entry === 0 ? NO_EXPIRY : KEEP_EXPIRY, false);
  context.changed(1);
  context.keyChanged(1, '$', 'incrbyfloat');
  context.propagateInstead(['SET', context.argCopy(1), value, 'KEEPTTL']);
  reply.bulkString(text);
}
