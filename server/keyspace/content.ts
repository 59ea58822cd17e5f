/**
 * The content of a database: its tables, and the walks over them. A flush gives the database a new content; the old one lives on while walks need it.
 *
 * With slots (cluster mode) there is one table for each hash slot, made when its first key comes; else one for all.
 * `expires` holds the entries that have an expiry once more, for the active expiry cycle.
 *
 * ## Walks
 * A walk must see every entry as it was when the walk began. Every entry has one mark for each of the four walks. A walk has its number's `clean`
 * value: an entry with that mark is still to be visited, one with the other is done. So
 *  - the walk turns the mark of each entry that it visits;
 *  - an entry that is about to change is given to the walk first, and its mark turned;
 *  - an entry that is made during the walk is made with its mark turned;
 *  - at the end all marks are turned, and the other value is clean for the next walk of this number: no pass to reset them.
 * An aborted walk goes on as a sweep that only turns marks, until its number is free again.
 *
 * A walk over some slots only does the same in the tables of these slots. So what is clean differs from table to table: `tableClean` holds, for
 * each table, the bits that differ from `clean`, and `tableNew` those in which the marks of its new entries differ from `newMarks`.
 */

import { offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { SLOT_COUNT, slotOfKey } from '../../lib/slot-hash.ts';
import { assert } from '../../lib/assert.ts';
import type { Database, Walk, WalkCursor } from './database.ts';
import { keyLengthOf, keyStartOf, marksOf, writeMarks } from './entry.ts';
import { freeEntry } from './entry-value.ts';
import type { KeyspaceState } from './keyspace-state.ts';
import { KeyTable, TABLE_END } from './key-table.ts';

const WALKS = 4;
const CHUNK = 256;

/** A place between two entries: table number and hash. */
export interface TablePosition {
  table: number;
  hash: number;
}

export class Content {
  readonly tables: (KeyTable | undefined)[];
  readonly expires: (KeyTable | undefined)[];
  size = 0;
  expiring = 0;
  /** Marks that a new entry gets. */
  newMarks = 0;
  /** Walks that must hear of changes, as bits; 0 nearly always. */
  telling = 0;
  private active = 0;
  private clean = 0;
  /** By table: see above. Zeroes nearly always. */
  readonly tableNew: Uint8Array;
  private readonly tableClean: Uint8Array;
  /** Numbers of walks over some tables only, as bits. */
  private partial = 0;
  /** There was such a walk: tables may differ in what is clean. */
  private uneven = false;
  private readonly walks: (ContentWalk | undefined)[] = [undefined, undefined, undefined, undefined];
  private detached = false;
  /** Of no meaning: see `touch`. */
  touched = 0;
  private readonly state: KeyspaceState;
  private readonly releasing: TablePosition = { table: 0, hash: 0 };

  constructor(state: KeyspaceState) {
    this.state = state;
    const count = state.bySlot ? SLOT_COUNT : 1;
    this.tables = Array.from({ length: count });
    this.expires = Array.from({ length: count });
    this.tableNew = new Uint8Array(count);
    this.tableClean = new Uint8Array(count);
  }

  tableFor(slot: number): KeyTable {
    return (this.tables[slot] ??= new KeyTable(this.state));
  }

  expiresFor(slot: number): KeyTable {
    return (this.expires[slot] ??= new KeyTable(this.state));
  }

  /**
   * Puts the next refs from `position` on into `out` (at least one unless the end is reached) and moves the position. False = end. `only`: one table.
   * `hidden`: tables with a 1 there are passed over.
   */
  collect(
    tables: readonly (KeyTable | undefined)[],
    position: TablePosition,
    limit: number,
    out: number[],
    only = -1,
    hidden?: Uint8Array,
  ): boolean {
    while (position.table < tables.length) {
      const table = hidden?.[position.table] === 1 ? undefined : tables[position.table];
      const next = table === undefined ? TABLE_END : table.collect(position.hash, limit, out);
      if (next < TABLE_END) position.hash = next;
      else {
        position.table = only >= 0 ? tables.length : position.table + 1;
        position.hash = 0;
      }
      if (out.length >= limit) return true;
    }
    return out.length > 0;
  }

  // ── Walks ──

  /** `tables`: the walk sees these only, in this order; each is named once. */
  startWalk(walk: Walk, tables?: readonly number[]): WalkCursor {
    let number = this.walks.indexOf(undefined);
    if (number < 0) {
      number = this.walks.findIndex(each => each?.aborted === true);
      assert(number >= 0, `at most ${WALKS} walks go over one database at once`);
      this.walks[number]?.finishSweep();
    }
    const started = new ContentWalk(this, number, walk, tables);
    this.walks[number] = started;
    this.telling |= 1 << number;
    if (tables === undefined) {
      this.active |= 1 << number;
      this.newMarks = this.clean ^ this.active;
    } else {
      this.partial |= 1 << number;
      this.uneven = true;
      for (const table of tables) this.tableNew[table] ^= 1 << number;
    }
    return started;
  }

  /** Must run before an entry changes; only worth a call when `telling` is not 0. */
  tellWalks(db: Database, entry: Ref): void {
    const marks = marksOf(this.state.arena, entry);
    let telling = this.telling;
    let { clean } = this;
    if (this.uneven) {
      const table = this.tableOf(entry);
      // Walks over other tables do not care.
      telling &= ~this.partial | (this.tableClean[table] ^ this.tableNew[table]);
      clean ^= this.tableClean[table];
    }
    const pending = ~(marks ^ clean) & telling;
    if (pending !== 0) writeMarks(this.state.arena, entry, marks ^ pending);
    for (let number = 0; number < WALKS; number++) {
      if ((telling & (1 << number)) === 0) continue;
      const walk = this.walks[number]?.walk;
      if ((pending & (1 << number)) !== 0 || walk?.reading === entry) walk?.beforeChange(db, entry);
    }
  }

  /** Reads the entries in a row without waiting for any of them: their memory comes in together, as each would come in by itself later. */
  touch(refs: readonly Ref[]): void {
    const { views } = this.state.arena;
    let sum = 0;
    for (let i = 0; i < refs.length; i++) sum ^= views[segmentOf(refs[i])].getInt32(offsetOf(refs[i]), true);
    // Whatever nobody needs would be left out by the compiler.
    this.touched = sum;
  }

  /** Turns the mark of an entry; false when it was turned already. */
  visitMark(number: number, entry: Ref): boolean {
    const marks = marksOf(this.state.arena, entry);
    const clean = this.uneven ? this.clean ^ this.tableClean[this.tableOf(entry)] : this.clean;
    if (((marks ^ clean) & (1 << number)) !== 0) return false;
    writeMarks(this.state.arena, entry, marks ^ (1 << number));
    return true;
  }

  stopTelling(number: number): void {
    this.telling &= ~(1 << number);
    if (this.detached && this.telling === 0) this.state.garbage.push(this);
  }

  /** All marks of this number are turned, in these tables or in all. */
  freeWalk(number: number, tables: readonly number[] | undefined): void {
    this.telling &= ~(1 << number);
    this.walks[number] = undefined;
    if (tables === undefined) {
      this.active &= ~(1 << number);
      this.clean ^= 1 << number;
      this.newMarks = this.clean ^ this.active;
    } else {
      this.partial &= ~(1 << number);
      for (const table of tables) this.tableClean[table] ^= 1 << number;
    }
  }

  /** The table (hash slot) of an entry. */
  private tableOf(entry: Ref): number {
    const bytes = this.state.arena.bytes[segmentOf(entry)];
    const start = keyStartOf(this.state.arena, entry);
    return slotOfKey(bytes, start, start + keyLengthOf(this.state.arena, entry));
  }

  /** Goes on with sweeps of aborted walks, over about `limit` entries. False when there is none. */
  sweep(limit: number): boolean {
    const aborted = this.walks.find(each => each?.aborted === true);
    return aborted === undefined ? false : aborted.sweep(limit) || this.walks.some(each => each?.aborted === true);
  }

  // ── The end ──

  /** The database has another content now: free this one as soon as no walk needs it. */
  detach(): void {
    this.detached = true;
    if (this.telling === 0) this.state.garbage.push(this);
  }

  /** Frees up to `limit` entries. False when all are freed. */
  release(limit: number): boolean {
    const { arena, freeValue } = this.state;
    const refs: number[] = [];
    const from = this.releasing.table;
    const more = this.collect(this.tables, this.releasing, limit, refs);
    for (const ref of refs) freeEntry(arena, freeValue, ref);
    for (let index = from; index < this.releasing.table; index++) {
      this.tables[index]?.drop();
      this.expires[index]?.drop();
      this.tables[index] = undefined;
      this.expires[index] = undefined;
    }
    return more && this.releasing.table < this.tables.length;
  }
}

class ContentWalk implements WalkCursor {
  readonly total: number;
  readonly walk: Walk;
  aborted = false;
  private readonly content: Content;
  private readonly number: number;
  /** The tables that it sees; undefined = all. */
  private readonly tables: readonly number[] | undefined;
  private readonly position: TablePosition = { table: 0, hash: 0 };
  /** Of `tables`: which one it is in. */
  private at = 0;
  private done = false;
  private readonly refs: number[] = [];

  constructor(content: Content, number: number, walk: Walk, tables: readonly number[] | undefined) {
    this.content = content;
    this.number = number;
    this.walk = walk;
    this.tables = tables;
    this.total = tables === undefined ? content.size : tables.reduce((sum, table) => sum + (content.tables[table]?.size ?? 0), 0);
    if (tables !== undefined) this.position.table = tables[0] ?? content.tables.length;
  }

  next(limit: number, visit: (entry: Ref) => void): number {
    if (this.done || this.aborted) return 0;
    const { table, hash } = this.position;
    const { at } = this;
    if (!this.collect(limit)) {
      this.finish();
      return 0;
    }
    const { refs } = this;
    this.content.touch(refs);
    for (const ref of refs) {
      if (!this.content.visitMark(this.number, ref)) continue;
      visit(ref);
      if (this.walk.reading === 0) continue;
      // It stays with this entry: the others of these refs may change meanwhile, so they are collected again.
      this.position.table = table;
      this.position.hash = hash;
      this.at = at;
      break;
    }
    return refs.length;
  }

  end(): void {
    if (this.done || this.aborted) return;
    this.aborted = true;
    this.content.stopTelling(this.number);
  }

  /** Turns the marks that an aborted walk left. False when all are turned. */
  sweep(limit: number): boolean {
    if (!this.collect(limit)) {
      this.done = true;
      this.content.freeWalk(this.number, this.tables);
      return false;
    }
    for (const ref of this.refs) this.content.visitMark(this.number, ref);
    return true;
  }

  finishSweep(): void {
    while (this.sweep(CHUNK));
  }

  /** The next refs, about `limit` of them; false at the end. */
  private collect(limit: number): boolean {
    const { content, position, refs, tables } = this;
    refs.length = 0;
    if (tables === undefined) return content.collect(content.tables, position, limit, refs);
    while (this.at < tables.length && refs.length < limit) {
      content.collect(content.tables, position, limit, refs, tables[this.at]);
      if (position.table < content.tables.length) break;
      this.at++;
      position.table = tables[this.at] ?? content.tables.length;
      position.hash = 0;
    }
    return refs.length > 0;
  }

  private finish(): void {
    this.done = true;
    // First the number, then the end of telling: a detached content goes when its last walk has ended.
    this.content.freeWalk(this.number, this.tables);
    this.content.stopTelling(this.number);
  }
}
