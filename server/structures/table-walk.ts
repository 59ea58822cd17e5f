/**
 * Going through the entries of a hash table (`hash-table.ts` draws it): all of them, step by step with a cursor, or one at random.
 */

import { type Arena, NULL_REF, type Ref } from '../memory/arena.ts';
import { BUCKETS, bucketAt, COUNT, FILL, LOW_MASK, OVERFLOW, REFS, SLOTS } from './hash-table.ts';

/** Slots among which `randomEntry` draws in a bucket: longer chains are practically never seen. */
const RANDOM_SLOTS = 28;
const RANDOM_TRIES = 2000;

/** A random entry, each with the same chance; 0 when the table is empty. `random` is in [0, 1). */
export function randomEntry(arena: Arena, table: Ref, random: () => number): Ref {
  if (arena.u32(table, COUNT) === 0) return NULL_REF;
  const buckets = arena.u32(table, BUCKETS);
  for (let tries = 0; tries < RANDOM_TRIES; tries++) {
    let bucket = bucketAt(arena, table, Math.floor(random() * buckets));
    let slot = Math.floor(random() * RANDOM_SLOTS);
    while (bucket !== NULL_REF) {
      if (slot < arena.u32(bucket, FILL)) return arena.u32(bucket, REFS + 4 * slot);
      slot -= SLOTS;
      bucket = arena.u32(bucket, OVERFLOW);
    }
  }
  const iterator = new TableIterator(arena);
  iterator.open(table);
  return iterator.next();
}

/** One step of a scan: calls `visit` for the entries of a bucket (or two) and returns the next cursor; 0 = done. `visit` must not change the table. */
export function scanTable(arena: Arena, table: Ref, cursor: number, visit: (entry: Ref) => void): number {
  const buckets = arena.u32(table, BUCKETS);
  const mask = arena.u32(table, LOW_MASK);
  const index = (cursor & mask) >>> 0;
  visitChain(arena, bucketAt(arena, table, index), visit);
  if (index + mask + 1 < buckets) visitChain(arena, bucketAt(arena, table, index + mask + 1), visit);
  return reversed((reversed((cursor | ~mask) >>> 0) + 1) >>> 0);
}

function visitChain(arena: Arena, first: Ref, visit: (entry: Ref) => void): void {
  for (let bucket = first; bucket !== NULL_REF; bucket = arena.u32(bucket, OVERFLOW)) {
    const fill = arena.u32(bucket, FILL);
    for (let slot = 0; slot < fill; slot++) visit(arena.u32(bucket, REFS + 4 * slot));
  }
}

function reversed(value: number): number {
  let bits = value;
  bits = ((bits >>> 1) & 0x55555555) | ((bits & 0x55555555) << 1);
  bits = ((bits >>> 2) & 0x33333333) | ((bits & 0x33333333) << 2);
  bits = ((bits >>> 4) & 0x0f0f0f0f) | ((bits & 0x0f0f0f0f) << 4);
  bits = ((bits >>> 8) & 0x00ff00ff) | ((bits & 0x00ff00ff) << 8);
  return ((bits >>> 16) | (bits << 16)) >>> 0;
}

/** Visits all entries; the table must not change meanwhile. */
export class TableIterator {
  private readonly arena: Arena;
  private table: Ref = NULL_REF;
  private index = 0;
  private bucket: Ref = NULL_REF;
  private slot = 0;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  open(table: Ref): void {
    this.table = table;
    this.index = 0;
    this.bucket = bucketAt(this.arena, table, 0);
    this.slot = 0;
  }

  /** The next entry, 0 at the end. */
  next(): Ref {
    const arena = this.arena;
    for (;;) {
      if (this.slot < arena.u32(this.bucket, FILL)) return arena.u32(this.bucket, REFS + 4 * this.slot++);
      this.slot = 0;
      const overflow = arena.u32(this.bucket, OVERFLOW);
      if (overflow !== NULL_REF) {
        this.bucket = overflow;
        continue;
      }
      if (this.index + 1 >= arena.u32(this.table, BUCKETS)) return NULL_REF;
      this.bucket = bucketAt(arena, this.table, ++this.index);
    }
  }
}
