/**
 * A set: an intset while all members are integers and few, a listpack while they are few and short, then a hash table.
 *
 * An object of this class is a view: `open` it on a value, work, and `save` what became of encoding and root. It is reused from command
 * to command. Bytes given to `add` must not lie in this set.
 *
 * | add, has, remove | O(1); listpack O(n); intset O(log n) and a move |
 */

import { type Database, ENC_HASHTABLE, ENC_INTSET, ENC_LISTPACK, type Encoding } from '../keyspace/database.ts';
import { type Arena, NULL_REF, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { LONG, parseDecimal, parseLong } from '../structures/decimal.ts';
import { Element } from '../structures/element.ts';
import {
  createTable,
  destroyTable,
  findEntryInTable,
  hashFor,
  insertInTable,
  removeFromTable,
  tableLength,
} from '../structures/hash-table.ts';
import { createIntset, findInIntset, insertInIntset, intsetLength, readIntset, removeFromIntset } from '../structures/intset.ts';
import { findEntry, firstEntry, LISTPACK_END, listpackLength, nextEntry, readEntry, seekEntry } from '../structures/listpack.ts';
import { appendToBlock, createListpack, deleteFromBlock } from '../structures/listpack-edit.ts';
import { createSetEntry, readKey, SET_ENTRIES } from '../structures/table-entry.ts';
import { randomEntry, scanTable, TableIterator } from '../structures/table-walk.ts';
import type { ValueContext } from './value-context.ts';

export class SetValue {
  encoding: Encoding = ENC_INTSET;
  root: Ref = NULL_REF;
  private openedEncoding: Encoding = ENC_INTSET;
  private openedRoot: Ref = NULL_REF;
  private readonly context: ValueContext;
  private readonly arena: Arena;

  constructor(context: ValueContext) {
    this.context = context;
    this.arena = context.arena;
  }

  open(encoding: Encoding, root: Ref): this {
    this.encoding = this.openedEncoding = encoding;
    this.root = this.openedRoot = root;
    return this;
  }

  /** A new empty set for about `expected` members, the first of which will be `bytes[start, end)`. */
  create(bytes: Uint8Array, start: number, end: number, expected: number): this {
    const { limits } = this.context;
    const integer = integerOf(bytes, start, end) !== undefined;
    if (integer && expected <= limits.setMaxIntsetEntries) return this.createIntset();
    if (expected <= limits.setMaxListpackEntries) return this.open(ENC_LISTPACK, createListpack(this.arena, 32));
    return this.open(ENC_HASHTABLE, createTable(this.arena, SET_ENTRIES, this.context.key0, this.context.key1));
  }

  /** A new empty set that takes the encoding its members ask for. */
  createIntset(): this {
    return this.open(ENC_INTSET, createIntset(this.arena));
  }

  /** A new empty set as a hash table, for working sets that only a reply sees. */
  createTable(): this {
    return this.open(ENC_HASHTABLE, createTable(this.arena, SET_ENTRIES, this.context.key0, this.context.key1));
  }

  /** Before `count` members are added: what will be too large becomes a hash table at once. */
  prepareFor(count: number): void {
    const { limits } = this.context;
    if (this.encoding === ENC_LISTPACK && count > limits.setMaxListpackEntries) this.convertToTable();
    else if (this.encoding === ENC_INTSET && count > limits.setMaxIntsetEntries) this.convertToTable();
  }

  save(db: Database, entry: Ref): void {
    if (this.root !== this.openedRoot || this.encoding !== this.openedEncoding) db.setRoot(entry, this.encoding, this.root);
  }

  get length(): number {
    if (this.encoding === ENC_HASHTABLE) return tableLength(this.arena, this.root);
    if (this.encoding === ENC_INTSET) return intsetLength(this.arena, this.root);
    return listpackLength(this.arena.bytes[segmentOf(this.root)], this.arena.views[segmentOf(this.root)], offsetOf(this.root));
  }

  has(bytes: Uint8Array, start: number, end: number): boolean {
    const { arena, root } = this;
    if (this.encoding === ENC_HASHTABLE) {
      return findEntryInTable(arena, root, bytes, start, end, hashFor(arena, root, bytes, start, end)) !== NULL_REF;
    }
    if (this.encoding === ENC_LISTPACK) return this.findInListpack(bytes, start, end) >= 0;
    const integer = integerOf(bytes, start, end);
    return integer !== undefined && findInIntset(arena, root, integer) >= 0;
  }

  /** False when the member is there already. */
  add(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.encoding === ENC_HASHTABLE) return this.addToTable(bytes, start, end);
    return this.encoding === ENC_LISTPACK ? this.addToListpack(bytes, start, end) : this.addToIntset(bytes, start, end);
  }

  private addToTable(bytes: Uint8Array, start: number, end: number): boolean {
    const { arena, root } = this;
    const hash = hashFor(arena, root, bytes, start, end);
    if (findEntryInTable(arena, root, bytes, start, end, hash) !== NULL_REF) return false;
    insertInTable(arena, root, hash, createSetEntry(arena, bytes, start, end));
    return true;
  }

  private addToListpack(bytes: Uint8Array, start: number, end: number): boolean {
    const { limits } = this.context;
    if (this.findInListpack(bytes, start, end) >= 0) return false;
    if (this.length < limits.setMaxListpackEntries && end - start <= limits.setMaxListpackValue) {
      this.root = appendToBlock(this.arena, this.root, bytes, start, end);
      return true;
    }
    this.convertToTable();
    return this.addToTable(bytes, start, end);
  }

  private addToIntset(bytes: Uint8Array, start: number, end: number): boolean {
    const { limits } = this.context;
    const integer = integerOf(bytes, start, end);
    if (integer !== undefined) {
      const place = findInIntset(this.arena, this.root, integer);
      if (place >= 0) return false;
      this.root = insertInIntset(this.arena, this.root, place, integer);
      if (this.length > limits.setMaxIntsetEntries) this.convertToTable();
      return true;
    }
    const fits = this.length < limits.setMaxListpackEntries && Math.max(end - start, this.longestOfIntset()) <= limits.setMaxListpackValue;
    if (!fits) {
      this.convertToTable();
      return this.addToTable(bytes, start, end);
    }
    this.convertToListpack();
    this.root = appendToBlock(this.arena, this.root, bytes, start, end);
    return true;
  }

  /** False when the member is not there. */
  remove(bytes: Uint8Array, start: number, end: number): boolean {
    const { arena, root } = this;
    if (this.encoding === ENC_HASHTABLE) {
      const hash = hashFor(arena, root, bytes, start, end);
      const entry = findEntryInTable(arena, root, bytes, start, end, hash);
      if (entry === NULL_REF) return false;
      removeFromTable(arena, root, hash, entry);
      arena.free(entry);
      return true;
    }
    if (this.encoding === ENC_LISTPACK) {
      const p = this.findInListpack(bytes, start, end);
      if (p >= 0) this.root = deleteFromBlock(arena, root, p - offsetOf(root), 1);
      return p >= 0;
    }
    const integer = integerOf(bytes, start, end);
    const index = integer === undefined ? -1 : findInIntset(arena, root, integer);
    if (index >= 0) this.root = removeFromIntset(arena, root, index);
    return index >= 0;
  }

  /** A random member, each equally likely. The set must not be empty. */
  random(random: () => number, member: Element): void {
    if (this.encoding === ENC_HASHTABLE) readKey(this.arena, randomEntry(this.arena, this.root, random), SET_ENTRIES, member);
    else this.at(Math.floor(random() * this.length), member);
  }

  /** The member at a position of a compact set. */
  at(index: number, member: Element): void {
    if (this.encoding === ENC_INTSET) return readIntset(this.arena, this.root, index, member);
    const bytes = this.arena.bytes[segmentOf(this.root)];
    const view = this.arena.views[segmentOf(this.root)];
    readEntry(bytes, view, seekEntry(bytes, view, offsetOf(this.root), index), member);
  }

  /** One step of SSCAN; the next cursor, 0 = done. A compact set comes whole. `visit` must not change the set. */
  scan(cursor: number, member: Element, visit: () => void): number {
    const { arena, root } = this;
    if (this.encoding === ENC_HASHTABLE) {
      return scanTable(arena, root, cursor, entry => {
        readKey(arena, entry, SET_ENTRIES, member);
        visit();
      });
    }
    const { length } = this;
    if (this.encoding === ENC_INTSET) {
      for (let i = 0; i < length; i++) {
        readIntset(arena, root, i, member);
        visit();
      }
      return 0;
    }
    const bytes = arena.bytes[segmentOf(root)];
    const view = arena.views[segmentOf(root)];
    for (let p = firstEntry(offsetOf(root)); bytes[p] !== LISTPACK_END; p = nextEntry(bytes, view, p)) {
      readEntry(bytes, view, p, member);
      visit();
    }
    return 0;
  }

  private findInListpack(bytes: Uint8Array, start: number, end: number): number {
    const own = this.arena.bytes[segmentOf(this.root)];
    return findEntry(own, this.arena.views[segmentOf(this.root)], firstEntry(offsetOf(this.root)), bytes, start, end, 0);
  }

  private longestOfIntset(): number {
    const { length } = this;
    if (length === 0) return 0;
    const { scratch } = this.context;
    readIntset(this.arena, this.root, 0, scratch);
    const first = scratch.length;
    readIntset(this.arena, this.root, length - 1, scratch);
    return Math.max(first, scratch.length);
  }

  convertToListpack(): void {
    const { arena, root: intset } = this;
    const count = intsetLength(arena, intset);
    const { scratch } = this.context;
    let listpack = createListpack(arena, 32);
    for (let i = 0; i < count; i++) {
      readIntset(arena, intset, i, scratch);
      listpack = appendToBlock(arena, listpack, scratch.bytes, scratch.start, scratch.end);
    }
    arena.free(intset);
    this.encoding = ENC_LISTPACK;
    this.root = listpack;
  }

  convertToTable(): void {
    const { arena, root: compact, context } = this;
    const { scratch } = context;
    const table = createTable(arena, SET_ENTRIES, context.key0, context.key1);
    if (this.encoding === ENC_INTSET) {
      const count = intsetLength(arena, compact);
      for (let i = 0; i < count; i++) {
        readIntset(arena, compact, i, scratch);
        this.insertScratch(table);
      }
    } else {
      for (let p = firstEntry(offsetOf(compact)); arena.bytes[segmentOf(compact)][p] !== LISTPACK_END; ) {
        readEntry(arena.bytes[segmentOf(compact)], arena.views[segmentOf(compact)], p, scratch);
        this.insertScratch(table);
        p = nextEntry(arena.bytes[segmentOf(compact)], arena.views[segmentOf(compact)], p);
      }
    }
    arena.free(compact);
    this.encoding = ENC_HASHTABLE;
    this.root = table;
  }

  private insertScratch(table: Ref): void {
    const { bytes, start, end } = this.context.scratch;
    insertInTable(this.arena, table, hashFor(this.arena, table, bytes, start, end), createSetEntry(this.arena, bytes, start, end));
  }

  /** A table whose members are few and short becomes a compact set. */
  convertToCompactIfSmall(): void {
    const { arena, root: table, context } = this;
    if (this.encoding !== ENC_HASHTABLE || this.length > context.limits.setMaxIntsetEntries) return;
    const rebuilt = new SetValue(context).createIntset();
    const member = new Element();
    const iterator = new TableIterator(arena);
    iterator.open(table);
    for (let entry = iterator.next(); entry !== NULL_REF; entry = iterator.next()) {
      readKey(arena, entry, SET_ENTRIES, member);
      rebuilt.add(member.bytes, member.start, member.end);
    }
    destroyTable(arena, table, entry => arena.free(entry));
    this.encoding = rebuilt.encoding;
    this.root = rebuilt.root;
  }

  /** A set whose members are all integers becomes an intset if it is small enough (the result of SINTERSTORE). */
  convertToIntsetIfSmall(): void {
    if (this.encoding === ENC_INTSET || this.length > this.context.limits.setMaxIntsetEntries) return;
    if (this.encoding === ENC_LISTPACK) this.convertToTable();
    this.convertToCompactIfSmall();
  }
}

/** The 64-bit integer that the bytes are the text of. */
function integerOf(bytes: Uint8Array, start: number, end: number): number | bigint | undefined {
  const integer = parseDecimal(bytes, start, end);
  if (integer === LONG) return parseLong(bytes, start, end);
  return integer === integer ? integer : undefined;
}
