/**
 * Quicklist: a doubly linked list of listpacks, with elements that are too large for one on their own (upstream's quicklist.c).
 *
 *     header (the root, never moves)
 *       0 first node u32 | 4 last node u32 | 8 elements u32 | 12 nodes u32
 *
 * `list-max-listpack-size` limits a node: −1 … −5 = 4, 8, 16, 32, 64 KiB, positive = that many entries (and at most 8 KiB).
 * Nodes are not compressed: `list-compress-depth` only saves memory upstream and shows nowhere else.
 *
 * | push, pop at either end | O(1) | index | O(nodes) | insert, remove, replace at a place | O(node) |
 *
 * Hot path: push and pop allocate nothing on the JavaScript heap.
 */

import { type Arena, NULL_REF, type Ref, segmentOf } from '../memory/arena.ts';
import type { Element } from './element.ts';
import {
  EMPTY_LISTPACK_BYTES,
  endOfEntries,
  LISTPACK_HEADER,
  listpackLength,
  nextEntry,
  previousEntry,
  readEntry,
  seekEntry,
} from './listpack.ts';
import { copyIntoBlock, entryBytes, storedInteger } from './listpack-edit.ts';
import { QuicklistNodes } from './quicklist-node.ts';

/** How large nodes may get. */
export interface ListLimits {
  /** list-max-listpack-size */
  readonly fill: number;
  /** An element of this many bytes stands alone; 0 = by `fill` (DEBUG QUICKLIST-PACKED-THRESHOLD sets it). */
  readonly packedThreshold: number;
}

const HEADER_BYTES = 16;
const HEAD = 0;
const TAIL = 4;
const LENGTH = 8;
const NODES = 12;

/** Bytes of a node when `fill` counts entries. */
const SAFETY_LIMIT = 8192;
/** What an entry takes beside its data, estimated high as upstream does. */
const ENTRY_OVERHEAD = 8;

function bytesLimit(fill: number): number {
  return fill >= 0 ? SAFETY_LIMIT : 4096 << (Math.min(-fill, 5) - 1);
}

/** Whether a listpack of that size is too large for one node. */
export function exceedsNode(fill: number, bytes: number, entries: number): boolean {
  if (bytes > bytesLimit(fill)) return true;
  return fill >= 0 && entries > Math.max(fill, 1);
}

/** Whether a list of one node is small enough (half of the limit when it `shrinks`) to be a plain listpack. */
export function fitsListpack(fill: number, bytes: number, entries: number, shrinks: boolean): boolean {
  const divisor = shrinks ? 2 : 1;
  if (fill < 0) return bytes <= Math.floor(bytesLimit(fill) / divisor);
  return entries <= Math.floor(Math.max(fill, 1) / divisor);
}

export function isLargeElement(limits: ListLimits, length: number): boolean {
  return limits.packedThreshold > 0 ? length >= limits.packedThreshold : length > bytesLimit(limits.fill);
}

/** A place in a list: a node, the entry's offset from the beginning of its listpack (0 in a plain node), its index in the node. */
export class ListPlace {
  node: Ref = NULL_REF;
  offset = 0;
  index = 0;
}

export class Quicklist {
  readonly nodes: QuicklistNodes;
  private readonly arena: Arena;

  constructor(arena: Arena) {
    this.arena = arena;
    this.nodes = new QuicklistNodes(arena);
  }

  create(): Ref {
    const root = this.arena.alloc(HEADER_BYTES);
    for (let field = 0; field < HEADER_BYTES; field += 4) this.arena.setU32(root, field, 0);
    return root;
  }

  length(root: Ref): number {
    return this.arena.u32(root, LENGTH);
  }
  nodeCount(root: Ref): number {
    return this.arena.u32(root, NODES);
  }
  head(root: Ref): Ref {
    return this.arena.u32(root, HEAD);
  }
  tail(root: Ref): Ref {
    return this.arena.u32(root, TAIL);
  }

  push(root: Ref, atTail: boolean, bytes: Uint8Array, start: number, end: number, limits: ListLimits): void {
    const length = end - start;
    const end0 = this.arena.u32(root, atTail ? TAIL : HEAD);
    if (isLargeElement(limits, length)) this.linkBeside(root, end0, atTail, this.nodes.createPlain(bytes, start, end));
    else {
      let node = end0;
      if (node === NULL_REF || !this.hasRoom(node, length, limits)) {
        node = this.nodes.createPacked();
        this.linkBeside(root, end0, atTail, node);
        if (end0 !== NULL_REF && !this.nodes.isPlain(end0)) this.nodes.fit(end0);
      }
      this.insertInNode(node, atTail ? this.nodes.size(node) - 1 : LISTPACK_HEADER, bytes, start, end);
    }
    this.arena.setU32(root, LENGTH, this.arena.u32(root, LENGTH) + 1);
  }

