/**
 * A snapshot: keys as they were at one moment, written while they go on changing, without a fork. How a key is written is a form's business: an RDB
 * of all databases (`rdb-snapshot.ts`), or the requests that make the keys of some hash slots again (`slot-snapshot.ts`).
 *
 * A walk over each database's tables writes the entries in time slices. Before an entry that the walk has not reached is changed, the
 * database shows it to us and it is written as it still is (its pre-image); the walk skips it later, as it skips what was made since.
 * So each entry that existed at the start is written once, as it was, and nothing is copied but pre-images that wait to be sent.
 *
 *     slice:  entry entry entry …  [pre-images that came meanwhile]  entry …  large value ┊ next slice: … large value  [pre-images]
 *
 * Goal: at most SLICE_MICROSECONDS at a time (BUSY_SLICE_MICROSECONDS while commands come), and never more than one chunk beyond what the sink takes.
 * A value with many members is written over several slices; when it is about to change in between, the rest of it is written at once. So is a large
 * value that changes before the walk reaches it: its pre-image is gone when the command returns, and whatever keeps it that long (a copy, members
 * that several versions share) costs as much at that moment as writing it. Only such a command takes longer than a slice.
 * The order of keys is free, and a database may be selected before any key: that is what allows pre-images anywhere between two keys.
 */

import type { Clock, DatabasesPort, Timers } from '../core/ports.ts';
import type { RunningSnapshot, SnapshotSink } from '../core/snapshots.ts';
import type { Database, Walk, WalkCursor } from '../keyspace/database.ts';
import type { Ref } from '../memory/arena.ts';

const SLICE_MICROSECONDS = 1500;
/** While clients are being served: each of them waits for a slice. */
const BUSY_SLICE_MICROSECONDS = 400;
/**
 * The first walk of a process rests after each slice while clients are being served, until so much work was done: its code is compiled then, on threads
 * that shall find the core idle and not take it from clients.
 */
const WARM_UP_MICROSECONDS = 40_000;
const WARM_UP_REST_MS = 4;
/** With so much held back the walk must not fall behind the writes: it takes longer slices. */
const MANY_HELD_BYTES = 4 * 1024 * 1024;
/** Entries between two looks at the clock: as many as take SHORT_LOOK to LONG_LOOK microseconds. Large ones, and code that is not compiled yet, take long. */
const MOST_ENTRIES_A_LOOK = 16;
const SHORT_LOOK = 100;
const LONG_LOOK = 200;

/** Writes keys into a buffer of its own: `length` bytes stand in `bytes` until `clear`. */
export interface KeyWriter {
  readonly bytes: Uint8Array;
  readonly length: number;
  clear(): void;
  /** The keys that follow are of this database. `size`: of what is to be written of it, when the walk comes to it. */
  select(dbIndex: number, size?: { readonly keys: number; readonly expiring: number }): void;
  begin(db: Database, entry: Ref): void;
  /** Goes on until the key is written (true) or `limit` bytes stand in the buffer (false). Between steps the value must not change. */
  step(limit: number): boolean;
}

export interface SnapshotForm {
  /** Output goes to the sink in pieces of about this size, and a large value is written in steps of it. */
  readonly chunkBytes: number;
  /** For the walk. What stands in it at the start comes before the first key. */
  readonly keys: KeyWriter;
  /** For pre-images: they wait here while a value is in the middle of being written, and while the sink rests. */
  readonly held: KeyWriter;
  /** These bytes go to the sink. */
  sent(bytes: Uint8Array, start: number, end: number): void;
  /** Writes into `keys` what comes after the last of them. */
  finish(): void;
}

/** Work of all walks of the process so far, in microseconds. */
export interface WalkExperience {
  microseconds: number;
}

export interface WalkParts {
  readonly databases: DatabasesPort;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Only the keys of these; undefined = all. */
  readonly slots: readonly number[] | undefined;
  /** Commands that the server has run so far: when they grow, clients wait. */
  readonly commandsServed: () => number;
  /** Bytes of pre-images that may wait for a slow reader; more end the snapshot. */
  readonly heldLimit: number;
  /** Each key takes this long at least: a test wants to look at a snapshot under way (rdb-key-save-delay). */
  readonly keyDelayMicroseconds: () => number;
  readonly experience: WalkExperience;
  readonly ended: (run: Snapshot) => void;
}

