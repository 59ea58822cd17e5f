/** ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZCOUNT, ZLEXCOUNT, ZSCAN, ZRANDMEMBER. Upstream: t_zset.c. */

import type { CommandContext } from '../../core/context.ts';
import { ENC_LISTPACK, TYPE_ZSET } from '../../keyspace/database.ts';
import { doubleText } from '../../protocol/number-text.ts';
import { SYNTAX_ERROR, wrongArity } from '../../protocol/reply-errors.ts';
import { isEmptyLexRange, isEmptyScoreRange } from '../../structures/score-range.ts';
import { scoreText } from '../../values/score-text.ts';
import type { SortedSetValue } from '../../values/sorted-set-value.ts';
import { drawCount, isSparse, visitSample } from '../collection-random.ts';
import { replyCollectionScan } from '../collection-scan.ts';
import { lexRangeArgument, scoreRangeArgument } from './range-arguments.ts';
import { openSortedSet, replyLength, replyMember, type SortedSetTools } from './sorted-set-tools.ts';

export function zcard(context: CommandContext, tools: SortedSetTools): void {
  const there = openSortedSet(context, tools);
  if (there !== undefined) context.reply.integer(there ? tools.zset.length : 0);
}

export function zscore(context: CommandContext, tools: SortedSetTools): void {
  const there = openSortedSet(context, tools);
  if (there !== undefined) replyScore(context, there ? tools.zset : undefined, 2);
}

export function zmscore(context: CommandContext, tools: SortedSetTools): void {
  const there = openSortedSet(context, tools);
  if (there === undefined) return;
  context.reply.array(context.argc - 2);
  for (let index = 2; index < context.argc; index++) replyScore(context, there ? tools.zset : undefined, index);
}

function replyScore(context: CommandContext, zset: SortedSetValue | undefined, index: number): void {
  const score = zset === undefined ? Number.NaN : zset.score(context.bytes, context.argStart(index), context.argEnd(index));
  if (score === score) context.reply.double(score);
  else context.reply.nil();
}

/** ZRANK, ZREVRANK key member [WITHSCORE] */
export function zrank(context: CommandContext, tools: SortedSetTools, reverse: boolean): void {
  const { bytes, reply, argc } = context;
  const { zset } = tools;
  if (argc > 4) return reply.error(wrongArity(context.command.fullName));
  const withScore = argc === 4;
  if (withScore && !context.argIs(3, 'WITHSCORE')) return reply.error(SYNTAX_ERROR);
  const there = openSortedSet(context, tools);
  if (there === undefined) return;
  const rank = there ? zset.rank(bytes, context.argStart(2), context.argEnd(2)) : -1;
  if (rank < 0) return withScore ? reply.nilArray() : reply.nil();
  if (withScore) reply.array(2);
  reply.integer(reverse ? zset.length - 1 - rank : rank);
  if (withScore) reply.double(zset.score(bytes, context.argStart(2), context.argEnd(2)));
}

/** ZCOUNT key min max */
export function zcount(context: CommandContext, tools: SortedSetTools): void {
  const range = scoreRangeArgument(context, 2, 3);
  if (range === undefined) return;
  const there = openSortedSet(context, tools);
  if (there === undefined) return;
  const { zset } = tools;
  if (!there || isEmptyScoreRange(range) || !zset.seekScore(range, false)) return context.reply.integer(0);
  const first = zset.placeRank();
  zset.seekScore(range, true);
  context.reply.integer(zset.placeRank() - first + 1);
}

/** ZLEXCOUNT key min max */
export function zlexcount(context: CommandContext, tools: SortedSetTools): void {
  const range = lexRangeArgument(context, 2, 3);
  if (range === undefined) return;
  const there = openSortedSet(context, tools);
  if (there === undefined) return;
  const { zset } = tools;
  if (!there || isEmptyLexRange(range) || !zset.seekLex(range, false)) return context.reply.integer(0);
  const first = zset.placeRank();
  const last = zset.seekLex(range, true) ? zset.placeRank() : first - 1;
  context.reply.integer(Math.max(last - first + 1, 0));
}

export function zscan(context: CommandContext, tools: SortedSetTools): void {
  const { zset, element } = tools;
  let score = 0;
  replyCollectionScan(context, TYPE_ZSET, {
    element,
    second: () => Buffer.from(zset.encoding === ENC_LISTPACK ? scoreText(score) : seventeenDigits(score), 'latin1'),
    open: entry => {
      zset.open(context.db.encoding(entry), context.db.root(entry));
      return (cursor, visit) =>
        zset.scan(cursor, element, found => {
          score = found;
          visit();
        });
    },
  });
}

/** As printf's `%.17g`: what ZSCAN shows of a skip list's scores (upstream's ld2string), other than every other command. */
function seventeenDigits(score: number): string {
  if (!Number.isFinite(score) || score === 0) return doubleText(score);
  const [mantissa, exponentText] = score.toExponential(16).split('e');
  const exponent = Number(exponentText);
  const digits = mantissa.replace(/\.?0+$/, '');
  if (exponent < -4 || exponent >= 17) return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  const plain = score.toFixed(Math.max(16 - exponent, 0));
  return plain.includes('.') ? plain.replace(/\.?0+$/, '') : plain;
}

/** ZRANDMEMBER key [count [WITHSCORES]] */
export function zrandmember(context: CommandContext, tools: SortedSetTools): void {
  const { reply, argc } = context;
  const { zset, element } = tools;
  const random = (): number => context.ports.entropy.random();
  if (argc === 2) {
    const there = openSortedSet(context, tools);
    if (there === undefined) return;
    if (!there) return reply.nil();
    zset.random(random, element);
    return reply.bulk(element.bytes, element.start, element.end);
  }
  if (argc > 4 || (argc === 4 && !context.argIs(3, 'WITHSCORES'))) {
    // The count is looked at first.
    if (drawCount(context, 2, false) !== undefined) reply.error(SYNTAX_ERROR);
    return;
  }
  const withScores = argc === 4;
  const count = drawCount(context, 2, withScores);
  if (count === undefined) return;
  const there = openSortedSet(context, tools);
  if (there === undefined) return;
  if (!there || count === 0) return reply.array(0);
  if (count > 0) return drawDistinct(context, tools, count, withScores, random);
  reply.array(replyLength(context, -count, withScores));
  for (let left = -count; left > 0; left--) replyMember(context, element, zset.random(random, element), withScores);
}

function drawDistinct(context: CommandContext, tools: SortedSetTools, count: number, withScores: boolean, random: () => number): void {
  const { zset, element, members } = tools;
  const size = zset.length;
  const drawn = Math.min(count, size);
  context.reply.array(replyLength(context, drawn, withScores));
  if (!isSparse(drawn, size)) {
    members.open(TYPE_ZSET, zset.encoding, zset.root);
    return visitSample(members, size, drawn, random, () => replyMember(context, members.element, members.score, withScores));
  }
  const seen = new Set<string>();
  while (seen.size < drawn) {
    const score = zset.random(random, element);
    const name = element.toString();
    if (seen.has(name)) continue;
    seen.add(name);
    replyMember(context, element, score, withScores);
  }
}
