/**
 * Intset: a sorted row of integers of one width in one block, byte for byte as upstream stores and dumps it (intset.c).
 *
 *     | width u32: 2, 4 or 8 | count u32 | integer | integer | …        little endian, ascending, no duplicates
 *
 * The width is that of the largest integer that was ever added; it never shrinks.
 *
 * Integers are JavaScript numbers; those beyond 53 bits are bigints (`long`). A set that has any of them is of width 8, and then all
 * comparisons go through two 32-bit halves.
 *
 * | has, insert position | O(log n) | add, remove | O(n) move |
 */

import { type Arena, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import type { Element } from './element.ts';

const HEADER = 8;

export function createIntset(arena: Arena): Ref {
  const ref = arena.alloc(HEADER + 8);
  arena.setU32(ref, 0, 2);
  arena.setU32(ref, 4, 0);
  return ref;
}

export function intsetLength(arena: Arena, ref: Ref): number {
  return arena.u32(ref, 4);
}

export function intsetBytes(arena: Arena, ref: Ref): number {
  return HEADER + arena.u32(ref, 0) * arena.u32(ref, 4);
}

/** Reads the integer at `index` as text. */
export function readIntset(arena: Arena, ref: Ref, index: number, element: Element): void {
  const view = arena.views[segmentOf(ref)];
  const width = arena.u32(ref, 0);
  const at = offsetOf(ref) + HEADER + index * width;
  if (width === 8) element.setLong(view.getInt32(at + 4, true), view.getInt32(at, true));
  else element.setInteger(width === 2 ? view.getInt16(at, true) : view.getInt32(at, true));
}

/** Index of the integer, or where it would stand as `-1 - index`. */
export function findInIntset(arena: Arena, ref: Ref, value: number | bigint): number {
  const width = arena.u32(ref, 0);
  const count = arena.u32(ref, 4);
  if (widthOf(value) > width) return value < 0 ? -1 : -1 - count;
  const view = arena.views[segmentOf(ref)];
  const base = offsetOf(ref) + HEADER;
  let low = 0;
  let high = count - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = compareAt(view, base + middle * width, width, value);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1 - low;
}

function compareAt(view: DataView, at: number, width: number, value: number | bigint): number {
  if (width === 2) return view.getInt16(at, true) - Number(value);
  if (width === 4) return view.getInt32(at, true) - Number(value);
  if (typeof value === 'number') return view.getInt32(at + 4, true) * 0x100000000 + view.getUint32(at, true) - value;
  const there = view.getBigInt64(at, true);
  return there < value ? -1 : there > value ? 1 : 0;
}

/** Bytes that an integer takes. */
export function widthOf(value: number | bigint): 2 | 4 | 8 {
  if (value >= -32768 && value <= 32767) return 2;
  return value >= -2147483648 && value <= 2147483647 ? 4 : 8;
}

/** Inserts an integer that is not there; `place` is what `findInIntset` gave. Returns the block, which may have moved. */
export function insertInIntset(arena: Arena, ref: Ref, place: number, value: number | bigint): Ref {
  const width = arena.u32(ref, 0);
  const count = arena.u32(ref, 4);
  const wanted = widthOf(value);
  const index = -1 - place;
  if (wanted > width) return widen(arena, ref, wanted, index, value);
  const block = arena.realloc(ref, HEADER + count * width, HEADER + (count + 1) * width);
  const at = HEADER + index * width;
  arena.copy(block, at, block, at + width, (count - index) * width);
  writeAt(arena.views[segmentOf(block)], offsetOf(block) + at, width, value);
  arena.setU32(block, 4, count + 1);
  return block;
}

/** A wider integer is less or greater than all that are there: it comes first or last. */
function widen(arena: Arena, ref: Ref, width: number, index: number, value: number | bigint): Ref {
  const oldWidth = arena.u32(ref, 0);
  const count = arena.u32(ref, 4);
  const block = arena.alloc(HEADER + (count + 1) * width);
  const from = arena.views[segmentOf(ref)];
  const to = arena.views[segmentOf(block)];
  const shift = index === 0 ? 1 : 0;
  for (let i = 0; i < count; i++) {
    const at = offsetOf(ref) + HEADER + i * oldWidth;
    writeAt(to, offsetOf(block) + HEADER + (i + shift) * width, width, oldWidth === 2 ? from.getInt16(at, true) : from.getInt32(at, true));
  }
  writeAt(to, offsetOf(block) + HEADER + index * width, width, value);
  arena.setU32(block, 0, width);
  arena.setU32(block, 4, count + 1);
  arena.free(ref);
  return block;
}

function writeAt(view: DataView, at: number, width: number, value: number | bigint): void {
  if (width === 2) view.setInt16(at, Number(value), true);
  else if (width === 4) view.setInt32(at, Number(value), true);
  else if (typeof value === 'bigint') view.setBigInt64(at, value, true);
  else {
    view.setInt32(at, value | 0, true);
    view.setInt32(at + 4, Math.floor(value / 0x100000000), true);
  }
}

/** Removes the integer at `index`. */
export function removeFromIntset(arena: Arena, ref: Ref, index: number): Ref {
  const width = arena.u32(ref, 0);
  const count = arena.u32(ref, 4);
  const at = HEADER + index * width;
  arena.copy(ref, at + width, ref, at, (count - index - 1) * width);
  arena.setU32(ref, 4, count - 1);
  const size = HEADER + (count - 1) * width;
  return arena.realloc(ref, size, size);
}

/** Whether `bytes[start, end)` is a whole intset in ascending order. For data from outside. */
export function isIntset(view: DataView, start: number, end: number): boolean {
  if (end - start < HEADER) return false;
  const width = view.getUint32(start, true);
  const count = view.getUint32(start + 4, true);
  if ((width !== 2 && width !== 4 && width !== 8) || count === 0 || HEADER + width * count !== end - start) return false;
  for (let i = 1; i < count; i++) {
    const at = start + HEADER + i * width;
    if (!(readBig(view, at - width, width) < readBig(view, at, width))) return false;
  }
  return true;
}

function readBig(view: DataView, at: number, width: number): number | bigint {
  return width === 2 ? view.getInt16(at, true) : width === 4 ? view.getInt32(at, true) : view.getBigInt64(at, true);
}
