/**
 * The contract of values with those who read and build them whole: the RDB codec, snapshots, migration, SORT, COPY, DEBUG.
 *
 * A value is (type, encoding, root), the three that the database keeps in its entry. Commands of one family use the value classes
 * (`list-value.ts`, `set-value.ts`, `hash-value.ts`, `sorted-set-value.ts`); everybody else reads through `MemberIterator` and
 * `ListNodeIterator`, copies raw compact blobs with `rawLength`, and makes values with `ValueBuilder`.
 *
 * Implemented by: `member-iterator.ts`, `list-nodes.ts`, `value-builder.ts`, `free-value.ts`. All of them hang on `Values` (`values.ts`),
 * of which there is one for each server (`context.ports.values`).
 */

import type { Encoding, ValueType } from '../keyspace/database.ts';
import type { Ref } from '../memory/arena.ts';
import type { Element } from '../structures/element.ts';

/** A value that belongs to nobody yet: give it to `db.create` / `db.setRoot`, or free it. */
export interface BuiltValue {
  readonly type: ValueType;
  readonly encoding: Encoding;
  readonly root: Ref;
}

/**
 * Walks the members of a collection of any encoding. One object may be used again and again. The value must not change meanwhile.
 *
 *     iterator.open(type, encoding, root);
 *     while (iterator.next()) use(iterator.element, iterator.value, iterator.score);
 */
export interface Members {
  /** List element, set member, hash field or sorted set member. */
  readonly element: Element;
  /** Hash: the field's value. */
  readonly value: Element;
  /** Sorted set: the score. */
  readonly score: number;
  /** `reverse` (lists and sorted sets only): from the tail, from the highest score. */
  open(type: ValueType, encoding: Encoding, root: Ref, reverse?: boolean): void;
  next(): boolean;
}

/**
 * The nodes of a list, head first; a list in encoding `listpack` is one packed node.
 * The node's content is `bytes[start, end)`: a listpack, or for a plain node the element itself.
 */
export interface ListNodes {
  readonly plain: boolean;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Number of nodes of the list that is open. */
  readonly count: number;
  open(encoding: Encoding, root: Ref): void;
  next(): boolean;
}

/**
 * Makes a value from untrusted data. Each `from…` and `finish` gives the encoding that this server's thresholds demand, or undefined when the
 * data are no such value (then nothing stays behind). An empty result is undefined too, with `wasEmpty` true (RDB loading skips empty keys).
 * Element-wise: `begin`, then `add…` for each member, then `finish` or `abandon`. Bytes are copied.
 */
export interface Builder {
  /** The last result was no error but an empty collection. */
  readonly wasEmpty: boolean;
  /** A listpack of a hash (field, value, …), set, sorted set (member, score, …) or list. The whole blob is validated, duplicates too. */
  fromListpack(type: ValueType, bytes: Uint8Array, start: number, end: number): BuiltValue | undefined;
  fromIntset(bytes: Uint8Array, start: number, end: number): BuiltValue | undefined;

  /** `expected`: how many members will come, 0 when that is not known. A hint only: never trusted for an allocation. */
  begin(type: ValueType, expected: number): void;
  /** List element (in order, head first) or set member. False: the member is there already. */
  add(bytes: Uint8Array, start: number, end: number): boolean;
  /** Hash field. */
  addField(bytes: Uint8Array, fieldStart: number, fieldEnd: number, value: Uint8Array, valueStart: number, valueEnd: number): boolean;
  /** Sorted set member. False also for a NaN score. */
  addScored(bytes: Uint8Array, start: number, end: number, score: number): boolean;
  /** A whole node of a list: false when it is no valid listpack. A packed node without entries is skipped. */
  addListNode(plain: boolean, bytes: Uint8Array, start: number, end: number): boolean;
  finish(): BuiltValue | undefined;
  abandon(): void;
}

/** What all readers and builders of values share; `values.ts` has it. */
export interface ValueAccess {
  /** New ones for each call: keep them. */
  members(): Members;
  listNodes(): ListNodes;
  builder(): Builder;
  /** Number of elements, members or fields. O(1) but for listpacks of 65535 entries and more. */
  length(type: ValueType, encoding: Encoding, root: Ref): number;
  /** Bytes of the raw blob of a value in encoding LISTPACK or INTSET: `arena.bytes[segmentOf(root)]` from `offsetOf(root)`. */
  rawLength(encoding: Encoding, root: Ref): number;
  /** A deep copy (COPY). */
  duplicate(type: ValueType, encoding: Encoding, root: Ref): BuiltValue;
  /** Bytes in the arena, for MEMORY USAGE; walks at most `samples` members (0 = all). */
  memoryUsage(type: ValueType, encoding: Encoding, root: Ref, samples: number): number;
  /** Frees a value: at once when it is small, in slices (see `freeSlice`) when it is large. It is the `FreeValue` of the database. */
  free(type: ValueType, encoding: Encoding, root: Ref): void;
  /** Does about `effort` blocks of what `free` left; false when nothing is left. The engine's background work calls it. */
  freeSlice(effort: number): boolean;
  /** Values waiting to be freed. */
  readonly pendingFree: number;
}
