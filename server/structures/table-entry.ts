/**
 * The entries that a hash table (`hash-table.ts`) holds: one arena block for each member. Three kinds, by what the table is for:
 *
 *     set        | length u32 | member |
 *     hash       | field length u32 | value length u32 | field | value |
 *     sorted set | a node of the skip list (`skiplist.ts`): length u32 at 0, height u32 at 20, member after the levels |
 */

import { type Arena, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { copyBytes } from '../memory/bytes.ts';
import type { Element } from './element.ts';

export const SET_ENTRIES = 0;
export const HASH_ENTRIES = 1;
export const NODE_ENTRIES = 2;
export type EntryKind = 0 | 1 | 2;

const NODE_HEIGHT = 20;
const NODE_LEVELS = 16;

/** Where the key begins, from the beginning of the entry's block. */
export function keyOffset(view: DataView, at: number, kind: EntryKind): number {
  if (kind === SET_ENTRIES) return 4;
  return kind === HASH_ENTRIES ? 8 : NODE_LEVELS + 8 * view.getUint32(at + NODE_HEIGHT, true);
}

/** Whether the entry's key is `bytes[start, end)`. */
export function keyEquals(arena: Arena, entry: Ref, kind: EntryKind, bytes: Uint8Array, start: number, end: number): boolean {
  const view = arena.views[segmentOf(entry)];
  const at = offsetOf(entry);
  const length = end - start;
  if (view.getUint32(at, true) !== length) return false;
  const own = arena.bytes[segmentOf(entry)];
  const from = at + keyOffset(view, at, kind);
  for (let i = 0; i < length; i++) if (own[from + i] !== bytes[start + i]) return false;
  return true;
}

export function readKey(arena: Arena, entry: Ref, kind: EntryKind, element: Element): void {
  const view = arena.views[segmentOf(entry)];
  const at = offsetOf(entry);
  const from = at + keyOffset(view, at, kind);
  element.setBytes(arena.bytes[segmentOf(entry)], from, from + view.getUint32(at, true));
}

export function createSetEntry(arena: Arena, bytes: Uint8Array, start: number, end: number): Ref {
  const entry = arena.alloc(4 + end - start);
  const at = offsetOf(entry);
  arena.views[segmentOf(entry)].setUint32(at, end - start, true);
  copyBytes(arena.bytes[segmentOf(entry)], at + 4, bytes, start, end);
  return entry;
}

export function createHashEntry(
  arena: Arena,
  field: Uint8Array,
  fieldStart: number,
  fieldEnd: number,
  value: Uint8Array,
  valueStart: number,
  valueEnd: number,
): Ref {
  const fieldLength = fieldEnd - fieldStart;
  const entry = arena.alloc(8 + fieldLength + valueEnd - valueStart);
  const at = offsetOf(entry);
  const view = arena.views[segmentOf(entry)];
  view.setUint32(at, fieldLength, true);
  view.setUint32(at + 4, valueEnd - valueStart, true);
  copyBytes(arena.bytes[segmentOf(entry)], at + 8, field, fieldStart, fieldEnd);
  copyBytes(arena.bytes[segmentOf(entry)], at + 8 + fieldLength, value, valueStart, valueEnd);
  return entry;
}

export function readHashValue(arena: Arena, entry: Ref, element: Element): void {
  const view = arena.views[segmentOf(entry)];
  const at = offsetOf(entry);
  const from = at + 8 + view.getUint32(at, true);
  element.setBytes(arena.bytes[segmentOf(entry)], from, from + view.getUint32(at + 4, true));
}

/** Replaces the value; returns the entry, which may have moved. `value` must not lie in this entry. */
export function setHashValue(arena: Arena, entry: Ref, value: Uint8Array, start: number, end: number): Ref {
  const fieldLength = arena.u32(entry, 0);
  const block = arena.realloc(entry, 8 + fieldLength, 8 + fieldLength + end - start);
  arena.setU32(block, 4, end - start);
  copyBytes(arena.bytes[segmentOf(block)], offsetOf(block) + 8 + fieldLength, value, start, end);
  return block;
}
