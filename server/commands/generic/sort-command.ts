/**
 * SORT and SORT_RO: the elements of a list, a set or a sorted set in an order, themselves or what stands at keys that are made of them.
 * Upstream: sort.c.
 *
 * Everything is gathered first (`SortTexts`: elements and weights), then sorted, then replied or stored. Texts are compared byte by byte, as in the
 * C locale; `locale-collate` has no effect.
 */

import type { CommandContext } from '../../core/context.ts';
import { ENC_HASHTABLE, type Encoding, TYPE_LIST, TYPE_SET, TYPE_ZSET, type ValueType } from '../../keyspace/database.ts';
import { latin1 } from '../../memory/bytes.ts';
import type { Ref } from '../../memory/arena.ts';
import { readDouble, readPlainDecimal } from '../../protocol/number-text.ts';
import { WRONG_TYPE } from '../../protocol/reply-errors.ts';
import { Element } from '../../structures/element.ts';
import type { ListReader } from '../../values/list-reader.ts';
import type { ListValue } from '../../values/list-value.ts';
import type { SortedSetValue } from '../../values/sorted-set-value.ts';
import type { Members } from '../../values/value-access.ts';
import type { Values } from '../../values/values.ts';
import { createKey } from '../collection-key.ts';
import { type Comparison, sortedOrder } from './sort-order.ts';
import { readSortOptions, type SortOptions } from './sort-options.ts';
import { SortLookup, type SortPattern } from './sort-pattern.ts';
import { SortTexts } from './sort-texts.ts';

/** What SORT keeps between calls. */
export interface SortTools {
  readonly values: Values;
  readonly reader: ListReader;
  readonly zset: SortedSetValue;
  readonly members: Members;
  readonly result: ListValue;
  readonly lookup: SortLookup;
  readonly element: Element;
}

export function createSortTools(values: Values): SortTools {
  return {
    values,
    reader: values.listReader(),
    zset: values.sortedSet(),
    members: values.members(),
    result: values.list(),
    lookup: new SortLookup(values.hash()),
    element: new Element(),
  };
}

/** The value to sort. A missing key is an empty list. */
interface Source {
  readonly type: ValueType;
  readonly encoding: Encoding;
  readonly root: Ref;
  readonly length: number;
}

/** How the elements are to be ordered; undefined as a whole: as they come. */
interface Ordering {
  readonly by: SortPattern | undefined;
  readonly alpha: boolean;
  readonly descending: boolean;
  /** The order of equals must not hang on a hash table, which is another one on each node. */
  readonly tiesByElement: boolean;
  /** Texts are compared whole, not up to a zero byte. */
  readonly wholeTexts: boolean;
}

/** Places [from, until) of the sorted elements are wanted. */
interface Range {
  readonly from: number;
  readonly until: number;
}

/** The elements that are wanted: `texts` at `order[0]`, … (at 0, 1, … without an order). */
interface Sorted {
  readonly texts: SortTexts;
  readonly order: Uint32Array | undefined;
  readonly count: number;
}

/** SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC | DESC] [ALPHA] [STORE destination]; SORT_RO has no STORE. */
export function sort(context: CommandContext, tools: SortTools, mayStore: boolean): void {
  const options = readSortOptions(context, mayStore);
  if (options === undefined) return;
  const source = openSource(context, tools);
  if (source === undefined) return;
  const sorted = sortSource(context, tools, source, options);
  if (sorted === undefined) return context.reply.error("ERR One or more scores can't be converted into double");
  if (options.storeIndex === 0) replySorted(context, tools, sorted, options.get);
  else storeSorted(context, tools, sorted, options);
}

function openSource(context: CommandContext, tools: SortTools): Source | undefined {
  const { db } = context;
  const entry = db.find(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) return { type: TYPE_LIST, encoding: 0, root: 0, length: 0 };
  const type = db.type(entry);
  if (type !== TYPE_LIST && type !== TYPE_SET && type !== TYPE_ZSET) {
    context.reply.error(WRONG_TYPE);
    return undefined;
  }
  const encoding = db.encoding(entry);
  const root = db.root(entry);
  return { type, encoding, root, length: tools.values.length(type, encoding, root) };
}

/** undefined when a weight is no number. */
function sortSource(context: CommandContext, tools: SortTools, source: Source, options: SortOptions): Sorted | undefined {
  const range = wantedRange(source.length, options);
  const count = range.until - range.from;
  const ordering = orderingOf(source, options);
  if (ordering === undefined) return { texts: gather(tools, source, range, options.descending), order: undefined, count };
  const texts = gather(tools, source, { from: 0, until: source.length }, false);
  const compare = ordering.alpha ? textComparison(context, tools, texts, ordering) : scoreComparison(context, tools, texts, ordering);
  if (compare === undefined) return undefined;
  if (count === 0) return { texts, order: undefined, count };
  const partial = ordering.by !== undefined && count < source.length;
  return { texts, order: sortedOrder(source.length, compare, partial ? range : undefined).subarray(range.from, range.until), count };
}

function wantedRange(length: number, { offset, count }: SortOptions): Range {
  const from = Math.min(Math.max(offset, 0), length);
  return { from, until: count < 0 ? length : Math.min(from + count, length) };
}

