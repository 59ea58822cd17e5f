/**
 * A hash: fields and their values, as a listpack (field, value, field, value …) while it is small, then as a hash table.
 *
 * An object of this class is a view: `open` it on a value, work, and `save` what became of encoding and root. It is reused from command
 * to command. Bytes given to `set` must not lie in this hash.
 *
 * | get, set, delete | O(1), in a listpack O(fields) |
 */

import { type Database, ENC_HASHTABLE, ENC_LISTPACK, type Encoding } from '../keyspace/database.ts';
import { type Arena, NULL_REF, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import type { Element } from '../structures/element.ts';
import {
  createTable,
  findEntryInTable,
  hashFor,
  insertInTable,
  removeFromTable,
  replaceInTable,
  tableLength,
} from '../structures/hash-table.ts';
import { findEntry, firstEntry, LISTPACK_END, listpackLength, nextEntry, readEntry, seekEntry } from '../structures/listpack.ts';
import { appendToBlock, createListpack, deleteFromBlock, replaceInBlock } from '../structures/listpack-edit.ts';
import { createHashEntry, HASH_ENTRIES, readHashValue, readKey, setHashValue } from '../structures/table-entry.ts';
import { randomEntry, scanTable } from '../structures/table-walk.ts';
import type { ValueContext } from './value-context.ts';

export class HashValue {
  encoding: Encoding = ENC_LISTPACK;
  root: Ref = NULL_REF;
  private openedEncoding: Encoding = ENC_LISTPACK;
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

  /** A new empty hash; `save` cannot be used until the database has it. */
  create(): this {
    return this.open(ENC_LISTPACK, createListpack(this.arena, 32));
  }

  /** Tells the entry when encoding or root have changed. */
  save(db: Database, entry: Ref): void {
    if (this.root !== this.openedRoot || this.encoding !== this.openedEncoding) db.setRoot(entry, this.encoding, this.root);
  }

  /** Number of fields. */
  get length(): number {
    if (this.encoding === ENC_HASHTABLE) return tableLength(this.arena, this.root);
    return listpackLength(this.arena.bytes[segmentOf(this.root)], this.arena.views[segmentOf(this.root)], offsetOf(this.root)) >>> 1;
  }

  /** Reads a field's value; false when there is no such field. */
  get(bytes: Uint8Array, start: number, end: number, value: Element): boolean {
    if (this.encoding === ENC_HASHTABLE) {
      const entry = findEntryInTable(this.arena, this.root, bytes, start, end, hashFor(this.arena, this.root, bytes, start, end));
      if (entry === NULL_REF) return false;
      readHashValue(this.arena, entry, value);
      return true;
    }
    const p = this.findField(bytes, start, end);
    if (p < 0) return false;
    const own = this.arena.bytes[segmentOf(this.root)];
    const view = this.arena.views[segmentOf(this.root)];
    readEntry(own, view, nextEntry(own, view, p), value);
    return true;
  }

  has(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.encoding !== ENC_HASHTABLE) return this.findField(bytes, start, end) >= 0;
    return findEntryInTable(this.arena, this.root, bytes, start, end, hashFor(this.arena, this.root, bytes, start, end)) !== NULL_REF;
  }

  /** Before that many fields are set, which are taken for new ones. */
  prepareForFields(count: number): void {
    if (this.encoding === ENC_LISTPACK && count > this.context.limits.hashMaxListpackEntries) this.convert();
  }

  /** Becomes a hash table if an argument of `length` bytes does not fit a listpack. Commands ask for all arguments first, as upstream does. */
  prepareFor(length: number): void {
    if (this.encoding === ENC_LISTPACK && length > this.context.limits.hashMaxListpackValue) this.convert();
  }

  /** Sets a field; true when it is new. */
  set(field: Uint8Array, fieldStart: number, fieldEnd: number, value: Uint8Array, valueStart: number, valueEnd: number): boolean {
    const { limits } = this.context;
    if (this.encoding === ENC_LISTPACK) {
      const longest = limits.hashMaxListpackValue;
      if (fieldEnd - fieldStart > longest || valueEnd - valueStart > longest) this.convert();
      else return this.setInListpack(field, fieldStart, fieldEnd, value, valueStart, valueEnd);
    }
    const hash = hashFor(this.arena, this.root, field, fieldStart, fieldEnd);
    const entry = findEntryInTable(this.arena, this.root, field, fieldStart, fieldEnd, hash);
    if (entry !== NULL_REF) {
      const moved = setHashValue(this.arena, entry, value, valueStart, valueEnd);
      if (moved !== entry) replaceInTable(this.arena, this.root, hash, entry, moved);
      return false;
    }
    insertInTable(this.arena, this.root, hash, createHashEntry(this.arena, field, fieldStart, fieldEnd, value, valueStart, valueEnd));
    return true;
  }

  private setInListpack(
    field: Uint8Array,
    fieldStart: number,
    fieldEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    const { arena } = this;
    const p = this.findField(field, fieldStart, fieldEnd);
    if (p >= 0) {
      const at = nextEntry(arena.bytes[segmentOf(this.root)], arena.views[segmentOf(this.root)], p) - offsetOf(this.root);
      this.root = replaceInBlock(arena, this.root, at, value, valueStart, valueEnd);
      return false;
    }
    const root = appendToBlock(arena, this.root, field, fieldStart, fieldEnd);
    this.root = appendToBlock(arena, root, value, valueStart, valueEnd);
    if (this.length > this.context.limits.hashMaxListpackEntries) this.convert();
    return true;
  }

  /** Removes a field; false when there is none. */
  delete(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.encoding === ENC_LISTPACK) {
      const p = this.findField(bytes, start, end);
      if (p >= 0) this.root = deleteFromBlock(this.arena, this.root, p - offsetOf(this.root), 2);
      return p >= 0;
    }
    const hash = hashFor(this.arena, this.root, bytes, start, end);
    const entry = findEntryInTable(this.arena, this.root, bytes, start, end, hash);
    if (entry === NULL_REF) return false;
    removeFromTable(this.arena, this.root, hash, entry);
    this.arena.free(entry);
    return true;
  }

  /** A random field, each equally likely, and its value. The hash must not be empty. */
  random(random: () => number, field: Element, value: Element): void {
    if (this.encoding === ENC_HASHTABLE) {
      const entry = randomEntry(this.arena, this.root, random);
      readKey(this.arena, entry, HASH_ENTRIES, field);
      readHashValue(this.arena, entry, value);
    } else this.at(Math.floor(random() * this.length), field, value);
  }

  /** The field at a position of a listpack hash. */
  at(index: number, field: Element, value: Element): void {
    const own = this.arena.bytes[segmentOf(this.root)];
    const view = this.arena.views[segmentOf(this.root)];
    const p = seekEntry(own, view, offsetOf(this.root), index * 2);
    readEntry(own, view, p, field);
    readEntry(own, view, nextEntry(own, view, p), value);
  }

  /** One step of HSCAN; the next cursor, 0 = done. A compact hash comes whole. `visit` must not change the hash. */
  scan(cursor: number, field: Element, value: Element, visit: () => void): number {
    if (this.encoding === ENC_HASHTABLE) {
      return scanTable(this.arena, this.root, cursor, entry => {
        readKey(this.arena, entry, HASH_ENTRIES, field);
        readHashValue(this.arena, entry, value);
        visit();
      });
    }
    const own = this.arena.bytes[segmentOf(this.root)];
    const view = this.arena.views[segmentOf(this.root)];
    for (let p = firstEntry(offsetOf(this.root)); own[p] !== LISTPACK_END; ) {
      readEntry(own, view, p, field);
      p = nextEntry(own, view, p);
      readEntry(own, view, p, value);
      p = nextEntry(own, view, p);
      visit();
    }
    return 0;
  }

  private findField(bytes: Uint8Array, start: number, end: number): number {
    const own = this.arena.bytes[segmentOf(this.root)];
    return findEntry(own, this.arena.views[segmentOf(this.root)], firstEntry(offsetOf(this.root)), bytes, start, end, 1);
  }

  /** From listpack to hash table. */
  convert(): void {
    const { arena, context } = this;
    const table = createTable(arena, HASH_ENTRIES, context.key0, context.key1);
    const listpack = this.root;
    const { scratch } = context;
    for (let p = firstEntry(offsetOf(listpack)); arena.bytes[segmentOf(listpack)][p] !== LISTPACK_END; ) {
      const own = arena.bytes[segmentOf(listpack)];
      const view = arena.views[segmentOf(listpack)];
      const value = nextEntry(own, view, p);
      readEntry(own, view, p, scratch);
      const hash = hashFor(arena, table, scratch.bytes, scratch.start, scratch.end);
      const entry = createHashEntry(arena, scratch.bytes, scratch.start, scratch.end, own, 0, 0);
      readEntry(own, view, value, scratch);
      insertInTable(arena, table, hash, setHashValue(arena, entry, scratch.bytes, scratch.start, scratch.end));
      p = nextEntry(own, view, value);
    }
    arena.free(listpack);
    this.encoding = ENC_HASHTABLE;
    this.root = table;
  }
}
