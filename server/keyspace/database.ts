/**
 * What the layers above see of the keyspace: entries found, made, changed and deleted by key.
 *
 * An entry is one arena block with header, key and, for strings, the value; for the other types it holds the ref of the value's root
 * (`entry.ts` draws the layout). An entry moves when it grows: after any call that may write, use the ref that the call returned.
 *
 * Before an entry is changed, deleted or replaced the database tells its walks (a running snapshot or full sync) so that they can keep the
 * old value: therefore every handler that changes a value gets its entry by `findForWrite` or one of the methods that write.
 *
 * Keys are byte ranges `bytes[start, end)` (an argument of a request, usually). Times are unix milliseconds.
 */

import type { Arena, Ref } from '../memory/arena.ts';

/** A value's type. The numbers are those of the entry header. */
export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
export const TYPE_ZSET = 3;
export const TYPE_HASH = 4;
export const TYPE_STREAM = 5;
export type ValueType = 0 | 1 | 2 | 3 | 4 | 5;

/** How a value is stored (names as in OBJECT ENCODING). */
export const ENC_RAW = 0;
export const ENC_INT = 1;
export const ENC_EMBSTR = 2;
export const ENC_LISTPACK = 3;
export const ENC_QUICKLIST = 4;
export const ENC_INTSET = 5;
export const ENC_HASHTABLE = 6;
export const ENC_SKIPLIST = 7;
export const ENC_STREAM = 8;
export type Encoding = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export const NO_EXPIRY = -1;

/** Told about every entry before it changes. The pre-image is still whole when `beforeChange` runs. */
export interface Walk {
  /**
   * The entry that the walk has visited but not read to its end (a large value is read in slices), 0 = none. It is still told of a change of it,
   * and `next` stops after the visit that sets it.
   */
  readonly reading: Ref;
  beforeChange(db: Database, entry: Ref): void;
}

/** Frees the value of an entry of a type that the keyspace does not know itself; given by `values`. Freeing of large values may be done in slices. */
export type FreeValue = (arena: Arena, type: ValueType, encoding: Encoding, root: Ref) => void;

export interface Database {
  readonly arena: Arena;
  /** Database number as SELECT knows it (changes with SWAPDB). */
  readonly index: number;
  /** Keys, with those that are expired but not yet deleted. */
  readonly size: number;
  /** Keys that have an expiry. */
  readonly expiring: number;
  /** The same without the keys of hidden slots (`KeyspaceState.hide`): what clients are told. */
  visible(): { readonly size: number; readonly expiring: number };

  /** Entry of a key for reading, 0 when there is none or it is expired (`now`). Counts a keyspace hit or miss and touches the LRU bits. An expired one is deleted and propagated on a primary. */
  find(bytes: Uint8Array, start: number, end: number): Ref;
  /** The same for a command that will change the value in place: tells the walks. No hit or miss is counted. */
  findForWrite(bytes: Uint8Array, start: number, end: number): Ref;
  /** Like `find`, but neither counted nor touched (EXISTS with no touch, OBJECT, DEBUG). */
  peek(bytes: Uint8Array, start: number, end: number): Ref;

  /** Entry of a key whether it is expired or not; nothing is counted, touched or deleted (WATCH, tests of expiry). */
  peekStale(bytes: Uint8Array, start: number, end: number): Ref;

  type(entry: Ref): ValueType;
  encoding(entry: Ref): Encoding;
  /** Expiry in unix milliseconds, NO_EXPIRY when it has none. */
  expireAt(entry: Ref): number;
  /** The key's bytes: `arena.bytes[segmentOf(entry)]` from `keyStart` to `keyStart + keyLength`. */
  keyStart(entry: Ref): number;
  keyLength(entry: Ref): number;
  /** The key as latin1 text. */
  keyString(entry: Ref): string;

