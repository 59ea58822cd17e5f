/**
 * What the commands on collections (lists, sets, hashes, sorted sets) do alike: find the key and check its type, read whole-number
 * arguments with upstream's error texts, delete the key when its last element went.
 */

import type { CommandContext } from '../core/context.ts';
import type { ValueType } from '../keyspace/database.ts';
import type { Ref } from '../memory/arena.ts';
import { NOT_INTEGER_ERROR, OUT_OF_RANGE_POSITIVE, SYNTAX_ERROR, WRONG_TYPE } from '../protocol/reply-errors.ts';

/** What the finders give for a key of another type; the error was replied. No entry has this ref. */
export const WRONG = -1;

/** The entry of the key in argument `index`, 0 when there is none, WRONG when its type is another one. */
export function findToRead(context: CommandContext, index: number, type: ValueType): Ref {
  const entry = context.db.find(context.bytes, context.argStart(index), context.argEnd(index));
  return checked(context, entry, type);
}

/** The same for a command that changes the value. */
export function findToChange(context: CommandContext, index: number, type: ValueType): Ref {
  const entry = context.db.findForWrite(context.bytes, context.argStart(index), context.argEnd(index));
  return checked(context, entry, type);
}

function checked(context: CommandContext, entry: Ref, type: ValueType): Ref {
  if (entry === 0 || context.db.type(entry) === type) return entry;
  context.reply.error(WRONG_TYPE);
  return WRONG;
}

/** Creates the key in argument `index` (which must not exist). */
export function createKey(context: CommandContext, index: number, type: ValueType, value: { encoding: number; root: Ref }): Ref {
  const encoding = value.encoding as Parameters<CommandContext['db']['create']>[4];
  return context.db.create(context.bytes, context.argStart(index), context.argEnd(index), type, encoding, value.root);
}

/** After an element went: saves the view, and deletes the key when nothing is left. True when it is gone; send `del` after the command's own event then. */
export function settleRemoval(
  context: CommandContext,
  entry: Ref,
  value: { readonly length: number; save(db: CommandContext['db'], entry: Ref): void },
): boolean {
  value.save(context.db, entry);
  if (value.length > 0) return false;
  context.db.deleteEntry(entry);
  return true;
}

/** A 64-bit integer argument; undefined (and an error reply) when it is none. Beyond 53 bits it is rounded: callers compare and clamp. */
export function longArgument(context: CommandContext, index: number, error: string = NOT_INTEGER_ERROR): number | undefined {
  const value = context.argInteger(index) ?? context.argBigInt(index);
  if (value !== undefined) return Number(value);
  context.reply.error(error);
  return undefined;
}

/** An integer argument ≥ `min`, one error text for all that is wrong with it. */
export function countArgument(context: CommandContext, index: number, error: string = OUT_OF_RANGE_POSITIVE, min = 0): number | undefined {
  const value = context.argInteger(index) ?? context.argBigInt(index);
  if (value !== undefined && value >= min) return Number(value);
  context.reply.error(error);
  return undefined;
}

const MIN_LONG = -(2n ** 63n);

/** An integer argument whose negation is one too. */
export function signedCountArgument(context: CommandContext, index: number): number | undefined {
  const value = longArgument(context, index);
  if (value === undefined || context.argBigInt(index) !== MIN_LONG) return value;
  context.reply.error('ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807');
  return undefined;
}

/** `[COUNT count]` at the end of LMPOP and ZMPOP: 1 when it is not there, undefined after an error reply. */
export function multiPopCount(context: CommandContext, from: number): number | undefined {
  let count: number | undefined;
  for (let index = from; index < context.argc; index += 2) {
    if (count !== undefined || !context.argIs(index, 'COUNT') || index + 1 >= context.argc) {
      context.reply.error(SYNTAX_ERROR);
      return undefined;
    }
    count = countArgument(context, index + 1, 'ERR count should be greater than 0', 1);
    if (count === undefined) return undefined;
  }
  return count ?? 1;
}