  /** Reads the first or last element of a list that is not empty. */
  peek(root: Ref, atTail: boolean, element: Element): void {
    const node = this.arena.u32(root, atTail ? TAIL : HEAD);
    const block = this.nodes.block(node);
    const bytes = this.arena.bytes[segmentOf(block)];
    const base = this.nodes.base(node);
    if (this.nodes.isPlain(node)) return element.setBytes(bytes, base, base + this.nodes.size(node));
    const p = atTail ? previousEntry(bytes, base + this.nodes.size(node) - 1) : base + LISTPACK_HEADER;
    readEntry(bytes, this.arena.views[segmentOf(block)], p, element);
  }

  /** Removes the first or last element of a list that is not empty. */
  drop(root: Ref, atTail: boolean): void {
    const node = this.arena.u32(root, atTail ? TAIL : HEAD);
    this.arena.setU32(root, LENGTH, this.arena.u32(root, LENGTH) - 1);
    if (this.nodes.entries(node) === 1) this.unlinkNode(root, node);
    else this.nodes.removeEnd(node, atTail);
  }

  /** Finds the element with an index (negative: from the tail). False when there is none. */
  seek(root: Ref, index: number, place: ListPlace): boolean {
    const length = this.length(root);
    const forward = index >= 0 ? index : length + index;
    if (forward < 0 || forward >= length) return false;
    if (forward <= length >>> 1) {
      let node = this.head(root);
      let left = forward;
      for (let entries = this.nodes.entries(node); left >= entries; entries = this.nodes.entries(node)) {
        left -= entries;
        node = this.nodes.next(node);
      }
      this.enter(node, left, place);
    } else {
      let node = this.tail(root);
      let left = length - 1 - forward;
      for (let entries = this.nodes.entries(node); left >= entries; entries = this.nodes.entries(node)) {
        left -= entries;
        node = this.nodes.previous(node);
      }
      this.enter(node, this.nodes.entries(node) - 1 - left, place);
    }
    return true;
  }

  /** Goes to the element with an index within a node. */
  enter(node: Ref, index: number, place: ListPlace): void {
    place.node = node;
    place.index = index;
    place.offset = 0;
    if (this.nodes.isPlain(node)) return;
    const block = this.nodes.block(node);
    const base = this.nodes.base(node);
    place.offset = seekEntry(this.arena.bytes[segmentOf(block)], this.arena.views[segmentOf(block)], base, index) - base;
  }

  /** Goes to the neighbour of a place; false when there is none. */
  advance(place: ListPlace, backward: boolean): boolean {
    const node = place.node;
    if (backward) {
      if (place.index > 0) {
        const base = this.nodes.base(node);
        place.offset = previousEntry(this.arena.bytes[segmentOf(this.nodes.block(node))], base + place.offset) - base;
        place.index--;
        return true;
      }
      const previous = this.nodes.previous(node);
      if (previous !== NULL_REF) this.enter(previous, this.nodes.entries(previous) - 1, place);
      return previous !== NULL_REF;
    }
    if (place.index + 1 < this.nodes.entries(node)) {
      const block = this.nodes.block(node);
      const base = this.nodes.base(node);
      place.offset = nextEntry(this.arena.bytes[segmentOf(block)], this.arena.views[segmentOf(block)], base + place.offset) - base;
      place.index++;
      return true;
    }
    const next = this.nodes.next(node);
    if (next !== NULL_REF) this.enter(next, 0, place);
    return next !== NULL_REF;
  }

  read(place: ListPlace, element: Element): void {
    const block = this.nodes.block(place.node);
    const bytes = this.arena.bytes[segmentOf(block)];
    const base = this.nodes.base(place.node);
    if (this.nodes.isPlain(place.node)) element.setBytes(bytes, base, base + this.nodes.size(place.node));
    else readEntry(bytes, this.arena.views[segmentOf(block)], base + place.offset, element);
  }

