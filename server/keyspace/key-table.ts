/**
 * A slot table: hash → ref of the entry, open addressing in hash order, extendible hashing.
 *
 *     directory   2^depth references, chosen by the hash's first bits; several may name one segment
 *     segment     up to 4096 slots: [hash, ref] [hash, ref] …      two 32-bit words a slot, ref 0 = empty
 *
 * Inside a segment the home of an entry is its hash (the bits after the segment's own) scaled to the capacity, and a run of entries is kept in the
 * order of their hashes. So the whole table is always sorted by hash, with gaps, and
 *  - a search ends at the first larger hash;
 *  - a segment grows or splits by one pass, and no other is touched (at most 4096 slots, some 20 µs);
 *  - a position in the table is a hash: cursors of SCAN and of walks stay right however the table grows or shrinks.
 *
 * | operation | cost |
 * |---|---|
 * | find, insert, remove | O(1): some 3 slots in a row at a load of 7/8 |
 * | growth | one segment at a time, in steps of about 1.2, so that a large table is 75 % full on average |
 *
 * Hot path: plain integers, nothing allocated but segments.
 */

import { assert } from '../../lib/assert.ts';
import type { Arena, Ref } from '../memory/arena.ts';
import { keyEquals } from './entry.ts';

const SEGMENT_LIMIT = 4096;
const UNSPLIT_LIMIT = 65536;
const DEPTH_LIMIT = 18;
/** 64 bytes of slots: the most that V8 makes without a buffer outside its heap, which costs many times as much. Cluster mode makes 16384 tables. */
const SMALLEST = 3;
const SIGN = 0x80000000 | 0;
/** One more than the largest hash: the end of every iteration. */
export const TABLE_END = 0x100000000;

/** Slots of larger segments are not kept. */
const LARGEST_SPARE = 96;

/** What the tables of a server share. */
export interface TableAccount {
  /** Bytes of all of them. */
  tableBytes: number;
  /** Changes whenever an entry comes into a table, leaves it or moves. */
  tableVersion: number;
  readonly spareSlots: SpareSlots;
}

/**
 * The empty slots that small segments have grown out of, one of each capacity. A slot that is imported, loaded or walked through fills its table in one
 * go, then the next one does: what the first grew out of is what the second needs next.
 */
export class SpareSlots {
  private readonly spare: (Int32Array | undefined)[] = Array.from({ length: LARGEST_SPARE + 1 });

  take(capacity: number): Int32Array {
    const kept = capacity <= LARGEST_SPARE ? this.spare[capacity] : undefined;
    if (kept === undefined) return newSlots(capacity);
    this.spare[capacity] = undefined;
    return kept;
  }

  /** Nobody uses them any more. */
  give(slots: Int32Array, capacity: number): void {
    if (capacity <= SMALLEST || capacity > LARGEST_SPARE || this.spare[capacity] !== undefined) return;
    this.spare[capacity] = slots.fill(0);
  }
}

class Segment {
  slots: Int32Array;
  /** Homes lie in [0, capacity); runs may reach a little beyond. */
  capacity: number;
  used = 0;
  readonly depth: number;

  constructor(capacity: number, depth: number) {
    this.capacity = capacity;
    this.depth = depth;
    this.slots = newSlots(capacity);
  }
}

/** The last slot always stays empty: searches stop there. */
function newSlots(capacity: number): Int32Array {
  return new Int32Array(2 * (capacity + Math.min(48, 4 + (capacity >> 3)) + 1));
}

/** All bits for 0, none for any other value. */
function whereZero(value: number): number {
  return ((value | -value) >> 31) ^ -1;
}

function homeOf(hash: number, depth: number, capacity: number): number {
  return (((hash << depth) >>> 16) * capacity) >>> 16;
}

export class KeyTable {
  size = 0;
  private directory: Segment[] = [new Segment(SMALLEST, 0)];
  private depth = 0;
  private slotBytes = 0;
  private readonly account: TableAccount;

  constructor(account: TableAccount) {
    this.account = account;
    this.count(this.directory[0].slots.byteLength);
  }

