/** ZUNION, ZINTER, ZDIFF, their STORE forms, ZINTERCARD. Sets count as sorted sets whose scores are 1. Upstream: t_zset.c, zunionInterDiffGenericCommand. */

import type { CommandContext } from '../../core/context.ts';
import { type Encoding, TYPE_SET, TYPE_ZSET, type ValueType } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { SYNTAX_ERROR, WRONG_TYPE } from '../../protocol/reply-errors.ts';
import type { SortedSetValue } from '../../values/sorted-set-value.ts';
import type { Members } from '../../values/value-access.ts';
import { countArgument, longArgument } from '../collection-key.ts';
import { replyLength, replyMember, type SortedSetTools, storeResult } from './sorted-set-tools.ts';

export type Operation = 'union' | 'inter' | 'diff';

interface Source {
  readonly type: ValueType;
  readonly encoding: Encoding;
  /** 0 = no such key. */
  readonly root: Ref;
  readonly length: number;
  weight: number;
  /** NaN when the member is not there. */
  score(bytes: Uint8Array, start: number, end: number): number;
}

interface Request {
  readonly sources: Source[];
  aggregate: 'sum' | 'min' | 'max';
  withScores: boolean;
  limit: number;
}

/** `event` of the STORE form, whose destination stands before numkeys. */
export function combine(context: CommandContext, tools: SortedSetTools, operation: Operation, event: string | undefined): void {
  const request = readRequest(context, tools, event === undefined ? 1 : 2, operation, event !== undefined, false);
  if (request === undefined) return;
  const result = tools.values.sortedSet();
  result.createSkiplist();
  if (operation === 'union') unite(tools, request, result);
  else if (operation === 'inter')
    intersect(tools, request, (bytes, start, end, score) => {
      result.insert(score, bytes, start, end);
      return true;
    });
  else subtract(tools, request.sources, result);
  if (event !== undefined) {
    if (result.length > 0) result.convertToListpackIfSmall();
    return storeResult(context, tools, result, event);
  }
  replyResult(context, tools, result, request.withScores);
}

/** ZINTERCARD numkeys key… [LIMIT limit] */
export function zintercard(context: CommandContext, tools: SortedSetTools): void {
  const request = readRequest(context, tools, 1, 'inter', false, true);
  if (request === undefined) return;
  let count = 0;
  intersect(tools, request, () => ++count !== request.limit);
  context.reply.integer(count);
}

function replyResult(context: CommandContext, tools: SortedSetTools, result: SortedSetValue, withScores: boolean): void {
  const { members } = tools;
  context.reply.array(replyLength(context, result.length, withScores));
  members.open(TYPE_ZSET, result.encoding, result.root);
  while (members.next()) replyMember(context, members.element, members.score, withScores);
  tools.values.free(TYPE_ZSET, result.encoding, result.root);
}

// ── The operations ──

function scoreIn(source: Source, members: Members): number {
  return source.type === TYPE_SET ? 1 : members.score;
}

function weighted(weight: number, score: number): number {
  const value = weight * score;
  return value === value ? value : 0;
}

/** Sums of opposite infinities are 0, as upstream has it. */
function aggregated(aggregate: Request['aggregate'], left: number, right: number): number {
  if (aggregate === 'min') return right < left ? right : left;
  if (aggregate === 'max') return right > left ? right : left;
  const sum = left + right;
  return sum === sum ? sum : 0;
}

function unite(tools: SortedSetTools, request: Request, result: SortedSetValue): void {
  const { members } = tools;
  const { element } = members;
  for (const source of request.sources) {
    if (source.root === 0) continue;
    members.open(source.type, source.encoding, source.root);
    while (members.next()) {
      const { bytes, start, end } = element;
      const score = weighted(source.weight, scoreIn(source, members));
      const old = result.score(bytes, start, end);
      if (old !== old) result.insert(score, bytes, start, end);
      else {
        const sum = aggregated(request.aggregate, old, score);
        // The sign of a zero counts, too.
        if (!Object.is(sum, old)) result.update(sum, bytes, start, end);
      }
    }
  }
}

/** Calls `use` for each member of all sources, until it returns false. */
function intersect(
  tools: SortedSetTools,
  request: Request,
  use: (bytes: Uint8Array, start: number, end: number, score: number) => boolean,
): void {
  const { members } = tools;
  const { element } = members;
  const [smallest, ...others] = request.sources;
  if (smallest.root === 0) return;
  members.open(smallest.type, smallest.encoding, smallest.root);
  while (members.next()) {
    const { bytes, start, end } = element;
    const own = scoreIn(smallest, members);
    let score = weighted(smallest.weight, own);
    const everywhere = others.every(other => {
      const found = other.root === smallest.root ? own : other.score(bytes, start, end);
      if (found !== found) return false;
      score = aggregated(request.aggregate, score, found * other.weight);
      return true;
    });
    if (everywhere && !use(bytes, start, end, score)) return;
  }
}

