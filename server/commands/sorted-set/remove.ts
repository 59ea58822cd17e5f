/** ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX, ZPOPMIN, ZPOPMAX, ZMPOP. Upstream: t_zset.c. */

import type { CommandContext } from '../../core/context.ts';
import { TYPE_ZSET } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { isEmptyLexRange, isEmptyScoreRange } from '../../structures/score-range.ts';
import type { SortedSetValue } from '../../values/sorted-set-value.ts';
import { countArgument, findToChange, longArgument, multiPopCount, settleRemoval, WRONG } from '../collection-key.ts';
import { lexRangeArgument, scoreRangeArgument } from './range-arguments.ts';
import type { SortedSetTools } from './sorted-set-tools.ts';

/** ZREM key member… */
export function zrem(context: CommandContext, tools: SortedSetTools): void {
  const { bytes, db, argc, reply } = context;
  const { zset } = tools;
  const entry = findToChange(context, 1, TYPE_ZSET);
  if (entry === WRONG) return;
  if (entry === 0) return reply.integer(0);
  zset.open(db.encoding(entry), db.root(entry));
  let removed = 0;
  for (let index = 2; index < argc && zset.length > 0; index++) {
    if (zset.remove(bytes, context.argStart(index), context.argEnd(index))) removed++;
  }
  if (removed > 0) announce(context, entry, tools, 1, removed, 'zrem');
  reply.integer(removed);
}

/** After members went from the open sorted set. */
function announce(context: CommandContext, entry: Ref, tools: SortedSetTools, keyIndex: number, removed: number, event: string): void {
  const gone = settleRemoval(context, entry, tools.zset);
  context.changed(removed);
  context.keyChanged(keyIndex, 'z', event);
  if (gone) context.keyChanged(keyIndex, 'g', 'del');
}

/** Positions [first, last] of the open sorted set; empty when last < first. */
interface Ranks {
  readonly first: number;
  readonly last: number;
}

const NO_RANKS: Ranks = { first: 0, last: -1 };

export function zremrange(context: CommandContext, tools: SortedSetTools, by: 'rank' | 'score' | 'lex'): void {
  const { db, reply } = context;
  const { zset } = tools;
  const ranksOf = readRange(context, by);
  if (ranksOf === undefined) return;
  const entry = findToChange(context, 1, TYPE_ZSET);
  if (entry === WRONG) return;
  if (entry === 0) return reply.integer(0);
  zset.open(db.encoding(entry), db.root(entry));
  const { first, last } = ranksOf(zset);
  const count = Math.max(last - first + 1, 0);
  if (count === 0) return reply.integer(0);
  const event = `zremrangeby${by}`;
  if (count === zset.length) {
    db.deleteEntry(entry);
    context.changed(count);
    context.keyChanged(1, 'z', event);
    context.keyChanged(1, 'g', 'del');
  } else {
    zset.removeRanks(first, count);
    announce(context, entry, tools, 1, count, event);
  }
  reply.integer(count);
}

/** The range arguments as a function from the open sorted set to positions; undefined after an error reply. */
function readRange(context: CommandContext, by: 'rank' | 'score' | 'lex'): ((zset: SortedSetValue) => Ranks) | undefined {
  if (by === 'score') {
    const range = scoreRangeArgument(context, 2, 3);
    return range && (zset => (isEmptyScoreRange(range) ? NO_RANKS : between(zset, backward => zset.seekScore(range, backward))));
  }
  if (by === 'lex') {
    const range = lexRangeArgument(context, 2, 3);
    return range && (zset => (isEmptyLexRange(range) ? NO_RANKS : between(zset, backward => zset.seekLex(range, backward))));
  }
  const start = longArgument(context, 2);
  const stop = start === undefined ? undefined : longArgument(context, 3);
  if (start === undefined || stop === undefined) return undefined;
  return ({ length }) => ({
    first: Math.max(start < 0 ? start + length : start, 0),
    last: Math.min(stop < 0 ? stop + length : stop, length - 1),
  });
}

function between(zset: SortedSetValue, seek: (backward: boolean) => boolean): Ranks {
  if (!seek(false)) return NO_RANKS;
  const first = zset.placeRank();
  return seek(true) ? { first, last: zset.placeRank() } : NO_RANKS;
}

/** ZPOPMIN, ZPOPMAX key [count] */
export function zpop(context: CommandContext, tools: SortedSetTools, highest: boolean): void {
  const { db, reply, argc } = context;
  if (argc > 3) return reply.error(SYNTAX_ERROR);
  const count = argc === 3 ? countArgument(context, 2) : 1;
  if (count === undefined) return;
  const entry = findToChange(context, 1, TYPE_ZSET);
  if (entry === WRONG) return;
  if (entry === 0 || count === 0) return reply.array(0);
  tools.zset.open(db.encoding(entry), db.root(entry));
  const popped = Math.min(count, tools.zset.length);
  // Without a count the reply is one flat pair, also in RESP3.
  const nested = argc === 3 && reply.resp === 3;
  reply.array(nested ? popped : popped * 2);
  popMembers(context, tools, entry, 1, highest, popped, nested);
}

/** Replies with `count` members from one end of the open sorted set, which has that many, and removes them. */
function popMembers(
  context: CommandContext,
  tools: SortedSetTools,
  entry: Ref,
  keyIndex: number,
  highest: boolean,
  count: number,
  nested: boolean,
): void {
  const { reply } = context;
  const { zset, element } = tools;
  zset.seekRank(0, highest);
  for (let left = count; left > 0; left--) {
    zset.read(element);
    if (nested) reply.array(2);
    reply.bulk(element.bytes, element.start, element.end);
    reply.double(zset.placeScore);
    if (left > 1) zset.advance();
  }
  zset.removeRanks(highest ? zset.length - count : 0, count);
  announce(context, entry, tools, keyIndex, count, highest ? 'zpopmax' : 'zpopmin');
}

/** ZMPOP numkeys key… MIN|MAX [COUNT count] */
export function zmpop(context: CommandContext, tools: SortedSetTools): void {
  const { db, reply, argc } = context;
  const keys = countArgument(context, 1, 'ERR numkeys should be greater than 0', 1);
  if (keys === undefined) return;
  const whereIndex = 2 + keys;
  if (whereIndex >= argc) return reply.error(SYNTAX_ERROR);
  const highest = context.argIs(whereIndex, 'MAX');
  if (!highest && !context.argIs(whereIndex, 'MIN')) return reply.error(SYNTAX_ERROR);
  const count = multiPopCount(context, whereIndex + 1);
  if (count === undefined) return;
  for (let index = 2; index < whereIndex; index++) {
    const entry = findToChange(context, index, TYPE_ZSET);
    if (entry === WRONG) return;
    if (entry === 0) continue;
    tools.zset.open(db.encoding(entry), db.root(entry));
    const popped = Math.min(count, tools.zset.length);
    const key = context.argCopy(index);
    reply.array(2);
    reply.bulk(key, 0, key.length);
    reply.array(popped);
    popMembers(context, tools, entry, index, highest, popped, true);
    context.propagateInstead([highest ? 'ZPOPMAX' : 'ZPOPMIN', key, String(popped)]);
    return;
  }
  reply.nilArray();
}
