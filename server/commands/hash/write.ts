/** HSET, HMSET, HSETNX, HDEL, HGETDEL, HINCRBY, HINCRBYFLOAT. Hot path: HSET allocates nothing. Upstream: t_hash.c. */

import type { CommandContext } from '../../core/context.ts';
import { TYPE_HASH } from '../../keyspace/database.ts';
import { NULL_REF, type Ref } from '../../memory/arena.ts';
import { addLongDoubles, formatLongDouble, parseLongDouble } from '../../protocol/long-double.ts';
import { NAN_OR_INFINITY, NOT_FLOAT, NOT_INTEGER_ERROR, OVERFLOW, SYNTAX_ERROR, wrongArity } from '../../protocol/reply-errors.ts';
import { LONG, parseDecimal, parseLong } from '../../structures/decimal.ts';
import { createKey, findToChange, settleRemoval, WRONG } from '../collection-key.ts';
import type { HashTools } from './hash-tools.ts';

const MIN_LONG = -(2n ** 63n);
const MAX_LONG = 2n ** 63n - 1n;

/** Opens the hash of argument 1 or a new one; WRONG after an error reply. */
function openOrCreate(context: CommandContext, tools: HashTools): Ref {
  const entry = findToChange(context, 1, TYPE_HASH);
  if (entry === WRONG) return WRONG;
  if (entry === NULL_REF) tools.hash.create();
  else tools.hash.open(context.db.encoding(entry), context.db.root(entry));
  return entry;
}

/** After a write: the entry learns of the value, or comes into being. */
function store(context: CommandContext, tools: HashTools, entry: Ref): void {
  if (entry === NULL_REF) createKey(context, 1, TYPE_HASH, tools.hash);
  else tools.hash.save(context.db, entry);
}

/** HSET, HMSET key field value… */
export function hset(context: CommandContext, tools: HashTools, repliesCount: boolean): void {
  const { bytes, argc, reply } = context;
  const { hash } = tools;
  if (argc % 2 === 1) return reply.error(wrongArity(context.command.fullName));
  const entry = openOrCreate(context, tools);
  if (entry === WRONG) return;
  hash.prepareForFields((argc - 2) / 2);
  for (let index = 2; index < argc; index++) hash.prepareFor(context.argLength(index));
  let created = 0;
  for (let index = 2; index < argc; index += 2) {
    const isNew = hash.set(
      bytes,
      context.argStart(index),
      context.argEnd(index),
      bytes,
      context.argStart(index + 1),
      context.argEnd(index + 1),
    );
    if (isNew) created++;
  }
  store(context, tools, entry);
  context.changed((argc - 2) / 2);
  context.keyChanged(1, 'h', 'hset');
  if (repliesCount) reply.integer(created);
  else reply.ok();
}

/** HSETNX key field value */
export function hsetnx(context: CommandContext, tools: HashTools): void {
  const { bytes, reply } = context;
  const { hash } = tools;
  const entry = openOrCreate(context, tools);
  if (entry === WRONG) return;
  if (hash.has(bytes, context.argStart(2), context.argEnd(2))) return reply.integer(0);
  hash.set(bytes, context.argStart(2), context.argEnd(2), bytes, context.argStart(3), context.argEnd(3));
  store(context, tools, entry);
  context.changed(1);
  context.keyChanged(1, 'h', 'hset');
  reply.integer(1);
}

/** HDEL key field… */
export function hdel(context: CommandContext, tools: HashTools): void {
  const entry = findToChange(context, 1, TYPE_HASH);
  if (entry === WRONG) return;
  if (entry === 0) return context.reply.integer(0);
  const { hash } = tools;
  hash.open(context.db.encoding(entry), context.db.root(entry));
  let deleted = 0;
  for (let index = 2; index < context.argc && hash.length > 0; index++) {
    if (hash.delete(context.bytes, context.argStart(index), context.argEnd(index))) deleted++;
  }
  if (deleted > 0) announceDeletion(context, tools, entry, deleted);
  context.reply.integer(deleted);
}

function announceDeletion(context: CommandContext, tools: HashTools, entry: Ref, deleted: number): void {
  const gone = settleRemoval(context, entry, tools.hash);
  context.changed(deleted);
  context.keyChanged(1, 'h', 'hdel');
  if (gone) context.keyChanged(1, 'g', 'del');
}

