/** What the sorted set commands of one server keep between calls, and the reply forms that they share. */

import type { CommandContext } from '../../core/context.ts';
import { TYPE_ZSET } from '../../keyspace/database.ts';
import { Element } from '../../structures/element.ts';
import type { SortedSetValue } from '../../values/sorted-set-value.ts';
import type { Members } from '../../values/value-access.ts';
import type { Values } from '../../values/values.ts';
import { createKey, findToRead, WRONG } from '../collection-key.ts';

export interface SortedSetTools {
  readonly values: Values;
  readonly zset: SortedSetValue;
  readonly members: Members;
  readonly element: Element;
  /** What ZINCRBY replies with: a listpack keeps no negative zero. */
  newScore: number;
}

export function createSortedSetTools(values: Values): SortedSetTools {
  return { values, zset: values.sortedSet(), members: values.members(), element: new Element(), newScore: 0 };
}

/** Opens the sorted set of an argument; false when there is none, undefined after an error reply. */
export function openSortedSet(context: CommandContext, tools: SortedSetTools, index = 1): boolean | undefined {
  const entry = findToRead(context, index, TYPE_ZSET);
  if (entry === WRONG) return undefined;
  if (entry !== 0) tools.zset.open(context.db.encoding(entry), context.db.root(entry));
  return entry !== 0;
}

/** The length that the reply's array has: with scores it is flat in RESP2 and one of pairs in RESP3. */
export function replyLength(context: CommandContext, members: number, withScores: boolean): number {
  return withScores && context.reply.resp === 2 ? members * 2 : members;
}

export function replyMember(context: CommandContext, element: Element, score: number, withScores: boolean): void {
  const { reply } = context;
  if (withScores && reply.resp === 3) reply.array(2);
  reply.bulk(element.bytes, element.start, element.end);
  if (withScores) reply.double(score);
}

/** Puts a result into the key of argument 1, whatever that held; an empty one deletes the key. Replies with its length. */
export function storeResult(context: CommandContext, tools: SortedSetTools, result: SortedSetValue, event: string): void {
  const { db, bytes, reply } = context;
  const { length } = result;
  const replaced = db.delete(bytes, context.argStart(1), context.argEnd(1));
  if (length > 0) {
    createKey(context, 1, TYPE_ZSET, result);
    context.changed(1);
    context.keyChanged(1, 'z', event);
    return reply.integer(length);
  }
  tools.values.free(TYPE_ZSET, result.encoding, result.root);
  if (replaced) {
    context.changed(1);
    context.keyChanged(1, 'g', 'del');
  }
  reply.integer(0);
}