/** The walk over one database. */
class DatabaseWalk implements Walk {
  reading: Ref = 0;
  readonly db: Database;
  /** The number at the start: SWAPDB may change it. */
  readonly index: number;
  readonly cursor: WalkCursor;
  private readonly run: Snapshot;

  constructor(run: Snapshot, db: Database, slots: readonly number[] | undefined) {
    this.run = run;
    this.db = db;
    this.index = db.index;
    this.cursor = db.startWalk(this, slots);
  }

  beforeChange(_db: Database, entry: Ref): void {
    try {
      if (entry === this.reading) this.run.finishReading(this);
      else this.run.writePreImage(this, entry);
    } catch (error) {
      // The snapshot is lost, not the command that wanted to change something.
      this.run.fail(error);
    }
  }
}

export class Snapshot implements RunningSnapshot {
  keysDone = 0;
  longestSliceMicroseconds = 0;
  mostHeldBytes = 0;
  readonly keysTotal: number;
  private readonly parts: WalkParts;
  private readonly form: SnapshotForm;
  private readonly sink: SnapshotSink;
  private readonly walks: DatabaseWalk[] = [];
  private current = 0;
  private heldDb = -1;
  /** How much of the held pre-images was sent: they go out in chunks, and nothing else comes in between. */
  private heldSent = 0;
  /** Database that the stream's reader has selected. */
  private streamDb = -1;
  private entriesALook = 1;
  private served = 0;
  /** Nobody waits for slices to end, or the walk must not fall behind. */
  private quiet = false;
  private readonly startedAt: number;
  private hurried = false;
  private resting = false;
  private over = false;

  constructor(parts: WalkParts, form: SnapshotForm, sink: SnapshotSink) {
    this.parts = parts;
    this.form = form;
    this.sink = sink;
    for (let index = 0; index < parts.databases.count; index++) {
      const db = parts.databases.get(index);
      // A slot that is empty now may get keys: they are not of this moment, and nobody asks for them.
      const slots = parts.slots?.filter(slot => db.slotSize(slot) > 0);
      if (slots === undefined ? db.size > 0 : slots.length > 0) this.walks.push(new DatabaseWalk(this, db, slots));
    }
    this.startedAt = parts.clock.microseconds();
    this.keysTotal = this.walks.reduce((sum, walk) => sum + walk.cursor.total, 0);
    parts.timers.soon(this.slice);
  }

  resume(): void {
    if (!this.resting || this.over) return;
    this.resting = false;
    this.goOn();
  }

  finish(): void {
    this.hurried = true;
    while (!this.over) {
      this.resting = false;
      this.slice();
    }
  }

  abort(): void {
    this.end();
  }

  fail(error: unknown): void {
    if (this.over) return;
    this.end();
    // Not now: this may be in the middle of a command.
    this.parts.timers.soon(() => this.sink.failed(error instanceof Error ? error : new Error(String(error))));
  }

  /** Writes the rest of the value that is in the middle of being written: it is about to change. */
  finishReading(walk: DatabaseWalk): void {
    while (!this.form.keys.step(Number.MAX_SAFE_INTEGER));
    walk.reading = 0;
    this.keysDone++;
  }

  /** Writes an entry that is about to change. */
  writePreImage(walk: DatabaseWalk, entry: Ref): void {
    const writer = this.form.held;
    if (this.heldDb !== walk.index) writer.select(walk.index);
    this.heldDb = walk.index;
    writer.begin(walk.db, entry);
    while (!writer.step(Number.MAX_SAFE_INTEGER));
    this.keysDone++;
    const held = this.heldBytes;
    this.mostHeldBytes = Math.max(this.mostHeldBytes, held);
    this.sink.held?.(held);
    if (held > this.parts.heldLimit) throw new Error(`${held} bytes of changed keys wait for a reader that is too slow`);
  }

  private get heldBytes(): number {
    return this.form.held.length - this.heldSent;
  }

  private readonly slice = (): void => {
    if (this.over) return;
    const { clock } = this.parts;
    const begun = clock.microseconds();
    this.work(begun);
    const microseconds = clock.microseconds() - begun;
    this.parts.experience.microseconds += microseconds;
    this.longestSliceMicroseconds = Math.max(this.longestSliceMicroseconds, microseconds);
  };