function orderingOf(source: Source, options: SortOptions): Ordering | undefined {
  const { alpha, by, descending, sorts, storeIndex } = options;
  const stores = storeIndex !== 0;
  const tiesByElement = source.type === TYPE_SET && source.encoding === ENC_HASHTABLE;
  if (sorts) return { by, alpha, descending, tiesByElement, wholeTexts: stores };
  // A set has no order of its own: what is stored gets one, the same on every replica.
  if (stores && source.type === TYPE_SET) return { by: undefined, alpha: true, descending, tiesByElement, wholeTexts: true };
  return undefined;
}

/** Copies of the elements in a range of the source's own order; of a list or sorted set also backwards. */
function gather(tools: SortTools, source: Source, { from, until }: Range, backward: boolean): SortTexts {
  const { element, members, reader, zset } = tools;
  const { encoding, length, root, type } = source;
  const texts = SortTexts.create(until - from);
  if (until === from) return texts;
  if (type === TYPE_LIST) {
    reader.open(encoding, root, backward ? length - from - 1 : from, length, backward);
    for (let index = 0; index < texts.length; index++) {
      reader.next(element);
      texts.put(index, element);
    }
  } else if (type === TYPE_ZSET) {
    zset.open(encoding, root);
    zset.seekRank(from, backward);
    for (let index = 0; index < texts.length; index++) {
      zset.read(element);
      texts.put(index, element);
      zset.advance();
    }
  } else {
    members.open(type, encoding, root);
    for (let index = -from; index < texts.length && members.next(); index++) if (index >= 0) texts.put(index, members.element);
  }
  return texts;
}

/** By the elements or, as texts, what BY finds for them; an element for which it finds nothing comes first. */
function textComparison(context: CommandContext, tools: SortTools, texts: SortTexts, ordering: Ordering): Comparison {
  const { element, lookup } = tools;
  const { by, descending, tiesByElement, wholeTexts } = ordering;
  let weights = texts;
  if (by !== undefined) {
    weights = SortTexts.create(texts.length);
    for (let index = 0; index < texts.length; index++) {
      texts.read(index, element);
      const weight = lookup.find(context, by, element);
      if (weight !== undefined) weights.put(index, weight);
    }
  }
  if (!wholeTexts) weights = weights.upToZero();
  const compare: Comparison = tiesByElement ? (a, b) => weights.compare(a, b) || texts.compare(a, b) : (a, b) => weights.compare(a, b);
  return descending ? (a, b) => -compare(a, b) : compare;
}

/** By the elements as numbers, or the numbers that BY finds for them (0 for nothing); among equal ones by the elements' bytes. */
function scoreComparison(context: CommandContext, tools: SortTools, texts: SortTexts, ordering: Ordering): Comparison | undefined {
  const { element, lookup } = tools;
  const { by } = ordering;
  const scores = new Float64Array(texts.length);
  for (let index = 0; index < texts.length; index++) {
    texts.read(index, element);
    const weight = by === undefined ? element : lookup.find(context, by, element);
    if (weight === undefined) continue;
    const score = readScore(weight);
    if (Number.isNaN(score)) return undefined;
    scores[index] = score;
  }
  const sign = ordering.descending ? -1 : 1;
  return (a, b) => {
    const left = scores[a];
    const right = scores[b];
    if (left > right) return sign;
    if (left < right) return -sign;
    return sign * texts.compare(a, b);
  };
}

/** NaN when it is no double. Upstream looks at nothing behind a number that a zero byte ends. */
function readScore({ bytes, start, end }: Element): number {
  const plain = readPlainDecimal(bytes, start, end);
  if (!Number.isNaN(plain)) return plain;
  const [text] = latin1(bytes, start, end).split('\0', 1);
  return readDouble(text) ?? Number.NaN;
}

function replySorted(context: CommandContext, tools: SortTools, sorted: Sorted, get: readonly SortPattern[]): void {
  const { reply } = context;
  reply.array(sorted.count * Math.max(get.length, 1));
  visitSorted(context, tools, sorted, get, found => {
    if (found === undefined) reply.nil();
    else reply.bulk(found.bytes, found.start, found.end);
  });
}

/** Calls `use` for each element or, with GET, for what each of the patterns finds for it. */
function visitSorted(
  context: CommandContext,
  tools: SortTools,
  { count, order, texts }: Sorted,
  get: readonly SortPattern[],
  use: (found: Element | undefined) => void,
): void {
  const { element, lookup } = tools;
  for (let place = 0; place < count; place++) {
    texts.read(order === undefined ? place : order[place], element);
    if (get.length === 0) use(element);
    for (const pattern of get) use(lookup.find(context, pattern, element));
  }
}

/** Puts the result into the destination, whatever that held; an empty one deletes it. */
function storeSorted(context: CommandContext, tools: SortTools, sorted: Sorted, { get, storeIndex }: SortOptions): void {
  const { bytes, db, reply } = context;
  const { result } = tools;
  const length = sorted.count * Math.max(get.length, 1);
  if (length > 0) {
    result.createQuicklist();
    visitSorted(context, tools, sorted, get, found => {
      if (found === undefined) result.push(true, bytes, 0, 0);
      else result.push(true, found.bytes, found.start, found.end);
    });
    result.settle(false);
  }
  const replaced = db.delete(bytes, context.argStart(storeIndex), context.argEnd(storeIndex));
  if (length > 0) {
    createKey(context, storeIndex, TYPE_LIST, result);
    context.changed(length);
    context.keyChanged(storeIndex, 'l', 'sortstore');
  } else if (replaced) {
    context.changed(1);
    context.keyChanged(storeIndex, 'g', 'del');
  }
  reply.integer(length);
}
