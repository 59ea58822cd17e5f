/**
 * The keys of some hash slots as they are at one moment, as the requests that make them again, written while they go on changing.
 *
 * The same walk as a whole snapshot's (`snapshot.ts`), over the tables of these slots only: entry by entry in time slices; an entry that is
 * about to change before the walk came to it is written first, into `held`, and goes out between two keys of the walk.
 *
 *     [SELECT db] key key key …  [SELECT db] held keys …  [SELECT db] key …
 *
 * Goal: at most SLICE_MICROSECONDS at a time (BUSY_SLICE_MICROSECONDS while commands come), and never more than one chunk beyond what the sink takes.
 */

import { CommandEncoder } from '../codec/command-encoder.ts';
import { RequestOutput } from '../codec/request-output.ts';
import type { Clock, DatabasesPort, Timers } from '../core/ports.ts';
import type { RunningWalk, SnapshotSink } from '../core/snapshots.ts';
import type { Database, Walk, WalkCursor } from '../keyspace/database.ts';
import type { Ref } from '../memory/arena.ts';
import type { ValueAccess } from '../values/value-access.ts';

const SLICE_MICROSECONDS = 1500;
/** While clients are being served: each of them waits for a slice. */
const BUSY_SLICE_MICROSECONDS = 400;
const CHUNK_BYTES = 128 * 1024;
/** Entries between two looks at the clock. */
const ENTRIES_A_LOOK = 16;

export interface SlotSnapshotParts {
  readonly databases: DatabasesPort;
  readonly values: ValueAccess;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly slots: readonly number[];
  /** Commands that the server has run so far: when they grow, clients wait. */
  readonly commandsServed: () => number;
  /** Bytes of keys that may be held for a slow reader; more end the snapshot. */
  readonly heldLimit: number;
  /** Rest after each key, for tests (rdb-key-save-delay). */
  readonly keyDelayMicroseconds: () => number;
  readonly ended: (run: SlotSnapshot) => void;
}

class SlotWalk implements Walk {
  reading: Ref = 0;
  readonly db: Database;
  readonly cursor: WalkCursor;
  private readonly run: SlotSnapshot;

  constructor(run: SlotSnapshot, db: Database, slots: readonly number[]) {
    this.run = run;
    this.db = db;
    this.cursor = db.startWalk(this, slots);
  }

  beforeChange(_db: Database, entry: Ref): void {
    try {
      if (entry === this.reading) this.run.finishReading(this);
      else this.run.hold(this, entry);
    } catch (error) {
      // The snapshot is lost, not the command that wanted to change something.
      this.run.fail(error);
    }
  }
}

export class SlotSnapshot implements RunningWalk {
  keysDone = 0;
  readonly keysTotal: number;
  private readonly parts: SlotSnapshotParts;
  private readonly sink: SnapshotSink;
  private readonly walks: SlotWalk[] = [];
  private current = 0;
  private readonly output = new RequestOutput(2 * CHUNK_BYTES);
  private readonly encoder: CommandEncoder;
  private readonly held = new RequestOutput(4096);
  private readonly heldEncoder: CommandEncoder;
  private heldDb = -1;
  /** How much of `held` was sent: it goes out in chunks, and nothing else comes in between. */
  private heldSent = 0;
  /** Database that the reader has selected. */
  private streamDb = -1;
  private served = 0;
  private resting = false;
  private over = false;

  constructor(parts: SlotSnapshotParts, sink: SnapshotSink) {
    this.parts = parts;
    this.sink = sink;
    this.encoder = new CommandEncoder(this.output, parts.values);
    this.heldEncoder = new CommandEncoder(this.held, parts.values);
    for (let index = 0; index < parts.databases.count; index++) {
      const db = parts.databases.get(index);
      const slots = parts.slots.filter(slot => db.slotSize(slot) > 0);
      // A slot that is empty now may get keys: they are not of this moment, and nobody asks for them.
      if (slots.length > 0) this.walks.push(new SlotWalk(this, db, slots));
    }
    this.keysTotal = this.walks.reduce((sum, walk) => sum + walk.cursor.total, 0);
    parts.timers.soon(this.slice);
  }

  resume(): void {
    if (!this.resting || this.over) return;
    this.resting = false;
    this.parts.timers.soon(this.slice);
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

  /** Writes the rest of the key that is in the middle of being written: it is about to change. */
  finishReading(walk: SlotWalk): void {
    while (!this.encoder.step(Number.MAX_SAFE_INTEGER));
    walk.reading = 0;
    this.keysDone++;
  }

  /** Writes an entry that is about to change. */
  hold(walk: SlotWalk, entry: Ref): void {
    if (this.heldDb !== walk.db.index) {
      this.heldDb = walk.db.index;
      this.held.request(['SELECT', String(this.heldDb)]);
    }
    this.heldEncoder.begin(walk.db, entry);
    this.heldEncoder.step(Number.MAX_SAFE_INTEGER);
    this.keysDone++;
    if (this.held.length - this.heldSent > this.parts.heldLimit) {
      throw new Error(`more than ${this.parts.heldLimit} bytes of changed keys wait for a reader that is too slow`);
    }
  }

  private readonly slice = (): void => {
    if (this.over) return;
    const { clock, timers } = this.parts;
    const served = this.parts.commandsServed();
    const deadline = clock.microseconds() + (served === this.served ? SLICE_MICROSECONDS : BUSY_SLICE_MICROSECONDS);
    const delay = this.parts.keyDelayMicroseconds();
    this.served = served;
    try {
      do {
        const more = this.advance(delay > 0 ? 1 : ENTRIES_A_LOOK);
        if (this.output.length >= CHUNK_BYTES || !more || delay > 0) this.send();
        if (this.over) return;
        if (!more) return this.complete();
      } while (!this.resting && delay <= 0 && clock.microseconds() < deadline);
    } catch (error) {
      return this.fail(error);
    }
    if (this.resting || this.over) return;
    if (delay > 0) timers.after(delay / 1000, this.slice);
    else timers.soon(this.slice);
  };

  /** Writes some keys, or some of a large one; false when all is written. */
  private advance(entries: number): boolean {
    const walk = this.walks.at(this.current);
    if (walk !== undefined && walk.reading !== 0) {
      if (!this.encoder.step(CHUNK_BYTES)) return true;
      walk.reading = 0;
      this.keysDone++;
    }
    if (this.held.length > 0) {
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
    const walk = this.walks[this.current];
    if (this.streamDb !== walk.db.index) {
      this.streamDb = walk.db.index;
      this.output.request(['SELECT', String(this.streamDb)]);
    }
    this.encoder.begin(walk.db, entry);
    if (this.encoder.step(CHUNK_BYTES)) this.keysDone++;
    else walk.reading = entry;
  };

  /** Puts the held keys between two keys of the walk, one chunk of them. */
  private releaseHeld(): void {
    const { held } = this;
    this.send();
    const end = Math.min(held.length, this.heldSent + CHUNK_BYTES);
    if (!this.sink.write(held.bytes, this.heldSent, end)) this.resting = true;
    this.heldSent = end;
    if (end < held.length) return;
    held.clear();
    this.heldSent = 0;
    this.streamDb = this.heldDb;
    this.heldDb = -1;
  }

  private send(): void {
    const { output } = this;
    if (output.length === 0) return;
    if (!this.sink.write(output.bytes, 0, output.length)) this.resting = true;
    output.clear();
  }

  private complete(): void {
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
