/**
 * BITFIELD and BITFIELD_RO: several integer fields of a string read, set and incremented in one step. All operations are read before the first
 * runs, so that a wrong one changes nothing.
 */

import type { CommandContext } from '../../core/context.ts';
import type { Ref } from '../../memory/arena.ts';
import { NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { addToField, type BitField, type Integer, intoField, type Overflow, readField, writeField } from '../../structures/bit-field.ts';
import { parseDecimal } from '../../structures/decimal.ts';
import { isStringOrReply, segmentBytes, stringByteLength, stringBytes } from '../string/string-value.ts';
import { readBitOffset, withRoomFor } from './bit-string.ts';

interface Operation {
  readonly kind: 'GET' | 'SET' | 'INCRBY';
  readonly field: BitField;
  readonly offset: number;
  /** Of SET and INCRBY. */
  readonly value: Integer;
  readonly overflow: Overflow;
}

const OVERFLOWS: readonly Overflow[] = ['WRAP', 'SAT', 'FAIL'];
const BAD_TYPE = 'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.';
const LETTER_I = 0x69;
const LETTER_U = 0x75;

/** BITFIELD key (GET type offset | [OVERFLOW WRAP | SAT | FAIL] (SET type offset value | INCRBY type offset increment)) ... */
export function bitfield(context: CommandContext): void {
  const operations = readOperations(context);
  if (operations === undefined) return;
  if (operations.some(isWrite)) change(context, operations);
  else readOnly(context, operations);
}

/** BITFIELD_RO key [GET type offset ...] */
export function bitfieldRo(context: CommandContext): void {
  const operations = readOperations(context);
  if (operations === undefined) return;
  if (operations.some(isWrite)) return context.reply.error('ERR BITFIELD_RO only supports the GET subcommand');
  readOnly(context, operations);
}

function isWrite(operation: Operation): boolean {
  return operation.kind !== 'GET';
}

function readOnly(context: CommandContext, operations: readonly Operation[]): void {
  const { db, reply } = context;
  const entry = db.find(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry !== 0 && !isStringOrReply(context, db, entry)) return;
  const bytes = entry === 0 ? NOTHING : stringBytes(db, entry);
  reply.array(operations.length);
  for (const { field, offset } of operations) reply.integer(readField(bytes, 0, bytes.length, offset, field));
}

const NOTHING = new Uint8Array(0);

function change(context: CommandContext, operations: readonly Operation[]): void {
  const { db, reply } = context;
  const old = db.findForWrite(context.bytes, context.argStart(1), context.argEnd(1));
  if (old !== 0 && !isStringOrReply(context, db, old)) return;
  const before = old === 0 ? 0 : stringByteLength(db, old);
  const entry = withRoomFor(context, old, before, lastWritten(operations));
  const grown = old === 0 || db.stringLength(entry) > before;
  reply.array(operations.length);
  let changes = 0;
  for (const operation of operations) if (run(context, entry, operation, grown)) changes++;
  if (changes > 0) {
    context.changed(changes);
    context.keyChanged(1, '$', 'setbit');
  } else if (grown) {
    // All overflowed and failed: nobody hears of the zeros that were added, but replicas must have them too.
    context.forcePropagation();
  }
}

/** The last bit that an operation may write. */
function lastWritten(operations: readonly Operation[]): number {
  return operations.reduce((last, each) => (isWrite(each) ? Math.max(last, each.offset + each.field.bits - 1) : last), 0);
}

/** Runs one operation and replies; whether it changed the string. */
function run(context: CommandContext, entry: Ref, operation: Operation, grown: boolean): boolean {
  const { db, reply } = context;
  const { field, kind, offset, overflow, value } = operation;
  const bytes = segmentBytes(db, entry);
  const start = db.stringStart(entry);
  const had = readField(bytes, start, start + db.stringLength(entry), offset, field);
  if (kind === 'GET') {
    reply.integer(had);
    return false;
  }
  const next = kind === 'SET' ? intoField(value, field, overflow) : addToField(had, value, field, overflow);
  if (next === undefined) {
    reply.nil();
    return false;
  }
  writeField(bytes, start, offset, field, next);
  reply.integer(kind === 'SET' ? had : next);
  return grown || next !== had;
}

/** All operations, or undefined when one is wrong (the error was replied). */
function readOperations(context: CommandContext): Operation[] | undefined {
  const operations: Operation[] = [];
  let overflow: Overflow = 'WRAP';
  for (let index = 2; index < context.argc; ) {
    const left = context.argc - index - 1;
    if (context.argIs(index, 'OVERFLOW') && left >= 1) {
      const named = OVERFLOWS.find(word => context.argIs(index + 1, word));
      if (named === undefined) return refused(context, 'ERR Invalid OVERFLOW type specified');
      overflow = named;
      index += 2;
      continue;
    }
    const kind = readKind(context, index, left);
    if (kind === undefined) return refused(context, SYNTAX_ERROR);
    const field = readType(context, index + 1);
    if (field === undefined) return refused(context, BAD_TYPE);
    const offset = readBitOffset(context, index + 2, field.bits);
    if (offset < 0) return undefined;
    const value = kind === 'GET' ? 0 : (context.argInteger(index + 3) ?? context.argBigInt(index + 3));
    if (value === undefined) return refused(context, NOT_INTEGER_ERROR);
    operations.push({ kind, field, offset, value, overflow });
    index += kind === 'GET' ? 3 : 4;
  }
  return operations;
}

function refused(context: CommandContext, text: string): undefined {
  context.reply.error(text);
  return undefined;
}

function readKind(context: CommandContext, index: number, left: number): Operation['kind'] | undefined {
  if (context.argIs(index, 'GET') && left >= 2) return 'GET';
  if (context.argIs(index, 'SET') && left >= 3) return 'SET';
  if (context.argIs(index, 'INCRBY') && left >= 3) return 'INCRBY';
  return undefined;
}

/** `i1` to `i64`, `u1` to `u63`. */
function readType(context: CommandContext, index: number): BitField | undefined {
  const start = context.argStart(index);
  const letter = context.argLength(index) < 2 ? 0 : context.bytes[start];
  if (letter !== LETTER_I && letter !== LETTER_U) return undefined;
  const signed = letter === LETTER_I;
  const bits = parseDecimal(context.bytes, start + 1, context.argEnd(index));
  return bits >= 1 && bits <= (signed ? 64 : 63) ? { signed, bits } : undefined;
}