  /** Bytes of a string value (any encoding but INT): in `arena.bytes[segmentOf(blockOfString)]`. See `string-value.ts` in values for reading and writing strings. */
  stringBlock(entry: Ref): Ref;
  stringStart(entry: Ref): number;
  stringLength(entry: Ref): number;
  /**
   * A text that stands in the entry itself under a short key, all of it from one look at the entry: its length in the low INLINE_TEXT_BITS bits, above them its
   * offset from the entry's first byte. 0 = anything else.
   */
  inlineText(entry: Ref): number;
  /** Value of an ENC_INT string. */
  stringInteger(entry: Ref): bigint;
  /** True when an ENC_INT value is a safe integer; then `stringNumber` is its value. */
  stringNumber(entry: Ref): number;

  /** Creates or replaces a key with a string value; picks int, embstr or raw as Valkey does. `expireAt` NO_EXPIRY clears, `KEEP_EXPIRY` keeps. Returns the entry. */
  setString(key: Uint8Array, start: number, end: number, value: Uint8Array, from: number, to: number, expireAt: number): Ref;
  setInteger(key: Uint8Array, start: number, end: number, value: bigint | number, expireAt: number): Ref;
  /** Makes room: the string value of `entry` becomes raw with `length` bytes (old bytes kept, new ones zero). Returns the entry, which may have moved. */
  resizeString(entry: Ref, length: number): Ref;

  /** Creates a key (which must not exist) of a collection type. */
  create(bytes: Uint8Array, start: number, end: number, type: ValueType, encoding: Encoding, root: Ref): Ref;
  /** Root of a collection's value. */
  root(entry: Ref): Ref;
  /** After the value moved or changed its encoding. Does not move the entry. */
  setRoot(entry: Ref, encoding: Encoding, root: Ref): void;

  /** Sets or (NO_EXPIRY) clears the expiry. Returns the entry, which may have moved. */
  setExpire(entry: Ref, at: number): Ref;
  /** Deletes a key; frees its value. False when there was none. */
  delete(bytes: Uint8Array, start: number, end: number): boolean;
  deleteEntry(entry: Ref): void;
  /** Moves the value and expiry to another key and/or database (RENAME, MOVE); the target must not exist. */
  moveTo(entry: Ref, target: Database, key: Uint8Array, start: number, end: number): Ref;
  /** Seconds since the last access, and the LFU counter. */
  idleSeconds(entry: Ref): number;
  setIdleSeconds(entry: Ref, seconds: number): void;
  frequency(entry: Ref): number;
  touch(entry: Ref): void;

  /** A random live entry, 0 when empty. `random` is in [0, 1). */
  random(random: () => number): Ref;
  /** One step of SCAN: calls `visit` for each entry and returns the next cursor (0n = done). Guarantee: what stays during a full iteration is visited. `slot` -1 = all. */
  scan(cursor: bigint, count: number, slot: number, visit: (entry: Ref) => void): bigint;
  /** Entries in walk order without those of hidden slots; stops when `visit` returns false. For KEYS, DEBUG DIGEST and the like. */
  each(visit: (entry: Ref) => boolean): void;

  /** Cluster mode: live keys of a hash slot, and up to `limit` of its keys. */
  slotSize(slot: number): number;
  eachInSlot(slot: number, visit: (entry: Ref) => boolean): void;

  /** Drops all keys (in slices when `lazily`); running walks keep the old content. Returns how many there were. */
  flush(lazily: boolean): number;

  /** A walk that must see each entry (of these slots only, when they are given) as it was at this moment; see `persistence/snapshot`. At most 4 at once. */
  startWalk(walk: Walk, slots?: readonly number[]): WalkCursor;
}

/** `expireAt` of `setString`: leave the expiry as it is. */
export const KEEP_EXPIRY = -2;

/**
 * The position of a walk. `next` passes entries in table order, about `limit` of them: visits those that are to be seen, skips what was changed since the
 * start (the walk got those by `beforeChange`) and what was made since, and returns how many it passed; 0 = done. `end` must be called, also after an abort.
 */
export interface WalkCursor {
  readonly total: number;
  next(limit: number, visit: (entry: Ref) => void): number;
  end(): void;
}

/** Keys of a hash slot in all databases. */
export function keysInSlot(databases: { readonly count: number; get(index: number): Database }, slot: number): number {
  let keys = 0;
  for (let index = 0; index < databases.count; index++) keys += databases.get(index).slotSize(slot);
  return keys;
}
