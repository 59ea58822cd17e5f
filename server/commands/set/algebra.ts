/** SINTER, SINTERCARD, SUNION, SDIFF and their STORE forms. Upstream: t_set.c. */

import type { CommandContext } from '../../core/context.ts';
import { ENC_INTSET, TYPE_SET } from '../../keyspace/database.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { parseDecimal } from '../../structures/decimal.ts';
import type { SetValue } from '../../values/set-value.ts';
import { countArgument, createKey, findToRead, WRONG } from '../collection-key.ts';
import type { SetTools } from './set-tools.ts';

/** The sets of the keys in arguments `from` … `until` - 1; undefined stands for a missing key. No array after an error reply. */
function openSources(context: CommandContext, tools: SetTools, from: number, until: number): (SetValue | undefined)[] | undefined {
  const sets: (SetValue | undefined)[] = [];
  for (let index = from; index < until; index++) {
    const entry = findToRead(context, index, TYPE_SET);
    if (entry === WRONG) return undefined;
    sets.push(entry === 0 ? undefined : tools.values.set().open(context.db.encoding(entry), context.db.root(entry)));
  }
  return sets;
}

/** Calls `visit` for each member that is in all sets, until it returns false. `tools.members.element` is the member. */
function visitIntersection(tools: SetTools, sets: readonly SetValue[], visit: () => boolean): void {
  const { members } = tools;
  const { element } = members;
  const sorted = sets.toSorted((a, b) => a.length - b.length);
  const [smallest] = sorted;
  const others = sorted.slice(1).filter(set => set.root !== smallest.root);
  members.open(TYPE_SET, smallest.encoding, smallest.root);
  while (members.next()) {
    if (others.every(set => set.has(element.bytes, element.start, element.end)) && !visit()) return;
  }
}

/** SINTER key… */
export function sinter(context: CommandContext, tools: SetTools): void {
  const { reply } = context;
  const sets = openSources(context, tools, 1, context.argc);
  if (sets === undefined) return;
  if (!areAllThere(sets)) return reply.set(0);
  const { element } = tools.members;
  const token = reply.beginDeferred();
  let count = 0;
  visitIntersection(tools, sets, () => {
    reply.bulk(element.bytes, element.start, element.end);
    count++;
    return true;
  });
  reply.endDeferred(token, 'set', count);
}

/** SINTERCARD numkeys key… [LIMIT limit] */
export function sintercard(context: CommandContext, tools: SetTools): void {
  const { reply, argc } = context;
  const keys = countArgument(context, 1, 'ERR numkeys should be greater than 0', 1);
  if (keys === undefined) return;
  if (keys > argc - 2) return reply.error("ERR Number of keys can't be greater than number of args");
  let limit = 0;
  for (let index = 2 + keys; index < argc; index += 2) {
    if (!context.argIs(index, 'LIMIT') || index + 1 >= argc) return reply.error(SYNTAX_ERROR);
    const given = countArgument(context, index + 1, "ERR LIMIT can't be negative");
    if (given === undefined) return;
    limit = given;
  }
  const sets = openSources(context, tools, 2, 2 + keys);
  if (sets === undefined) return;
  let count = 0;
  if (areAllThere(sets)) visitIntersection(tools, sets, () => ++count !== limit);
  reply.integer(count);
}

/** SINTERSTORE destination key… */
export function sinterstore(context: CommandContext, tools: SetTools): void {
  const sets = openSources(context, tools, 2, context.argc);
  if (sets === undefined) return;
  const result = tools.values.set();
  result.createIntset();
  if (areAllThere(sets)) {
    const { element } = tools.members;
    const [smallest] = sets.toSorted((a, b) => a.length - b.length);
    if (smallest.encoding !== ENC_INTSET) result.convertToListpack();
    let integersOnly = true;
    visitIntersection(tools, sets, () => {
      result.add(element.bytes, element.start, element.end);
      if (integersOnly) integersOnly = !Number.isNaN(parseDecimal(element.bytes, element.start, element.end));
      return true;
    });
    if (integersOnly) result.convertToIntsetIfSmall();
  }
  storeResult(context, tools, result, 'sinterstore');
}

