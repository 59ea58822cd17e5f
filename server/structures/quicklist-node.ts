/**
 * One node of a quicklist (`quicklist.ts`): a listpack that may have room on both sides, or one large element on its own.
 *
 *     node (28 bytes)
 *       0 previous u32 | 4 next u32 | 8 block u32 | 12 offset u32 | 16 bytes u32 | 20 entries u32 | 24 plain u32 (0 or 1)
 *     block   | room | listpack, `bytes` long, from `offset` | room |          plain: the element's bytes from offset 0
 *
 * The room in front is what makes LPUSH and LPOP as cheap as RPUSH and RPOP: the six bytes of the listpack's header move, its entries
 * stay. A listpack that outgrows its room moves to a larger block, with the new room on the side where it grows.
 *
 * Hot path: no allocation on the JavaScript heap.
 */

import { type Arena, NULL_REF, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { copyBytes, moveBytes } from '../memory/bytes.ts';
import { backlenBytes, EMPTY_LISTPACK_BYTES, encodedBytes, LISTPACK_END, LISTPACK_HEADER, previousEntry } from './listpack.ts';
import { insertAt, removeRange, writeEmptyListpack, writeEntry, writeHeader } from './listpack-edit.ts';

export const NODE_BYTES = 28;
const PREVIOUS = 0;
const NEXT = 4;
const BLOCK = 8;
const OFFSET = 12;
const BYTES = 16;
const ENTRIES = 20;
const PLAIN = 24;

/** A new node's block; it grows by half until it holds what a node may hold. */
const FIRST_BLOCK = 64;

export class QuicklistNodes {
  readonly arena: Arena;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  previous(node: Ref): Ref {
    return this.arena.u32(node, PREVIOUS);
  }
  next(node: Ref): Ref {
    return this.arena.u32(node, NEXT);
  }
  setPrevious(node: Ref, previous: Ref): void {
    this.arena.setU32(node, PREVIOUS, previous);
  }
  setNext(node: Ref, next: Ref): void {
    this.arena.setU32(node, NEXT, next);
  }
  isPlain(node: Ref): boolean {
    return this.arena.u32(node, PLAIN) === 1;
  }
  entries(node: Ref): number {
    return this.arena.u32(node, ENTRIES);
  }
  /** Bytes of the listpack, or of the plain element. */
  size(node: Ref): number {
    return this.arena.u32(node, BYTES);
  }
  block(node: Ref): Ref {
    return this.arena.u32(node, BLOCK);
  }
  /** Where the content begins in `arena.bytes[segmentOf(block(node))]`. */
  base(node: Ref): number {
    return offsetOf(this.arena.u32(node, BLOCK)) + this.arena.u32(node, OFFSET);
  }

  createPacked(): Ref {
    const block = this.arena.alloc(FIRST_BLOCK);
    writeEmptyListpack(this.arena.bytes[segmentOf(block)], this.arena.views[segmentOf(block)], offsetOf(block));
    return this.createNode(block, EMPTY_LISTPACK_BYTES, 0, 0);
  }

  createPlain(source: Uint8Array, start: number, end: number): Ref {
    const block = this.arena.alloc(Math.max(end - start, 1));
    copyBytes(this.arena.bytes[segmentOf(block)], offsetOf(block), source, start, end);
    return this.createNode(block, end - start, 1, 1);
  }

  /** A node that takes over a block with a listpack at its beginning. */
  adopt(block: Ref, size: number, entries: number): Ref {
    return this.createNode(block, size, entries, 0);
  }

  private createNode(block: Ref, size: number, entries: number, plain: number): Ref {
    const arena = this.arena;
    const node = arena.alloc(NODE_BYTES);
    arena.setU32(node, PREVIOUS, NULL_REF);
    arena.setU32(node, NEXT, NULL_REF);
    arena.setU32(node, BLOCK, block);
    arena.setU32(node, OFFSET, 0);
    arena.setU32(node, BYTES, size);
    arena.setU32(node, ENTRIES, entries);
    arena.setU32(node, PLAIN, plain);
    return node;
  }

  free(node: Ref): void {
    this.arena.free(this.arena.u32(node, BLOCK));
    this.arena.free(node);
  }

  /** Frees the node and hands out its listpack as a block of its own that begins with it. */
  release(node: Ref): Ref {
    const arena = this.arena;
    const size = this.size(node);
    const block = this.block(node);
    if (arena.u32(node, OFFSET) !== 0) arena.copy(block, arena.u32(node, OFFSET), block, 0, size);
    arena.free(node);
    return arena.realloc(block, size, size);
  }

  /** Inserts an entry of `size` bytes before the one at `place` (counted from the listpack's beginning). */
  insert(node: Ref, place: number, source: Uint8Array, start: number, end: number, integer: number, size: number): void {
    const arena = this.arena;
    const total = this.size(node);
    if (place === LISTPACK_HEADER) return this.insertFirst(node, source, start, end, integer, size);
    this.roomBehind(node, size);
    const block = arena.u32(node, BLOCK);
    const base = offsetOf(block) + arena.u32(node, OFFSET);
    insertAt(arena.bytes[segmentOf(block)], arena.views[segmentOf(block)], base, base + place, source, start, end, integer, size);
    arena.setU32(node, BYTES, total + size);
    arena.setU32(node, ENTRIES, arena.u32(node, ENTRIES) + 1);
  }

  private insertFirst(node: Ref, source: Uint8Array, start: number, end: number, integer: number, size: number): void {
    const arena = this.arena;
    this.roomInFront(node, size);
    const block = arena.u32(node, BLOCK);
    const offset = arena.u32(node, OFFSET) - size;
    const view = arena.views[segmentOf(block)];
    const base = offsetOf(block) + offset;
    const total = arena.u32(node, BYTES) + size;
    const entries = arena.u32(node, ENTRIES) + 1;
    writeEntry(arena.bytes[segmentOf(block)], view, base + LISTPACK_HEADER, source, start, end, integer);
    writeHeader(view, base, total, entries);
    arena.setU32(node, OFFSET, offset);
    arena.setU32(node, BYTES, total);
    arena.setU32(node, ENTRIES, entries);
  }

  /** Removes `count` entries that stand in `[place, until)`, counted from the listpack's beginning. */
  remove(node: Ref, place: number, until: number, count: number): void {
    const arena = this.arena;
    const block = arena.u32(node, BLOCK);
    const bytes = arena.bytes[segmentOf(block)];
    const view = arena.views[segmentOf(block)];
    const offset = arena.u32(node, OFFSET);
    const base = offsetOf(block) + offset;
    const total = arena.u32(node, BYTES) - (until - place);
    const entries = arena.u32(node, ENTRIES) - count;
    if (place === LISTPACK_HEADER) {
      arena.setU32(node, OFFSET, offset + until - place);
      writeHeader(view, base + until - place, total, entries);
    } else removeRange(bytes, view, base, base + place, base + until, count);
    arena.setU32(node, BYTES, total);
    arena.setU32(node, ENTRIES, entries);
  }

  /** Removes the first or the last entry. */
  removeEnd(node: Ref, last: boolean): void {
    const block = this.block(node);
    const bytes = this.arena.bytes[segmentOf(block)];
    const base = this.base(node);
    if (!last) {
      const encoded = encodedBytes(bytes, this.arena.views[segmentOf(block)], base + LISTPACK_HEADER);
      return this.remove(node, LISTPACK_HEADER, LISTPACK_HEADER + encoded + backlenBytes(encoded), 1);
    }
    const end = this.size(node) - 1;
    this.remove(node, previousEntry(bytes, base + end) - base, end, 1);
  }

  /** Cuts off what stands from `place` on (`entries` entries) into a new node. */
  split(node: Ref, place: number, entries: number): Ref {
    const arena = this.arena;
    const base = this.base(node);
    const end = this.size(node) - 1;
    const moved = EMPTY_LISTPACK_BYTES + end - place;
    const block = arena.alloc(moved);
    const target = arena.bytes[segmentOf(block)];
    const at = offsetOf(block);
    copyBytes(target, at + LISTPACK_HEADER, arena.bytes[segmentOf(this.block(node))], base + place, base + end);
    target[at + moved - 1] = LISTPACK_END;
    writeHeader(arena.views[segmentOf(block)], at, moved, entries);
    this.remove(node, place, end, entries);
    this.fit(node);
    return this.createNode(block, moved, entries, 0);
  }

  /** Adds the entries of another packed node. */
  append(node: Ref, other: Ref): void {
    const arena = this.arena;
    const total = this.size(node);
    const added = this.size(other) - EMPTY_LISTPACK_BYTES;
    const entries = this.entries(node) + this.entries(other);
    this.roomBehind(node, added);
    const block = this.block(node);
    const base = this.base(node);
    const bytes = arena.bytes[segmentOf(block)];
    const from = this.base(other) + LISTPACK_HEADER;
    copyBytes(bytes, base + total - 1, arena.bytes[segmentOf(this.block(other))], from, from + added);
    bytes[base + total + added - 1] = LISTPACK_END;
    writeHeader(arena.views[segmentOf(block)], base, total + added, entries);
    arena.setU32(node, BYTES, total + added);
    arena.setU32(node, ENTRIES, entries);
  }

  /** Gives room back that a node does not need any more (it is no longer at an end of its list). */
  fit(node: Ref): void {
    const arena = this.arena;
    const size = this.size(node);
    const block = this.block(node);
    if (arena.capacity(block) - size <= size >>> 3) return;
    this.moveTo(node, arena.alloc(size), 0);
  }

  private roomInFront(node: Ref, size: number): void {
    if (this.arena.u32(node, OFFSET) >= size) return;
    const total = this.size(node);
    const capacity = this.arena.capacity(this.block(node));
    const room = capacity - total;
    if (room >= size && room >= capacity >>> 2) return this.shift(node, room);
    const larger = this.arena.alloc(growth(total, size));
    this.moveTo(node, larger, this.arena.capacity(larger) - total);
  }

  private roomBehind(node: Ref, size: number): void {
    const total = this.size(node);
    const capacity = this.arena.capacity(this.block(node));
    if (this.arena.u32(node, OFFSET) + total + size <= capacity) return;
    const room = capacity - total;
    if (room >= size && room >= capacity >>> 2) return this.shift(node, 0);
    this.moveTo(node, this.arena.alloc(growth(total, size)), 0);
  }

  private shift(node: Ref, offset: number): void {
    const base = offsetOf(this.block(node));
    moveBytes(this.arena.bytes[segmentOf(this.block(node))], base + offset, base + this.arena.u32(node, OFFSET), this.size(node));
    this.arena.setU32(node, OFFSET, offset);
  }

  private moveTo(node: Ref, block: Ref, offset: number): void {
    const arena = this.arena;
    const old = this.block(node);
    arena.copy(old, arena.u32(node, OFFSET), block, offset, this.size(node));
    arena.free(old);
    arena.setU32(node, BLOCK, block);
    arena.setU32(node, OFFSET, offset);
  }
}

/** Bytes of the block that a listpack of `total` bytes moves to when `size` more are needed. */
function growth(total: number, size: number): number {
  return total + size + ((total + size) >>> 1);
}
