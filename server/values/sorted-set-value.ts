/**
 * A sorted set: a listpack (member, score, member, score …, in order) while it is small, then a skip list with a hash table that finds
 * the node of a member.
 *
 * An object of this class is a view: `open` it on a value, work, and `save` what became of encoding and root. It is reused from command
 * to command. Bytes given to `put` must not lie in this sorted set. Scores are never NaN.
 *
 * It keeps a place: `seekRank`, `seekScore`, `seekLex` find it, `read` and `placeScore` look at it, `advance` moves it on.
 *
 * | score | O(1), listpack O(n) | put, remove, rank, seek | O(log n), listpack O(n) |
 */

import { type Database, ENC_LISTPACK, ENC_SKIPLIST, type Encoding } from '../keyspace/database.ts';
import { type Arena, NULL_REF, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { Element } from '../structures/element.ts';
import { createTable, destroyTable, findEntryInTable, hashFor, insertInTable, removeFromTable } from '../structures/hash-table.ts';
import { firstEntry, LISTPACK_END, nextEntry } from '../structures/listpack.ts';
import { createListpack } from '../structures/listpack-edit.ts';
import { aboveLexMin, belowLexMax, type LexRange, type ScoreRange } from '../structures/score-range.ts';
import { NODE_ENTRIES, readKey } from '../structures/table-entry.ts';
import { randomEntry, scanTable } from '../structures/table-walk.ts';
import { entryScore } from './score-text.ts';
import { ScoredListpack } from './scored-listpack.ts';
import type { ValueContext } from './value-context.ts';

export class SortedSetValue {
  encoding: Encoding = ENC_LISTPACK;
  root: Ref = NULL_REF;
  private openedEncoding: Encoding = ENC_LISTPACK;
  private openedRoot: Ref = NULL_REF;
  private readonly context: ValueContext;
  private readonly arena: Arena;
  private readonly pack: ScoredListpack;
  /** The node, or the member's offset in the listpack. */
  private place = 0;
  private backward = false;
  /** The node that `score` found last. */
  private found: Ref = NULL_REF;

  constructor(context: ValueContext) {
    this.context = context;
    this.arena = context.arena;
    this.pack = new ScoredListpack(context.arena, new Element());
  }

  open(encoding: Encoding, root: Ref): this {
    this.encoding = this.openedEncoding = encoding;
    this.root = this.openedRoot = root;
    return this;
  }

  /** A new empty sorted set for about `expected` members, the first of `length` bytes. */
  create(expected: number, length: number): this {
    const { limits } = this.context;
    const small = expected <= limits.zsetMaxListpackEntries && length <= limits.zsetMaxListpackValue;
    return small ? this.open(ENC_LISTPACK, createListpack(this.arena, 32)) : this.createSkiplist();
  }

  createSkiplist(): this {
    const { arena, context } = this;
    const table = createTable(arena, NODE_ENTRIES, context.key0, context.key1);
    return this.open(ENC_SKIPLIST, context.skiplist.create(table, context.key0 ^ Math.imul(table, 0x9e3779b1)));
  }

  /** Before `count` members are added, the longest of `length` bytes. */
  prepareFor(count: number, length: number): void {
    const { limits } = this.context;
    if (this.encoding === ENC_LISTPACK && (count > limits.zsetMaxListpackEntries || length > limits.zsetMaxListpackValue)) {
      this.convertToSkiplist();
    }
  }

  save(db: Database, entry: Ref): void {
    if (this.root !== this.openedRoot || this.encoding !== this.openedEncoding) db.setRoot(entry, this.encoding, this.root);
  }

  get length(): number {
    return this.encoding === ENC_SKIPLIST ? this.context.skiplist.length(this.root) : this.pack.length(this.root);
  }

  /** A member's score, NaN when it is not there. */
  score(bytes: Uint8Array, start: number, end: number): number {
    if (this.encoding === ENC_LISTPACK) return this.pack.score(this.root, bytes, start, end);
    this.found = this.nodeOf(bytes, start, end);
    return this.found === NULL_REF ? Number.NaN : this.context.skiplist.score(this.found);
  }

  private nodeOf(bytes: Uint8Array, start: number, end: number): Ref {
    const table = this.context.skiplist.table(this.root);
    return findEntryInTable(this.arena, table, bytes, start, end, hashFor(this.arena, table, bytes, start, end));
  }

  /** Adds a member that is not there. */
  insert(score: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.encoding === ENC_LISTPACK) {
      const { limits } = this.context;
      if (this.pack.length(this.root) < limits.zsetMaxListpackEntries && end - start <= limits.zsetMaxListpackValue) {
        this.root = this.pack.insert(this.root, score, bytes, start, end);
        return;
      }
      this.convertToSkiplist();
    }
    const { skiplist } = this.context;
    const table = skiplist.table(this.root);
    const node = skiplist.insert(this.root, score, bytes, start, end);
    insertInTable(this.arena, table, hashFor(this.arena, table, bytes, start, end), node);
  }

  /** Gives a member another score: the one whose `score` was asked for just before. */
  update(score: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.encoding === ENC_LISTPACK) {
      this.root = this.pack.remove(this.root, bytes, start, end);
      this.root = this.pack.insert(this.root, score, bytes, start, end);
    } else this.context.skiplist.updateScore(this.root, this.found, score);
  }

  /** Adds or updates; false when the member was there. */
  put(score: number, bytes: Uint8Array, start: number, end: number): boolean {
    const old = this.score(bytes, start, end);
    if (old !== old) this.insert(score, bytes, start, end);
    else if (old !== score) this.update(score, bytes, start, end);
    return old !== old;
  }

  /** False when the member is not there. */
  remove(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.encoding === ENC_LISTPACK) {
      const { length } = this;
      this.root = this.pack.remove(this.root, bytes, start, end);
      return this.length < length;
    }
    const node = this.nodeOf(bytes, start, end);
    if (node !== NULL_REF) this.removeNode(node);
    return node !== NULL_REF;
  }

  private removeNode(node: Ref): void {
    const { skiplist } = this.context;
    const table = skiplist.table(this.root);
    const { scratch } = this.context;
    readKey(this.arena, node, NODE_ENTRIES, scratch);
    removeFromTable(this.arena, table, hashFor(this.arena, table, scratch.bytes, scratch.start, scratch.end), node);
    skiplist.unlink(this.root, node);
    this.arena.free(node);
  }

  /** Position of a member from the lowest score, from 0; -1 when it is not there. */
  rank(bytes: Uint8Array, start: number, end: number): number {
    if (this.encoding === ENC_LISTPACK) return this.pack.rank(this.root, bytes, start, end);
    const node = this.nodeOf(bytes, start, end);
    return node === NULL_REF ? -1 : this.context.skiplist.rank(this.root, node);
  }

  // ── Places ──

  /** Goes to the member at a position from the lowest (`backward`: from the highest) score. False when there is none. */
  seekRank(rank: number, backward: boolean): boolean {
    const { length } = this;
    this.backward = backward;
    if (rank < 0 || rank >= length) return false;
    const forward = backward ? length - 1 - rank : rank;
    const { skiplist } = this.context;
    if (this.encoding === ENC_LISTPACK) this.place = this.pack.seek(this.root, forward);
    else if (forward === 0) this.place = skiplist.first(this.root);
    else if (forward === length - 1) this.place = skiplist.last(this.root);
    else this.place = skiplist.byRank(this.root, forward);
    return true;
  }

  /** Goes to the first (`backward`: the last) member of a range by score; false when the range is empty. */
  seekScore(range: ScoreRange, backward: boolean): boolean {
    this.backward = backward;
    const { skiplist } = this.context;
    if (this.encoding === ENC_LISTPACK) this.place = this.pack.seekScore(this.root, range, backward);
    else this.place = backward ? skiplist.lastInScoreRange(this.root, range) : skiplist.firstInScoreRange(this.root, range);
    return this.place !== 0;
  }

  seekLex(range: LexRange, backward: boolean): boolean {
    this.backward = backward;
    const { skiplist } = this.context;
    if (this.encoding === ENC_LISTPACK) this.place = this.pack.seekLex(this.root, range, backward);
    else this.place = backward ? skiplist.lastInLexRange(this.root, range) : skiplist.firstInLexRange(this.root, range);
    return this.place !== 0;
  }

  /** Goes on in the direction of the last seek; false at the end. */
  advance(): boolean {
    const { skiplist } = this.context;
    if (this.encoding === ENC_LISTPACK) this.place = this.pack.neighbour(this.root, this.place, this.backward);
    else this.place = this.backward ? skiplist.previous(this.place) : skiplist.next(this.place);
    return this.place !== 0;
  }

  /** Goes on by `count` members; O(log n) in a skip list. */
  skip(count: number): boolean {
    if (count <= 0) return true;
    if (this.encoding === ENC_SKIPLIST && count > 8) {
      const rank = this.context.skiplist.rank(this.root, this.place);
      return this.seekRank(this.backward ? this.length - 1 - rank + count : rank + count, this.backward);
    }
    for (let i = 0; i < count; i++) if (!this.advance()) return false;
    return true;
  }

  /** Position of the place from the lowest score. */
  placeRank(): number {
    if (this.encoding === ENC_SKIPLIST) return this.context.skiplist.rank(this.root, this.place);
    return this.pack.rankAt(this.root, this.place);
  }

  /** Whether a member that was reached in a direction is not beyond the range's other end. */
  isInLexRange(member: Element, range: LexRange, backward: boolean): boolean {
    const { bytes, start, end } = member;
    return backward ? aboveLexMin(bytes, start, end, range) : belowLexMax(bytes, start, end, range);
  }

  read(member: Element): void {
    if (this.encoding === ENC_SKIPLIST) this.context.skiplist.member(this.place, member);
    else this.pack.read(this.root, this.place, member);
  }

  get placeScore(): number {
    return this.encoding === ENC_SKIPLIST ? this.context.skiplist.score(this.place) : this.pack.scoreAt(this.root, this.place);
  }

  /** Removes `count` members from a position on (from the lowest score). */
  removeRanks(rank: number, count: number): void {
    if (this.encoding === ENC_LISTPACK) {
      this.root = this.pack.removeRanks(this.root, rank, count);
      return;
    }
    const { skiplist } = this.context;
    let node = skiplist.byRank(this.root, rank);
    for (let left = count; left > 0 && node !== NULL_REF; left--) {
      const next = skiplist.next(node);
      this.removeNode(node);
      node = next;
    }
  }

  // ── All members ──

  /** A random member, each equally likely; returns its score. The sorted set must not be empty. */
  random(random: () => number, member: Element): number {
    if (this.encoding === ENC_SKIPLIST) {
      const { skiplist } = this.context;
      const node = randomEntry(this.arena, skiplist.table(this.root), random);
      skiplist.member(node, member);
      return skiplist.score(node);
    }
    const place = this.pack.seek(this.root, Math.floor(random() * this.length));
    this.pack.read(this.root, place, member);
    return this.pack.scoreAt(this.root, place);
  }

  /** One step of ZSCAN; the next cursor, 0 = done. A compact one comes whole. `visit` must not change the sorted set. */
  scan(cursor: number, member: Element, visit: (score: number) => void): number {
    const { skiplist } = this.context;
    if (this.encoding === ENC_SKIPLIST) {
      return scanTable(this.arena, skiplist.table(this.root), cursor, node => {
        skiplist.member(node, member);
        visit(skiplist.score(node));
      });
    }
    for (let place = this.pack.seek(this.root, 0); place > 0; place = this.pack.neighbour(this.root, place, false)) {
      this.pack.read(this.root, place, member);
      visit(this.pack.scoreAt(this.root, place));
    }
    return 0;
  }

  convertToSkiplist(): void {
    const { arena, context } = this;
    const listpack = this.root;
    const member = new Element();
    this.encoding = ENC_SKIPLIST;
    const table = createTable(arena, NODE_ENTRIES, context.key0, context.key1);
    this.root = context.skiplist.create(table, context.key0 ^ Math.imul(table, 0x9e3779b1));
    for (let p = firstEntry(offsetOf(listpack)); arena.bytes[segmentOf(listpack)][p] !== LISTPACK_END; ) {
      const bytes = arena.bytes[segmentOf(listpack)];
      const view = arena.views[segmentOf(listpack)];
      const at = nextEntry(bytes, view, p);
      this.pack.read(listpack, p - offsetOf(listpack), member);
      this.insert(entryScore(bytes, view, at, context.scratch), member.bytes, member.start, member.end);
      p = nextEntry(bytes, view, at);
    }
    arena.free(listpack);
  }

  /** A skip list that is small enough becomes a listpack (the result of ZUNIONSTORE and the like). */
  convertToListpackIfSmall(): void {
    const { limits, skiplist } = this.context;
    if (this.encoding !== ENC_SKIPLIST || this.length > limits.zsetMaxListpackEntries) return;
    const member = new Element();
    for (let node = skiplist.first(this.root); node !== NULL_REF; node = skiplist.next(node)) {
      skiplist.member(node, member);
      if (member.length > limits.zsetMaxListpackValue) return;
    }
    let listpack = createListpack(this.arena, 32);
    for (let node = skiplist.first(this.root); node !== NULL_REF; ) {
      skiplist.member(node, member);
      listpack = this.pack.append(listpack, skiplist.score(node), member.bytes, member.start, member.end);
      const next = skiplist.next(node);
      this.arena.free(node);
      node = next;
    }
    this.freeIndex();
    this.encoding = ENC_LISTPACK;
    this.root = listpack;
  }

  /** Frees what is left of a skip list whose nodes are gone. */
  private freeIndex(): void {
    const { skiplist } = this.context;
    // Its entries are the nodes.
    destroyTable(this.arena, skiplist.table(this.root), () => {});
    skiplist.freeHeader(this.root);
  }
}
