/**
 * Reads a value in RDB form, of this and of all older versions, from bytes that may come in pieces.
 *
 * `begin(type)`, then `step` until it gives true; then the value is in `result` (a collection), or in `text` (a string), or it was
 * an empty collection (`result` undefined, `isString` false): the key is skipped. Wrong bytes throw an `RdbError`; then, and when the data
 * end too early, `abandon` frees what was built.
 *
 *     one string         0; and the blobs 9 zipmap, 10 12 13 ziplist, 11 intset, 16 17 20 listpack
 *     n, n × string      1 list, 2 set, 14 ziplist nodes          n, n × (container, string)   18 list nodes
 *     n, n × two parts   3 5 sorted set, 4 hash                   n, n × (field, value, ms)    22 hash with field expiry
 *
 * Source: Valkey's rdb.c (rdbLoadObject).
 */

import { TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_ZSET, type ValueType } from '../keyspace/database.ts';
import type { Builder, BuiltValue, ValueAccess } from '../values/value-access.ts';
import { readZipmap, ZiplistReader } from './old-encodings.ts';
import * as rdb from './rdb-format.ts';
import { type RdbInput, Text } from './rdb-input.ts';

const { malformed, RdbError } = rdb;

type Stage = 'count' | 'members' | 'whole' | 'done';

export class ValueDecoder {
  /** The value of a string. */
  readonly text = new Text();
  isString = false;
  result: BuiltValue | undefined;
  private readonly values: ValueAccess;
  private readonly builder: Builder;
  private readonly second = new Text();
  private readonly ziplist = new ZiplistReader();
  private type = 0;
  private stage: Stage = 'done';
  private building = false;
  private left = 0;

  constructor(values: ValueAccess) {
    this.values = values;
    this.builder = values.builder();
  }

  /** Starts a value of an RDB type; throws for one that is unknown or that this server does not have. */
  begin(type: number): void {
    const unsupported = rdb.unsupportedType(type);
    if (unsupported !== undefined)
      throw new RdbError('unsupported', `Cannot load a value of the type ${unsupported}: this server does not have it`);
    this.type = type;
    this.result = undefined;
    this.isString = false;
    this.building = false;
    this.stage = COLLECTION_OF[type] === undefined ? 'whole' : 'count';
    if (this.stage === 'whole' && BLOB_OF[type] === undefined && type !== rdb.RDB_STRING)
      throw new RdbError('unsupported', `Cannot load a value of the unknown type ${type}`);
  }

  /** Takes what it can of `input`; true when the value is whole. */
  step(input: RdbInput): boolean {
    switch (this.stage) {
      case 'whole':
        if (!input.readString(this.text)) return false;
        if (this.type === rdb.RDB_STRING) this.isString = true;
        else this.takeBlob(this.text);
        break;
      case 'count':
        if (!input.readLength()) return false;
        this.left = input.value;
        this.builder.begin(COLLECTION_OF[this.type] as ValueType, this.left);
        this.building = true;
        this.stage = 'members';
        return this.step(input);
      case 'members':
        for (; this.left > 0; this.left--) if (!this.takeMember(input)) return false;
        this.building = false;
        this.take(this.builder.finish());
        break;
      case 'done':
        break;
    }
    this.stage = 'done';
    return true;
  }

  /** Frees a value that was begun or is whole and not taken by `takeResult`. */
  abandon(): void {
    if (this.building) this.builder.abandon();
    if (this.result !== undefined) this.values.free(this.result.type, this.result.encoding, this.result.root);
    this.building = false;
    this.result = undefined;
    this.stage = 'done';
  }

  /** The value of a collection, which belongs to the caller from here on. */
  takeResult(): BuiltValue | undefined {
    const result = this.result;
    this.result = undefined;
    return result;
  }

  private take(built: BuiltValue | undefined): void {
    if (built === undefined && !this.builder.wasEmpty) throw malformed(`a value of type ${this.type} is broken`);
    this.result = built;
  }

  /** One member, or nothing when it is not there as a whole yet. */
  private takeMember(input: RdbInput): boolean {
    const begin = input.at;
    const whole = this.readMember(input);
    if (!whole) input.at = begin;
    return whole;
  }

