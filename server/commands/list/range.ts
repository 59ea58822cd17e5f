/** LLEN, LINDEX, LRANGE, LPOS: reading lists. Upstream: t_list.c. */

import type { CommandContext } from '../../core/context.ts';
import { TYPE_LIST } from '../../keyspace/database.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { storedInteger } from '../../structures/listpack-edit.ts';
import { countArgument, findToRead, longArgument, signedCountArgument, WRONG } from '../collection-key.ts';
import type { ListTools } from './list-tools.ts';
import { replyElements } from './push-pop.ts';

export function llen(context: CommandContext, tools: ListTools): void {
  const entry = findToRead(context, 1, TYPE_LIST);
  if (entry === WRONG) return;
  context.reply.integer(entry === 0 ? 0 : tools.list.open(context.db.encoding(entry), context.db.root(entry)).length);
}

/** LINDEX key index */
export function lindex(context: CommandContext, tools: ListTools): void {
  const { db, reply } = context;
  const { list, element } = tools;
  const entry = findToRead(context, 1, TYPE_LIST);
  if (entry === WRONG) return;
  if (entry === 0) return reply.nil();
  const index = longArgument(context, 2);
  if (index === undefined) return;
  list.open(db.encoding(entry), db.root(entry));
  if (!list.seek(index)) return reply.nil();
  list.read(element);
  reply.bulk(element.bytes, element.start, element.end);
}

/** LRANGE key start stop */
export function lrange(context: CommandContext, tools: ListTools): void {
  const { db, reply } = context;
  const first = longArgument(context, 2);
  if (first === undefined) return;
  const last = longArgument(context, 3);
  if (last === undefined) return;
  const entry = findToRead(context, 1, TYPE_LIST);
  if (entry === WRONG) return;
  if (entry === 0) return reply.array(0);
  const { length } = tools.list.open(db.encoding(entry), db.root(entry));
  const from = Math.max(first < 0 ? first + length : first, 0);
  const to = Math.min(last < 0 ? last + length : last, length - 1);
  replyElements(context, tools, from, Math.max(to - from + 1, 0), false);
}

interface SearchOptions {
  readonly rank: number;
  /** -1 = one position instead of an array. */
  readonly count: number;
  /** 0 = no limit. */
  readonly maxlen: number;
}

/** LPOS key element [RANK rank] [COUNT matches] [MAXLEN length] */
export function lpos(context: CommandContext, tools: ListTools): void {
  const { db, reply } = context;
  const options = readSearchOptions(context);
  if (options === undefined) return;
  const entry = findToRead(context, 1, TYPE_LIST);
  if (entry === WRONG) return;
  if (entry === 0) return options.count === -1 ? reply.nil() : reply.array(0);
  tools.list.open(db.encoding(entry), db.root(entry));
  if (options.count !== -1) {
    const token = reply.beginDeferred();
    return reply.endDeferred(token, 'array', search(context, tools, options));
  }
  if (search(context, tools, options) === 0) reply.nil();
}

/** Replies with the positions that match; returns how many. */
function search(context: CommandContext, tools: ListTools, options: SearchOptions): number {
  const { bytes } = context;
  const { list } = tools;
  const start = context.argStart(2);
  const end = context.argEnd(2);
  const integer = storedInteger(bytes, start, end);
  const backward = options.rank < 0;
  const rank = Math.abs(options.rank);
  const wanted = options.count === -1 ? 1 : options.count === 0 ? Infinity : options.count;
  const { length } = list;
  const limit = options.maxlen === 0 ? length : Math.min(options.maxlen, length);
  let matches = 0;
  let replied = 0;
  list.seek(backward ? -1 : 0);
  for (let index = 0; index < limit && replied < wanted; index++) {
    if (list.matches(bytes, start, end, integer) && ++matches >= rank) {
      context.reply.integer(backward ? length - index - 1 : index);
      replied++;
    }
    if (index + 1 < limit) list.advance(backward);
  }
  return replied;
}

function readSearchOptions(context: CommandContext): SearchOptions | undefined {
  let rank = 1;
  let count = -1;
  let maxlen = 0;
  for (let index = 3; index < context.argc; index += 2) {
    const last = index + 1 >= context.argc;
    let value: number | undefined;
    if (!last && context.argIs(index, 'RANK')) {
      value = signedCountArgument(context, index + 1);
      if (value === 0) {
        context.reply.error(
          "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
        );
        return undefined;
      }
      rank = value ?? rank;
    } else if (!last && context.argIs(index, 'COUNT')) {
      value = countArgument(context, index + 1, "ERR COUNT can't be negative");
      count = value ?? count;
    } else if (!last && context.argIs(index, 'MAXLEN')) {
      value = countArgument(context, index + 1, "ERR MAXLEN can't be negative");
      maxlen = value ?? maxlen;
    } else context.reply.error(SYNTAX_ERROR);
    if (value === undefined) return undefined;
  }
  return { rank, count, maxlen };
}
