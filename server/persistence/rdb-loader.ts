/**
 * Loads an RDB that arrives in pieces, straight into the databases.
 *
 *     magic, (opcode …)*, 255, CRC-64
 *     before a key: [252 ms | 253 seconds] [248 idle | 249 frequency]; then type, key, value
 *
 * A piece is read where it lies; only what is not whole at its end is kept for the next piece. A value of many members is built
 * as they come. What is wrong throws an `RdbError` and leaves the databases with what was loaded before: who loads drops it then.
 * Source: Valkey's rdb.c (rdbLoadRioWithLoadingCtx).
 */

import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import type { SlotRange } from '../../lib/slot-ranges.ts';
import * as rdb from '../codec/rdb-format.ts';
import { RdbInput, Text } from '../codec/rdb-input.ts';
import { ValueDecoder } from '../codec/value-decoder.ts';
import type { DatabasesPort, ServerLog } from '../core/ports.ts';
import type { SlotImportRecord } from '../core/slot-migration.ts';
import type { LoadOptions, SnapshotLoader } from '../core/snapshots.ts';
import { type Database, NO_EXPIRY } from '../keyspace/database.ts';
import { Crc64 } from '../structures/crc64.ts';
import type { ValueAccess } from '../values/value-access.ts';

const { malformed, RdbError } = rdb;

const MAGIC_BYTES = 9;
/** Types and opcodes that each of the two formats may give a meaning of its own. */
const FOREIGN_FIRST = 22;
const FOREIGN_LAST = 243;

export interface LoaderParts {
  readonly databases: DatabasesPort;
  readonly values: ValueAccess;
  readonly log: ServerLog;
  readonly now: () => number;
  /** A slot import that was under way. */
  readonly slotImport?: (record: SlotImportRecord) => void;
  /** Slots that are being moved by hand (AUX cluster-slot-states). */
  readonly openSlots?: (text: string) => void;
  /** Files of newer formats are tried too (rdb-version-check relaxed). */
  readonly relaxed: boolean;
  /** False: a wrong checksum is none of our business (rdbchecksum no). */
  readonly verify: boolean;
}

type Stage = 'magic' | 'opcode' | 'value' | 'checksum' | 'finished';

export class RdbLoader implements SnapshotLoader {
  readonly aux = new Map<string, string>();
  keysLoaded = 0;
  keysExpired = 0;
  private readonly parts: LoaderParts;
  private readonly options: LoadOptions;
  private readonly input = new RdbInput();
  private readonly decoder: ValueDecoder;
  private readonly crc = new Crc64();
  private readonly name = new Text();
  private readonly content = new Text();
  private stage: Stage = 'magic';
  /** Where in the input the bytes begin that the checksum has not seen. */
  private checkedTo = 0;
  private version = 0;
  /** It begins with `REDIS`: what was added to the format after the fork means something else there. */
  private foreign = false;
  private started = false;
  private db: Database;
  /** Bytes that were not whole at the end of the last piece. */
  private rest = new Uint8Array(0);
  private restLength = 0;
  // What was said of the next key.
  private expireAt = NO_EXPIRY;
  private idleSeconds = -1;
  private key = new Uint8Array(64);
  private keyLength = 0;

  constructor(parts: LoaderParts, options: LoadOptions) {
    this.parts = parts;
    this.options = options;
    this.decoder = new ValueDecoder(parts.values);
    this.db = parts.databases.get(0);
  }

  get finished(): boolean {
    return this.stage === 'finished';
  }

  push(bytes: Uint8Array, start: number, end: number): number {
    if (this.finished) return 0;
    const input = this.input;
    if (this.restLength === 0) input.set(bytes, start, end);
    else {
      this.appendRest(bytes, start, end);
      input.set(this.rest, 0, this.restLength);
    }
    this.checkedTo = input.at;
    while (this.step());
    if (this.stage !== 'checksum' && !this.finished) this.crc.update(input.bytes, this.checkedTo, input.at);
    const unread = input.available;
    if (this.finished) return end - start - unread;
    this.keepRest(unread);
    return end - start;
  }

  abort(): void {
    this.decoder.abandon();
  }

  /** One opcode, or a piece of a value; false when it needs more bytes. */
  private step(): boolean {
    const begin = this.input.at;
    const whole = this.stepOrRest();
    if (!whole && this.stage !== 'value') this.input.at = begin;
    return whole;
  }

  private stepOrRest(): boolean {
    switch (this.stage) {
      case 'magic':
        return this.readMagic();
      case 'opcode':
        return this.input.readByte() && this.readOpcode(this.input.value);
      case 'value':
        if (!this.decoder.step(this.input)) return false;
        this.stage = 'opcode';
        this.storeValue();
        return true;
      case 'checksum':
        return this.readChecksum();
      case 'finished':
        return false;
    }
  }