  private changed(): void {
    this.account.tableVersion = (this.account.tableVersion + 1) | 0;
  }

  private count(bytes: number): void {
    this.slotBytes += bytes;
    this.account.tableBytes += bytes;
  }

  /** Nobody uses the table any more. */
  drop(): void {
    this.changed();
    this.count(-this.slotBytes);
  }

  /** The entry whose key is `view[start, start + length)`, 0 when there is none. */
  find(arena: Arena, hash: number, view: DataView, start: number, length: number): Ref {
    const segment = this.directory[(hash >>> 1) >>> (31 - this.depth)];
    const slots = segment.slots;
    const order = hash ^ SIGN;
    for (let at = homeOf(hash, segment.depth, segment.capacity) << 1; ; at += 2) {
      const ref = slots[at + 1];
      if (ref === 0) return 0;
      const other = slots[at];
      if (other === hash) {
        if (keyEquals(arena, ref >>> 0, view, start, length)) return ref >>> 0;
      } else if ((other ^ SIGN) > order) return 0;
    }
  }

  /** Reads the home slot of a hash, and does not wait for it. What it returns depends on what it read. */
  touchSlot(hash: number): number {
    const segment = this.directory[(hash >>> 1) >>> (31 - this.depth)];
    return segment.slots[homeOf(hash, segment.depth, segment.capacity) << 1];
  }