  /** Inserts before (or after) a place, which is of no use afterwards. The bytes must not lie in this list. */
  insert(root: Ref, place: ListPlace, after: boolean, bytes: Uint8Array, start: number, end: number, limits: ListLimits): void {
    const { node } = place;
    const length = end - start;
    const entries = this.nodes.entries(node);
    const atTail = after && place.index === entries - 1;
    const atHead = !after && place.index === 0;
    this.arena.setU32(root, LENGTH, this.arena.u32(root, LENGTH) + 1);
    if (isLargeElement(limits, length)) {
      const plain = this.nodes.createPlain(bytes, start, end);
      if (!atTail && !atHead) this.splitAt(root, place, after);
      return this.linkBeside(root, node, atTail || !atHead, plain);
    }
    if (this.hasRoom(node, length, limits)) {
      const offset = after ? this.offsetAfter(place) : place.offset;
      return this.insertInNode(node, offset, bytes, start, end);
    }
    const neighbour = atTail ? this.nodes.next(node) : atHead ? this.nodes.previous(node) : NULL_REF;
    if (neighbour !== NULL_REF && this.hasRoom(neighbour, length, limits)) {
      return this.insertInNode(neighbour, atTail ? LISTPACK_HEADER : this.nodes.size(neighbour) - 1, bytes, start, end);
    }
    if (atTail || atHead) {
      const added = this.nodes.createPacked();
      this.linkBeside(root, node, atTail, added);
      return this.insertInNode(added, LISTPACK_HEADER, bytes, start, end);
    }
    const second = this.splitAt(root, place, after);
    if (after) this.insertInNode(second, LISTPACK_HEADER, bytes, start, end);
    else this.insertInNode(node, this.nodes.size(node) - 1, bytes, start, end);
    this.mergeAround(root, after ? node : second, limits);
  }

  /** Puts another element in the place's stead. The bytes must not lie in this list. */
  replace(root: Ref, place: ListPlace, bytes: Uint8Array, start: number, end: number, limits: ListLimits): void {
    const { node } = place;
    const inPlace = !this.nodes.isPlain(node) && !isLargeElement(limits, end - start);
    if (inPlace) {
      const { offset } = place;
      this.nodes.remove(node, offset, this.offsetAfter(place), 1);
      return this.insertInNode(node, offset, bytes, start, end);
    }
    this.insert(root, place, true, bytes, start, end, limits);
    // Only what stands behind the element was moved by the insertion.
    const isPlain = this.nodes.isPlain(node);
    const added = this.nodes.next(node);
    const alone = this.nodes.entries(node) === 1;
    this.remove(root, place, 1);
    if (!isPlain && !alone) this.mergeAround(root, added, limits);
  }

  /** Removes up to `count` elements from a place on, at most to the end of its node; returns how many. The place stays valid unless the node is gone. */
  remove(root: Ref, place: ListPlace, count: number): number {
    const { node } = place;
    const entries = this.nodes.entries(node);
    const removed = Math.min(count, entries - place.index);
    this.arena.setU32(root, LENGTH, this.arena.u32(root, LENGTH) - removed);
    if (removed === entries) {
      this.unlinkNode(root, node);
      return removed;
    }
    const block = this.nodes.block(node);
    const base = this.nodes.base(node);
    let until = base + place.offset;
    if (place.index + removed === entries) until = endOfEntries(this.arena.views[segmentOf(block)], base);
    else for (let i = 0; i < removed; i++) until = nextEntry(this.arena.bytes[segmentOf(block)], this.arena.views[segmentOf(block)], until);
    this.nodes.remove(node, place.offset, until - base, removed);
    return removed;
  }

  /** Appends a node with a copy of a whole listpack. */
  appendListpack(root: Ref, bytes: Uint8Array, view: DataView, start: number, end: number): void {
    this.adoptListpack(root, copyIntoBlock(this.arena, bytes, start, end), end - start, listpackLength(bytes, view, start));
  }

  /** Appends a node that takes over a block with a listpack. */
  adoptListpack(root: Ref, block: Ref, size: number, entries: number): void {
    this.linkBeside(root, this.tail(root), true, this.nodes.adopt(block, size, entries));
    this.arena.setU32(root, LENGTH, this.arena.u32(root, LENGTH) + entries);
  }

  appendPlain(root: Ref, bytes: Uint8Array, start: number, end: number): void {
    this.linkBeside(root, this.tail(root), true, this.nodes.createPlain(bytes, start, end));
    this.arena.setU32(root, LENGTH, this.arena.u32(root, LENGTH) + 1);
  }