  private work(begun: number): void {
    const served = this.parts.commandsServed();
    this.quiet = served === this.served || this.heldBytes > MANY_HELD_BYTES;
    const deadline = begun + (this.quiet ? SLICE_MICROSECONDS : BUSY_SLICE_MICROSECONDS);
    this.served = served;
    let looked = begun;
    try {
      do {
        const more = this.advance(this.keyDelay > 0 ? 1 : this.entriesALook);
        if (this.form.keys.length >= this.form.chunkBytes || !more) this.send();
        if (this.over) return;
        if (!more) return this.complete();
        const now = this.parts.clock.microseconds();
        this.pace(now - looked);
        looked = now;
      } while (!this.resting && this.earlyMicroseconds <= 0 && looked < deadline);
    } catch (error) {
      return this.fail(error);
    }
    if (!this.resting && !this.over) this.goOn();
  }

  /** @param microseconds what the entries since the last look took */
  private pace(microseconds: number): void {
    if (microseconds > LONG_LOOK) this.entriesALook = Math.max(1, this.entriesALook >> 1);
    else if (microseconds < SHORT_LOOK) this.entriesALook = Math.min(MOST_ENTRIES_A_LOOK, this.entriesALook * 2);
  }

  private get keyDelay(): number {
    return this.hurried ? 0 : this.parts.keyDelayMicroseconds();
  }

  /** How far the walk is ahead of the delay that a test asks for. */
  private get earlyMicroseconds(): number {
    const { keyDelay } = this;
    return keyDelay <= 0 ? 0 : keyDelay * this.keysDone - (this.parts.clock.microseconds() - this.startedAt);
  }

  /** Plans the next slice. */
  private goOn(): void {
    const { timers, experience } = this.parts;
    const early = this.earlyMicroseconds;
    if (early <= 0) {
      if (this.quiet || experience.microseconds > WARM_UP_MICROSECONDS) timers.soon(this.slice);
      else timers.after(WARM_UP_REST_MS, this.slice);
      return;
    }
    // Who watches sees what there is so far.
    this.send();
    if (!this.resting) timers.after(Math.ceil(early / 1000), this.slice);
  }

  /** Writes some entries, or some of a large value; false when all is written. */
  private advance(entries: number): boolean {
    const walk = this.walks.at(this.current);
    if (walk !== undefined && walk.reading !== 0) {
      if (!this.form.keys.step(this.form.chunkBytes)) return true;
      walk.reading = 0;
      this.keysDone++;
    }
    if (this.form.held.length > 0) {
      this.releaseHeld();
      return true;
    }
    if (walk === undefined) return false;
    if (walk.cursor.next(entries, this.visit) === 0) {
      walk.cursor.end();
      this.current++;
    }
    return true;
  }

  private readonly visit = (entry: Ref): void => {
    const { chunkBytes, keys } = this.form;
    const walk = this.walks[this.current];
    if (this.streamDb !== walk.index) {
      const { total } = walk.cursor;
      const first = this.streamDb < walk.index;
      keys.select(walk.index, first ? { keys: total, expiring: Math.min(walk.db.expiring, total) } : undefined);
      this.streamDb = walk.index;
    }
    keys.begin(walk.db, entry);
    if (keys.step(chunkBytes)) this.keysDone++;
    else walk.reading = entry;
  };

  /** Puts the pre-images that came meanwhile between two keys of the walk, one chunk of them. */
  private releaseHeld(): void {
    const { chunkBytes, held } = this.form;
    this.send();
    const end = Math.min(held.length, this.heldSent + chunkBytes);
    this.sendRange(held, this.heldSent, end);
    this.heldSent = end;
    if (end < held.length) return;
    held.clear();
    this.heldSent = 0;
    this.streamDb = this.heldDb;
    this.heldDb = -1;
  }

  /** Hands on what the walk has written. */
  private send(): void {
    const { keys } = this.form;
    if (keys.length === 0) return;
    this.sendRange(keys, 0, keys.length);
    keys.clear();
  }

  private sendRange({ bytes }: KeyWriter, start: number, end: number): void {
    this.form.sent(bytes, start, end);
    if (!this.sink.write(bytes, start, end)) this.resting = true;
  }

  private complete(): void {
    const { keys } = this.form;
    this.form.finish();
    if (keys.length > 0) this.sink.write(keys.bytes, 0, keys.length);
    this.end();
    this.sink.done();
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    for (const walk of this.walks.slice(this.current)) walk.cursor.end();
    this.parts.ended(this);
  }
}
