/**
 * The database over the arena: implements the contract in `database.ts`.
 *
 * Finding: `entry-finder.ts`; entries: `entry.ts`, `entry-value.ts`; tables, walks: `content.ts`. Hot path (find, setString): nothing is allocated but a view of
 * a new key buffer.
 */

import { copyViews } from '../memory/bytes.ts';
import { offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { LONG, parseDecimal, parseLong } from '../structures/decimal.ts';
import { initialAccess } from './access-clock.ts';
import { Content } from './content.ts';
import { eachEntry, randomEntry, scanStep, visibleSizes } from './content-scan.ts';
import { type Database, ENC_INT, ENC_RAW, type Encoding, KEEP_EXPIRY, NO_EXPIRY, TYPE_STRING } from './database.ts';
import type { ValueType, Walk, WalkCursor } from './database.ts';
import * as entries from './entry.ts';
import { EntryFinder } from './entry-finder.ts';
import * as values from './entry-value.ts';
import type { KeyspaceState } from './keyspace-state.ts';

/** Longest text of a 64-bit integer. */
const INTEGER_TEXT = 20;

export class ArenaDatabase extends EntryFinder implements Database {
  index: number;
  private readonly digits = new Uint8Array(INTEGER_TEXT);

  constructor(state: KeyspaceState, index: number) {
    super(state);
    this.index = index;
  }

  get size(): number {
    return this.content.size;
  }
  get expiring(): number {
    return this.content.expiring;
  }
  visible(): { readonly size: number; readonly expiring: number } {
    return visibleSizes(this.state, this.content);
  }

  findForWrite(bytes: Uint8Array, start: number, end: number): Ref {
    const entry = this.peek(bytes, start, end);
    if (entry === 0) return 0;
    if (this.content.telling !== 0) this.content.tellWalks(this, entry);
    if (!this.state.noTouch) this.touch(entry);
    return entry;
  }

  /** Its time has come: says so and deletes it. */
  expireNow(entry: Ref): void {
    this.state.onExpired(this, entry);
    this.deleteEntry(entry);
  }

  // ── Values ──

  setRoot(entry: Ref, encoding: Encoding, root: Ref): void {
    if (this.content.telling !== 0) this.content.tellWalks(this, entry);
    entries.setTypeAndEncoding(this.arena, entry, entries.typeOf(this.arena, entry), encoding);
    values.writePayload(this.arena, entry, root, 0);
  }

  // ── Strings ──

  setString(key: Uint8Array, start: number, end: number, value: Uint8Array, from: number, to: number, expireAt: number): Ref {
    const length = to - from;
    if (length <= INTEGER_TEXT && length > 0 && value[from] <= 0x39) {
      const integer = parseDecimal(value, from, to);
      const exact = integer === LONG ? (parseLong(value, from, to) ?? 0n) : integer;
      if (!Number.isNaN(integer)) return this.setInteger(key, start, end, exact, expireAt);
    }
    const large = values.isLarge(length);
    const keyLength = end - start;
    const old = this.lookup(key, start, end);
    const expiry = this.expiryFor(old, expireAt);
    const flags = (expiry >= 0 ? entries.FLAG_EXPIRE : 0) | (large ? entries.FLAG_PAYLOAD : 0);
    const encoding = large ? ENC_RAW : values.stringEncoding(keyLength, length, expiry >= 0);
    const block = large ? values.allocString(this.arena, value, from, to) : 0;
    const entry = this.put(old, TYPE_STRING, encoding, flags, key, start, keyLength, large ? 0 : length);
    if (expiry >= 0) entries.writeExpireAt(this.arena, entry, expiry);
    if (large) values.writePayload(this.arena, entry, block, length);
    else {
      const segment = segmentOf(entry);
      const at = entries.keyStartOf(this.arena, entry) + keyLength;
      // The value usually comes from the same input buffer as the key.
      if (value === this.keyBytes) copyViews(this.arena.bytes[segment], this.arena.views[segment], at, value, this.keyView, from, length);
      else this.arena.bytes[segment].set(value.subarray(from, to), at);
    }
    return entry;
  }

  setInteger(key: Uint8Array, start: number, end: number, value: bigint | number, expireAt: number): Ref {
    const old = this.lookup(key, start, end);
    const expiry = this.expiryFor(old, expireAt);
    const flags = entries.FLAG_PAYLOAD | (expiry >= 0 ? entries.FLAG_EXPIRE : 0);
    const entry = this.put(old, TYPE_STRING, ENC_INT, flags, key, start, end - start, 0);
    if (expiry >= 0) entries.writeExpireAt(this.arena, entry, expiry);
    const view = this.arena.views[segmentOf(entry)];
    const at = entries.payloadStartOf(this.arena, entry);
    if (typeof value === 'number') {
      view.setInt32(at, value | 0, true);
      view.setInt32(at + 4, Math.floor(value / 4294967296), true);
    } else view.setBigInt64(at, value, true);
    return entry;
  }

  resizeString(entry: Ref, length: number): Ref {
    if (this.content.telling !== 0) this.content.tellWalks(this, entry);
    const arena = this.arena;
    let kept = entry;
    if (entries.encodingOf(arena, entry) === ENC_INT) kept = this.integerToText(entry, length);
    const large = (entries.flagsOf(arena, kept) & entries.FLAG_PAYLOAD) !== 0;
    if (large) values.resizeLarge(arena, kept, length);
    else if (values.isLarge(length)) kept = this.makeLarge(kept, length);
    else kept = this.resizeInline(kept, length);
    entries.setTypeAndEncoding(arena, kept, TYPE_STRING, ENC_RAW);
    return kept;
  }

  /** `expireAt` of a new value; what KEEP_EXPIRY means for this entry. The index of expiring entries follows. */
  private expiryFor(old: Ref, expireAt: number): number {
    if (expireAt !== KEEP_EXPIRY) return expireAt;
    return old === 0 ? NO_EXPIRY : entries.expireAtOf(this.arena, old);
  }

  /**
   * An entry of this shape under the key of the last `lookup`, in place of `old` (0 = none): in its block when it fits well. The old value is
   * freed. Payload, expiry and inline value are still to be written.
   */
  private put(
    old: Ref,
    type: ValueType,
    encoding: Encoding,
    flags: number,
    key: Uint8Array,
    start: number,
    keyLength: number,
    inlineLength: number,
  ): Ref {
    const { arena, content, state } = this;
    if (old === 0) {
      const fresh = flags | ((content.newMarks ^ content.tableNew[this.slot]) << entries.MARK_SHIFT);
      const entry = values.allocEntry(
        arena,
        type,
        encoding,
        fresh,
        initialAccess(state),
        key,
        this.keyView,
        start,
        keyLength,
        inlineLength,
      );
      content.tableFor(this.slot).insert(this.hash, entry);
      content.size++;
      if ((flags & entries.FLAG_EXPIRE) !== 0) this.indexExpiry(entry);
      return entry;
    }
    if (content.telling !== 0) content.tellWalks(this, old);
    values.freeEntryValue(arena, state.freeValue, old);
    const before = entries.flagsOf(arena, old);
    const marked = flags | (before & ~7 & 0xff);
    const longKey = before & entries.FLAG_LONG_KEY;
    const size = entries.entryBytes(flags | longKey, keyLength, inlineLength);
    const access = state.lfu ? entries.accessOf(arena, old) : initialAccess(state);
    if ((before & 3) === (flags & 3) && values.fitsWell(arena, old, size)) {
      entries.writeHeader(arena.views[segmentOf(old)], offsetOf(old), type, encoding, marked | longKey, access, keyLength, inlineLength);
      return old;
    }
    const entry = values.allocEntry(arena, type, encoding, marked, access, key, this.keyView, start, keyLength, inlineLength);
    content.tableFor(this.slot).replace(this.hash, old, entry);
    const expired = (before & entries.FLAG_EXPIRE) !== 0;
    if (expired && (flags & entries.FLAG_EXPIRE) !== 0) content.expiresFor(this.slot).replace(this.hash, old, entry);
    else if (expired) this.unindexExpiry(old);
    else if ((flags & entries.FLAG_EXPIRE) !== 0) this.indexExpiry(entry);
    arena.free(old);
    return entry;
  }

  private indexExpiry(entry: Ref): void {
    this.content.expiresFor(this.slot).insert(this.hash, entry);
    this.content.expiring++;
  }

  private unindexExpiry(entry: Ref): void {
    this.content.expiresFor(this.slot).remove(this.hash, entry);
    this.content.expiring--;
  }

  /** The entry has a copy in another block: the tables follow, the old block is freed. */
  private moved(old: Ref, entry: Ref): Ref {
    this.locate(old);
    this.content.tableFor(this.slot).replace(this.hash, old, entry);
    const had = (entries.flagsOf(this.arena, old) & entries.FLAG_EXPIRE) !== 0;
    const has = (entries.flagsOf(this.arena, entry) & entries.FLAG_EXPIRE) !== 0;
    if (had && has) this.content.expiresFor(this.slot).replace(this.hash, old, entry);
    else if (had) this.unindexExpiry(old);
    else if (has) this.indexExpiry(entry);
    this.arena.free(old);
    return entry;
  }

  private integerToText(entry: Ref, length: number): Ref {
    const digits = values.writeIntegerText(this.digits, this.stringInteger(entry));
    const room = Math.max(digits, values.isLarge(length) ? 0 : length);
    const text = this.moved(entry, values.reshaped(this.arena, entry, false, room));
    entries.writeInlineLength(this.arena, text, digits);
    this.arena.bytes[segmentOf(text)].set(this.digits.subarray(0, digits), values.stringStartOf(this.arena, text));
    return text;
  }

  private makeLarge(entry: Ref, length: number): Ref {
    const { arena } = this;
    const before = entries.inlineLengthOf(arena, entry);
    const start = values.stringStartOf(arena, entry);
    const block = arena.alloc(length + Math.min(length, 1024));
    const at = offsetOf(block);
    arena.bytes[segmentOf(block)].set(arena.bytes[segmentOf(entry)].subarray(start, start + before), at);
    arena.bytes[segmentOf(block)].fill(0, at + before, at + length);
    const large = this.moved(entry, values.reshaped(arena, entry, true, 0));
    values.writePayload(arena, large, block, length);
    return large;
  }

  private resizeInline(entry: Ref, length: number): Ref {
    const { arena } = this;
    const before = entries.inlineLengthOf(arena, entry);
    const needed = entries.entryBytes(entries.flagsOf(arena, entry), this.keyLength(entry), length);
    const kept = needed <= arena.capacity(entry) ? entry : this.moved(entry, values.reshaped(arena, entry, false, length));
    const start = values.stringStartOf(arena, kept);
    if (length > before) arena.bytes[segmentOf(kept)].fill(0, start + before, start + length);
    entries.writeInlineLength(arena, kept, length);
    return kept;
  }

  // ── Making and deleting ──

  create(bytes: Uint8Array, start: number, end: number, type: ValueType, encoding: Encoding, root: Ref): Ref {
    this.lookup(bytes, start, end);
    const entry = this.put(0, type, encoding, entries.FLAG_PAYLOAD, bytes, start, end - start, 0);
    values.writePayload(this.arena, entry, root, 0);
    return entry;
  }

  setExpire(entry: Ref, at: number): Ref {
    if (this.content.telling !== 0) this.content.tellWalks(this, entry);
    const flags = entries.flagsOf(this.arena, entry);
    const has = (flags & entries.FLAG_EXPIRE) !== 0;
    if (at === NO_EXPIRY ? !has : has) {
      if (has) entries.writeExpireAt(this.arena, entry, at);
      return entry;
    }
    const payload = (flags & entries.FLAG_PAYLOAD) !== 0;
    const inlineLength = payload ? 0 : entries.inlineLengthOf(this.arena, entry);
    return this.moved(entry, values.copyWithOwnKey(this.arena, entry, at, payload, inlineLength));
  }

  delete(bytes: Uint8Array, start: number, end: number): boolean {
    const entry = this.lookup(bytes, start, end);
    if (entry === 0) return false;
    this.unlink(entry);
    values.freeEntry(this.arena, this.state.freeValue, entry);
    return true;
  }

  deleteEntry(entry: Ref): void {
    this.locate(entry);
    this.unlink(entry);
    values.freeEntry(this.arena, this.state.freeValue, entry);
  }

  moveTo(entry: Ref, target: Database, key: Uint8Array, start: number, end: number): Ref {
    if (!(target instanceof ArenaDatabase)) throw new TypeError('A key moves between databases of one server');
    const payload = (entries.flagsOf(this.arena, entry) & entries.FLAG_PAYLOAD) !== 0;
    const inlineLength = payload ? 0 : entries.inlineLengthOf(this.arena, entry);
    this.locate(entry);
    this.unlink(entry);
    target.lookup(key, start, end);
    const expireAt = entries.expireAtOf(this.arena, entry);
    const copy = values.copyEntry(this.arena, entry, expireAt, payload, inlineLength, key, target.keyView, start, end - start);
    entries.writeMarks(this.arena, copy, target.content.newMarks ^ target.content.tableNew[target.slot]);
    target.content.tableFor(target.slot).insert(target.hash, copy);
    target.content.size++;
    if (expireAt !== NO_EXPIRY) target.indexExpiry(copy);
    this.arena.free(entry);
    return copy;
  }

  /** Takes an entry (hash and slot are located) out of the tables; walks hear of it first. */
  private unlink(entry: Ref): void {
    if (this.content.telling !== 0) this.content.tellWalks(this, entry);
    this.content.tableFor(this.slot).remove(this.hash, entry);
    this.content.size--;
    if ((entries.flagsOf(this.arena, entry) & entries.FLAG_EXPIRE) !== 0) this.unindexExpiry(entry);
  }

  flush(lazily: boolean): number {
    const { content } = this;
    const count = content.size;
    this.content = new Content(this.state);
    content.detach();
    if (!lazily) while (this.state.collectGarbage(1 << 16));
    return count;
  }

  // ── Iteration ──

  random(random: () => number): Ref {
    return randomEntry(this.state, this.content, random);
  }

  scan(cursor: bigint, count: number, slot: number, visit: (entry: Ref) => void): bigint {
    return scanStep(this.content, this.state, cursor, count, slot, visit);
  }

  each(visit: (entry: Ref) => boolean): void {
    eachEntry(this.content, -1, visit, this.state.hidden);
  }

  slotSize(slot: number): number {
    return this.content.tables[this.state.bySlot ? slot : 0]?.size ?? 0;
  }

  eachInSlot(slot: number, visit: (entry: Ref) => boolean): void {
    if (this.state.bySlot) eachEntry(this.content, slot, visit);
  }

  startWalk(walk: Walk, slots?: readonly number[]): WalkCursor {
    return this.content.startWalk(walk, slots);
  }
}
