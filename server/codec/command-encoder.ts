/**
 * Writes a key as the requests that make it again.
 *
 *     string  SET key value            set   SADD key member …             hash  HMSET key field value …
 *     list    RPUSH key element …      zset  ZADD key score member …       and when it expires  PEXPIREAT key milliseconds
 *
 * Collections come in requests of at most 64 members. A key is written in steps, so that one with a million members does not hold up the
 * server: `begin`, then `step` until it gives true. Between steps the value must not change.
 *
 * Source: Valkey's aof.c (rewriteObjectRio).
 */

import {
  type Database,
  ENC_INT,
  NO_EXPIRY,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_STREAM,
  TYPE_STRING,
  TYPE_ZSET,
  type ValueType,
} from '../keyspace/database.ts';
import { type Ref, segmentOf } from '../memory/arena.ts';
import { doubleText } from '../protocol/number-text.ts';
import type { Members, ValueAccess } from '../values/value-access.ts';
import { RdbError } from './rdb-format.ts';
import type { RequestOutput } from './request-output.ts';

const MEMBERS_A_REQUEST = 64;
/** Longer strings are written in pieces. */
const STRING_PIECE = 64 * 1024;

const COMMANDS: Readonly<Record<ValueType, string>> = {
  [TYPE_STRING]: 'SET',
  [TYPE_LIST]: 'RPUSH',
  [TYPE_SET]: 'SADD',
  [TYPE_ZSET]: 'ZADD',
  [TYPE_HASH]: 'HMSET',
  [TYPE_STREAM]: '',
};

export class CommandEncoder {
  private readonly output: RequestOutput;
  private readonly members: Members;
  private readonly values: ValueAccess;
  private db: Database | undefined;
  private entry: Ref = 0;
  private type: ValueType = TYPE_STRING;
  /** Members that are not written yet, and how many more the request that is begun takes. */
  private left = 0;
  private leftInRequest = 0;
  /** Of a long string: what of it is written, in bytes; -1 = it is written. */
  private written = -1;

  constructor(output: RequestOutput, values: ValueAccess) {
    this.output = output;
    this.values = values;
    this.members = values.members();
  }

  /** Begins the key of `entry`. */
  begin(db: Database, entry: Ref): void {
    this.db = db;
    this.entry = entry;
    this.type = db.type(entry);
    this.left = 0;
    this.written = -1;
    if (this.type === TYPE_STREAM) throw new RdbError('unsupported', 'Cannot write a stream: this server has none');
    if (this.type === TYPE_STRING) return this.beginString(db, entry);
    const root = db.root(entry);
    const encoding = db.encoding(entry);
    this.left = this.values.length(this.type, encoding, root);
    this.leftInRequest = 0;
    this.members.open(this.type, encoding, root);
  }

  /** Goes on until the key is written (true) or the output holds `limit` bytes (false). */
  step(limit: number): boolean {
    if (this.db === undefined) return true;
    while (this.written >= 0 || this.left > 0) {
      if (this.output.length >= limit) return false;
      if (this.written >= 0) this.stringPiece(this.db);
      else this.member(this.db);
    }
    const expireAt = this.db.expireAt(this.entry);
    if (expireAt !== NO_EXPIRY) {
      this.output.begin(3);
      this.output.text('PEXPIREAT');
      this.key(this.db);
      this.output.integer(expireAt);
    }
    this.db = undefined;
    return true;
  }

  private beginString(db: Database, entry: Ref): void {
    const { output } = this;
    output.begin(3);
    output.text('SET');
    this.key(db);
    if (db.encoding(entry) === ENC_INT) return output.text(db.stringInteger(entry).toString());
    output.bulkHeader(db.stringLength(entry));
    this.written = 0;
    if (db.stringLength(entry) <= STRING_PIECE) this.stringPiece(db);
  }

  private stringPiece(db: Database): void {
    const length = db.stringLength(this.entry);
    const count = Math.min(STRING_PIECE, length - this.written);
    const from = db.stringStart(this.entry) + this.written;
    this.output.raw(db.arena.bytes[segmentOf(db.stringBlock(this.entry))], from, from + count);
    this.written += count;
    if (this.written < length) return;
    this.output.endBulk();
    this.written = -1;
  }

  private member(db: Database): void {
    const { members, output, type } = this;
    const paired = type === TYPE_HASH || type === TYPE_ZSET;
    if (this.leftInRequest === 0) {
      this.leftInRequest = Math.min(this.left, MEMBERS_A_REQUEST);
      output.begin(2 + this.leftInRequest * (paired ? 2 : 1));
      output.text(COMMANDS[type]);
      this.key(db);
    }
    members.next();
    if (type === TYPE_ZSET) output.text(doubleText(members.score));
    output.bulk(members.element.bytes, members.element.start, members.element.end);
    if (type === TYPE_HASH) output.bulk(members.value.bytes, members.value.start, members.value.end);
    this.left--;
    this.leftInRequest--;
  }

  private key(db: Database): void {
    const start = db.keyStart(this.entry);
    this.output.bulk(db.arena.bytes[segmentOf(this.entry)], start, start + db.keyLength(this.entry));
  }
}
