/**
 * Writes a value in RDB form: the type byte and what follows the key.
 *
 * A value is written in steps, so that one with a million members does not hold up the server: `begin`, then `step` until it gives
 * true. Between steps the value must not change (a snapshot finishes it before a change).
 *
 *     string     0   string                              list       18  n, n × (container, string)
 *     set        2   n, n strings | 11 intset | 20 listpack
 *     sorted set 5   n, n × (member, double), highest first | 17 listpack
 *     hash       4   n, n × (field, value) | 16 listpack
 *
 * Source: Valkey's rdb.c (rdbSaveObject).
 */

import { unreachable } from '../../lib/assert.ts';
import {
  type Database,
  ENC_INT,
  ENC_INTSET,
  ENC_LISTPACK,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_STREAM,
  TYPE_STRING,
  TYPE_ZSET,
  type ValueType,
} from '../keyspace/database.ts';
import { type Arena, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import type { ListNodes, Members, ValueAccess } from '../values/value-access.ts';
import {
  CONTAINER_PACKED,
  CONTAINER_PLAIN,
  RDB_HASH,
  RDB_HASH_LISTPACK,
  RDB_LIST_QUICKLIST_2,
  RDB_SET,
  RDB_SET_INTSET,
  RDB_SET_LISTPACK,
  RDB_STRING,
  RDB_ZSET_2,
  RDB_ZSET_LISTPACK,
  RdbError,
} from './rdb-format.ts';
import type { RdbOutput } from './rdb-output.ts';

/** Longer strings are written in pieces. */
const STRING_PIECE = 64 * 1024;

type Progress = 'done' | 'string' | 'members' | 'nodes';

export class ValueEncoder {
  private readonly output: RdbOutput;
  private readonly values: ValueAccess;
  private readonly members: Members;
  private readonly nodes: ListNodes;
  private progress: Progress = 'done';
  private type: ValueType = TYPE_STRING;
  // A string in pieces: its block, where the next byte stands in it, and how many are left.
  private arena: Arena | undefined;
  private block: Ref = 0;
  private offset = 0;
  private left = 0;

  constructor(output: RdbOutput, values: ValueAccess) {
    this.output = output;
    this.values = values;
    this.members = values.members();
    this.nodes = values.listNodes();
  }

  /** The RDB type of an entry's value. */
  static typeOf(db: Database, entry: Ref): number {
    const type = db.type(entry);
    const encoding = db.encoding(entry);
    switch (type) {
      case TYPE_STRING:
        return RDB_STRING;
      case TYPE_LIST:
        return RDB_LIST_QUICKLIST_2;
      case TYPE_SET:
        return encoding === ENC_INTSET ? RDB_SET_INTSET : encoding === ENC_LISTPACK ? RDB_SET_LISTPACK : RDB_SET;
      case TYPE_ZSET:
        return encoding === ENC_LISTPACK ? RDB_ZSET_LISTPACK : RDB_ZSET_2;
      case TYPE_HASH:
        return encoding === ENC_LISTPACK ? RDB_HASH_LISTPACK : RDB_HASH;
      case TYPE_STREAM:
        throw new RdbError('unsupported', 'Cannot write a stream: this server has none');
      default:
        return unreachable(type);
    }
  }

  /** Begins the value of `entry` (its type byte is written by the caller). Small values are done at once. */
  begin(db: Database, entry: Ref): void {
    this.type = db.type(entry);
    const encoding = db.encoding(entry);
    if (this.type === TYPE_STRING) return this.beginString(db, entry);
    const root = db.root(entry);
    if (this.type === TYPE_LIST) {
      this.nodes.open(encoding, root);
      this.output.lengthValue(this.nodes.count);
      this.progress = 'nodes';
      return;
    }
    if (encoding === ENC_INTSET || encoding === ENC_LISTPACK) {
      const start = offsetOf(root);
      this.output.string(db.arena.bytes[segmentOf(root)], start, start + this.values.rawLength(encoding, root));
      this.progress = 'done';
      return;
    }
    this.output.lengthValue(this.values.length(this.type, encoding, root));
    this.members.open(this.type, encoding, root, this.type === TYPE_ZSET);
    this.progress = 'members';
  }

  /** Goes on until the value is written (true) or the output holds `limit` bytes (false). */
  step(limit: number): boolean {
    const output = this.output;
    switch (this.progress) {
      case 'done':
        return true;
      case 'string':
        while (this.left > 0) {
          if (output.length >= limit) return false;
          this.stringPiece();
        }
        break;
      case 'members':
        while (this.members.next()) {
          this.member();
          if (output.length >= limit) return false;
        }
        break;
      case 'nodes':
        while (this.nodes.next()) {
          output.lengthValue(this.nodes.plain ? CONTAINER_PLAIN : CONTAINER_PACKED);
          output.string(this.nodes.bytes, this.nodes.start, this.nodes.end);
          if (output.length >= limit) return false;
        }
        break;
      default:
        return unreachable(this.progress);
    }
    this.progress = 'done';
    return true;
  }

  private beginString(db: Database, entry: Ref): void {
    this.progress = 'done';
    if (db.encoding(entry) === ENC_INT) {
      const integer = db.stringNumber(entry);
      if (Number.isSafeInteger(integer)) return this.output.integerString(integer);
      return this.output.text(db.stringInteger(entry).toString());
    }
    this.block = db.stringBlock(entry);
    const bytes = db.arena.bytes[segmentOf(this.block)];
    const start = db.stringStart(entry);
    const length = db.stringLength(entry);
    if (length <= STRING_PIECE) return this.output.string(bytes, start, start + length);
    this.output.lengthValue(length);
    this.arena = db.arena;
    this.offset = start;
    this.left = length;
    this.progress = 'string';
  }

  private stringPiece(): void {
    const count = Math.min(this.left, STRING_PIECE);
    this.output.raw((this.arena as Arena).bytes[segmentOf(this.block)], this.offset, this.offset + count);
    this.offset += count;
    this.left -= count;
  }

  private member(): void {
    const { element, value } = this.members;
    this.output.string(element.bytes, element.start, element.end);
    if (this.type === TYPE_HASH) this.output.string(value.bytes, value.start, value.end);
    else if (this.type === TYPE_ZSET) this.output.double(this.members.score);
  }
}