  /** `touchSlot` of `count` hashes. The shorter the loop, the more slots the processor fetches at once. */
  touchSlots(hashes: Int32Array, count: number): number {
    const { directory } = this;
    const shift = 31 - this.depth;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const hash = hashes[i];
      const segment = directory[(hash >>> 1) >>> shift];
      sum ^= segment.slots[homeOf(hash, segment.depth, segment.capacity) << 1];
    }
    return sum;
  }

  /** An entry of this hash, 0 when there is none; another key may have the same hash. */
  refOf(hash: number): Ref {
    const segment = this.directory[(hash >>> 1) >>> (31 - this.depth)];
    return firstOf(segment, hash);
  }

  /** `refOf` of `count` hashes. */
  refsOf(hashes: Int32Array, count: number, refs: Uint32Array): void {
    const { directory } = this;
    const shift = 31 - this.depth;
    for (let i = 0; i < count; i++) refs[i] = firstOf(directory[(hashes[i] >>> 1) >>> shift], hashes[i]);
  }

  /** Adds an entry; its key must not be in the table. */
  insert(hash: number, ref: Ref): void {
    this.changed();
    for (;;) {
      const segment = this.directory[(hash >>> 1) >>> (31 - this.depth)];
      if ((segment.used + 1) * 8 <= segment.capacity * 7 && place(segment, hash, ref)) break;
      this.grow(segment, hash);
    }
    this.size++;
  }

  /** Removes an entry that is in the table. */
  remove(hash: number, ref: Ref): void {
    this.changed();
    const segment = this.directory[(hash >>> 1) >>> (31 - this.depth)];
    const slots = segment.slots;
    let at = slotOf(segment, hash, ref);
    // Those after it that are not at home move one to the left.
    for (;;) {
      const next = at + 2;
      if (slots[next + 1] === 0 || homeOf(slots[next], segment.depth, segment.capacity) << 1 === next) break;
      slots[at] = slots[next];
      slots[at + 1] = slots[next + 1];
      at = next;
    }
    slots[at + 1] = 0;
    slots[at] = 0;
    segment.used--;
    this.size--;
    if (this.size === 0) this.clear();
    else if (segment.capacity > 32 && segment.used * 4 < segment.capacity) this.rebuild(segment, Math.ceil((segment.used * 10) / 7));
  }

  /** The entry moved. */
  replace(hash: number, old: Ref, moved: Ref): void {
    this.changed();
    const segment = this.directory[(hash >>> 1) >>> (31 - this.depth)];
    segment.slots[slotOf(segment, hash, old) + 1] = moved | 0;
  }

  clear(): void {
    this.changed();
    this.directory = [new Segment(SMALLEST, 0)];
    this.depth = 0;
    this.size = 0;
    this.count(this.directory[0].slots.byteLength - this.slotBytes);
  }

  /**
   * Puts the refs from hash `from` (0 .. 2^32) on into `out`, in hash order, until there are `limit` of them; entries of one hash stay together.
   * Returns the hash to go on from, TABLE_END when all were seen.
   */
  collect(from: number, limit: number, out: number[]): number {
    let position = from;
    while (position < TABLE_END) {
      const segment = this.directory[(position >>> 1) >>> (31 - this.depth)];
      const next = collectSegment(segment, position, limit, out);
      if (next >= 0) return next;
      position = segmentEnd(segment, position);
    }
    return TABLE_END;
  }

  /** A ref chosen at random; `random` is in [0, 1). 0 when the table is empty. */
  random(random: () => number): Ref {
    if (this.size === 0) return 0;
    for (let attempt = 0; attempt < 100; attempt++) {
      const segment = this.directory[Math.floor(random() * this.directory.length)];
      // A segment that several directory places name, or that is smaller than others, is drawn too often: evened out here.
      const tooOften = random() * SEGMENT_LIMIT * 2 ** (this.depth - segment.depth) > segment.capacity;
      if (tooOften && this.directory.length > 1 && attempt < 50) continue;
      const ref = segment.slots[2 * Math.floor(random() * (segment.slots.length >> 1)) + 1];
      if (ref !== 0) return ref >>> 0;
    }
    const found: number[] = [];
    const from = Math.floor(random() * TABLE_END);
    if (this.collect(from, 1, found) === TABLE_END && found.length === 0) this.collect(0, 1, found);
    return found[0];
  }

  /** Makes room in a full segment: larger, or split in two. */
  private grow(segment: Segment, hash: number): void {
    const wanted = grown(segment.capacity);
    if (segment.capacity < SEGMENT_LIMIT) this.rebuild(segment, Math.min(wanted, SEGMENT_LIMIT));
    else if (segment.depth < DEPTH_LIMIT) this.split(segment, hash);
    else {
      if (wanted > UNSPLIT_LIMIT)
        throw new RangeError(`Cannot grow a slot table: ${segment.used} keys share ${DEPTH_LIMIT} bits of their hashes`);
      this.rebuild(segment, wanted);
    }
  }

  private rebuild(segment: Segment, capacity: number): void {
    let size = Math.max(capacity, SMALLEST);
    const old = segment.slots;
    for (;;) {
      const slots = this.account.spareSlots.take(size);
      if (refill(old, 0, old.length, slots, segment.depth, size) >= 0) {
        this.count(slots.byteLength - old.byteLength);
        this.account.spareSlots.give(old, segment.capacity);
        segment.slots = slots;
        segment.capacity = size;
        return;
      }
      size = Math.ceil(size * 1.1) + 1;
    }
  }

  private split(segment: Segment, hash: number): void {
    if (segment.depth === this.depth) {
      const doubled: Segment[] = [];
      for (const each of this.directory) doubled.push(each, each);
      this.directory = doubled;
      this.depth++;
    }
    const old = segment.slots;
    const bit = 1 << (31 - segment.depth);
    let middle = 0;
    let low = 0;
    for (let at = 0; at < old.length; at += 2) {
      if (old[at + 1] === 0) continue;
      if ((old[at] & bit) !== 0) break;
      middle = at + 2;
      low++;
    }
    const depth = segment.depth + 1;
    const halves = [this.half(old, 0, middle, depth, low), this.half(old, middle, old.length, depth, segment.used - low)];
    this.count(-old.byteLength);
    const span = 1 << (this.depth - segment.depth);
    const first = ((hash >>> 1) >>> (31 - this.depth)) & ~(span - 1);
    for (let i = 0; i < span; i++) this.directory[first + i] = halves[i < span >> 1 ? 0 : 1];
  }

  private half(old: Int32Array, start: number, end: number, depth: number, used: number): Segment {
    for (let capacity = Math.max(SMALLEST, Math.ceil(used / 0.7)); ; capacity = Math.ceil(capacity * 1.1) + 1) {
      const segment = new Segment(capacity, depth);
      if (refill(old, start, end, segment.slots, depth, capacity) < 0) continue;
      segment.used = used;
      this.count(segment.slots.byteLength);
      return segment;
    }
  }
}

