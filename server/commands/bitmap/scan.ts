/** BITCOUNT and BITPOS: how many bits are set, and where the first one is, in a range of bytes or bits. */

import type { CommandContext } from '../../core/context.ts';
import { NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { countBits, findBit } from '../../structures/bitmap.ts';
import { isStringOrReply, stringByteLength } from '../string/string-value.ts';
import { bitsStart, bitsView } from './bit-string.ts';
import { rangeEnd, rangeStart } from '../string/range.ts';

/** What a client gave: positions from 0 on or, negative, from the end; `last` is included, undefined = the end of the string. */
interface RangeArguments {
  readonly first: number | bigint;
  readonly last: number | bigint | undefined;
  /** Bits of a step: 8 where positions are of bytes. */
  readonly unit: 1 | 8;
}

const WHOLE: RangeArguments = { first: 0, last: undefined, unit: 8 };

/** BITCOUNT key [start [end [BYTE | BIT]]] */
export function bitcount(context: CommandContext): void {
  const { db, reply } = context;
  const range = readRange(context, 2);
  if (range === undefined) return;
  const entry = db.find(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) return reply.integer(0);
  if (!isStringOrReply(context, db, entry)) return;
  const { first, last, unit } = range;
  // Before the beginning of the string both would become its first position.
  if (last !== undefined && first < 0 && last < 0 && first > last) return reply.integer(0);
  const steps = (stringByteLength(db, entry) * 8) / unit;
  reply.integer(countBits(bitsView(db, entry), bitsStart(db, entry), firstStep(range, steps) * unit, endStep(range, steps) * unit));
}

/** BITPOS key bit [start [end [BYTE | BIT]]] */
export function bitpos(context: CommandContext): void {
  const { db, reply } = context;
  const bit = context.argInteger(2) ?? context.argBigInt(2);
  if (bit === undefined) return reply.error(NOT_INTEGER_ERROR);
  if (bit !== 0 && bit !== 1) return reply.error('ERR The bit argument must be 1 or 0.');
  const range = readRange(context, 3);
  if (range === undefined) return;
  const entry = db.find(context.bytes, context.argStart(1), context.argEnd(1));
  // No key is a row of zeros without an end.
  if (entry === 0) return reply.integer(bit === 1 ? -1 : 0);
  if (!isStringOrReply(context, db, entry)) return;
  const bits = stringByteLength(db, entry) * 8;
  const from = firstStep(range, bits / range.unit) * range.unit;
  const to = endStep(range, bits / range.unit) * range.unit;
  const found = findBit(bitsView(db, entry), bitsStart(db, entry), from, to, bit);
  // Without an end zeros follow the string.
  reply.integer(found < 0 && bit === 0 && range.last === undefined && from < to ? bits : found);
}

/** The optional range from argument `index` on; undefined when it is none (the error was replied). */
function readRange(context: CommandContext, index: number): RangeArguments | undefined {
  const { argc, reply } = context;
  if (argc === index) return WHOLE;
  if (argc > index + 3) {
    reply.error(SYNTAX_ERROR);
    return undefined;
  }
  const first = context.argInteger(index) ?? context.argBigInt(index);
  const inBits = argc === index + 3 && context.argIs(index + 2, 'BIT');
  if (first !== undefined && argc === index + 3 && !inBits && !context.argIs(index + 2, 'BYTE')) {
    reply.error(SYNTAX_ERROR);
    return undefined;
  }
  const last = argc > index + 1 ? (context.argInteger(index + 1) ?? context.argBigInt(index + 1)) : undefined;
  if (first === undefined || (last === undefined && argc > index + 1)) {
    reply.error(NOT_INTEGER_ERROR);
    return undefined;
  }
  return { first, last, unit: inBits ? 1 : 8 };
}

/** The range's first step in a string of so many. */
function firstStep(range: RangeArguments, steps: number): number {
  return rangeStart(Number(range.first), steps);
}

/** The step behind its last. */
function endStep(range: RangeArguments, steps: number): number {
  return range.last === undefined ? steps : rangeEnd(Number(range.last), steps);
}