function subtract(tools: SortedSetTools, sources: readonly Source[], result: SortedSetValue): void {
  const { members } = tools;
  const { element } = members;
  const [first, ...rest] = sources;
  const others = rest.filter(source => source.root !== 0);
  if (first.root === 0 || others.some(source => source.root === first.root)) return;
  const asking = Math.floor((first.length * (others.length + 1)) / 2);
  const asks = asking <= others.reduce((sum, source) => sum + source.length, first.length);
  const largestFirst = asks ? others.toSorted((a, b) => b.length - a.length) : [];
  members.open(first.type, first.encoding, first.root);
  while (members.next()) {
    const { bytes, start, end } = element;
    if (largestFirst.some(source => !Number.isNaN(source.score(bytes, start, end)))) continue;
    result.insert(scoreIn(first, members), bytes, start, end);
  }
  if (asks) return;
  for (const source of others) {
    members.open(source.type, source.encoding, source.root);
    while (result.length > 0 && members.next()) result.remove(element.bytes, element.start, element.end);
  }
}

// ── Arguments ──

function readRequest(
  context: CommandContext,
  tools: SortedSetTools,
  keysIndex: number,
  operation: Operation,
  stores: boolean,
  counts: boolean,
): Request | undefined {
  const keys = longArgument(context, keysIndex);
  if (keys === undefined) return undefined;
  if (keys < 1) return refuse(context, `ERR at least 1 input key is needed for '${context.command.fullName}' command`);
  if (keys > context.argc - keysIndex - 1) return refuse(context, SYNTAX_ERROR);
  const sources: Source[] = [];
  for (let index = keysIndex + 1; index <= keysIndex + keys; index++) {
    const source = openSource(context, tools, index);
    if (source === undefined) return refuse(context, WRONG_TYPE);
    sources.push(source);
  }
  const request: Request = { sources, aggregate: 'sum', withScores: false, limit: 0 };
  if (!readOptions(context, request, keysIndex + keys + 1, operation, stores, counts)) return undefined;
  if (operation !== 'diff') sources.sort((a, b) => a.length - b.length);
  return request;
}

function refuse(context: CommandContext, text: string): undefined {
  context.reply.error(text);
  return undefined;
}

/** undefined when the key holds something else than a set or sorted set. */
function openSource(context: CommandContext, tools: SortedSetTools, index: number): Source | undefined {
  const { db, bytes } = context;
  const entry = db.find(bytes, context.argStart(index), context.argEnd(index));
  if (entry === 0) return { type: TYPE_ZSET, encoding: 3, root: 0, length: 0, weight: 1, score: () => Number.NaN };
  const type = db.type(entry);
  const encoding = db.encoding(entry);
  const root = db.root(entry);
  if (type === TYPE_ZSET) {
    const zset = tools.values.sortedSet().open(encoding, root);
    return { type, encoding, root, length: zset.length, weight: 1, score: (from, start, end) => zset.score(from, start, end) };
  }
  if (type !== TYPE_SET) return undefined;
  const set = tools.values.set().open(encoding, root);
  return { type, encoding, root, length: set.length, weight: 1, score: (from, start, end) => (set.has(from, start, end) ? 1 : Number.NaN) };
}

/** False after an error reply. */
function readOptions(
  context: CommandContext,
  request: Request,
  from: number,
  operation: Operation,
  stores: boolean,
  counts: boolean,
): boolean {
  const { argc } = context;
  const weighs = operation !== 'diff' && !counts;
  for (let index = from; index < argc; ) {
    const rest = argc - index;
    if (weighs && rest > request.sources.length && context.argIs(index, 'WEIGHTS')) {
      index++;
      for (const source of request.sources) {
        const weight = context.argDouble(index++);
        if (weight === undefined) return refuse(context, 'ERR weight value is not a float') !== undefined;
        source.weight = weight;
      }
    } else if (weighs && rest >= 2 && context.argIs(index, 'AGGREGATE')) {
      const aggregate = context.argString(index + 1).toLowerCase();
      if (aggregate !== 'sum' && aggregate !== 'min' && aggregate !== 'max') return refuse(context, SYNTAX_ERROR) !== undefined;
      request.aggregate = aggregate;
      index += 2;
    } else if (!stores && !counts && context.argIs(index, 'WITHSCORES')) {
      request.withScores = true;
      index++;
    } else if (counts && rest >= 2 && context.argIs(index, 'LIMIT')) {
      const limit = countArgument(context, index + 1, "ERR LIMIT can't be negative");
      if (limit === undefined) return false;
      request.limit = limit;
      index += 2;
    } else return refuse(context, SYNTAX_ERROR) !== undefined;
  }
  return true;
}
