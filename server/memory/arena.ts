/**
 * The arena: all keys and values live here, outside the JavaScript heap.
 *
 * Layout. The arena is a list of segments, each its own ArrayBuffer, so that an empty one goes back to the system.
 * A ref is an unsigned 32-bit number of 8-byte units:
 *
 *     ref  = segment (9 bits) | unit inside the segment (23 bits)          0 = "nothing"
 *     ordinary segment = 64 MiB = 1024 pages of 64 KiB; page 0 is never handed out, so no block has ref 0
 *     small block (≤ 16 KiB)   a page holds blocks of one size class and its own free list (as mimalloc does), so that
 *                              `free` finds the size by the page and an empty page can serve any class again
 *     large block (≤ 32 MiB)   a run of whole pages
 *     huge block (> 32 MiB)    a segment of its own
 *
 * Blocks are 8-byte aligned. A freed small block holds the unit offset of the next free block of its page in its first word.
 * Memory of a new block is not cleared.
 *
 * Hot path: plain integers, no allocation on the JavaScript heap except when a segment is added.
 */

import { assert } from '../../lib/assert.ts';
import { CLASS_BYTES, CLASS_OF_UNITS, SMALL_LIMIT } from './size-classes.ts';

/** A place in an arena, in units of 8 bytes; 0 means "nothing". */
export type Ref = number;

export const NULL_REF: Ref = 0;

const SEGMENT_SHIFT = 23;
const UNIT_MASK = (1 << SEGMENT_SHIFT) - 1;
export const SEGMENT_BYTES = 64 * 1024 * 1024;
const PAGE_BYTES = 64 * 1024;
const PAGE_UNITS = PAGE_BYTES / 8;
const PAGE_UNIT_SHIFT = 13;
const PAGES = SEGMENT_BYTES / PAGE_BYTES;
const MAX_SEGMENTS = 1 << (32 - SEGMENT_SHIFT);
const LARGE_LIMIT = 32 * 1024 * 1024;
const MAX_BLOCK = 1024 * 1024 * 1024;

/** Page kinds in `pageClass` beside a size class number (≥ 0). */
const PAGE_FREE = -1;
const PAGE_LARGE_HEAD = -2;
const PAGE_LARGE_TAIL = -3;
const PAGE_RESERVED = -4;

/** What the arena holds, in bytes. */
export interface ArenaUsage {
  /** Bytes of live blocks, rounded up to their size class. */
  readonly used: number;
  /** Bytes of the pages in use: what the resident set should be. */
  readonly committed: number;
  /** Bytes of address space taken from the system. */
  readonly reserved: number;
}

/** One 64 MiB segment, or one huge block. */
class Segment {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** -1 and below: page kinds; ≥ 0: the size class of the page. */
  readonly pageClass: Int16Array;
  /** Unit offset (inside the segment) of the first free block of a page; 0 = none. */
  readonly pageFree: Int32Array;
  /** Unit offset where never used blocks of a page begin. */
  readonly pageBump: Int32Array;
  /** Live blocks of a page; for the head of a large block its number of pages. */
  readonly pageLive: Int32Array;
  /** Next and previous page of the same class that have room (page number + segment * PAGES), -1 = end. */
  readonly pageNext: Int32Array;
  readonly pagePrev: Int32Array;
  pagesUsed = 0;
  /** Where the search for free pages begins. */
  hint = 1;
  readonly huge: boolean;

  constructor(buffer: ArrayBuffer, huge: boolean) {
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.huge = huge;
    const pages = huge ? 0 : PAGES;
    this.pageClass = new Int16Array(pages).fill(PAGE_FREE);
    this.pageFree = new Int32Array(pages);
    this.pageBump = new Int32Array(pages);
    this.pageLive = new Int32Array(pages);
    this.pageNext = new Int32Array(pages).fill(-1);
    this.pagePrev = new Int32Array(pages).fill(-1);
    if (!huge) this.pageClass[0] = PAGE_RESERVED;
  }
}

export class Arena {
  /** Views of the segments, by `segmentOf(ref)`: index them with `offsetOf(ref) + n` in hot loops. Never keep one across an `alloc` or `free`. */
  readonly bytes: Uint8Array[] = [];
  readonly views: DataView[] = [];
  private readonly segments: (Segment | undefined)[] = [];
  /** First page with room for each class: segment * PAGES + page, -1 = none. */
  private readonly roomy = new Int32Array(CLASS_BYTES.length).fill(-1);
  private usedBytes = 0;
  private committedBytes = 0;
  private reservedBytes = 0;
  private readonly limitSegments: number;

