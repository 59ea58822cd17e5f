/** The arguments of SORT and SORT_RO behind the key. Upstream: sort.c. */

import { slotOfKey } from '../../../lib/slot-hash.ts';
import type { CommandContext } from '../../core/context.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { longArgument } from '../collection-key.ts';
import { slotOfPattern } from './scan.ts';
import { readSortPattern, type SortPattern } from './sort-pattern.ts';

export interface SortOptions {
  /** undefined: the elements themselves are compared. */
  readonly by: SortPattern | undefined;
  /** A constant BY pattern, with which all elements would weigh the same, asks for no order at all. */
  readonly sorts: boolean;
  readonly alpha: boolean;
  readonly descending: boolean;
  readonly offset: number;
  /** Negative = all. */
  readonly count: number;
  readonly get: readonly SortPattern[];
  /** Argument index of the destination, 0 = none. */
  readonly storeIndex: number;
}

/** undefined after an error reply. */
export function readSortOptions(context: CommandContext, mayStore: boolean): SortOptions | undefined {
  let by: SortPattern | undefined;
  // One constant BY switches sorting off, also when another BY comes behind it.
  let sorts = true;
  let alpha = false;
  let descending = false;
  let offset = 0;
  let count = -1;
  let storeIndex = 0;
  const get: SortPattern[] = [];
  for (let index = 2; index < context.argc; index++) {
    const rest = context.argc - index - 1;
    if (context.argIs(index, 'ASC')) descending = false;
    else if (context.argIs(index, 'DESC')) descending = true;
    else if (context.argIs(index, 'ALPHA')) alpha = true;
    else if (rest >= 2 && context.argIs(index, 'LIMIT')) {
      const first = longArgument(context, index + 1);
      const most = first === undefined ? undefined : longArgument(context, index + 2);
      if (first === undefined || most === undefined) return undefined;
      offset = first;
      count = most;
      index += 2;
    } else if (mayStore && rest >= 1 && context.argIs(index, 'STORE')) storeIndex = ++index;
    else if (rest >= 1 && context.argIs(index, 'BY')) {
      const pattern = context.argCopy(++index);
      by = readSortPattern(pattern);
      if (by.kind !== 'key') sorts = false;
      else if (mayLeaveSlot(context, pattern)) return refuse(context, 'BY');
    } else if (rest >= 1 && context.argIs(index, 'GET')) {
      const pattern = context.argCopy(++index);
      const read = readSortPattern(pattern);
      if (read.kind !== 'element' && mayLeaveSlot(context, pattern)) return refuse(context, 'GET');
      get.push(read);
    } else {
      context.reply.error(SYNTAX_ERROR);
      return undefined;
    }
  }
  return { by, sorts, alpha, descending, offset, count, get, storeIndex };
}

/** In a cluster the keys that a pattern forms must be in the slot of the key that is sorted. */
function mayLeaveSlot(context: CommandContext, pattern: Uint8Array): boolean {
  if (context.ports.cluster === undefined) return false;
  return slotOfPattern(context, pattern) !== slotOfKey(context.bytes, context.argStart(1), context.argEnd(1));
}

function refuse(context: CommandContext, option: string): undefined {
  context.reply.error(`ERR ${option} option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots.`);
  return undefined;
}
