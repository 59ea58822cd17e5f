/** ZRANGE in all its forms and names, and ZRANGESTORE. Upstream: t_zset.c, zrangeGenericCommand. */

import type { CommandContext } from '../../core/context.ts';
import { NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { isEmptyLexRange, isEmptyScoreRange, type LexRange, type ScoreRange } from '../../structures/score-range.ts';
import type { SortedSetValue } from '../../values/sorted-set-value.ts';
import { longArgument } from '../collection-key.ts';
import { lexRangeArgument, scoreRangeArgument } from './range-arguments.ts';
import { openSortedSet, replyLength, replyMember, type SortedSetTools, storeResult } from './sorted-set-tools.ts';

/** How a command of this family fixes what ZRANGE leaves to options. */
export interface RangeForm {
  readonly by?: 'rank' | 'score' | 'lex';
  readonly reverse?: boolean;
  /** ZRANGESTORE: the source stands in argument 2. */
  readonly stores?: boolean;
}

interface RangeOptions {
  readonly by: 'rank' | 'score' | 'lex';
  readonly reverse: boolean;
  readonly withScores: boolean;
  readonly offset: number;
  /** -1 = all. */
  readonly limit: number;
}

/** What of the open sorted set is wanted: `seek` finds the first member, then up to `count`, until `isPast`. */
interface Wanted {
  readonly count: number;
  seek(zset: SortedSetValue): boolean;
  isPast(zset: SortedSetValue, tools: SortedSetTools): boolean;
}

export function zrange(context: CommandContext, tools: SortedSetTools, form: RangeForm): void {
  const source = form.stores === true ? 2 : 1;
  const options = readOptions(context, form, source + 3);
  if (options === undefined) return;
  const range = readRange(context, options, source);
  if (range === undefined) return;
  const there = openSortedSet(context, tools, source);
  if (there === undefined) return;
  const wanted = there ? range(tools.zset) : undefined;
  if (form.stores === true) return store(context, tools, wanted, options.by === 'rank' ? (wanted?.count ?? 0) : 0);
  const { reply } = context;
  if (wanted === undefined) return reply.array(0);
  if (options.by === 'rank') return replyRanks(context, tools, wanted, options.withScores);
  const token = reply.beginDeferred();
  const count = visit(tools, wanted, score => replyMember(context, tools.element, score, options.withScores));
  reply.endDeferred(token, 'array', replyLength(context, count, options.withScores));
}

/** By rank the number of members is known before the first one. Hot path. */
function replyRanks(context: CommandContext, tools: SortedSetTools, wanted: Wanted, withScores: boolean): void {
  const { zset, element } = tools;
  context.reply.array(replyLength(context, wanted.count, withScores));
  if (wanted.count === 0) return;
  wanted.seek(zset);
  for (let left = wanted.count; left > 0; left--) {
    zset.read(element);
    replyMember(context, element, withScores ? zset.placeScore : 0, withScores);
    zset.advance();
  }
}

/** Reads each wanted member into `tools.element` and calls `use` with its score; returns how many there were. */
function visit(tools: SortedSetTools, wanted: Wanted, use: (score: number) => void): number {
  const { zset, element } = tools;
  let count = 0;
  let there = wanted.count > 0 && wanted.seek(zset);
  while (there && count < wanted.count) {
    zset.read(element);
    if (wanted.isPast(zset, tools)) break;
    use(zset.placeScore);
    count++;
    there = zset.advance();
  }
  return count;
}

/** `expected`: the number of members where it is known beforehand. */
function store(context: CommandContext, tools: SortedSetTools, wanted: Wanted | undefined, expected: number): void {
  const result = tools.values.sortedSet();
  result.create(expected, 0);
  const { element } = tools;
  if (wanted !== undefined) visit(tools, wanted, score => result.insert(score, element.bytes, element.start, element.end));
  storeResult(context, tools, result, 'zrangestore');
}

function readOptions(context: CommandContext, form: RangeForm, from: number): RangeOptions | undefined {
  let by = form.by;
  let reverse = form.reverse;
  let withScores = false;
  let offset = 0;
  let limit = -1;
  for (let index = from; index < context.argc; index++) {
    if (form.stores !== true && context.argIs(index, 'WITHSCORES')) withScores = true;
    else if (context.argIs(index, 'LIMIT') && index + 2 < context.argc) {
      const skipped = longArgument(context, index + 1, NOT_INTEGER_ERROR);
      const kept = skipped === undefined ? undefined : longArgument(context, index + 2, NOT_INTEGER_ERROR);
      if (skipped === undefined || kept === undefined) return undefined;
      offset = skipped;
      limit = kept;
      index += 2;
    } else if (reverse === undefined && context.argIs(index, 'REV')) reverse = true;
    else if (by === undefined && context.argIs(index, 'BYLEX')) by = 'lex';
    else if (by === undefined && context.argIs(index, 'BYSCORE')) by = 'score';
    else return refuse(context, SYNTAX_ERROR);
  }
  by ??= 'rank';
  if (limit !== -1 && by === 'rank') {
    return refuse(context, 'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX');
  }
  if (withScores && by === 'lex') return refuse(context, 'ERR syntax error, WITHSCORES not supported in combination with BYLEX');
  return { by, reverse: reverse ?? false, withScores, offset, limit };
}

function refuse(context: CommandContext, text: string): undefined {
  context.reply.error(text);
  return undefined;
}

/** The range arguments as a function from the open sorted set to what is wanted of it; undefined after an error reply. */
function readRange(context: CommandContext, options: RangeOptions, source: number): ((zset: SortedSetValue) => Wanted) | undefined {
  // By score and member, reversed ranges name the upper end first.
  const swapped = options.reverse && options.by !== 'rank';
  const minIndex = source + (swapped ? 2 : 1);
  const maxIndex = source + (swapped ? 1 : 2);
  if (options.by === 'score') {
    const range = scoreRangeArgument(context, minIndex, maxIndex);
    return range && (zset => byScore(zset, range, options));
  }
  if (options.by === 'lex') {
    const range = lexRangeArgument(context, minIndex, maxIndex);
    return range && (() => byLex(range, options));
  }
  const first = longArgument(context, minIndex);
  const last = first === undefined ? undefined : longArgument(context, maxIndex);
  if (first === undefined || last === undefined) return undefined;
  return zset => byRank(zset, first, last, options.reverse);
}

function byRank(zset: SortedSetValue, first: number, last: number, reverse: boolean): Wanted {
  const { length } = zset;
  const from = Math.max(first < 0 ? first + length : first, 0);
  const to = Math.min(last < 0 ? last + length : last, length - 1);
  return { count: Math.max(to - from + 1, 0), seek: open => open.seekRank(from, reverse), isPast: () => false };
}

function byScore(zset: SortedSetValue, range: ScoreRange, options: RangeOptions): Wanted {
  const { reverse, offset } = options;
  const none = isEmptyScoreRange(range) || offset < 0 || (offset > 0 && offset >= zset.length);
  return {
    count: none ? 0 : limitOf(options),
    seek: open => open.seekScore(range, reverse) && open.skip(offset),
    isPast: open => {
      const score = open.placeScore;
      if (reverse) return range.minExclusive ? score <= range.min : score < range.min;
      return range.maxExclusive ? score >= range.max : score > range.max;
    },
  };
}

function byLex(range: LexRange, options: RangeOptions): Wanted {
  const { reverse, offset } = options;
  return {
    count: isEmptyLexRange(range) || offset < 0 ? 0 : limitOf(options),
    seek: open => open.seekLex(range, reverse) && open.skip(offset),
    isPast: (open, { element }) => !open.isInLexRange(element, range, reverse),
  };
}

function limitOf(options: RangeOptions): number {
  return options.limit < 0 ? Infinity : options.limit;
}
