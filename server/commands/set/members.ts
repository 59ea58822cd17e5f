/** SADD, SREM, SMOVE, SISMEMBER, SMISMEMBER, SCARD, SMEMBERS, SSCAN. Hot path: SADD allocates nothing. Upstream: t_set.c. */

import type { CommandContext } from '../../core/context.ts';
import { TYPE_SET } from '../../keyspace/database.ts';
import { createKey, findToChange, findToRead, settleRemoval, WRONG } from '../collection-key.ts';
import { replyCollectionScan } from '../collection-scan.ts';
import type { SetTools } from './set-tools.ts';

/** SADD key member… */
export function sadd(context: CommandContext, tools: SetTools): void {
  const { bytes, db, argc } = context;
  const { set } = tools;
  const entry = findToChange(context, 1, TYPE_SET);
  if (entry === WRONG) return;
  if (entry === 0) set.create(bytes, context.argStart(2), context.argEnd(2), argc - 2);
  else {
    set.open(db.encoding(entry), db.root(entry));
    set.prepareFor(argc - 2);
  }
  let added = 0;
  for (let index = 2; index < argc; index++) if (set.add(bytes, context.argStart(index), context.argEnd(index))) added++;
  if (entry === 0) createKey(context, 1, TYPE_SET, set);
  else set.save(db, entry);
  if (added > 0) {
    context.changed(added);
    context.keyChanged(1, 's', 'sadd');
  }
  context.reply.integer(added);
}

/** SREM key member… */
export function srem(context: CommandContext, tools: SetTools): void {
  const { bytes, db, argc, reply } = context;
  const { set } = tools;
  const entry = findToChange(context, 1, TYPE_SET);
  if (entry === WRONG) return;
  if (entry === 0) return reply.integer(0);
  set.open(db.encoding(entry), db.root(entry));
  let removed = 0;
  for (let index = 2; index < argc && set.length > 0; index++) {
    if (set.remove(bytes, context.argStart(index), context.argEnd(index))) removed++;
  }
  if (removed > 0) {
    const gone = settleRemoval(context, entry, set);
    context.changed(removed);
    context.keyChanged(1, 's', 'srem');
    if (gone) context.keyChanged(1, 'g', 'del');
  }
  reply.integer(removed);
}

/** SMOVE source destination member */
export function smove(context: CommandContext, tools: SetTools): void {
  const { bytes, db, reply } = context;
  const { set, target } = tools;
  const start = context.argStart(3);
  const end = context.argEnd(3);
  const source = db.findForWrite(bytes, context.argStart(1), context.argEnd(1));
  if (source === 0) return reply.integer(0);
  if (findToChange(context, 1, TYPE_SET) === WRONG) return;
  const destination = findToChange(context, 2, TYPE_SET);
  if (destination === WRONG) return;
  set.open(db.encoding(source), db.root(source));
  if (source === destination) return reply.integer(set.has(bytes, start, end) ? 1 : 0);
  if (!set.remove(bytes, start, end)) return reply.integer(0);
  const gone = settleRemoval(context, source, set);
  context.changed(1);
  context.keyChanged(1, 's', 'srem');
  if (gone) context.keyChanged(1, 'g', 'del');
  if (destination === 0) target.create(bytes, start, end, 1);
  else target.open(db.encoding(destination), db.root(destination));
  const added = target.add(bytes, start, end);
  if (destination === 0) createKey(context, 2, TYPE_SET, target);
  else target.save(db, destination);
  if (added) {
    context.changed(1);
    context.keyChanged(2, 's', 'sadd');
  }
  reply.integer(1);
}

export function sismember(context: CommandContext, tools: SetTools): void {
  const there = openSet(context, tools);
  if (there === undefined) return;
  context.reply.integer(there && tools.set.has(context.bytes, context.argStart(2), context.argEnd(2)) ? 1 : 0);
}

export function smismember(context: CommandContext, tools: SetTools): void {
  const { bytes, argc, reply } = context;
  const there = openSet(context, tools);
  if (there === undefined) return;
  reply.array(argc - 2);
  for (let index = 2; index < argc; index++) {
    reply.integer(there && tools.set.has(bytes, context.argStart(index), context.argEnd(index)) ? 1 : 0);
  }
}

export function scard(context: CommandContext, tools: SetTools): void {
  const there = openSet(context, tools);
  if (there !== undefined) context.reply.integer(there ? tools.set.length : 0);
}

export function smembers(context: CommandContext, tools: SetTools): void {
  const { reply } = context;
  const { set, members } = tools;
  const there = openSet(context, tools);
  if (there === undefined) return;
  reply.set(there ? set.length : 0);
  if (!there) return;
  members.open(TYPE_SET, set.encoding, set.root);
  while (members.next()) reply.bulk(members.element.bytes, members.element.start, members.element.end);
}

export function sscan(context: CommandContext, tools: SetTools): void {
  const { set, element } = tools;
  replyCollectionScan(context, TYPE_SET, {
    element,
    second: () => undefined,
    open: entry => {
      set.open(context.db.encoding(entry), context.db.root(entry));
      return (cursor, visit) => set.scan(cursor, element, visit);
    },
  });
}

/** Opens the set of argument 1; false when there is none, undefined after an error reply. */
export function openSet(context: CommandContext, tools: SetTools): boolean | undefined {
  const entry = findToRead(context, 1, TYPE_SET);
  if (entry === WRONG) return undefined;
  if (entry !== 0) tools.set.open(context.db.encoding(entry), context.db.root(entry));
  return entry !== 0;
}
