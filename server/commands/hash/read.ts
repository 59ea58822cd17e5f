/** HGET, HMGET, HGETALL, HKEYS, HVALS, HLEN, HSTRLEN, HEXISTS, HSCAN, HRANDFIELD. Upstream: t_hash.c. */

import type { CommandContext } from '../../core/context.ts';
import { TYPE_HASH } from '../../keyspace/database.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import type { Element } from '../../structures/element.ts';
import { findToRead, WRONG } from '../collection-key.ts';
import { drawCount, isSparse, visitSample } from '../collection-random.ts';
import { replyCollectionScan } from '../collection-scan.ts';
import type { HashTools } from './hash-tools.ts';

/** Opens the hash of argument 1; false when there is none (then `length` of the view means nothing), undefined after an error reply. */
function openHash(context: CommandContext, tools: HashTools): boolean | undefined {
  const entry = findToRead(context, 1, TYPE_HASH);
  if (entry === WRONG) return undefined;
  if (entry !== 0) tools.hash.open(context.db.encoding(entry), context.db.root(entry));
  return entry !== 0;
}

export function hget(context: CommandContext, tools: HashTools): void {
  const { reply } = context;
  const { value } = tools;
  const there = openHash(context, tools);
  if (there === undefined) return;
  if (there && tools.hash.get(context.bytes, context.argStart(2), context.argEnd(2), value))
    reply.bulk(value.bytes, value.start, value.end);
  else reply.nil();
}

export function hmget(context: CommandContext, tools: HashTools): void {
  const { reply, bytes } = context;
  const { hash, value } = tools;
  const there = openHash(context, tools);
  if (there === undefined) return;
  reply.array(context.argc - 2);
  for (let index = 2; index < context.argc; index++) {
    if (there && hash.get(bytes, context.argStart(index), context.argEnd(index), value)) reply.bulk(value.bytes, value.start, value.end);
    else reply.nil();
  }
}

export function hlen(context: CommandContext, tools: HashTools): void {
  const there = openHash(context, tools);
  if (there !== undefined) context.reply.integer(there ? tools.hash.length : 0);
}

export function hstrlen(context: CommandContext, tools: HashTools): void {
  const there = openHash(context, tools);
  if (there === undefined) return;
  const found = there && tools.hash.get(context.bytes, context.argStart(2), context.argEnd(2), tools.value);
  context.reply.integer(found ? tools.value.length : 0);
}

export function hexists(context: CommandContext, tools: HashTools): void {
  const there = openHash(context, tools);
  if (there !== undefined) context.reply.integer(there && tools.hash.has(context.bytes, context.argStart(2), context.argEnd(2)) ? 1 : 0);
}

/** HGETALL, HKEYS, HVALS */
export function hgetall(context: CommandContext, tools: HashTools, withFields: boolean, withValues: boolean): void {
  const { reply } = context;
  const { hash, members } = tools;
  const there = openHash(context, tools);
  if (there === undefined) return;
  const length = there ? hash.length : 0;
  if (withFields && withValues) reply.map(length);
  else reply.array(length);
  if (!there) return;
  members.open(TYPE_HASH, hash.encoding, hash.root);
  while (members.next()) {
    if (withFields) replyElement(context, members.element);
    if (withValues) replyElement(context, members.value);
  }
}

function replyElement(context: CommandContext, element: Element): void {
  context.reply.bulk(element.bytes, element.start, element.end);
}

export function hscan(context: CommandContext, tools: HashTools): void {
  const { hash, field, value } = tools;
  replyCollectionScan(context, TYPE_HASH, {
    element: field,
    second: () => value.copy(),
    open: entry => {
      hash.open(context.db.encoding(entry), context.db.root(entry));
      return (cursor, visit) => hash.scan(cursor, field, value, visit);
    },
  });
}

/** HRANDFIELD key [count [WITHVALUES]] */
export function hrandfield(context: CommandContext, tools: HashTools): void {
  const { reply, argc } = context;
  const { hash, field, value } = tools;
  const random = (): number => context.ports.entropy.random();
  if (argc === 2) {
    const there = openHash(context, tools);
    if (there === undefined) return;
    if (!there) return reply.nil();
    hash.random(random, field, value);
    return replyElement(context, field);
  }
  if (argc > 4 || (argc === 4 && !context.argIs(3, 'WITHVALUES'))) {
    // The count is looked at first.
    if (drawCount(context, 2, false) !== undefined) reply.error(SYNTAX_ERROR);
    return;
  }
  const count = drawCount(context, 2, argc === 4);
  if (count === undefined) return;
  const there = openHash(context, tools);
  if (there === undefined) return;
  if (!there || count === 0) return reply.array(0);
  if (count < 0) drawWithRepetition(context, tools, -count, argc === 4, random);
  else drawDistinct(context, tools, count, argc === 4, random);
}

/** The head of an array of fields, or of fields with values: pairs in RESP3, flat in RESP2. */
function replyHead(context: CommandContext, count: number, withValues: boolean): void {
  context.reply.array(withValues && context.reply.resp === 2 ? count * 2 : count);
}

function replyPair(context: CommandContext, field: Element, value: Element, withValues: boolean): void {
  if (withValues && context.reply.resp === 3) context.reply.array(2);
  replyElement(context, field);
  if (withValues) replyElement(context, value);
}

function drawWithRepetition(context: CommandContext, tools: HashTools, count: number, withValues: boolean, random: () => number): void {
  const { hash, field, value } = tools;
  replyHead(context, count, withValues);
  for (let left = count; left > 0; left--) {
    hash.random(random, field, value);
    replyPair(context, field, value, withValues);
  }
}

function drawDistinct(context: CommandContext, tools: HashTools, count: number, withValues: boolean, random: () => number): void {
  const { hash, members, field, value } = tools;
  const size = hash.length;
  const drawn = Math.min(count, size);
  replyHead(context, drawn, withValues);
  if (!isSparse(drawn, size)) {
    members.open(TYPE_HASH, hash.encoding, hash.root);
    visitSample(members, size, drawn, random, () => replyPair(context, members.element, members.value, withValues));
    return;
  }
  const seen = new Set<string>();
  while (seen.size < drawn) {
    hash.random(random, field, value);
    const name = field.toString();
    if (seen.has(name)) continue;
    seen.add(name);
    replyPair(context, field, value, withValues);
  }
}