  /** @param limitSegments how many segments may exist (default: all 512, that is 32 GiB). */
  constructor(limitSegments = MAX_SEGMENTS) {
    this.limitSegments = Math.min(limitSegments, MAX_SEGMENTS);
  }

  usage(): ArenaUsage {
    return { used: this.usedBytes, committed: this.committedBytes, reserved: this.reservedBytes };
  }

  /** Live bytes; cheap, for the memory limit. */
  get used(): number {
    return this.usedBytes;
  }

  /** A block of at least `size` bytes (8-byte aligned, not cleared). O(1) for small blocks. Throws RangeError when the arena is full. */
  alloc(size: number): Ref {
    if (size > SMALL_LIMIT) return this.allocLarge(size);
    const sizeClass = CLASS_OF_UNITS[(size + 7) >>> 3];
    let pageId = this.roomy[sizeClass];
    if (pageId < 0) pageId = this.addPage(sizeClass);
    const segment = this.segments[pageId >>> 10] as Segment;
    const page = pageId & (PAGES - 1);
    const classBytes = CLASS_BYTES[sizeClass];
    this.usedBytes += classBytes;
    segment.pageLive[page]++;
    let unit = segment.pageFree[page];
    if (unit !== 0) segment.pageFree[page] = segment.view.getInt32(unit << 3, true);
    else {
      unit = segment.pageBump[page];
      segment.pageBump[page] = unit + (classBytes >>> 3);
    }
    if (segment.pageFree[page] === 0 && segment.pageBump[page] + (classBytes >>> 3) > (page + 1) * PAGE_UNITS) {
      this.unlinkPage(segment, pageId, page, sizeClass);
    }
    return (((pageId >>> 10) << SEGMENT_SHIFT) | unit) >>> 0;
  }

  /** Gives a block back. The ref is dead from here on. */
  free(ref: Ref): void {
    const index = ref >>> SEGMENT_SHIFT;
    const segment = this.segments[index] as Segment;
    if (segment.huge) return this.freeHuge(index, segment);
    const unit = ref & UNIT_MASK;
    const page = unit >>> PAGE_UNIT_SHIFT;
    const sizeClass = segment.pageClass[page];
    if (sizeClass < 0) return this.freeLarge(index, segment, page);
    const classBytes = CLASS_BYTES[sizeClass];
    const wasFull = segment.pageFree[page] === 0 && segment.pageBump[page] + (classBytes >>> 3) > (page + 1) * PAGE_UNITS;
    segment.view.setInt32(unit << 3, segment.pageFree[page], true);
    segment.pageFree[page] = unit;
    this.usedBytes -= classBytes;
    const live = --segment.pageLive[page];
    const pageId = index * PAGES + page;
    if (wasFull) this.linkPage(segment, pageId, page, sizeClass);
    if (live === 0) this.releasePage(index, segment, pageId, page, sizeClass);
  }

  /** The bytes that the block at `ref` really has (≥ the size that was asked for). */
  capacity(ref: Ref): number {
    const segment = this.segments[ref >>> SEGMENT_SHIFT] as Segment;
    if (segment.huge) return segment.bytes.length;
    const page = (ref & UNIT_MASK) >>> PAGE_UNIT_SHIFT;
    const sizeClass = segment.pageClass[page];
    return sizeClass >= 0 ? CLASS_BYTES[sizeClass] : segment.pageLive[page] * PAGE_BYTES;
  }

  /** The capacity that `alloc(size)` would give. */
  static roundUp(size: number): number {
    if (size <= SMALL_LIMIT) return CLASS_BYTES[CLASS_OF_UNITS[(size + 7) >>> 3]];
    return Math.ceil(size / PAGE_BYTES) * PAGE_BYTES;
  }

  /** A block of `size` bytes with the first `keep` bytes of `ref`; `ref` itself when it is large enough and not much too large. */
  realloc(ref: Ref, keep: number, size: number): Ref {
    const capacity = this.capacity(ref);
    if (size <= capacity && (capacity <= 64 || size > capacity >>> 1)) return ref;
    const moved = this.alloc(size);
    this.copy(ref, 0, moved, 0, keep);
    this.free(ref);
    return moved;
  }

  /** Copies `length` bytes from one block to another (they may be the same block and overlap). */
  copy(from: Ref, fromOffset: number, to: Ref, toOffset: number, length: number): void {
    const source = this.bytes[from >>> SEGMENT_SHIFT];
    const start = offsetOf(from) + fromOffset;
    const target = this.bytes[to >>> SEGMENT_SHIFT];
    const at = offsetOf(to) + toOffset;
    if (source === target) target.copyWithin(at, start, start + length);
    else target.set(source.subarray(start, start + length), at);
  }

