/**
 * A snapshot: an RDB of all databases as they were at one moment, written while they go on changing, without a fork.
 *
 * A walk over each database's table writes the entries in time slices. Before an entry that the walk has not reached is changed, the
 * database shows it to us and it is written as it still is (its pre-image); the walk skips it later, as it skips what was made since.
 * So each entry that existed at the start is written once, as it was, and nothing is copied but pre-images that wait to be sent.
 *
 *     slice:  entry entry entry …  [pre-images that came meanwhile]  entry …  large value ┊ next slice: … large value  [pre-images]
 *
 * Goal: at most SLICE_MICROSECONDS at a time (BUSY_SLICE_MICROSECONDS while commands come), and never more than one chunk beyond what the sink takes. A value with many members is
 * written over several slices; when it is about to change in between, the rest of it is written at once.
 * The order of keys in an RDB is free, and SELECTDB may stand before any key: that is what allows pre-images anywhere between two keys.
 */

import * as rdb from '../codec/rdb-format.ts';
import { RdbOutput } from '../codec/rdb-output.ts';
import { ValueEncoder } from '../codec/value-encoder.ts';
import type { Clock, DatabasesPort, Timers } from '../core/ports.ts';
import type { SlotImportRecord } from '../core/slot-migration.ts';
import type { RunningSnapshot, SnapshotOptions, SnapshotSink } from '../core/snapshots.ts';
import { type Database, NO_EXPIRY, type Walk, type WalkCursor } from '../keyspace/database.ts';
import { type Ref, segmentOf } from '../memory/arena.ts';
import { Crc64 } from '../structures/crc64.ts';
import type { ValueAccess } from '../values/value-access.ts';

const SLICE_MICROSECONDS = 1500;
/** While clients are being served: each of them waits for a slice. */
const BUSY_SLICE_MICROSECONDS = 400;
/** With so much held back the walk must not fall behind the writes: it takes longer slices. */
const MANY_HELD_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** Entries between two looks at the clock. */
const ENTRIES_A_LOOK = 16;

export interface SnapshotParts {
  readonly databases: DatabasesPort;
  readonly values: ValueAccess;
  readonly clock: Clock;
  readonly timers: Timers;
  /** The version that the file says it was written by. */
  readonly serverVersion: string;
  readonly compress: boolean;
  /** What of each key's use is written before it: the maxmemory-policy's kind. */
  readonly usage: 'none' | 'idle' | 'frequency';
  /** Commands that the server has run so far: when they grow, clients wait. */
  readonly commandsServed: () => number;
  /** Bytes of pre-images that may wait for a slow reader; more end the snapshot. */
  readonly heldLimit: number;
  /** Those under way at this moment: what they have brought so far is among the keys. */
  readonly slotImports?: readonly SlotImportRecord[];
  /** Text of AUX cluster-slot-states; '' = none. */
  readonly openSlots?: string;
  /** Each key takes this long at least: a test wants to look at a snapshot under way (rdb-key-save-delay). */
  readonly keyDelayMicroseconds: number;
  readonly ended: (run: SnapshotRun) => void;
}

/** The walk over one database. */
class DatabaseWalk implements Walk {
  reading: Ref = 0;
  readonly db: Database;
  /** The number at the start: SWAPDB may change it. */
  readonly index: number;
  readonly cursor: WalkCursor;
  private readonly run: SnapshotRun;