  private readMagic(): boolean {
    const { input } = this;
    if (input.available < MAGIC_BYTES) return false;
    this.name.set(input.bytes, input.at, input.at + MAGIC_BYTES);
    const magic = this.name.toString();
    const matched = /^(?:REDIS(\d{4})|VALKEY(\d{3}))$/.exec(magic);
    if (matched === null) throw new RdbError('version', `Wrong signature trying to load DB from file: ${magic}`);
    this.version = Number(matched[1] ?? matched[2]);
    this.foreign = matched[1] !== undefined;
    if (!this.knows()) throw new RdbError('version', `Can't handle RDB format version ${this.version}`);
    input.at += MAGIC_BYTES;
    this.stage = 'opcode';
    if (this.options.flushFirst === true) {
      this.parts.log.notice('RDB signature and version check passed. Flushing old data');
      this.parts.databases.flushAll(false);
    }
    return true;
  }

  private knows(): boolean {
    const { version, foreign } = this;
    const { relaxed } = this.parts;
    if (version < 1) return false;
    if (foreign) return version <= (relaxed ? rdb.RDB_VERSION - 1 : rdb.RDB_VERSION_REDIS);
    return version === rdb.RDB_VERSION || (relaxed && version > rdb.RDB_VERSION);
  }

  private start(): void {
    if (this.started) return;
    this.started = true;
    this.options.started?.(this.aux);
  }

  private readOpcode(opcode: number): boolean {
    const { input, name, content } = this;
    if (this.foreign && opcode >= FOREIGN_FIRST && opcode <= FOREIGN_LAST)
      throw new RdbError('version', `Can't handle foreign type or opcode ${opcode} in RDB with version ${this.version}`);
    switch (opcode) {
      case rdb.OP_EXPIRE_MS:
        if (!input.readMilliseconds()) return false;
        this.expireAt = input.value;
        return true;
      case rdb.OP_EXPIRE:
        if (!input.readSeconds()) return false;
        this.expireAt = input.value * 1000;
        return true;
      case rdb.OP_IDLE:
        if (!input.readLength()) return false;
        this.idleSeconds = input.value;
        return true;
      case rdb.OP_FREQUENCY:
        return input.readByte();
      case rdb.OP_AUX:
        if (!input.readString(name) || !input.readString(content)) return false;
        this.takeAux(name.toString(), content.toString());
        return true;
      case rdb.OP_RESIZEDB:
        return input.readLength() && input.readLength();
      case rdb.OP_SLOT_INFO:
        return input.readLength() && input.readLength() && input.readLength();
      case rdb.OP_SLOT_IMPORT:
        return this.readSlotImport();
      case rdb.OP_SELECTDB:
        if (!input.readLength()) return false;
        if (input.value >= this.parts.databases.count) throw malformed(`database ${input.value} is beyond the databases of this server`);
        this.db = this.parts.databases.get(input.value);
        return true;
      case rdb.OP_EOF:
        this.start();
        this.crc.update(input.bytes, this.checkedTo, input.at);
        this.stage = this.version >= 5 ? 'checksum' : 'finished';
        return true;
      default:
        refuseOpcode(opcode);
        return this.readKey(opcode);
    }
  }

  private readSlotImport(): boolean {
    const { input, name } = this;
    if (!input.readString(name) || !input.readLength()) return false;
    const job = name.toString();
    if (job.length !== 40) throw malformed('the name of a slot import is not one');
    const ranges: SlotRange[] = [];
    for (let left = input.value; left > 0; left--) {
      if (!input.readLength()) return false;
      const start = input.value;
      if (!input.readLength()) return false;
      const end = input.value;
      if (start > end || end >= SLOT_COUNT) throw malformed(`a slot import has the range ${start}-${end}`);
      ranges.push({ start, end });
    }
    this.parts.slotImport?.({ name: job, ranges });
    return true;
  }

  private readKey(type: number): boolean {
    if (!this.input.readString(this.name)) return false;
    this.start();
    const { length } = this.name;
    if (length > this.key.length) this.key = new Uint8Array(length * 2);
    this.key.set(this.name.bytes.subarray(this.name.start, this.name.end));
    this.keyLength = length;
    this.beginValue(type);
    this.stage = 'value';
    return true;
  }

  private beginValue(type: number): void {
    try {
      this.decoder.begin(type);
    } catch (error) {
      // The key tells what must be moved out of the way.
      throw error instanceof RdbError
        ? new RdbError(error.code, `${error.message} (key ${this.keyText()} in database ${this.db.index})`)
        : error;
    }
  }

