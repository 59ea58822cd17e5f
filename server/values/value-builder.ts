/**
 * Makes values whole, from blobs and members that may come from anywhere (the contract stands in `value-access.ts`).
 *
 * A blob is taken as it is when it is well formed and small enough for this server's thresholds; otherwise its members are added one by one.
 */

import {
  ENC_HASHTABLE,
  ENC_INTSET,
  ENC_LISTPACK,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_ZSET,
  type ValueType,
} from '../keyspace/database.ts';
import { NULL_REF } from '../memory/arena.ts';
import { compareBytes } from '../memory/bytes.ts';
import { Element } from '../structures/element.ts';
import { createTable, destroyTable, findEntryInTable, hashFor, insertInTable } from '../structures/hash-table.ts';
import { isIntset } from '../structures/intset.ts';
import {
  EMPTY_LISTPACK_BYTES,
  firstEntry,
  isListpack,
  LISTPACK_END,
  listpackLength,
  nextEntry,
  readEntry,
} from '../structures/listpack.ts';
import { copyIntoBlock } from '../structures/listpack-edit.ts';
import { createSetEntry, SET_ENTRIES } from '../structures/table-entry.ts';
import type { FreeValues } from './free-value.ts';
import { HashValue } from './hash-value.ts';
import { ListValue } from './list-value.ts';
import { entryScore } from './score-text.ts';
import { SetValue } from './set-value.ts';
import { SortedSetValue } from './sorted-set-value.ts';
import type { Builder, BuiltValue } from './value-access.ts';
import type { ValueContext } from './value-context.ts';

export class ValueBuilder implements Builder {
  wasEmpty = false;
  private readonly context: ValueContext;
  private readonly freeing: FreeValues;
  private readonly list: ListValue;
  private readonly set: SetValue;
  private readonly hash: HashValue;
  private readonly zset: SortedSetValue;
  private readonly element = new Element();
  private readonly second = new Element();
  private type: ValueType = TYPE_LIST;
  private open = false;
  private expected = 0;

  constructor(context: ValueContext, freeing: FreeValues) {
    this.context = context;
    this.freeing = freeing;
    this.list = new ListValue(context);
    this.set = new SetValue(context);
    this.hash = new HashValue(context);
    this.zset = new SortedSetValue(context);
  }

  fromListpack(type: ValueType, bytes: Uint8Array, start: number, end: number): BuiltValue | undefined {
    const view = viewOf(bytes);
    this.wasEmpty = false;
    if (!isListpack(bytes, view, start, end)) return undefined;
    const entries = listpackLength(bytes, view, start);
    const pairs = type === TYPE_HASH || type === TYPE_ZSET;
    if (pairs && entries % 2 !== 0) return undefined;
    if (entries === 0) {
      this.wasEmpty = true;
      return undefined;
    }
    if (type !== TYPE_LIST && this.hasDuplicates(bytes, view, start, pairs ? 2 : 1)) return undefined;
    if (type === TYPE_ZSET) {
      const order = this.scoreOrder(bytes, view, start);
      if (order === 'broken') return undefined;
      if (order === 'unsorted') return this.addPairs(type, bytes, view, start);
    }
    return this.adoptListpack(type, bytes, start, end, pairs ? entries / 2 : entries);
  }

  private adoptListpack(type: ValueType, bytes: Uint8Array, start: number, end: number, length: number): BuiltValue {
    const { arena, limits } = this.context;
    if (type === TYPE_LIST) {
      this.list.createQuicklist();
      this.context.quicklist.appendListpack(this.list.root, bytes, viewOf(bytes), start, end);
      this.list.settle(false);
      return { type, encoding: this.list.encoding, root: this.list.root };
    }
    const root = copyIntoBlock(arena, bytes, start, end);
    if (type === TYPE_HASH) {
      this.hash.open(ENC_LISTPACK, root);
      if (length > limits.hashMaxListpackEntries) this.hash.convert();
      return { type, encoding: this.hash.encoding, root: this.hash.root };
    }
    if (type === TYPE_SET) {
      this.set.open(ENC_LISTPACK, root);
      if (length > limits.setMaxListpackEntries) this.set.convertToTable();
      return { type, encoding: this.set.encoding, root: this.set.root };
    }
    this.zset.open(ENC_LISTPACK, root);
    if (length > limits.zsetMaxListpackEntries) this.zset.convertToSkiplist();
    return { type, encoding: this.zset.encoding, root: this.zset.root };
  }

  /** Whether every entry (or every second one) of a listpack is there once. */
  private hasDuplicates(bytes: Uint8Array, view: DataView, start: number, step: 1 | 2): boolean {
    const { arena, key0, key1 } = this.context;
    const { element } = this;
    const seen = createTable(arena, SET_ENTRIES, key0, key1);
    let duplicate = false;
    for (let p = firstEntry(start); bytes[p] !== LISTPACK_END && !duplicate; ) {
      readEntry(bytes, view, p, element);
      const hash = hashFor(arena, seen, element.bytes, element.start, element.end);
      duplicate = findEntryInTable(arena, seen, element.bytes, element.start, element.end, hash) !== NULL_REF;
      if (!duplicate) insertInTable(arena, seen, hash, createSetEntry(arena, element.bytes, element.start, element.end));
      p = nextEntry(bytes, view, p);
      if (step === 2) p = nextEntry(bytes, view, p);
    }
    destroyTable(arena, seen, entry => arena.free(entry));
    return duplicate;
  }