  constructor(run: SnapshotRun, db: Database) {
    this.run = run;
    this.db = db;
    this.index = db.index;
    this.cursor = db.startWalk(this);
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

export class SnapshotRun implements RunningSnapshot {
  keysDone = 0;
  longestSliceMicroseconds = 0;
  mostHeldBytes = 0;
  readonly keysTotal: number;
  private readonly parts: SnapshotParts;
  private readonly options: SnapshotOptions;
  private readonly sink: SnapshotSink;
  private readonly walks: DatabaseWalk[] = [];
  private current = 0;
  private readonly output: RdbOutput;
  private readonly encoder: ValueEncoder;
  /** Pre-images wait here while a value is in the middle of being written, and while the sink rests. */
  private readonly held: RdbOutput;
  private readonly heldEncoder: ValueEncoder;
  private heldDb = -1;
  /** How much of `held` was sent: it goes out in chunks, and nothing else comes in between. */
  private heldSent = 0;
  /** Database that the stream's reader has selected. */
  private streamDb = -1;
  private readonly crc = new Crc64();
  private served = 0;
  private readonly startedAt: number;
  private resting = false;
  private over = false;

  constructor(parts: SnapshotParts, sink: SnapshotSink, options: SnapshotOptions) {
    this.parts = parts;
    this.sink = sink;
    this.options = options;
    this.output = new RdbOutput({ capacity: 2 * CHUNK_BYTES, compress: parts.compress });
    this.held = new RdbOutput({ capacity: 4096, compress: parts.compress });
    this.encoder = new ValueEncoder(this.output, parts.values);
    this.heldEncoder = new ValueEncoder(this.held, parts.values);
    for (let i = 0; options.withoutKeys !== true && i < parts.databases.count; i++) {
      const db = parts.databases.get(i);
      if (db.size > 0) this.walks.push(new DatabaseWalk(this, db));
    }
    this.startedAt = parts.clock.microseconds();
    this.keysTotal = this.walks.reduce((sum, walk) => sum + walk.cursor.total, 0);
    this.writeHeader();
    parts.timers.soon(this.slice);
  }

  resume(): void {
    if (!this.resting || this.over) return;
    this.resting = false;
    this.goOn();
  }

  finish(): void {
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
    while (!this.encoder.step(Number.MAX_SAFE_INTEGER));
    walk.reading = 0;
    this.keysDone++;
  }

  /** Writes an entry that is about to change. */
  writePreImage(walk: DatabaseWalk, entry: Ref): void {
    if (this.heldDb !== walk.index) {
      this.held.byte(rdb.OP_SELECTDB);
      this.held.lengthValue(walk.index);
      this.heldDb = walk.index;
    }
    this.writeKey(this.held, walk.db, entry);
    this.heldEncoder.begin(walk.db, entry);
    while (!this.heldEncoder.step(Number.MAX_SAFE_INTEGER));
    this.keysDone++;
    const held = this.held.length - this.heldSent;
    this.mostHeldBytes = Math.max(this.mostHeldBytes, held);
    this.sink.held?.(held);
    if (held > (this.options.heldLimit ?? this.parts.heldLimit)) {
      throw new Error(`${held} bytes of changed keys wait for a reader that is too slow`);
    }
  }

  private readonly slice = (): void => {
    if (this.over) return;
    const { clock } = this.parts;
    const begun = clock.microseconds();
    this.work(begun);
    this.longestSliceMicroseconds = Math.max(this.longestSliceMicroseconds, clock.microseconds() - begun);
  };

  private work(begun: number): void {
    const served = this.parts.commandsServed();
    const quiet = served === this.served || this.held.length - this.heldSent > MANY_HELD_BYTES;
    const deadline = begun + (quiet ? SLICE_MICROSECONDS : BUSY_SLICE_MICROSECONDS);
    this.served = served;
    try {
      do {
        const more = this.advance();
        if (this.output.length >= CHUNK_BYTES || !more) this.send(this.output);
        if (this.over) return;
        if (!more) return this.complete();
      } while (!this.resting && this.parts.clock.microseconds() < deadline);
    } catch (error) {
      return this.fail(error);
    }
    if (!this.resting && !this.over) this.goOn();
  }

  /** Plans the next slice: after the keys that were written took their time, when a test asks for that. */
  private goOn(): void {
    const { clock, timers, keyDelayMicroseconds } = this.parts;
    const early = keyDelayMicroseconds * this.keysDone - (clock.microseconds() - this.startedAt);
    if (early <= 0) return timers.soon(this.slice);
    // Who watches sees what there is so far.
    this.send(this.output);
    if (!this.resting) timers.after(Math.ceil(early / 1000), this.slice);
  }

  /** Writes some entries, or some of a large value; false when all is written. */
  private advance(): boolean {
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
    if (walk.cursor.next(ENTRIES_A_LOOK, this.visit) === 0) {
      walk.cursor.end();
      this.current++;
    }
    return true;
  }

  private readonly visit = (entry: Ref): void => {
    const walk = this.walks[this.current];
    if (this.streamDb !== walk.index) this.selectDb(walk);
    this.writeKey(this.output, walk.db, entry);
    this.encoder.begin(walk.db, entry);
    if (this.encoder.step(CHUNK_BYTES)) this.keysDone++;
    else walk.reading = entry;
  };

  private selectDb(walk: DatabaseWalk): void {
    this.output.byte(rdb.OP_SELECTDB);
    this.output.lengthValue(walk.index);
    if (walk.cursor.total > 0 && this.streamDb < walk.index) {
      this.output.byte(rdb.OP_RESIZEDB);
      this.output.lengthValue(walk.cursor.total);
      this.output.lengthValue(Math.min(walk.db.expiring, walk.cursor.total));
    }
    this.streamDb = walk.index;
  }

  /** Puts the pre-images that came meanwhile between two keys of the walk, one chunk of them. */
  private releaseHeld(): void {
    const { held } = this;
    this.send(this.output);
    const end = Math.min(held.length, this.heldSent + CHUNK_BYTES);
    this.sendRange(held, this.heldSent, end);
    this.heldSent = end;
    if (end < held.length) return;
    held.clear();
    this.heldSent = 0;
    this.streamDb = this.heldDb;
    this.heldDb = -1;
  }

  private writeKey(output: RdbOutput, db: Database, entry: Ref): void {
    const expireAt = db.expireAt(entry);
    if (expireAt !== NO_EXPIRY) {
      output.byte(rdb.OP_EXPIRE_MS);
      output.milliseconds(expireAt);
    }
    if (this.parts.usage === 'idle') {
      output.byte(rdb.OP_IDLE);
      output.lengthValue(db.idleSeconds(entry));
    } else if (this.parts.usage === 'frequency') {
      output.byte(rdb.OP_FREQUENCY);
      output.byte(db.frequency(entry));
    }
    output.byte(ValueEncoder.typeOf(db, entry));
    const start = db.keyStart(entry);
    output.string(db.arena.bytes[segmentOf(entry)], start, start + db.keyLength(entry));
  }

  private writeHeader(): void {
    const { output, options, parts } = this;
    output.ascii(options.rdbVersion === rdb.RDB_VERSION ? 'VALKEY080' : 'REDIS0011');
    this.aux(options.rdbVersion === rdb.RDB_VERSION ? 'valkey-ver' : 'redis-ver', parts.serverVersion);
    this.aux('redis-bits', '64');
    this.aux('ctime', String(Math.floor(parts.clock.now() / 1000)));
    this.aux('used-mem', String(parts.databases.usedMemory()));
    if (options.replication !== undefined) {
      this.aux('repl-stream-db', String(options.replication.dbIndex));
      this.aux('repl-id', options.replication.id);
      this.aux('repl-offset', String(options.replication.offset));
    }
    this.aux('aof-base', '0');
    if (parts.openSlots !== undefined && parts.openSlots !== '') this.aux('cluster-slot-states', parts.openSlots);
    for (const each of parts.slotImports ?? []) this.slotImport(each);
  }

  /** Opcode, name, number of ranges, start and end of each. */
  private slotImport({ name, ranges }: SlotImportRecord): void {
    if (this.options.rdbVersion !== rdb.RDB_VERSION)
      throw new Error(`Cannot store slot migrations in RDB version ${this.options.rdbVersion}`);
    const { output } = this;
    output.byte(rdb.OP_SLOT_IMPORT);
    output.text(name);
    output.lengthValue(ranges.length);
    for (const { start, end } of ranges) {
      output.lengthValue(start);
      output.lengthValue(end);
    }
  }

  private aux(name: string, content: string): void {
    this.output.byte(rdb.OP_AUX);
    this.output.text(name);
    const bytes = Buffer.from(content, 'latin1');
    this.output.string(bytes, 0, bytes.length);
  }

  private send(output: RdbOutput): void {
    if (output.length === 0) return;
    this.sendRange(output, 0, output.length);
    output.clear();
  }

  private sendRange(output: RdbOutput, start: number, end: number): void {
    if (this.options.checksum) this.crc.update(output.bytes, start, end);
    if (!this.sink.write(output.bytes, start, end)) this.resting = true;
  }

  private complete(): void {
    const { output } = this;
    output.byte(rdb.OP_EOF);
    if (this.options.checksum) this.crc.update(output.bytes, 0, output.length);
    const checksum = new Uint8Array(8);
    if (this.options.checksum) this.crc.writeTo(checksum, 0);
    output.raw(checksum, 0, 8);
    this.sink.write(output.bytes, 0, output.length);
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