  private storeValue(): void {
    const { db, key, keyLength, decoder, expireAt } = this;
    this.expireAt = NO_EXPIRY;
    const idleSeconds = this.idleSeconds;
    this.idleSeconds = -1;
    if (!decoder.isString && decoder.result === undefined) {
      this.parts.log.notice(`rdbLoadObject: skipping the empty key ${this.keyText()}`);
      return;
    }
    if (this.options.dropExpired && expireAt !== NO_EXPIRY && expireAt < this.parts.now()) {
      decoder.abandon();
      this.keysExpired++;
      this.options.expired?.(db.index, key.subarray(0, keyLength));
      return;
    }
    if (db.peek(key, 0, keyLength) !== 0) {
      if (this.options.replaceKeys !== true) throw malformed(`the key ${this.keyText()} stands in it twice`);
      db.delete(key, 0, keyLength);
    }
    let entry: number;
    if (decoder.isString) {
      const { bytes, start, end } = decoder.text;
      entry = db.setString(key, 0, keyLength, bytes, start, end, expireAt);
    } else {
      const built = decoder.takeResult();
      if (built === undefined) return;
      entry = db.create(key, 0, keyLength, built.type, built.encoding, built.root);
      if (expireAt !== NO_EXPIRY) entry = db.setExpire(entry, expireAt);
    }
    if (idleSeconds >= 0) db.setIdleSeconds(entry, idleSeconds);
    this.keysLoaded++;
  }

  private takeAux(name: string, content: string): void {
    this.aux.set(name, content);
    const { log, now } = this.parts;
    if (name === 'cluster-slot-states') this.parts.openSlots?.(content);
    if (name === 'valkey-ver') log.notice(`Loading RDB produced by Valkey version ${content}`);
    else if (name === 'redis-ver') log.notice(`Loading RDB produced by Redis version ${content}`);
    else if (name === 'ctime') log.notice(`RDB age ${Math.max(0, Math.floor(now() / 1000) - Number(content))} seconds`);
    else if (name === 'used-mem') log.notice(`RDB memory usage when created ${(Number(content) / (1024 * 1024)).toFixed(2)} Mb`);
    else if (name.startsWith('%')) log.notice(`RDB '${name}': ${content}`);
  }

  private readChecksum(): boolean {
    const { input } = this;
    if (input.available < 8) return false;
    let written = 0;
    for (let i = 0; i < 8; i++) written |= input.bytes[input.at + i];
    if (this.parts.verify) this.compareChecksum(written === 0);
    input.at += 8;
    this.stage = 'finished';
    return true;
  }

  private compareChecksum(absent: boolean): void {
    const { input } = this;
    if (absent) this.parts.log.notice('RDB file was saved with checksum disabled: no check performed.');
    else if (!this.crc.equals(input.bytes, input.at)) {
      const got = Buffer.from(input.bytes.subarray(input.at, input.at + 8)).readBigUInt64LE();
      throw new RdbError('checksum', `Wrong RDB checksum expected: (${this.crc.toString()}) but got (${got.toString(16)}). Aborting now.`);
    }
  }

  private keyText(): string {
    this.name.set(this.key, 0, Math.min(this.keyLength, 128));
    return JSON.stringify(this.name.toString());
  }

  private appendRest(bytes: Uint8Array, start: number, end: number): void {
    const length = this.restLength + (end - start);
    if (length > this.rest.length) {
      const larger = new Uint8Array(length * 2);
      larger.set(this.rest.subarray(0, this.restLength));
      this.rest = larger;
    }
    this.rest.set(bytes.subarray(start, end), this.restLength);
    this.restLength = length;
  }

  /** Keeps the last `unread` bytes of the input, which may be those of `rest` itself. */
  private keepRest(unread: number): void {
    const { bytes, at, end } = this.input;
    if (bytes === this.rest) {
      if (at > 0) this.rest.copyWithin(0, at, end);
    } else {
      if (unread > this.rest.length) this.rest = new Uint8Array(unread * 2);
      this.rest.set(bytes.subarray(at, end));
    }
    this.restLength = unread;
    if (unread === 0 && this.rest.length > 1 << 20) this.rest = new Uint8Array(0);
  }
}

function refuseOpcode(opcode: number): void {
  switch (opcode) {
    case rdb.OP_FUNCTION_2:
      throw new RdbError('unsupported', 'Cannot load the RDB: it holds a function library, which this server does not have');
    case rdb.OP_FUNCTION_OLD:
      throw new RdbError('unsupported', 'Cannot load the RDB: it holds functions in the form of a release candidate');
    case rdb.OP_MODULE_AUX:
      throw new RdbError('unsupported', 'Cannot load the RDB: it holds data of a module, which this server does not have');
  }
}
