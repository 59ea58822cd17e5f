/** LSET, LINSERT, LREM, LTRIM, LMOVE, RPOPLPUSH: changing lists at any place. Upstream: t_list.c. */

import type { CommandContext } from '../../core/context.ts';
import { TYPE_LIST } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { INDEX_OUT_OF_RANGE, NO_SUCH_KEY, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { createKey, findToChange, longArgument, settleRemoval, signedCountArgument, WRONG } from '../collection-key.ts';
import type { ListTools } from './list-tools.ts';
import { removed } from './push-pop.ts';

/** LSET key index element */
export function lset(context: CommandContext, tools: ListTools): void {
  const { bytes, db, reply } = context;
  const { list } = tools;
  const entry = findToChange(context, 1, TYPE_LIST);
  if (entry === WRONG) return;
  if (entry === 0) return reply.error(NO_SUCH_KEY);
  const index = longArgument(context, 2);
  if (index === undefined) return;
  list.open(db.encoding(entry), db.root(entry));
  list.growBy(1, context.argLength(3));
  const there = list.seek(index);
  if (there) {
    list.replace(bytes, context.argStart(3), context.argEnd(3));
    list.settle(true);
  }
  list.save(db, entry);
  if (!there) return reply.error(INDEX_OUT_OF_RANGE);
  context.changed(1);
  context.keyChanged(1, 'l', 'lset');
  reply.ok();
}

/** LINSERT key BEFORE|AFTER pivot element */
export function linsert(context: CommandContext, tools: ListTools): void {
  const { bytes, db, reply } = context;
  const { list } = tools;
  const after = context.argIs(2, 'AFTER');
  if (!after && !context.argIs(2, 'BEFORE')) return reply.error(SYNTAX_ERROR);
  const entry = findToChange(context, 1, TYPE_LIST);
  if (entry === WRONG) return;
  if (entry === 0) return reply.integer(0);
  list.open(db.encoding(entry), db.root(entry));
  list.growBy(1, context.argLength(4));
  list.seek(0);
  const found = list.find(bytes, context.argStart(3), context.argEnd(3), false, Infinity) >= 0;
  if (found) list.insert(after, bytes, context.argStart(4), context.argEnd(4));
  list.save(db, entry);
  if (!found) return reply.integer(-1);
  context.changed(1);
  context.keyChanged(1, 'l', 'linsert');
  reply.integer(list.length);
}

/** LREM key count element */
export function lrem(context: CommandContext, tools: ListTools): void {
  const { bytes, db, reply } = context;
  const { list } = tools;
  const count = signedCountArgument(context, 2);
  if (count === undefined) return;
  const entry = findToChange(context, 1, TYPE_LIST);
  if (entry === WRONG) return;
  if (entry === 0) return reply.integer(0);
  list.open(db.encoding(entry), db.root(entry));
  const limit = count === 0 ? Infinity : Math.abs(count);
  const gone = list.removeEqual(bytes, context.argStart(3), context.argEnd(3), limit, count < 0);
  if (gone > 0) {
    list.settle(true);
    const empty = settleRemoval(context, entry, list);
    context.changed(gone);
    context.keyChanged(1, 'l', 'lrem');
    if (empty) context.keyChanged(1, 'g', 'del');
  }
  reply.integer(gone);
}

/** LTRIM key start stop */
export function ltrim(context: CommandContext, tools: ListTools): void {
  const { db, reply } = context;
  const { list } = tools;
  const first = longArgument(context, 2);
  if (first === undefined) return;
  const last = longArgument(context, 3);
  if (last === undefined) return;
  const entry = findToChange(context, 1, TYPE_LIST);
  if (entry === WRONG) return;
  if (entry === 0) return reply.ok();
  const { length } = list.open(db.encoding(entry), db.root(entry));
  const from = Math.max(first < 0 ? first + length : first, 0);
  const to = Math.min(last < 0 ? last + length : last, length - 1);
  const kept = Math.max(to - from + 1, 0);
  if (kept > 0) {
    list.removeRange(to + 1, length - to - 1);
    list.removeRange(0, from);
    list.settle(true);
    list.save(db, entry);
  } else db.deleteEntry(entry);
  if (kept < length) {
    context.changed(length - kept);
    context.keyChanged(1, 'l', 'ltrim');
    if (kept === 0) context.keyChanged(1, 'g', 'del');
  } else context.ports.events.notify('l', 'ltrim', db.index, context.bytes, context.argStart(1), context.argEnd(1));
  reply.ok();
}

/** LMOVE source destination LEFT|RIGHT LEFT|RIGHT */
export function lmove(context: CommandContext, tools: ListTools): void {
  for (const index of [3, 4]) if (!context.argIs(index, 'LEFT') && !context.argIs(index, 'RIGHT')) return context.reply.error(SYNTAX_ERROR);
  move(context, tools, context.argIs(3, 'RIGHT'), context.argIs(4, 'RIGHT'));
}

/** RPOPLPUSH source destination */
export function rpoplpush(context: CommandContext, tools: ListTools): void {
  move(context, tools, true, false);
}

function move(context: CommandContext, tools: ListTools, fromTail: boolean, toTail: boolean): void {
  const { db, reply } = context;
  const { list, element } = tools;
  const source = findToChange(context, 1, TYPE_LIST);
  if (source === WRONG) return;
  if (source === 0) return reply.nil();
  const destination = findToChange(context, 2, TYPE_LIST);
  if (destination === WRONG) return;
  list.open(db.encoding(source), db.root(source));
  list.peek(fromTail, element);
  // The element lies in the list that is about to change.
  const moved = element.copy();
  list.drop(fromTail);
  if (destination === source) {
    list.growBy(1, moved.length);
    list.push(toTail, moved, 0, moved.length);
  } else {
    list.save(db, source);
    pushTo(context, tools, destination, toTail, moved);
  }
  context.keyChanged(2, 'l', toTail ? 'rpush' : 'lpush');
  reply.bulk(moved, 0, moved.length);
  // `create` may have moved nothing but the table: entries stay where they are.
  removed(context, tools, source, 1, fromTail, 1);
}

function pushTo(context: CommandContext, tools: ListTools, destination: Ref, toTail: boolean, moved: Uint8Array): void {
  const { db } = context;
  const { target } = tools;
  if (destination === 0) target.create();
  else target.open(db.encoding(destination), db.root(destination));
  target.growBy(1, moved.length);
  target.push(toTail, moved, 0, moved.length);
  if (destination === 0) createKey(context, 2, TYPE_LIST, target);
  else target.save(db, destination);
}