  u8(ref: Ref, offset: number): number {
    return this.bytes[ref >>> SEGMENT_SHIFT][((ref & UNIT_MASK) << 3) + offset];
  }
  setU8(ref: Ref, offset: number, value: number): void {
    this.bytes[ref >>> SEGMENT_SHIFT][((ref & UNIT_MASK) << 3) + offset] = value;
  }
  u16(ref: Ref, offset: number): number {
    return this.views[ref >>> SEGMENT_SHIFT].getUint16(((ref & UNIT_MASK) << 3) + offset, true);
  }
  setU16(ref: Ref, offset: number, value: number): void {
    this.views[ref >>> SEGMENT_SHIFT].setUint16(((ref & UNIT_MASK) << 3) + offset, value, true);
  }
  u32(ref: Ref, offset: number): number {
    return this.views[ref >>> SEGMENT_SHIFT].getUint32(((ref & UNIT_MASK) << 3) + offset, true);
  }
  setU32(ref: Ref, offset: number, value: number): void {
    this.views[ref >>> SEGMENT_SHIFT].setUint32(((ref & UNIT_MASK) << 3) + offset, value, true);
  }
  i32(ref: Ref, offset: number): number {
    return this.views[ref >>> SEGMENT_SHIFT].getInt32(((ref & UNIT_MASK) << 3) + offset, true);
  }
  setI32(ref: Ref, offset: number, value: number): void {
    this.views[ref >>> SEGMENT_SHIFT].setInt32(((ref & UNIT_MASK) << 3) + offset, value, true);
  }
  f64(ref: Ref, offset: number): number {
    return this.views[ref >>> SEGMENT_SHIFT].getFloat64(((ref & UNIT_MASK) << 3) + offset, true);
  }
  setF64(ref: Ref, offset: number, value: number): void {
    this.views[ref >>> SEGMENT_SHIFT].setFloat64(((ref & UNIT_MASK) << 3) + offset, value, true);
  }
  i64(ref: Ref, offset: number): bigint {
    return this.views[ref >>> SEGMENT_SHIFT].getBigInt64(((ref & UNIT_MASK) << 3) + offset, true);
  }
  setI64(ref: Ref, offset: number, value: bigint): void {
    this.views[ref >>> SEGMENT_SHIFT].setBigInt64(((ref & UNIT_MASK) << 3) + offset, value, true);
  }

  private addPage(sizeClass: number): number {
    const pageId = this.takePages(1);
    const segment = this.segments[pageId >>> 10] as Segment;
    const page = pageId & (PAGES - 1);
    segment.pageClass[page] = sizeClass;
    segment.pageFree[page] = 0;
    segment.pageLive[page] = 0;
    segment.pageBump[page] = page * PAGE_UNITS;
    this.linkPage(segment, pageId, page, sizeClass);
    return pageId;
  }

  private linkPage(segment: Segment, pageId: number, page: number, sizeClass: number): void {
    const head = this.roomy[sizeClass];
    segment.pageNext[page] = head;
    segment.pagePrev[page] = -1;
    if (head >= 0) (this.segments[head >>> 10] as Segment).pagePrev[head & (PAGES - 1)] = pageId;
    this.roomy[sizeClass] = pageId;
  }

  private unlinkPage(segment: Segment, pageId: number, page: number, sizeClass: number): void {
    const next = segment.pageNext[page];
    const previous = segment.pagePrev[page];
    if (previous >= 0) (this.segments[previous >>> 10] as Segment).pageNext[previous & (PAGES - 1)] = next;
    else {
      assert(this.roomy[sizeClass] === pageId, 'a page without a predecessor heads its list');
      this.roomy[sizeClass] = next;
    }
    if (next >= 0) (this.segments[next >>> 10] as Segment).pagePrev[next & (PAGES - 1)] = previous;
  }

  /** An empty page serves any class again; the last page with room of a class stays, so that one block does not make it come and go. */
  private releasePage(index: number, segment: Segment, pageId: number, page: number, sizeClass: number): void {
    const only = this.roomy[sizeClass] === pageId && segment.pageNext[page] < 0;
    if (only && segment.pagesUsed > 1) return;
    this.unlinkPage(segment, pageId, page, sizeClass);
    this.returnPages(index, segment, page, 1);
  }

  /** `count` pages in a row; the id of the first (segment * PAGES + page). */
  private takePages(count: number): number {
    for (let index = 0; index < this.segments.length; index++) {
      const segment = this.segments[index];
      if (segment === undefined || segment.huge || PAGES - 1 - segment.pagesUsed < count) continue;
      const page = findRun(segment, count);
      if (page >= 0) return this.claimPages(index, segment, page, count);
    }
    const index = this.addSegment(new ArrayBuffer(SEGMENT_BYTES), false);
    return this.claimPages(index, this.segments[index] as Segment, 1, count);
  }

