/**
 * A list: one listpack while it fits a node, then a quicklist.
 *
 * An object of this class is a view: `open` it on a value, work, and `save` what became of encoding and root. It is reused from command
 * to command. Bytes given to it must not lie in this list (`Element`s read from it do: copy them first).
 *
 * It keeps a place (`seek`, `advance`) at which `read`, `matches`, `insert`, `replace` and `remove` work.
 *
 * | push, pop, length | O(1), in a listpack O(its bytes) | seek | O(nodes + entries of one node) |
 */

import { type Database, ENC_LISTPACK, ENC_QUICKLIST, type Encoding } from '../keyspace/database.ts';
import { type Arena, NULL_REF, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { equalBytes } from '../memory/bytes.ts';
import type { Element } from '../structures/element.ts';
import {
  encodedBytes,
  endOfEntries,
  entryEquals,
  LISTPACK_HEADER,
  listpackLength,
  nextEntry,
  previousEntry,
  readEntry,
  seekEntry,
} from '../structures/listpack.ts';
import { createListpack, deleteFromBlock, insertInBlock, replaceInBlock, storedInteger } from '../structures/listpack-edit.ts';
import { exceedsNode, fitsListpack, isLargeElement, ListPlace } from '../structures/quicklist.ts';
import type { ValueContext } from './value-context.ts';

export class ListValue {
  encoding: Encoding = ENC_LISTPACK;
  root: Ref = NULL_REF;
  private openedEncoding: Encoding = ENC_LISTPACK;
  private openedRoot: Ref = NULL_REF;
  private readonly context: ValueContext;
  private readonly arena: Arena;
  /** In a listpack: `offset` counts from the root, `node` is not used. */
  private readonly place = new ListPlace();

  constructor(context: ValueContext) {
    this.context = context;
    this.arena = context.arena;
  }

  open(encoding: Encoding, root: Ref): this {
    this.encoding = this.openedEncoding = encoding;
    this.root = this.openedRoot = root;
    return this;
  }

  create(): this {
    return this.open(ENC_LISTPACK, createListpack(this.arena, 32));
  }

  save(db: Database, entry: Ref): void {
    if (this.root !== this.openedRoot || this.encoding !== this.openedEncoding) db.setRoot(entry, this.encoding, this.root);
  }

  get length(): number {
    if (this.encoding === ENC_QUICKLIST) return this.context.quicklist.length(this.root);
    return listpackLength(this.arena.bytes[segmentOf(this.root)], this.arena.views[segmentOf(this.root)], offsetOf(this.root));
  }

  /** Before `count` elements of `bytes` bytes in all are added: a listpack that they would make too large becomes a quicklist. */
  growBy(count: number, bytes: number): void {
    if (this.encoding !== ENC_LISTPACK) return;
    const total = this.arena.u32(this.root, 0);
    if (exceedsNode(this.context.listLimits.fill, total + bytes, this.length + count)) this.convertToQuicklist();
  }

  /** After elements were removed: a quicklist of one small node becomes a listpack. `shrunk` false = whatever fits (a list that was just built). */
  settle(shrunk: boolean): void {
    const { quicklist, listLimits } = this.context;
    if (this.encoding !== ENC_QUICKLIST || quicklist.nodeCount(this.root) !== 1) return;
    const node = quicklist.head(this.root);
    if (quicklist.nodes.isPlain(node)) return;
    if (!fitsListpack(listLimits.fill, quicklist.nodes.size(node), quicklist.length(this.root), shrunk)) return;
    this.root = quicklist.release(this.root);
    this.encoding = ENC_LISTPACK;
  }

  /** Pushes one element; call `growBy` for all of them first. */
  push(atTail: boolean, bytes: Uint8Array, start: number, end: number): void {
    if (this.encoding === ENC_QUICKLIST) return this.context.quicklist.push(this.root, atTail, bytes, start, end, this.context.listLimits);
    const offset = atTail ? this.arena.u32(this.root, 0) - 1 : LISTPACK_HEADER;
    this.root = insertInBlock(this.arena, this.root, offset, bytes, start, end);
  }

  /** Reads the first or last element of a list that is not empty. */
  peek(atTail: boolean, element: Element): void {
    if (this.encoding === ENC_QUICKLIST) return this.context.quicklist.peek(this.root, atTail, element);
    const bytes = this.arena.bytes[segmentOf(this.root)];
    const view = this.arena.views[segmentOf(this.root)];
    const base = offsetOf(this.root);
    readEntry(bytes, view, atTail ? previousEntry(bytes, endOfEntries(view, base)) : base + LISTPACK_HEADER, element);
  }

  /** Removes the first or last element of a list that is not empty. Call `settle(true)` after the last of them. */
  drop(atTail: boolean): void {
    if (this.encoding === ENC_QUICKLIST) return this.context.quicklist.drop(this.root, atTail);
    let offset = LISTPACK_HEADER;
    if (atTail) {
      const base = offsetOf(this.root);
      offset = previousEntry(this.arena.bytes[segmentOf(this.root)], base + this.arena.u32(this.root, 0) - 1) - base;
    }
    this.root = deleteFromBlock(this.arena, this.root, offset, 1);
  }

  // ── At a place ──

  /** Goes to the element with an index (negative: from the tail); false when there is none. */
  seek(index: number): boolean {
    if (this.encoding === ENC_QUICKLIST) return this.context.quicklist.seek(this.root, index, this.place);
    const base = offsetOf(this.root);
    const p = seekEntry(this.arena.bytes[segmentOf(this.root)], this.arena.views[segmentOf(this.root)], base, index);
    if (p < 0) return false;
    this.place.offset = p - base;
    return true;
  }

  /** Goes to the neighbour; false when there is none. */
  advance(backward: boolean): boolean {
    if (this.encoding === ENC_QUICKLIST) return this.context.quicklist.advance(this.place, backward);
    const bytes = this.arena.bytes[segmentOf(this.root)];
    const base = offsetOf(this.root);
    const { offset } = this.place;
    if (backward) {
      if (offset === LISTPACK_HEADER) return false;
      this.place.offset = previousEntry(bytes, base + offset) - base;
      return true;
    }
    const next = nextEntry(bytes, this.arena.views[segmentOf(this.root)], base + offset) - base;
    if (next >= this.arena.u32(this.root, 0) - 1) return false;
    this.place.offset = next;
    return true;
  }

  read(element: Element): void {
    if (this.encoding === ENC_QUICKLIST) return this.context.quicklist.read(this.place, element);
    readEntry(
      this.arena.bytes[segmentOf(this.root)],
      this.arena.views[segmentOf(this.root)],
      offsetOf(this.root) + this.place.offset,
      element,
    );
  }

  /** Whether the element here is `bytes[start, end)`, whose `storedInteger` is `integer`. */
  matches(bytes: Uint8Array, start: number, end: number, integer: number): boolean {
    let block = this.root;
    let p = offsetOf(block) + this.place.offset;
    if (this.encoding === ENC_QUICKLIST) {
      const { nodes } = this.context.quicklist;
      const { node } = this.place;
      block = nodes.block(node);
      const base = nodes.base(node);
      if (nodes.isPlain(node)) return equalBytes(this.arena.bytes[segmentOf(block)], base, base + nodes.size(node), bytes, start, end);
      p = base + this.place.offset;
    }
    const own = this.arena.bytes[segmentOf(block)];
    const view = this.arena.views[segmentOf(block)];
    return entryEquals(own, view, p, encodedBytes(own, view, p), bytes, start, end - start, integer);
  }

  /** Goes on from here to the first element equal to `bytes[start, end)`; how many steps that took, -1 when there is none. At most `limit` elements are looked at. */
  find(bytes: Uint8Array, start: number, end: number, backward: boolean, limit: number): number {
    const integer = storedInteger(bytes, start, end);
    for (let steps = 0; steps < limit; steps++) {
      if (this.matches(bytes, start, end, integer)) return steps;
      if (!this.advance(backward)) return -1;
    }
    return -1;
  }

  /** Inserts before or after the place, which is lost. Call `growBy` (which loses it too) before `seek`. */
  insert(after: boolean, bytes: Uint8Array, start: number, end: number): void {
    const { quicklist, listLimits } = this.context;
    if (this.encoding === ENC_QUICKLIST) return quicklist.insert(this.root, this.place, after, bytes, start, end, listLimits);
    let { offset } = this.place;
    if (after) {
      const base = offsetOf(this.root);
      offset = nextEntry(this.arena.bytes[segmentOf(this.root)], this.arena.views[segmentOf(this.root)], base + offset) - base;
    }
    this.root = insertInBlock(this.arena, this.root, offset, bytes, start, end);
  }

  /** Puts another element here; the place is lost. */
  replace(bytes: Uint8Array, start: number, end: number): void {
    const { quicklist, listLimits } = this.context;
    if (this.encoding === ENC_QUICKLIST) return quicklist.replace(this.root, this.place, bytes, start, end, listLimits);
    this.root = replaceInBlock(this.arena, this.root, this.place.offset, bytes, start, end);
  }

  /** Removes the element with an index (from 0 on) and up to `count` - 1 behind it; the place is lost. */
  removeRange(index: number, count: number): void {
    if (count <= 0 || !this.seek(index)) return;
    if (this.encoding === ENC_LISTPACK) {
      this.root = deleteFromBlock(this.arena, this.root, this.place.offset, count);
      return;
    }
    let left = count;
    while (left > 0 && this.seek(index)) left -= this.context.quicklist.remove(this.root, this.place, left);
  }

  /**
   * Removes up to `limit` elements equal to `bytes[start, end)`, from the head or (`backward`) from the tail. Returns how many.
   * O(elements), and a move within a node for each one that goes.
   */
  removeEqual(bytes: Uint8Array, start: number, end: number, limit: number, backward: boolean): number {
    const integer = storedInteger(bytes, start, end);
    let removed = 0;
    let index = backward ? this.length - 1 : 0;
    let there = this.length > 0 && this.seek(index);
    while (there && removed < limit) {
      if (!this.matches(bytes, start, end, integer)) {
        there = this.advance(backward);
        index += backward ? -1 : 1;
        continue;
      }
      removed++;
      if (backward) index--;
      there = this.removeHere(index, backward);
    }
    return removed;
  }

  /** Removes the element here and goes to the next one in the direction, which then has `index`; false when there is none. */
  private removeHere(index: number, backward: boolean): boolean {
    const { place } = this;
    if (this.encoding === ENC_LISTPACK) {
      this.root = deleteFromBlock(this.arena, this.root, place.offset, 1);
      return backward ? this.advance(true) : place.offset < this.arena.u32(this.root, 0) - 1;
    }
    const { quicklist } = this.context;
    const { node } = place;
    const alone = quicklist.nodes.entries(node) === 1;
    quicklist.remove(this.root, place, 1);
    if (!alone && backward && place.index > 0) return quicklist.advance(place, true);
    if (!alone && !backward && place.index < quicklist.nodes.entries(node)) return true;
    return index >= 0 && this.seek(index);
  }

  private convertToQuicklist(): void {
    const { quicklist } = this.context;
    const listpack = this.root;
    const { length } = this;
    this.root = quicklist.create();
    this.encoding = ENC_QUICKLIST;
    if (length === 0) this.arena.free(listpack);
    else quicklist.adoptListpack(this.root, listpack, this.arena.u32(listpack, 0), length);
  }

  /** A new list as a quicklist, to be built node by node; `settle(false)` ends it. */
  createQuicklist(): this {
    return this.open(ENC_QUICKLIST, this.context.quicklist.create());
  }

  /** Whether an element of that many bytes stands in a node of its own. */
  isLarge(length: number): boolean {
    return isLargeElement(this.context.listLimits, length);
  }
}