/** In the first slots without a branch on what they hold: nobody could foretell it. Of two equal hashes the first counts. */
function firstOf(segment: Segment, hash: number): Ref {
  const { slots } = segment;
  // Beyond the home of every hash there are at least four slots.
  const at = homeOf(hash, segment.depth, segment.capacity) << 1;
  const first = whereZero(slots[at] ^ hash);
  const second = whereZero(slots[at + 2] ^ hash) & ~first;
  const third = whereZero(slots[at + 4] ^ hash) & ~(first | second);
  const fourth = whereZero(slots[at + 6] ^ hash) & ~(first | second | third);
  const ref = (slots[at + 1] & first) | (slots[at + 3] & second) | (slots[at + 5] & third) | (slots[at + 7] & fourth);
  if (ref !== 0) return ref >>> 0;
  let further = at + 8;
  while (slots[further + 1] !== 0 && slots[further] !== hash) further += 2;
  return slots[further + 1] >>> 0;
}

function grown(capacity: number): number {
  if (capacity < 64) return capacity * (capacity === SMALLEST ? 4 : 2);
  return capacity + Math.max(32, Math.ceil(capacity / 5));
}

/** Puts an entry into its run in hash order. False when the run reaches the end of the segment. */
function place(segment: Segment, hash: number, ref: Ref): boolean {
  const slots = segment.slots;
  const order = hash ^ SIGN;
  let at = homeOf(hash, segment.depth, segment.capacity) << 1;
  while (slots[at + 1] !== 0 && (slots[at] ^ SIGN) <= order) at += 2;
  let free = at;
  while (slots[free + 1] !== 0) free += 2;
  if (free + 2 >= slots.length) return false;
  for (let to = free; to > at; to -= 2) {
    slots[to] = slots[to - 2];
    slots[to + 1] = slots[to - 1];
  }
  slots[at] = hash;
  slots[at + 1] = ref | 0;
  segment.used++;
  return true;
}

function slotOf(segment: Segment, hash: number, ref: Ref): number {
  const slots = segment.slots;
  const wanted = ref | 0;
  for (let at = homeOf(hash, segment.depth, segment.capacity) << 1; ; at += 2) {
    if (slots[at + 1] === wanted) return at;
    assert(slots[at + 1] !== 0, 'an entry stands in the run of its hash');
  }
}

/** Copies the sorted slots `[start, end)` into fresh ones of another capacity. -1 when they do not fit. */
function refill(old: Int32Array, start: number, end: number, slots: Int32Array, depth: number, capacity: number): number {
  let free = 0;
  const last = slots.length - 2;
  for (let at = start; at < end; at += 2) {
    const ref = old[at + 1];
    if (ref === 0) continue;
    const hash = old[at];
    const home = homeOf(hash, depth, capacity) << 1;
    if (home > free) free = home;
    if (free >= last) return -1;
    slots[free] = hash;
    slots[free + 1] = ref;
    free += 2;
  }
  return free;
}

/** -1 when the segment is done, else the hash to go on from. */
function collectSegment(segment: Segment, from: number, limit: number, out: number[]): number {
  const slots = segment.slots;
  for (let at = homeOf(from | 0, segment.depth, segment.capacity) << 1; at < slots.length; at += 2) {
    const ref = slots[at + 1];
    if (ref === 0) continue;
    const hash = slots[at] >>> 0;
    if (hash < from) continue;
    if (out.length >= limit && (at === 0 || hash !== slots[at - 2] >>> 0 || slots[at - 1] === 0)) return hash;
    out.push(ref >>> 0);
  }
  return -1;
}

/** The first hash after a segment that holds `position`. */
function segmentEnd(segment: Segment, position: number): number {
  if (segment.depth === 0) return TABLE_END;
  const span = 2 ** (32 - segment.depth);
  return (Math.floor(position / span) + 1) * span;
}
