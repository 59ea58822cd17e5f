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
 */

import type { Ref } from '../memory/arena.ts';
import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import { assert } from '../../lib/assert.ts';
import type { Database, Walk, WalkCursor } from './database.ts';
import { marksOf, writeMarks } from './entry.ts';
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
  private readonly walks: (ContentWalk | undefined)[] = [undefined, undefined, undefined, undefined];
  private detached = false;
  private readonly state: KeyspaceState;
  private readonly releasing: TablePosition = { table: 0, hash: 0 };

  constructor(state: KeyspaceState) {
    this.state = state;
    const count = state.bySlot ? SLOT_COUNT : 1;
    this.tables = Array.from({ length: count });
    this.expires = Array.from({ length: count });
  }

  tableFor(slot: number): KeyTable {
    return (this.tables[slot] ??= new KeyTable(this.state));
  }

  expiresFor(slot: number): KeyTable {
    return (this.expires[slot] ??= new KeyTable(this.state));
  }

  /** Puts the next refs from `position` on into `out` (at least one unless the end is reached) and moves the position. False = end. `only`: one table. */
  collect(tables: readonly (KeyTable | undefined)[], position: TablePosition, limit: number, out: number[], only = -1): boolean {
    while (position.table < tables.length) {
      const table = tables[position.table];
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

  startWalk(walk: Walk): WalkCursor {
    let number = this.walks.indexOf(undefined);
    if (number < 0) {
      number = this.walks.findIndex(each => each?.aborted === true);
      assert(number >= 0, `at most ${WALKS} walks go over one database at once`);
      this.walks[number]?.finishSweep();
    }
    const started = new ContentWalk(this, number, walk);
    this.walks[number] = started;
    this.active |= 1 << number;
    this.telling |= 1 << number;
    this.newMarks = this.clean ^ this.active;
    return started;
  }

  /** Must run before an entry changes; only worth a call when `telling` is not 0. */
  tellWalks(db: Database, entry: Ref): void {
    const marks = marksOf(this.state.arena, entry);
    const pending = ~(marks ^ this.clean) & this.telling;
    if (pending !== 0) writeMarks(this.state.arena, entry, marks ^ pending);
    for (let number = 0; number < WALKS; number++) {
      if ((this.telling & (1 << number)) === 0) continue;
      const walk = this.walks[number]?.walk;
      if ((pending & (1 << number)) !== 0 || walk?.reading === entry) walk?.beforeChange(db, entry);
    }
  }

  /** Turns the mark of an entry; false when it was turned already. */
  visitMark(number: number, entry: Ref): boolean {
    const marks = marksOf(this.state.arena, entry);
    if (((marks ^ this.clean) & (1 << number)) !== 0) return false;
    writeMarks(this.state.arena, entry, marks ^ (1 << number));
    return true;
  }

  stopTelling(number: number): void {
    this.telling &= ~(1 << number);
    if (this.detached && this.telling === 0) this.state.garbage.push(this);
  }

  /** All marks of this number are turned. */
  freeWalk(number: number): void {
    this.telling &= ~(1 << number);
    this.active &= ~(1 << number);
    this.clean ^= 1 << number;
    this.newMarks = this.clean ^ this.active;
    this.walks[number] = undefined;
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
  private readonly position: TablePosition = { table: 0, hash: 0 };
  private done = false;
  private readonly refs: number[] = [];

  constructor(content: Content, number: number, walk: Walk) {
    this.content = content;
    this.number = number;
    this.walk = walk;
    this.total = content.size;
  }

  next(limit: number, visit: (entry: Ref) => void): number {
    if (this.done || this.aborted) return 0;
    const refs = this.refs;
    refs.length = 0;
    const { table, hash } = this.position;
    if (!this.content.collect(this.content.tables, this.position, limit, refs)) {
      this.finish();
      return 0;
    }
    for (const ref of refs) {
      if (!this.content.visitMark(this.number, ref)) continue;
      visit(ref);
      if (this.walk.reading === 0) continue;
      // It stays with this entry: the others of these refs may change meanwhile, so they are collected again.
      this.position.table = table;
      this.position.hash = hash;
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
    const refs = this.refs;
    refs.length = 0;
    if (!this.content.collect(this.content.tables, this.position, limit, refs)) {
      this.done = true;
      this.content.freeWalk(this.number);
      return false;
    }
    for (const ref of refs) this.content.visitMark(this.number, ref);
    return true;
  }

  finishSweep(): void {
    while (this.sweep(CHUNK));
  }

  private finish(): void {
    this.done = true;
    // First the number, then the end of telling: a detached content goes when its last walk has ended.
    this.content.freeWalk(this.number);
    this.content.stopTelling(this.number);
  }
}
