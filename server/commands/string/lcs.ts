/**
 * LCS: the longest common subsequence of two strings, by the table of lengths of all pairs of prefixes (O(N × M) time and memory).
 * The way back through the table gives the subsequence and its ranges, last one first.
 */

import type { CommandContext } from '../../core/context.ts';
import { TYPE_STRING } from '../../keyspace/database.ts';
import { NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { stringBytes } from './string-value.ts';

interface LcsOptions {
  readonly lengthOnly: boolean;
  readonly ranges: boolean;
  readonly withLengths: boolean;
  readonly minLength: number;
}

/** A run of equal bytes: `a[aStart … aEnd]` = `b[bStart … bEnd]`, ends included. */
interface Match {
  readonly aStart: number;
  readonly aEnd: number;
  readonly bStart: number;
  readonly bEnd: number;
}

/** LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN] */
export function lcs(context: CommandContext): void {
  const { reply } = context;
  const a = operand(context, 1);
  const b = operand(context, 2);
  if (a === undefined || b === undefined) return reply.error('ERR The specified keys must contain string values');
  const options = readOptions(context);
  if (options === undefined) return;
  if (options.lengthOnly && options.ranges) {
    return reply.error('ERR If you want both the length and indexes, please just use IDX.');
  }
  const cells = (a.length + 1) * (b.length + 1);
  if (cells * 4 > context.ports.config.integer('proto-max-bulk-len')) {
    return reply.error('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len');
  }
  const lengths = prefixLengths(a, b);
  const total = lengths[cells - 1];
  if (options.ranges) replyRanges(context, wayBack(a, b, lengths).matches, total, options);
  else if (options.lengthOnly) reply.integer(total);
  else {
    const { common } = wayBack(a, b, lengths);
    reply.bulk(common, 0, common.length);
  }
}

function operand(context: CommandContext, index: number): Uint8Array | undefined {
  const entry = context.db.find(context.bytes, context.argStart(index), context.argEnd(index));
  if (entry === 0) return new Uint8Array(0);
  return context.db.type(entry) === TYPE_STRING ? stringBytes(context.db, entry) : undefined;
}

function readOptions(context: CommandContext): LcsOptions | undefined {
  let lengthOnly = false;
  let ranges = false;
  let withLengths = false;
  let minLength = 0;
  for (let index = 3; index < context.argc; index++) {
    if (context.argIs(index, 'IDX')) ranges = true;
    else if (context.argIs(index, 'LEN')) lengthOnly = true;
    else if (context.argIs(index, 'WITHMATCHLEN')) withLengths = true;
    else if (context.argIs(index, 'MINMATCHLEN') && index + 1 < context.argc) {
      const given = context.argInteger(++index) ?? context.argBigInt(index);
      if (given === undefined) {
        context.reply.error(NOT_INTEGER_ERROR);
        return undefined;
      }
      minLength = Math.max(0, Number(given));
    } else {
      context.reply.error(SYNTAX_ERROR);
      return undefined;
    }
  }
  return { lengthOnly, ranges, withLengths, minLength };
}

/** Cell `i * (b.length + 1) + j`: the length of the common subsequence of the first i bytes of a and the first j of b. */
function prefixLengths(a: Uint8Array, b: Uint8Array): Uint32Array {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i++) {
    const byte = a[i - 1];
    const row = i * width;
    for (let j = 1; j <= b.length; j++) {
      if (byte === b[j - 1]) lengths[row + j] = lengths[row - width + j - 1] + 1;
      else lengths[row + j] = Math.max(lengths[row - width + j], lengths[row + j - 1]);
    }
  }
  return lengths;
}

function wayBack(a: Uint8Array, b: Uint8Array, lengths: Uint32Array): { common: Uint8Array; matches: Match[] } {
  const width = b.length + 1;
  let left = lengths[lengths.length - 1];
  const common = new Uint8Array(left);
  const matches: Match[] = [];
  let run: Match | undefined;
  let i = a.length;
  let j = b.length;
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      common[--left] = a[--i];
      j--;
      if (run !== undefined && run.aStart === i + 1 && run.bStart === j + 1) run = { ...run, aStart: i, bStart: j };
      else {
        if (run !== undefined) matches.push(run);
        run = { aStart: i, aEnd: i, bStart: j, bEnd: j };
      }
    } else {
      if (lengths[(i - 1) * width + j] > lengths[i * width + j - 1]) i--;
      else j--;
    }
  }
  if (run !== undefined) matches.push(run);
  return { common, matches };
}

function replyRanges(context: CommandContext, matches: readonly Match[], total: number, options: LcsOptions): void {
  const { reply } = context;
  const shown = matches.filter(match => match.aEnd - match.aStart + 1 >= options.minLength);
  reply.map(2);
  reply.bulkString('matches');
  reply.array(shown.length);
  for (const { aStart, aEnd, bStart, bEnd } of shown) {
    reply.array(options.withLengths ? 3 : 2);
    reply.array(2);
    reply.integer(aStart);
    reply.integer(aEnd);
    reply.array(2);
    reply.integer(bStart);
    reply.integer(bEnd);
    if (options.withLengths) reply.integer(aEnd - aStart + 1);
  }
  reply.bulkString('len');
  reply.integer(total);
}