  private scoreOrder(bytes: Uint8Array, view: DataView, start: number): 'sorted' | 'unsorted' | 'broken' {
    const { element, second } = this;
    let sorted = true;
    let lastScore = -Infinity;
    let last = -1;
    for (let p = firstEntry(start); bytes[p] !== LISTPACK_END; ) {
      const at = nextEntry(bytes, view, p);
      const score = entryScore(bytes, view, at, element);
      if (score !== score) return 'broken';
      if (score < lastScore) sorted = false;
      else if (score === lastScore && last >= 0) {
        readEntry(bytes, view, last, element);
        readEntry(bytes, view, p, second);
        if (compareBytes(element.bytes, element.start, element.end, second.bytes, second.start, second.end) > 0) sorted = false;
      }
      lastScore = score;
      last = p;
      p = nextEntry(bytes, view, at);
    }
    return sorted ? 'sorted' : 'unsorted';
  }

  private addPairs(type: ValueType, bytes: Uint8Array, view: DataView, start: number): BuiltValue | undefined {
    this.begin(type, 0);
    const { element } = this;
    for (let p = firstEntry(start); bytes[p] !== LISTPACK_END; ) {
      const at = nextEntry(bytes, view, p);
      const score = entryScore(bytes, view, at, element);
      readEntry(bytes, view, p, element);
      this.addScored(element.bytes, element.start, element.end, score);
      p = nextEntry(bytes, view, at);
    }
    return this.finish();
  }

  fromIntset(bytes: Uint8Array, start: number, end: number): BuiltValue | undefined {
    this.wasEmpty = false;
    if (!isIntset(viewOf(bytes), start, end)) return undefined;
    this.set.open(ENC_INTSET, copyIntoBlock(this.context.arena, bytes, start, end));
    if (this.set.length > this.context.limits.setMaxIntsetEntries) this.set.convertToTable();
    return { type: TYPE_SET, encoding: this.set.encoding, root: this.set.root };
  }

  begin(type: ValueType, expected: number): void {
    this.type = type;
    this.expected = expected;
    this.open = true;
    const { limits } = this.context;
    if (type === TYPE_LIST) this.list.createQuicklist();
    else if (type === TYPE_SET) {
      if (expected > limits.setMaxIntsetEntries) this.set.createTable();
      else this.set.createIntset();
    } else if (type === TYPE_HASH) {
      this.hash.create();
      if (expected > limits.hashMaxListpackEntries) this.hash.convert();
    } else this.zset.createSkiplist();
  }

  add(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.type === TYPE_SET) return this.set.add(bytes, start, end);
    this.list.push(true, bytes, start, end);
    return true;
  }

  addField(bytes: Uint8Array, fieldStart: number, fieldEnd: number, value: Uint8Array, valueStart: number, valueEnd: number): boolean {
    return this.hash.set(bytes, fieldStart, fieldEnd, value, valueStart, valueEnd);
  }

  addScored(bytes: Uint8Array, start: number, end: number, score: number): boolean {
    if (score !== score) return false;
    const old = this.zset.score(bytes, start, end);
    if (old === old) return false;
    this.zset.insert(score, bytes, start, end);
    return true;
  }

  addListNode(plain: boolean, bytes: Uint8Array, start: number, end: number): boolean {
    const { quicklist } = this.context;
    if (plain) {
      quicklist.appendPlain(this.list.root, bytes, start, end);
      return true;
    }
    const view = viewOf(bytes);
    if (!isListpack(bytes, view, start, end)) return false;
    if (end - start > EMPTY_LISTPACK_BYTES) quicklist.appendListpack(this.list.root, bytes, view, start, end);
    return true;
  }

  finish(): BuiltValue | undefined {
    const built = this.built();
    this.open = false;
    this.wasEmpty = this.lengthOf() === 0;
    if (this.wasEmpty) {
      this.freeing.freeNow(built);
      return undefined;
    }
    return built;
  }

  abandon(): void {
    if (this.open) this.freeing.free(this.built());
    this.open = false;
  }

  private lengthOf(): number {
    if (this.type === TYPE_LIST) return this.list.length;
    if (this.type === TYPE_SET) return this.set.length;
    return this.type === TYPE_HASH ? this.hash.length : this.zset.length;
  }

  private built(): BuiltValue {
    const { type } = this;
    if (type === TYPE_LIST) {
      this.list.settle(false);
      return { type, encoding: this.list.encoding, root: this.list.root };
    }
    if (type === TYPE_SET) {
      // What was made a table because many members were told of may have become few.
      if (this.set.encoding === ENC_HASHTABLE && this.set.length < this.expected) this.set.convertToCompactIfSmall();
      return { type, encoding: this.set.encoding, root: this.set.root };
    }
    if (type === TYPE_HASH) return { type, encoding: this.hash.encoding, root: this.hash.root };
    if (this.zset.length > 0) this.zset.convertToListpackIfSmall();
    return { type, encoding: this.zset.encoding, root: this.zset.root };
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