export function sunion(context: CommandContext, tools: SetTools, isStore: boolean): void {
  const sets = openSources(context, tools, isStore ? 2 : 1, context.argc);
  if (sets === undefined) return;
  const result = startResult(tools, sets, isStore);
  for (const set of sets) if (set !== undefined) addAll(tools, result, set);
  finish(context, tools, result, isStore ? 'sunionstore' : undefined);
}

export function sdiff(context: CommandContext, tools: SetTools, isStore: boolean): void {
  const sets = openSources(context, tools, isStore ? 2 : 1, context.argc);
  if (sets === undefined) return;
  const result = startResult(tools, sets, isStore);
  const [first, ...rest] = sets;
  const others = rest.filter(set => set !== undefined);
  if (first !== undefined && !others.some(set => set.root === first.root)) subtract(tools, result, first, others);
  finish(context, tools, result, isStore ? 'sdiffstore' : undefined);
}

/** `first` without the members of `others`: by asking the others for each member, or by removing theirs, whichever is less work. */
function subtract(tools: SetTools, result: SetValue, first: SetValue, others: readonly SetValue[]): void {
  const { members } = tools;
  const { element } = members;
  const asking = Math.floor((first.length * (others.length + 1)) / 2);
  const removing = others.reduce((sum, set) => sum + set.length, first.length);
  if (asking <= removing) {
    const largestFirst = others.toSorted((a, b) => b.length - a.length);
    members.open(TYPE_SET, first.encoding, first.root);
    while (members.next()) {
      if (largestFirst.some(set => set.has(element.bytes, element.start, element.end))) continue;
      result.add(element.bytes, element.start, element.end);
    }
    return;
  }
  addAll(tools, result, first);
  for (const set of others) {
    members.open(TYPE_SET, set.encoding, set.root);
    while (result.length > 0 && members.next()) result.remove(element.bytes, element.start, element.end);
  }
}

function addAll(tools: SetTools, result: SetValue, set: SetValue): void {
  const { members } = tools;
  const { element } = members;
  members.open(TYPE_SET, set.encoding, set.root);
  while (members.next()) result.add(element.bytes, element.start, element.end);
}

/** A working set that only a reply sees is a table; one that is stored finds its encoding as members come. */
function startResult(tools: SetTools, sets: readonly (SetValue | undefined)[], isStore: boolean): SetValue {
  const result = tools.values.set();
  const compact = isStore || sets.every(set => set === undefined || set.encoding === ENC_INTSET);
  return compact ? result.createIntset() : result.createTable();
}

function finish(context: CommandContext, tools: SetTools, result: SetValue, event: string | undefined): void {
  if (event !== undefined) return storeResult(context, tools, result, event);
  const { reply } = context;
  const { members } = tools;
  reply.set(result.length);
  members.open(TYPE_SET, result.encoding, result.root);
  while (members.next()) reply.bulk(members.element.bytes, members.element.start, members.element.end);
  tools.values.free(TYPE_SET, result.encoding, result.root);
}

/** Puts the result into the key of argument 1, whatever that held; an empty one deletes the key. */
function storeResult(context: CommandContext, tools: SetTools, result: SetValue, event: string): void {
  const { db, bytes, reply } = context;
  const { length } = result;
  const replaced = db.delete(bytes, context.argStart(1), context.argEnd(1));
  if (length > 0) {
    createKey(context, 1, TYPE_SET, result);
    context.changed(1);
    context.keyChanged(1, 's', event);
    return reply.integer(length);
  }
  tools.values.free(TYPE_SET, result.encoding, result.root);
  if (replaced) {
    context.changed(1);
    context.keyChanged(1, 'g', 'del');
  }
  reply.integer(0);
}

function areAllThere(sets: readonly (SetValue | undefined)[]): sets is SetValue[] {
  return sets.every(set => set !== undefined);
}
