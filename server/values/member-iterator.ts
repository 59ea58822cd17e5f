/** Walks the members of a collection of any encoding (the contract stands in `value-access.ts`). */

import {
  ENC_HASHTABLE,
  ENC_INTSET,
  ENC_LISTPACK,
  ENC_QUICKLIST,
  type Encoding,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_ZSET,
  type ValueType,
} from '../keyspace/database.ts';
import { type Arena, NULL_REF, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { Element } from '../structures/element.ts';
import { intsetLength, readIntset } from '../structures/intset.ts';
import { endOfEntries, firstEntry, LISTPACK_END, nextEntry, previousEntry, readEntry } from '../structures/listpack.ts';
import { ListPlace } from '../structures/quicklist.ts';
import { HASH_ENTRIES, readHashValue, readKey, SET_ENTRIES } from '../structures/table-entry.ts';
import { TableIterator } from '../structures/table-walk.ts';
import { entryScore } from './score-text.ts';
import type { Members } from './value-access.ts';
import type { ValueContext } from './value-context.ts';

export class MemberIterator implements Members {
  readonly element = new Element();
  readonly value = new Element();
  score = 0;
  private type: ValueType = TYPE_LIST;
  private encoding: Encoding = ENC_LISTPACK;
  private root: Ref = NULL_REF;
  private reverse = false;
  /** Offset in a listpack, index in an intset, node of a skip list; what is next. */
  private place = 0;
  private started = false;
  private readonly listPlace = new ListPlace();
  private readonly table: TableIterator;
  private readonly context: ValueContext;
  private readonly arena: Arena;

  constructor(context: ValueContext) {
    this.context = context;
    this.arena = context.arena;
    this.table = new TableIterator(context.arena);
  }

  open(type: ValueType, encoding: Encoding, root: Ref, reverse = false): void {
    this.type = type;
    this.encoding = encoding;
    this.root = root;
    this.reverse = reverse;
    this.started = false;
    this.place = 0;
    if (encoding === ENC_HASHTABLE) this.table.open(root);
    else if (encoding === ENC_LISTPACK) {
      const view = this.arena.views[segmentOf(root)];
      const base = offsetOf(root);
      this.place = (reverse ? endOfEntries(view, base) : firstEntry(base)) - base;
    }
  }

  next(): boolean {
    const { encoding } = this;
    if (encoding === ENC_LISTPACK) return this.reverse ? this.previousInListpack() : this.nextInListpack();
    if (encoding === ENC_HASHTABLE) return this.nextInTable();
    if (encoding === ENC_QUICKLIST) return this.nextInQuicklist();
    if (encoding !== ENC_INTSET) return this.nextInSkiplist();
    if (this.place >= intsetLength(this.arena, this.root)) return false;
    readIntset(this.arena, this.root, this.place++, this.element);
    return true;
  }

  private nextInListpack(): boolean {
    const bytes = this.arena.bytes[segmentOf(this.root)];
    const view = this.arena.views[segmentOf(this.root)];
    let p = offsetOf(this.root) + this.place;
    if (bytes[p] === LISTPACK_END) return false;
    readEntry(bytes, view, p, this.element);
    p = nextEntry(bytes, view, p);
    if (this.type === TYPE_HASH || this.type === TYPE_ZSET) {
      this.readSecond(bytes, view, p);
      p = nextEntry(bytes, view, p);
    }
    this.place = p - offsetOf(this.root);
    return true;
  }

  private previousInListpack(): boolean {
    const bytes = this.arena.bytes[segmentOf(this.root)];
    const view = this.arena.views[segmentOf(this.root)];
    const base = offsetOf(this.root);
    let p = base + this.place;
    if (p === firstEntry(base)) return false;
    p = previousEntry(bytes, p);
    if (this.type === TYPE_HASH || this.type === TYPE_ZSET) {
      this.readSecond(bytes, view, p);
      p = previousEntry(bytes, p);
    }
    readEntry(bytes, view, p, this.element);
    this.place = p - base;
    return true;
  }

  private readSecond(bytes: Uint8Array, view: DataView, p: number): void {
    if (this.type === TYPE_HASH) readEntry(bytes, view, p, this.value);
    else this.score = entryScore(bytes, view, p, this.value);
  }

  private nextInTable(): boolean {
    const entry = this.table.next();
    if (entry === NULL_REF) return false;
    if (this.type === TYPE_HASH) {
      readKey(this.arena, entry, HASH_ENTRIES, this.element);
      readHashValue(this.arena, entry, this.value);
    } else readKey(this.arena, entry, SET_ENTRIES, this.element);
    return true;
  }

  private nextInQuicklist(): boolean {
    const { quicklist } = this.context;
    const there = this.started
      ? quicklist.advance(this.listPlace, this.reverse)
      : quicklist.seek(this.root, this.reverse ? -1 : 0, this.listPlace);
    this.started = true;
    if (there) quicklist.read(this.listPlace, this.element);
    return there;
  }

  private nextInSkiplist(): boolean {
    const { skiplist } = this.context;
    if (!this.started) this.place = this.reverse ? skiplist.last(this.root) : skiplist.first(this.root);
    else if (this.place !== NULL_REF) this.place = this.reverse ? skiplist.previous(this.place) : skiplist.next(this.place);
    this.started = true;
    if (this.place === NULL_REF) return false;
    skiplist.member(this.place, this.element);
    this.score = skiplist.score(this.place);
    return true;
  }
}
