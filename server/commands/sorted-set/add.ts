/** ZADD and ZINCRBY. Hot path: a ZADD without options allocates nothing. Upstream: t_zset.c, zaddGenericCommand. */

import type { CommandContext } from '../../core/context.ts';
import { TYPE_ZSET } from '../../keyspace/database.ts';
import { NOT_FLOAT, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { createKey, findToChange, WRONG } from '../collection-key.ts';
import type { SortedSetTools } from './sorted-set-tools.ts';

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;
const INCR = 16;
const CH = 32;

const NO_OP = 0;
const ADDED = 1;
const UPDATED = 2;
const SAME = 3;
const NOT_A_NUMBER = 4;

/** ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member…; ZINCRBY key increment member */
export function zadd(context: CommandContext, tools: SortedSetTools, increments: boolean): void {
  const { argc, reply, db } = context;
  let first = 2;
  let flags = increments ? INCR : 0;
  for (; first < argc; first++) {
    const flag = optionAt(context, first);
    if (flag === 0) break;
    flags |= flag;
  }
  const error = problemWith(flags, argc - first);
  if (error !== undefined) return reply.error(error);
  let longest = 0;
  for (let index = first; index < argc; index += 2) {
    if (context.argDouble(index) === undefined) return reply.error(NOT_FLOAT);
    longest = Math.max(longest, context.argLength(index + 1));
  }
  const { zset } = tools;
  const count = (argc - first) / 2;
  const entry = findToChange(context, 1, TYPE_ZSET);
  if (entry === WRONG) return;
  if (entry !== 0) {
    zset.open(db.encoding(entry), db.root(entry));
    zset.prepareFor(count, longest);
  } else {
    if (flags & XX) return flags & INCR ? reply.nil() : reply.integer(0);
    zset.create(count, longest);
  }
  const changes = addPairs(context, tools, first, flags);
  if (entry === 0) createKey(context, 1, TYPE_ZSET, zset);
  else zset.save(db, entry);
  if (changes > 0) {
    context.changed(changes);
    context.keyChanged(1, 'z', flags & INCR ? 'zincr' : 'zadd');
  }
}

/** Adds all pairs and replies; returns how many members were added or updated. */
function addPairs(context: CommandContext, tools: SortedSetTools, first: number, flags: number): number {
  const { argc, reply } = context;
  let added = 0;
  let updated = 0;
  for (let index = first; index < argc; index += 2) {
    const outcome = addOne(context, tools, index, flags);
    if (outcome === ADDED) added++;
    else if (outcome === UPDATED) updated++;
    if ((flags & INCR) === 0) continue;
    if (outcome === NOT_A_NUMBER) reply.error('ERR resulting score is not a number (NaN)');
    else if (outcome === NO_OP) reply.nil();
    else reply.double(tools.newScore);
  }
  if ((flags & INCR) === 0) reply.integer(flags & CH ? added + updated : added);
  return added + updated;
}

function addOne(context: CommandContext, tools: SortedSetTools, index: number, flags: number): number {
  const { bytes } = context;
  const { zset } = tools;
  const start = context.argStart(index + 1);
  const end = context.argEnd(index + 1);
  let score = context.argDouble(index) as number;
  const old = zset.score(bytes, start, end);
  tools.newScore = score;
  if (old !== old) {
    if (flags & XX) return NO_OP;
    zset.insert(score, bytes, start, end);
    return ADDED;
  }
  if (flags & NX) return NO_OP;
  if (flags & INCR) {
    score += old;
    tools.newScore = score;
    if (score !== score) return NOT_A_NUMBER;
  }
  if ((flags & LT && score >= old) || (flags & GT && score <= old)) return NO_OP;
  if (score === old) return SAME;
  zset.update(score, bytes, start, end);
  return UPDATED;
}

function optionAt(context: CommandContext, index: number): number {
  const length = context.argLength(index);
  if (length !== 2 && length !== 4) return 0;
  // A score begins with a digit, sign, dot or `i` of infinity; options do with a letter that is none of them but for INCR.
  const initial = context.bytes[context.argStart(index)] | 32;
  if (initial < 0x61) return 0;
  if (length === 4) return context.argIs(index, 'INCR') ? INCR : 0;
  if (context.argIs(index, 'NX')) return NX;
  if (context.argIs(index, 'XX')) return XX;
  if (context.argIs(index, 'CH')) return CH;
  if (context.argIs(index, 'GT')) return GT;
  return context.argIs(index, 'LT') ? LT : 0;
}

function problemWith(flags: number, rest: number): string | undefined {
  if (rest === 0 || rest % 2 !== 0) return SYNTAX_ERROR;
  if (flags & NX && flags & XX) return 'ERR XX and NX options at the same time are not compatible';
  if ((flags & GT && flags & NX) || (flags & LT && flags & NX) || (flags & GT && flags & LT)) {
    return 'ERR GT, LT, and/or NX options at the same time are not compatible';
  }
  return flags & INCR && rest > 2 ? 'ERR INCR option supports a single increment-element pair' : undefined;
}
