/**
 * LPUSH, RPUSH, LPOP, RPOP and their variants, LMPOP. Hot path: pushing and popping single elements allocates nothing.
 * Upstream: t_list.c.
 */

import type { CommandContext } from '../../core/context.ts';
import { TYPE_LIST } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { SYNTAX_ERROR, wrongArity } from '../../protocol/reply-errors.ts';
import { countArgument, createKey, findToChange, multiPopCount, settleRemoval, WRONG } from '../collection-key.ts';
import type { ListTools } from './list-tools.ts';

/** LPUSH, RPUSH key element…; with `mustExist` LPUSHX, RPUSHX. */
export function push(context: CommandContext, tools: ListTools, atTail: boolean, mustExist: boolean): void {
  const { bytes, db, argc } = context;
  const { list } = tools;
  const entry = findToChange(context, 1, TYPE_LIST);
  if (entry === WRONG) return;
  if (entry === 0) {
    if (mustExist) return context.reply.integer(0);
    list.create();
  } else list.open(db.encoding(entry), db.root(entry));
  let total = 0;
  for (let index = 2; index < argc; index++) total += context.argLength(index);
  list.growBy(argc - 2, total);
  for (let index = 2; index < argc; index++) list.push(atTail, bytes, context.argStart(index), context.argEnd(index));
  if (entry === 0) createKey(context, 1, TYPE_LIST, list);
  else list.save(db, entry);
  context.changed(argc - 2);
  context.keyChanged(1, 'l', atTail ? 'rpush' : 'lpush');
  context.reply.integer(list.length);
}

/** LPOP, RPOP key [count] */
export function pop(context: CommandContext, tools: ListTools, atTail: boolean): void {
  const { db, reply, argc } = context;
  const { list, element } = tools;
  if (argc > 3) return reply.error(wrongArity(context.command.fullName));
  let count = 0;
  if (argc === 3) {
    const given = countArgument(context, 2);
    if (given === undefined) return;
    count = given;
  }
  const entry = findToChange(context, 1, TYPE_LIST);
  if (entry === WRONG) return;
  if (entry === 0) return argc === 3 ? reply.nilArray() : reply.nil();
  list.open(db.encoding(entry), db.root(entry));
  if (argc === 3) {
    if (count === 0) return reply.array(0);
    popMany(context, tools, entry, 1, atTail, count);
    return;
  }
  list.peek(atTail, element);
  reply.bulk(element.bytes, element.start, element.end);
  list.drop(atTail);
  removed(context, tools, entry, 1, atTail, 1);
}

/** Replies with an array of up to `count` elements from one end of the open list, and removes them. Returns how many. */
function popMany(context: CommandContext, tools: ListTools, entry: Ref, keyIndex: number, atTail: boolean, count: number): number {
  const { list } = tools;
  const { length } = list;
  const popped = Math.min(count, length);
  replyElements(context, tools, atTail ? length - 1 : 0, popped, atTail);
  list.removeRange(atTail ? length - popped : 0, popped);
  removed(context, tools, entry, keyIndex, atTail, popped);
  return popped;
}

/** Replies with `count` elements of the open list from an index on, in either direction. */
export function replyElements(context: CommandContext, tools: ListTools, from: number, count: number, backward: boolean): void {
  const { reply } = context;
  const { list, reader, element } = tools;
  reply.array(count);
  if (count > 0) reader.open(list.encoding, list.root, from, list.length, backward);
  for (let left = count; left > 0; left--) {
    reader.next(element);
    reply.bulk(element.bytes, element.start, element.end);
  }
}

/** After elements were popped off the open list: its encoding, the key when it is empty, the events. */
export function removed(context: CommandContext, tools: ListTools, entry: Ref, keyIndex: number, atTail: boolean, count: number): void {
  tools.list.settle(true);
  const gone = settleRemoval(context, entry, tools.list);
  context.changed(count);
  context.keyChanged(keyIndex, 'l', atTail ? 'rpop' : 'lpop');
  if (gone) context.keyChanged(keyIndex, 'g', 'del');
}

/** LMPOP numkeys key… LEFT|RIGHT [COUNT count] */
export function lmpop(context: CommandContext, tools: ListTools): void {
  const { db, reply, argc } = context;
  const keys = countArgument(context, 1, 'ERR numkeys should be greater than 0', 1);
  if (keys === undefined) return;
  const whereIndex = 2 + keys;
  if (whereIndex >= argc) return reply.error(SYNTAX_ERROR);
  const atTail = context.argIs(whereIndex, 'RIGHT');
  if (!atTail && !context.argIs(whereIndex, 'LEFT')) return reply.error(SYNTAX_ERROR);
  const count = multiPopCount(context, whereIndex + 1);
  if (count === undefined) return;
  for (let index = 2; index < whereIndex; index++) {
    const entry = findToChange(context, index, TYPE_LIST);
    if (entry === WRONG) return;
    if (entry === 0) continue;
    tools.list.open(db.encoding(entry), db.root(entry));
    const key = context.argCopy(index);
    reply.array(2);
    reply.bulk(key, 0, key.length);
    const popped = popMany(context, tools, entry, index, atTail, count);
    context.propagateInstead([atTail ? 'RPOP' : 'LPOP', key, String(popped)]);
    return;
  }
  reply.nilArray();
}