  private claimPages(index: number, segment: Segment, page: number, count: number): number {
    segment.pageClass.fill(PAGE_LARGE_TAIL, page, page + count);
    segment.pagesUsed += count;
    segment.hint = page + count;
    this.committedBytes += count * PAGE_BYTES;
    return index * PAGES + page;
  }

  private returnPages(index: number, segment: Segment, page: number, count: number): void {
    segment.pageClass.fill(PAGE_FREE, page, page + count);
    segment.pagesUsed -= count;
    if (page < segment.hint) segment.hint = page;
    this.committedBytes -= count * PAGE_BYTES;
    if (segment.pagesUsed === 0) this.dropSegment(index, segment);
  }

  private addSegment(buffer: ArrayBuffer, huge: boolean): number {
    let index = this.segments.indexOf(undefined);
    if (index < 0) index = this.segments.length;
    if (index >= this.limitSegments) throw new RangeError(`Cannot add a memory segment: all ${this.limitSegments} are in use`);
    const segment = new Segment(buffer, huge);
    this.segments[index] = segment;
    this.bytes[index] = segment.bytes;
    this.views[index] = segment.view;
    this.reservedBytes += buffer.byteLength;
    return index;
  }

  private dropSegment(index: number, segment: Segment): void {
    this.reservedBytes -= segment.bytes.length;
    this.segments[index] = undefined;
    this.bytes[index] = EMPTY_BYTES;
    this.views[index] = EMPTY_VIEW;
  }

  private allocLarge(size: number): Ref {
    if (size > MAX_BLOCK) throw new RangeError(`Cannot allocate ${size} bytes in one block: the limit is ${MAX_BLOCK}`);
    const count = Math.ceil(size / PAGE_BYTES);
    this.usedBytes += count * PAGE_BYTES;
    if (size > LARGE_LIMIT) {
      this.committedBytes += count * PAGE_BYTES;
      const index = this.addSegment(new ArrayBuffer(count * PAGE_BYTES), true);
      if (index === 0) return this.moveHugeFromZero();
      return (index << SEGMENT_SHIFT) >>> 0;
    }
    const pageId = this.takePages(count);
    const segment = this.segments[pageId >>> 10] as Segment;
    const page = pageId & (PAGES - 1);
    segment.pageClass[page] = PAGE_LARGE_HEAD;
    segment.pageLive[page] = count;
    return (((pageId >>> 10) << SEGMENT_SHIFT) | (page * PAGE_UNITS)) >>> 0;
  }

  /** A huge block in segment 0 would have ref 0: put it in the next free segment. */
  private moveHugeFromZero(): Ref {
    const huge = this.segments[0] as Segment;
    this.segments[0] = new Segment(new ArrayBuffer(SEGMENT_BYTES), false);
    this.bytes[0] = this.segments[0].bytes;
    this.views[0] = this.segments[0].view;
    this.reservedBytes += SEGMENT_BYTES - huge.bytes.length;
    const index = this.addSegment(huge.bytes.buffer as ArrayBuffer, true);
    return (index << SEGMENT_SHIFT) >>> 0;
  }

  private freeLarge(index: number, segment: Segment, page: number): void {
    assert(segment.pageClass[page] === PAGE_LARGE_HEAD, 'a freed large block begins at the head of its pages');
    const count = segment.pageLive[page];
    this.usedBytes -= count * PAGE_BYTES;
    this.returnPages(index, segment, page, count);
  }

  private freeHuge(index: number, segment: Segment): void {
    this.usedBytes -= segment.bytes.length;
    this.committedBytes -= segment.bytes.length;
    this.dropSegment(index, segment);
  }
}

const EMPTY_BYTES = new Uint8Array(0);
const EMPTY_VIEW = new DataView(new ArrayBuffer(0));

/** Index of the segment of a ref in `arena.bytes` and `arena.views`. */
export function segmentOf(ref: Ref): number {
  return ref >>> SEGMENT_SHIFT;
}

/** Byte offset of a ref inside its segment. */
export function offsetOf(ref: Ref): number {
  return (ref & UNIT_MASK) << 3;
}

/** First of `count` free pages in a row, -1 when there is no such run. */
function findRun(segment: Segment, count: number): number {
  const classes = segment.pageClass;
  for (let pass = 0; pass < 2; pass++) {
    const from = pass === 0 ? segment.hint : 1;
    let run = 0;
    for (let page = from; page < PAGES; page++) {
      run = classes[page] === PAGE_FREE ? run + 1 : 0;
      if (run === count) return page - count + 1;
    }
    if (from === 1) break;
  }
  return -1;
}
