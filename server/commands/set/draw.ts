/** SPOP and SRANDMEMBER. Replicas get what was drawn as SREM. Upstream: t_set.c. */

import type { CommandContext } from '../../core/context.ts';
import { TYPE_SET } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { countArgument, findToChange, settleRemoval, WRONG } from '../collection-key.ts';
import { drawCount, isSparse, visitSample } from '../collection-random.ts';
import { openSet } from './members.ts';
import type { SetTools } from './set-tools.ts';

/** Members in one propagated SREM. */
const BATCH = 1024;

/** SPOP key [count] */
export function spop(context: CommandContext, tools: SetTools): void {
  const { db, reply, argc } = context;
  const { set, element } = tools;
  if (argc > 3) return reply.error(SYNTAX_ERROR);
  const count = argc === 3 ? countArgument(context, 2) : 1;
  if (count === undefined) return;
  const entry = findToChange(context, 1, TYPE_SET);
  if (entry === WRONG) return;
  if (entry === 0) return argc === 3 ? reply.set(0) : reply.nil();
  set.open(db.encoding(entry), db.root(entry));
  if (argc === 3) {
    if (count === 0) return reply.set(0);
    return count >= set.length ? popAll(context, tools, entry) : popSome(context, tools, entry, count);
  }
  set.random(() => context.ports.entropy.random(), element);
  const member = element.copy();
  set.remove(member, 0, member.length);
  const gone = settleRemoval(context, entry, set);
  context.changed(1);
  context.keyChanged(1, 's', 'spop');
  context.propagateInstead(['SREM', context.argCopy(1), member]);
  if (gone) context.keyChanged(1, 'g', 'del');
  reply.bulk(member, 0, member.length);
}

function popAll(context: CommandContext, tools: SetTools, entry: Ref): void {
  const { reply } = context;
  const { set, members } = tools;
  const { length } = set;
  reply.set(length);
  members.open(TYPE_SET, set.encoding, set.root);
  while (members.next()) reply.bulk(members.element.bytes, members.element.start, members.element.end);
  context.db.deleteEntry(entry);
  context.changed(length);
  context.propagateInstead([context.ports.config.flag('lazyfree-lazy-server-del') ? 'UNLINK' : 'DEL', context.argCopy(1)]);
  context.keyChanged(1, 's', 'spop');
  context.keyChanged(1, 'g', 'del');
}

function popSome(context: CommandContext, tools: SetTools, entry: Ref, count: number): void {
  const { reply } = context;
  const { set } = tools;
  const key = context.argCopy(1);
  const drawn = drawDistinct(context, tools, count);
  for (const member of drawn) set.remove(member, 0, member.length);
  set.save(context.db, entry);
  context.changed(count);
  context.keyChanged(1, 's', 'spop');
  for (let from = 0; from < count; from += BATCH) context.propagateInstead(['SREM', key, ...drawn.slice(from, from + BATCH)]);
  reply.set(count);
  for (const member of drawn) reply.bulk(member, 0, member.length);
}

/** Copies of `count` different members of the open set, which has more of them. */
function drawDistinct(context: CommandContext, tools: SetTools, count: number): Uint8Array[] {
  const { set, members, element } = tools;
  const random = (): number => context.ports.entropy.random();
  const drawn: Uint8Array[] = [];
  if (!isSparse(count, set.length)) {
    members.open(TYPE_SET, set.encoding, set.root);
    visitSample(members, set.length, count, random, () => void drawn.push(members.element.copy()));
    return drawn;
  }
  const seen = new Set<string>();
  while (drawn.length < count) {
    set.random(random, element);
    const name = element.toString();
    if (seen.has(name)) continue;
    seen.add(name);
    drawn.push(element.copy());
  }
  return drawn;
}

/** SRANDMEMBER key [count] */
export function srandmember(context: CommandContext, tools: SetTools): void {
  const { reply, argc } = context;
  const { set, element, members } = tools;
  if (argc > 3) return reply.error(SYNTAX_ERROR);
  const random = (): number => context.ports.entropy.random();
  if (argc === 2) {
    const there = openSet(context, tools);
    if (there === undefined) return;
    if (!there) return reply.nil();
    set.random(random, element);
    return reply.bulk(element.bytes, element.start, element.end);
  }
  const count = drawCount(context, 2, false);
  if (count === undefined) return;
  const there = openSet(context, tools);
  if (there === undefined) return;
  if (!there || count === 0) return reply.array(0);
  if (count < 0) {
    reply.array(-count);
    for (let left = -count; left > 0; left--) {
      set.random(random, element);
      reply.bulk(element.bytes, element.start, element.end);
    }
  } else if (count >= set.length) {
    reply.array(set.length);
    members.open(TYPE_SET, set.encoding, set.root);
    while (members.next()) reply.bulk(members.element.bytes, members.element.start, members.element.end);
  } else {
    reply.array(count);
    for (const member of drawDistinct(context, tools, count)) reply.bulk(member, 0, member.length);
  }
}