/** HGETDEL key FIELDS count field… */
export function hgetdel(context: CommandContext, tools: HashTools): void {
  const { bytes, reply, argc } = context;
  const { hash, value } = tools;
  if (!context.argIs(2, 'FIELDS')) return reply.error(SYNTAX_ERROR);
  const count = context.argBigInt(3);
  if (count === undefined) return reply.error(NOT_INTEGER_ERROR);
  if (count === 0n || count !== BigInt(argc - 4)) {
    return reply.error('ERR numfields should be greater than 0 and match the provided number of fields');
  }
  const entry = findToChange(context, 1, TYPE_HASH);
  if (entry === WRONG) return;
  if (entry !== 0) hash.open(context.db.encoding(entry), context.db.root(entry));
  reply.array(argc - 4);
  let deleted = 0;
  for (let index = 4; index < argc; index++) {
    const start = context.argStart(index);
    const end = context.argEnd(index);
    if (entry !== 0 && hash.get(bytes, start, end, value)) {
      reply.bulk(value.bytes, value.start, value.end);
      hash.delete(bytes, start, end);
      deleted++;
    } else reply.nil();
  }
  if (deleted > 0) announceDeletion(context, tools, entry, deleted);
}

/** HINCRBY key field increment */
export function hincrby(context: CommandContext, tools: HashTools): void {
  const { bytes, reply } = context;
  const { hash, value } = tools;
  const increment = context.argInteger(3) ?? context.argBigInt(3);
  if (increment === undefined) return reply.error(NOT_INTEGER_ERROR);
  const entry = openOrCreate(context, tools);
  if (entry === WRONG) return;
  let old: number | bigint | undefined = 0;
  if (hash.get(bytes, context.argStart(2), context.argEnd(2), value)) {
    const short = parseDecimal(value.bytes, value.start, value.end);
    old = short === LONG ? parseLong(value.bytes, value.start, value.end) : short === short ? short : undefined;
    if (old === undefined) return reply.error('ERR hash value is not an integer');
  }
  const sum = BigInt(old) + BigInt(increment);
  if (sum < MIN_LONG || sum > MAX_LONG) return discard(context, tools, entry, OVERFLOW);
  value.setText(sum.toString());
  hash.set(bytes, context.argStart(2), context.argEnd(2), value.bytes, value.start, value.end);
  store(context, tools, entry);
  context.changed(1);
  context.keyChanged(1, 'h', 'hincrby');
  reply.integer(sum);
}

/** An error after `openOrCreate`: a new hash is given back. */
function discard(context: CommandContext, tools: HashTools, entry: Ref, error: string): void {
  if (entry === NULL_REF) context.ports.values.free(TYPE_HASH, tools.hash.encoding, tools.hash.root);
  context.reply.error(error);
}

/** HINCRBYFLOAT key field increment: replicas get the result, not the sum. */
export function hincrbyfloat(context: CommandContext, tools: HashTools): void {
  const { bytes, reply } = context;
  const { hash, value } = tools;
  const given = context.argString(3);
  const increment = parseLongDouble(given);
  if (increment === undefined) return reply.error(NOT_FLOAT);
  if (/inf/i.test(given)) return reply.error('ERR value is NaN or Infinity');
  const entry = openOrCreate(context, tools);
  if (entry === WRONG) return;
  const there = hash.get(bytes, context.argStart(2), context.argEnd(2), value);
  const old = parseLongDouble(there ? value.toString() : '0');
  if (old === undefined) return discard(context, tools, entry, 'ERR hash value is not a float');
  const sum = addLongDoubles(old, increment);
  if (sum === undefined) return discard(context, tools, entry, NAN_OR_INFINITY);
  const text = Buffer.from(formatLongDouble(sum), 'latin1');
  hash.set(bytes, context.argStart(2), context.argEnd(2), text, 0, text.length);
  store(context, tools, entry);
  context.changed(1);
  context.keyChanged(1, 'h', 'hincrbyfloat');
  context.propagateInstead(['HSET', context.argCopy(1), context.argCopy(2), text]);
  reply.bulk(text, 0, text.length);
}