  /** The listpack of the only node as a block of its own; the list is gone. */
  release(root: Ref): Ref {
    const block = this.nodes.release(this.head(root));
    this.arena.free(root);
    return block;
  }

  /** Frees up to `limit` nodes from the head; false when the header was freed too. */
  freeSome(root: Ref, limit: number): boolean {
    for (let i = 0; i < limit; i++) {
      const node = this.head(root);
      if (node === NULL_REF) {
        this.arena.free(root);
        return false;
      }
      this.arena.setU32(root, HEAD, this.nodes.next(node));
      this.nodes.free(node);
    }
    return true;
  }

  // ── Nodes ──

  private hasRoom(node: Ref, length: number, limits: ListLimits): boolean {
    if (this.nodes.isPlain(node)) return false;
    return !exceedsNode(limits.fill, this.nodes.size(node) + length + ENTRY_OVERHEAD, this.nodes.entries(node) + 1);
  }

  private insertInNode(node: Ref, offset: number, bytes: Uint8Array, start: number, end: number): void {
    const integer = storedInteger(bytes, start, end);
    this.nodes.insert(node, offset, bytes, start, end, integer, entryBytes(integer, end - start));
  }

  private offsetAfter(place: ListPlace): number {
    const block = this.nodes.block(place.node);
    const base = this.nodes.base(place.node);
    return nextEntry(this.arena.bytes[segmentOf(block)], this.arena.views[segmentOf(block)], base + place.offset) - base;
  }

  /** Cuts the node of a place in two, before (or after) it; the second half follows as a node of its own, which is returned. */
  private splitAt(root: Ref, place: ListPlace, after: boolean): Ref {
    const kept = after ? place.index + 1 : place.index;
    const offset = after ? this.offsetAfter(place) : place.offset;
    const second = this.nodes.split(place.node, offset, this.nodes.entries(place.node) - kept);
    this.linkBeside(root, place.node, true, second);
    return second;
  }

  /** After a split: joins neighbours that fit into one node, in upstream's order. */
  private mergeAround(root: Ref, center: Ref, limits: ListLimits): void {
    const { nodes } = this;
    const before = nodes.previous(center);
    const after = nodes.next(center);
    if (before !== NULL_REF) this.mergeWithNext(root, nodes.previous(before), limits);
    if (after !== NULL_REF) this.mergeWithNext(root, after, limits);
    const joined = nodes.previous(center);
    this.mergeWithNext(root, this.mergeWithNext(root, joined, limits) ? joined : center, limits);
  }

  /** Appends the next node to this one and drops it, if both are packed and small enough together. */
  private mergeWithNext(root: Ref, node: Ref, limits: ListLimits): boolean {
    const { nodes } = this;
    const next = node === NULL_REF ? NULL_REF : nodes.next(node);
    if (next === NULL_REF || nodes.isPlain(node) || nodes.isPlain(next)) return false;
    const size = nodes.size(node) + nodes.size(next) - EMPTY_LISTPACK_BYTES;
    if (exceedsNode(limits.fill, size, nodes.entries(node) + nodes.entries(next))) return false;
    nodes.append(node, next);
    this.unlinkNode(root, next);
    return true;
  }

  /** Links `added` behind (or before) `node`; `node` 0 = the list is empty. */
  private linkBeside(root: Ref, node: Ref, behind: boolean, added: Ref): void {
    const { arena, nodes } = this;
    const before = node === NULL_REF ? NULL_REF : behind ? node : nodes.previous(node);
    const after = node === NULL_REF ? NULL_REF : behind ? nodes.next(node) : node;
    nodes.setPrevious(added, before);
    nodes.setNext(added, after);
    if (before === NULL_REF) arena.setU32(root, HEAD, added);
    else nodes.setNext(before, added);
    if (after === NULL_REF) arena.setU32(root, TAIL, added);
    else nodes.setPrevious(after, added);
    arena.setU32(root, NODES, arena.u32(root, NODES) + 1);
  }

  private unlinkNode(root: Ref, node: Ref): void {
    const { arena, nodes } = this;
    const before = nodes.previous(node);
    const after = nodes.next(node);
    if (before === NULL_REF) arena.setU32(root, HEAD, after);
    else nodes.setNext(before, after);
    if (after === NULL_REF) arena.setU32(root, TAIL, before);
    else nodes.setPrevious(after, before);
    arena.setU32(root, NODES, arena.u32(root, NODES) - 1);
    nodes.free(node);
  }
}
