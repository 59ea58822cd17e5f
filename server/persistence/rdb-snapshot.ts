/**
 * A snapshot of all databases as an RDB: header, keys, checksum.
 *
 *     VALKEY080 | REDIS0011   AUX …   [slot imports]   SELECTDB [RESIZEDB] key key …   EOF   CRC-64
 *     key = [expiry] [idle time | frequency] type, name, value
 */

import * as rdb from '../codec/rdb-format.ts';
import { RdbOutput } from '../codec/rdb-output.ts';
import { ValueEncoder } from '../codec/value-encoder.ts';
import type { SlotImportRecord } from '../core/slot-migration.ts';
import type { SnapshotOptions } from '../core/snapshots.ts';
import { type Database, NO_EXPIRY } from '../keyspace/database.ts';
import { type Ref, segmentOf } from '../memory/arena.ts';
import { Crc64 } from '../structures/crc64.ts';
import type { ValueAccess } from '../values/value-access.ts';
import type { KeyWriter, SnapshotForm } from './snapshot.ts';

const CHUNK_BYTES = 64 * 1024;
const FIRST_HELD_BYTES = 4096;

/** What of each key's use is written before it: the maxmemory-policy's kind. */
export type KeyUsage = 'none' | 'idle' | 'frequency';

export interface RdbFacts {
  /** Unix milliseconds. */
  readonly now: number;
  readonly usedMemory: number;
  /** The version that the file says it was written by. */
  readonly serverVersion: string;
  readonly compress: boolean;
  readonly usage: KeyUsage;
  /** Those under way at this moment: what they have brought so far is among the keys. */
  readonly slotImports?: readonly SlotImportRecord[];
  /** Text of AUX cluster-slot-states; '' = none. */
  readonly openSlots?: string;
}

class RdbKeys implements KeyWriter {
  readonly output: RdbOutput;
  private readonly encoder: ValueEncoder;
  private readonly usage: KeyUsage;

  constructor(values: ValueAccess, capacity: number, { compress, usage }: RdbFacts) {
    this.output = new RdbOutput({ capacity, compress });
    this.encoder = new ValueEncoder(this.output, values);
    this.usage = usage;
  }

  get bytes(): Uint8Array {
    return this.output.bytes;
  }

  get length(): number {
    return this.output.length;
  }

  clear(): void {
    this.output.clear();
  }

  select(dbIndex: number, size?: { readonly keys: number; readonly expiring: number }): void {
    const { output } = this;
    output.byte(rdb.OP_SELECTDB);
    output.lengthValue(dbIndex);
    if (size === undefined || size.keys === 0) return;
    output.byte(rdb.OP_RESIZEDB);
    output.lengthValue(size.keys);
    output.lengthValue(size.expiring);
  }

  begin(db: Database, entry: Ref): void {
    const { output } = this;
    const expireAt = db.expireAt(entry);
    if (expireAt !== NO_EXPIRY) {
      output.byte(rdb.OP_EXPIRE_MS);
      output.milliseconds(expireAt);
    }
    if (this.usage === 'idle') {
      output.byte(rdb.OP_IDLE);
      output.lengthValue(db.idleSeconds(entry));
    } else if (this.usage === 'frequency') {
      output.byte(rdb.OP_FREQUENCY);
      output.byte(db.frequency(entry));
    }
    output.byte(ValueEncoder.typeOf(db, entry));
    const start = db.keyStart(entry);
    output.string(db.arena.bytes[segmentOf(entry)], start, start + db.keyLength(entry));
    this.encoder.begin(db, entry);
  }

  step(limit: number): boolean {
    return this.encoder.step(limit);
  }
}

export class RdbForm implements SnapshotForm {
  readonly chunkBytes = CHUNK_BYTES;
  readonly keys: RdbKeys;
  readonly held: RdbKeys;
  private readonly options: SnapshotOptions;
  private readonly crc = new Crc64();

  /** Throws when what there is cannot be said in the version that is asked for. */
  constructor(values: ValueAccess, facts: RdbFacts, options: SnapshotOptions) {
    this.keys = new RdbKeys(values, 2 * CHUNK_BYTES, facts);
    this.held = new RdbKeys(values, FIRST_HELD_BYTES, facts);
    this.options = options;
    this.writeHeader(facts);
  }

  sent(bytes: Uint8Array, start: number, end: number): void {
    if (this.options.checksum) this.crc.update(bytes, start, end);
  }

  finish(): void {
    const { output } = this.keys;
    output.byte(rdb.OP_EOF);
    this.sent(output.bytes, 0, output.length);
    const checksum = new Uint8Array(8);
    if (this.options.checksum) this.crc.writeTo(checksum, 0);
    output.raw(checksum, 0, 8);
  }

  private writeHeader(facts: RdbFacts): void {
    const { rdbVersion, replication } = this.options;
    const current = rdbVersion === rdb.RDB_VERSION;
    this.keys.output.ascii(current ? 'VALKEY080' : 'REDIS0011');
    this.aux(current ? 'valkey-ver' : 'redis-ver', facts.serverVersion);
    this.aux('redis-bits', '64');
    this.aux('ctime', String(Math.floor(facts.now / 1000)));
    this.aux('used-mem', String(facts.usedMemory));
    if (replication !== undefined) {
      this.aux('repl-stream-db', String(replication.dbIndex));
      this.aux('repl-id', replication.id);
      this.aux('repl-offset', String(replication.offset));
    }
    this.aux('aof-base', '0');
    if (facts.openSlots !== undefined && facts.openSlots !== '') this.aux('cluster-slot-states', facts.openSlots);
    for (const each of facts.slotImports ?? []) this.slotImport(each);
  }

  /** Opcode, name, number of ranges, start and end of each. */
  private slotImport({ name, ranges }: SlotImportRecord): void {
    if (this.options.rdbVersion !== rdb.RDB_VERSION)
      throw new Error(`Cannot store slot migrations in RDB version ${this.options.rdbVersion}`);
    const { output } = this.keys;
    output.byte(rdb.OP_SLOT_IMPORT);
    output.text(name);
    output.lengthValue(ranges.length);
    for (const { start, end } of ranges) {
      output.lengthValue(start);
      output.lengthValue(end);
    }
  }

  private aux(name: string, content: string): void {
    const { output } = this.keys;
    output.byte(rdb.OP_AUX);
    output.text(name);
    const bytes = Buffer.from(content, 'latin1');
    output.string(bytes, 0, bytes.length);
  }
}