  private readMember(input: RdbInput): boolean {
    const { text, second, builder } = this;
    switch (this.type) {
      case rdb.RDB_LIST:
      case rdb.RDB_SET:
        if (!input.readString(text)) return false;
        return must(builder.add(text.bytes, text.start, text.end));
      case rdb.RDB_LIST_QUICKLIST:
        if (!input.readString(text)) return false;
        return this.addZiplist(text);
      case rdb.RDB_LIST_QUICKLIST_2:
        return this.readListNode(input);
      case rdb.RDB_ZSET:
        if (!input.readString(text) || !input.readAsciiDouble()) return false;
        return must(builder.addScored(text.bytes, text.start, text.end, input.value));
      case rdb.RDB_ZSET_2:
        if (!input.readString(text) || !input.readDouble()) return false;
        return must(builder.addScored(text.bytes, text.start, text.end, input.value));
      case rdb.RDB_HASH_2:
        if (!input.readString(text) || !input.readString(second) || !input.readMilliseconds()) return false;
        if (input.value !== -1)
          throw new RdbError('unsupported', 'Cannot load a hash whose fields expire: this server does not have field expiry');
        return must(builder.addField(text.bytes, text.start, text.end, second.bytes, second.start, second.end));
      default:
        if (!input.readString(text) || !input.readString(second)) return false;
        return must(builder.addField(text.bytes, text.start, text.end, second.bytes, second.start, second.end));
    }
  }

  private readListNode(input: RdbInput): boolean {
    if (!input.readLength()) return false;
    const container = input.value;
    if (container !== rdb.CONTAINER_PLAIN && container !== rdb.CONTAINER_PACKED) throw malformed(`unknown list container ${container}`);
    if (!input.readString(this.text)) return false;
    return must(this.builder.addListNode(container === rdb.CONTAINER_PLAIN, this.text.bytes, this.text.start, this.text.end));
  }

  private addZiplist(text: Text): boolean {
    this.ziplist.open(text.bytes, text.start, text.end);
    while (this.ziplist.next(this.second)) must(this.builder.add(this.second.bytes, this.second.start, this.second.end));
    return true;
  }

  private takeBlob(text: Text): void {
    const { bytes, start, end } = text;
    switch (this.type) {
      case rdb.RDB_SET_INTSET:
        return this.take(this.builder.fromIntset(bytes, start, end));
      case rdb.RDB_HASH_LISTPACK:
      case rdb.RDB_ZSET_LISTPACK:
      case rdb.RDB_SET_LISTPACK:
        return this.take(this.builder.fromListpack(BLOB_OF[this.type] as ValueType, bytes, start, end));
      default:
        this.builder.begin(BLOB_OF[this.type] as ValueType, 0);
        this.building = true;
        this.takeOldBlob(text);
        this.building = false;
        this.take(this.builder.finish());
    }
  }

  private takeOldBlob(text: Text): void {
    const { builder, ziplist, second } = this;
    const { bytes, start, end } = text;
    if (this.type === rdb.RDB_HASH_ZIPMAP) {
      return readZipmap(bytes, start, end, (fieldStart, fieldEnd, valueStart, valueEnd) => {
        must(builder.addField(bytes, fieldStart, fieldEnd, bytes, valueStart, valueEnd));
      });
    }
    if (this.type === rdb.RDB_LIST_ZIPLIST) {
      this.addZiplist(text);
      return;
    }
    const first = new Text();
    ziplist.open(bytes, start, end);
    while (ziplist.next(first)) {
      if (!ziplist.next(second)) throw malformed('a ziplist of pairs has an odd number of entries');
      if (this.type === rdb.RDB_HASH_ZIPLIST)
        must(builder.addField(first.bytes, first.start, first.end, second.bytes, second.start, second.end));
      else must(builder.addScored(first.bytes, first.start, first.end, scoreOf(second.toString())));
    }
  }
}

/** Types that come member by member. */
const COLLECTION_OF: Readonly<Record<number, ValueType>> = {
  [rdb.RDB_LIST]: TYPE_LIST,
  [rdb.RDB_LIST_QUICKLIST]: TYPE_LIST,
  [rdb.RDB_LIST_QUICKLIST_2]: TYPE_LIST,
  [rdb.RDB_SET]: TYPE_SET,
  [rdb.RDB_ZSET]: TYPE_ZSET,
  [rdb.RDB_ZSET_2]: TYPE_ZSET,
  [rdb.RDB_HASH]: TYPE_HASH,
  [rdb.RDB_HASH_2]: TYPE_HASH,
};

/** Types that come as one string. */
const BLOB_OF: Readonly<Record<number, ValueType>> = {
  [rdb.RDB_LIST_ZIPLIST]: TYPE_LIST,
  [rdb.RDB_SET_INTSET]: TYPE_SET,
  [rdb.RDB_SET_LISTPACK]: TYPE_SET,
  [rdb.RDB_ZSET_ZIPLIST]: TYPE_ZSET,
  [rdb.RDB_ZSET_LISTPACK]: TYPE_ZSET,
  [rdb.RDB_HASH_ZIPMAP]: TYPE_HASH,
  [rdb.RDB_HASH_ZIPLIST]: TYPE_HASH,
  [rdb.RDB_HASH_LISTPACK]: TYPE_HASH,
};

function must(added: boolean): true {
  if (!added) throw malformed('a member stands twice, or is none');
  return true;
}

function scoreOf(text: string): number {
  if (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) return Number(text);
  if (/^[-+]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  throw malformed(`"${text}" is no score`);
}
