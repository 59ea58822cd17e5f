/**
 * A hash table over the arena that grows and shrinks one bucket at a time (linear hashing: Litwin, 1980), so that no insertion ever waits
 * for a rehash.
 *
 *     header (the root, never moves)
 *       0 count | 4 buckets n | 8 low mask | 12 entry kind | 16 secret (8 bytes) | 24 directory | 28 directory capacity        all u32
 *     n ≤ 256: "directory" is the one block with the buckets; above: a block with the refs of blocks of 256 buckets each
 *     bucket (64 bytes = one cache line)
 *       0 seven hashes i32 | 28 seven entry refs u32 | 56 overflow bucket u32 | 60 entries in this bucket u32
 *
 * With 2^L ≤ n ≤ 2^(L+1), low mask = 2^L − 1. An entry's bucket is hash & (2^(L+1) − 1), or hash & (2^L − 1) if there is no such bucket yet.
 * Growing adds bucket n and moves there what belongs there from bucket n − 2^L; shrinking is the reverse. All buckets of a chain but the
 * last are full.
 *
 * | find, insert, remove | O(1) | random entry | O(1) expected, every entry equally likely | scan step | O(1) | iterate | O(n) |
 *
 * Scan: the cursor counts with its bits reversed (Noordhuis), and at low mask M visits bucket b and its split-off b + M + 1 together.
 * So what stays in the table during a whole scan is visited at least once, however the table grows or shrinks meanwhile.
 *
 * The table owns its buckets, not the entries: who removes an entry frees it. Hot path: no allocation on the JavaScript heap.
 */

import { type Arena, NULL_REF, offsetOf, type Ref, segmentOf } from '../memory/arena.ts';
import { keyedHash } from './keyed-hash.ts';
import { type EntryKind, keyEquals } from './table-entry.ts';

const HEADER_BYTES = 32;
export const COUNT = 0;
export const BUCKETS = 4;
export const LOW_MASK = 8;
const KIND = 12;
const SECRET = 16;
const DIRECTORY = 24;
const DIRECTORY_CAPACITY = 28;

const BUCKET_BYTES = 64;
const BUCKET_UNITS = 8;
export const SLOTS = 7;
export const REFS = 28;
export const OVERFLOW = 56;
export const FILL = 60;

const GROUP_SHIFT = 8;
const GROUP = 1 << GROUP_SHIFT;
/** Entries for each bucket beyond which the table grows; below half of SHRINK_HALVES it shrinks. */
const GROW = 5;
const SHRINK_HALVES = 3;

export function createTable(arena: Arena, kind: EntryKind, key0: number, key1: number): Ref {
  const table = arena.alloc(HEADER_BYTES);
  const bucket = arena.alloc(BUCKET_BYTES);
  clearBucket(arena, bucket);
  arena.setU32(table, COUNT, 0);
  arena.setU32(table, BUCKETS, 1);
  arena.setU32(table, LOW_MASK, 0);
  arena.setU32(table, KIND, kind);
  arena.setI32(table, SECRET, key0);
  arena.setI32(table, SECRET + 4, key1);
  arena.setU32(table, DIRECTORY, bucket);
  arena.setU32(table, DIRECTORY_CAPACITY, 1);
  return table;
}

export function tableLength(arena: Arena, table: Ref): number {
  return arena.u32(table, COUNT);
}

/** Number of buckets; `freeBuckets` and slices of work count in them. */
export function tableBuckets(arena: Arena, table: Ref): number {
  return arena.u32(table, BUCKETS);
}

export function hashFor(arena: Arena, table: Ref, bytes: Uint8Array, start: number, end: number): number {
  return keyedHash(bytes, start, end, arena.i32(table, SECRET), arena.i32(table, SECRET + 4));
}

/** The entry whose key is `bytes[start, end)`, 0 when there is none. */
export function findEntryInTable(arena: Arena, table: Ref, bytes: Uint8Array, start: number, end: number, hash: number): Ref {
  const kind = arena.u32(table, KIND) as EntryKind;
  let bucket = bucketFor(arena, table, hash);
  do {
    const view = arena.views[segmentOf(bucket)];
    const at = offsetOf(bucket);
    const fill = view.getUint32(at + FILL, true);
    for (let slot = 0; slot < fill; slot++) {
      if (view.getInt32(at + 4 * slot, true) !== hash) continue;
      const entry = view.getUint32(at + REFS + 4 * slot, true);
      if (keyEquals(arena, entry, kind, bytes, start, end)) return entry;
    }
    bucket = view.getUint32(at + OVERFLOW, true);
  } while (bucket !== NULL_REF);
  return NULL_REF;
}

/** Adds an entry whose key is not in the table. */
export function insertInTable(arena: Arena, table: Ref, hash: number, entry: Ref): void {
  addToChain(arena, bucketFor(arena, table, hash), hash, entry);
  const count = arena.u32(table, COUNT) + 1;
  arena.setU32(table, COUNT, count);
  if (count > arena.u32(table, BUCKETS) * GROW) grow(arena, table);
}

/** The entry moved to another block. */
export function replaceInTable(arena: Arena, table: Ref, hash: number, old: Ref, entry: Ref): void {
  let bucket = bucketFor(arena, table, hash);
  do {
    const slot = slotOf(arena, bucket, old);
    if (slot >= 0) return arena.setU32(bucket, REFS + 4 * slot, entry);
    bucket = arena.u32(bucket, OVERFLOW);
  } while (bucket !== NULL_REF);
}

/** Takes an entry out (it must be in). The caller frees it. */
export function removeFromTable(arena: Arena, table: Ref, hash: number, entry: Ref): void {
  let bucket = bucketFor(arena, table, hash);
  let slot = slotOf(arena, bucket, entry);
  let before = NULL_REF;
  while (slot < 0) {
    before = bucket;
    bucket = arena.u32(bucket, OVERFLOW);
    slot = slotOf(arena, bucket, entry);
  }
  // The last entry of the chain fills the hole.
  let last = bucket;
  for (let next = arena.u32(last, OVERFLOW); next !== NULL_REF; next = arena.u32(last, OVERFLOW)) {
    before = last;
    last = next;
  }
  const fill = arena.u32(last, FILL) - 1;
  arena.setU32(bucket, 4 * slot, arena.u32(last, 4 * fill));
  arena.setU32(bucket, REFS + 4 * slot, arena.u32(last, REFS + 4 * fill));
  arena.setU32(last, FILL, fill);
  if (fill === 0 && before !== NULL_REF) {
    arena.setU32(before, OVERFLOW, NULL_REF);
    arena.free(last);
  }
  const count = arena.u32(table, COUNT) - 1;
  arena.setU32(table, COUNT, count);
  if (count * 2 < arena.u32(table, BUCKETS) * SHRINK_HALVES) shrink(arena, table);
}

/** Bytes of header, directory and buckets. */
export function tableBytes(arena: Arena, table: Ref): number {
  return HEADER_BYTES + arena.u32(table, BUCKETS) * BUCKET_BYTES;
}

/** Frees the overflow buckets of bucket `index` after giving each entry to `freeEntry`. For freeing in slices; the table is of no use afterwards. */
export function drainBucket(arena: Arena, table: Ref, index: number, freeEntry: (entry: Ref) => void): void {
  const first = bucketAt(arena, table, index);
  let bucket = first;
  while (bucket !== NULL_REF) {
    const fill = arena.u32(bucket, FILL);
    for (let slot = 0; slot < fill; slot++) freeEntry(arena.u32(bucket, REFS + 4 * slot));
    const next = arena.u32(bucket, OVERFLOW);
    if (bucket !== first) arena.free(bucket);
    bucket = next;
  }
}

/** Gives each entry to `freeEntry` and frees all of the table at once; large ones are freed in slices instead (`drainBucket`, then `freeTable`). */
export function destroyTable(arena: Arena, table: Ref, freeEntry: (entry: Ref) => void): void {
  for (let index = tableBuckets(arena, table) - 1; index >= 0; index--) drainBucket(arena, table, index, freeEntry);
  freeTable(arena, table);
}

/** Frees header, directory and buckets; the overflow buckets and entries are gone already (`drainBucket`). */
export function freeTable(arena: Arena, table: Ref): void {
  const buckets = arena.u32(table, BUCKETS);
  const directory = arena.u32(table, DIRECTORY);
  if (buckets > GROUP) for (let group = 0; group * GROUP < buckets; group++) arena.free(arena.u32(directory, 4 * group));
  arena.free(directory);
  arena.free(table);
}

// ── Buckets ──

function bucketFor(arena: Arena, table: Ref, hash: number): Ref {
  const mask = arena.u32(table, LOW_MASK);
  let index = (hash & (mask * 2 + 1)) >>> 0;
  if (index >= arena.u32(table, BUCKETS)) index = (hash & mask) >>> 0;
  return bucketAt(arena, table, index);
}

export function bucketAt(arena: Arena, table: Ref, index: number): Ref {
  const directory = arena.u32(table, DIRECTORY);
  if (arena.u32(table, BUCKETS) <= GROUP) return directory + index * BUCKET_UNITS;
  return arena.u32(directory, 4 * (index >>> GROUP_SHIFT)) + (index & (GROUP - 1)) * BUCKET_UNITS;
}

function clearBucket(arena: Arena, bucket: Ref): void {
  arena.setU32(bucket, OVERFLOW, NULL_REF);
  arena.setU32(bucket, FILL, 0);
}

function slotOf(arena: Arena, bucket: Ref, entry: Ref): number {
  const view = arena.views[segmentOf(bucket)];
  const at = offsetOf(bucket);
  const fill = view.getUint32(at + FILL, true);
  for (let slot = 0; slot < fill; slot++) if (view.getUint32(at + REFS + 4 * slot, true) === entry) return slot;
  return -1;
}

function addToChain(arena: Arena, first: Ref, hash: number, entry: Ref): void {
  let bucket = first;
  let fill = arena.u32(bucket, FILL);
  while (fill === SLOTS) {
    let next = arena.u32(bucket, OVERFLOW);
    if (next === NULL_REF) {
      next = arena.alloc(BUCKET_BYTES);
      clearBucket(arena, next);
      arena.setU32(bucket, OVERFLOW, next);
    }
    bucket = next;
    fill = arena.u32(bucket, FILL);
  }
  arena.setI32(bucket, 4 * fill, hash);
  arena.setU32(bucket, REFS + 4 * fill, entry);
  arena.setU32(bucket, FILL, fill + 1);
}

/** Adds one bucket. */
function grow(arena: Arena, table: Ref): void {
  const added = arena.u32(table, BUCKETS);
  makeRoom(arena, table, added);
  let mask = arena.u32(table, LOW_MASK);
  if (added === (mask + 1) * 2) {
    mask = mask * 2 + 1;
    arena.setU32(table, LOW_MASK, mask);
  }
  arena.setU32(table, BUCKETS, added + 1);
  const bucket = bucketAt(arena, table, added);
  clearBucket(arena, bucket);
  splitChain(arena, bucketAt(arena, table, (added & mask) >>> 0), bucket, mask * 2 + 1, added);
}

/** Room for bucket `index` (the next one): a larger block, or a further group of buckets. */
function makeRoom(arena: Arena, table: Ref, index: number): void {
  const directory = arena.u32(table, DIRECTORY);
  const capacity = arena.u32(table, DIRECTORY_CAPACITY);
  if (index < GROUP) {
    if (index < capacity) return;
    arena.setU32(table, DIRECTORY, arena.realloc(directory, index * BUCKET_BYTES, capacity * 2 * BUCKET_BYTES));
    arena.setU32(table, DIRECTORY_CAPACITY, capacity * 2);
    return;
  }
  if ((index & (GROUP - 1)) !== 0) return;
  const group = arena.alloc(GROUP * BUCKET_BYTES);
  let groups = directory;
  if (index === GROUP) {
    groups = arena.alloc(4 * 4);
    arena.setU32(groups, 0, directory);
    arena.setU32(table, DIRECTORY_CAPACITY, 4);
  } else if (index >>> GROUP_SHIFT === capacity) {
    groups = arena.realloc(directory, capacity * 4, capacity * 8);
    arena.setU32(table, DIRECTORY_CAPACITY, capacity * 2);
  }
  arena.setU32(groups, 4 * (index >>> GROUP_SHIFT), group);
  arena.setU32(table, DIRECTORY, groups);
}

/** Moves the entries whose hash under `mask` is `index` from one chain to a bucket; what stays closes up. */
function splitChain(arena: Arena, from: Ref, to: Ref, mask: number, index: number): void {
  let read = from;
  let write = from;
  let kept = 0;
  while (read !== NULL_REF) {
    const fill = arena.u32(read, FILL);
    for (let slot = 0; slot < fill; slot++) {
      const hash = arena.i32(read, 4 * slot);
      const entry = arena.u32(read, REFS + 4 * slot);
      if ((hash & mask) >>> 0 === index) {
        addToChain(arena, to, hash, entry);
        continue;
      }
      if (kept === SLOTS) {
        write = arena.u32(write, OVERFLOW);
        kept = 0;
      }
      arena.setI32(write, 4 * kept, hash);
      arena.setU32(write, REFS + 4 * kept, entry);
      kept++;
    }
    read = arena.u32(read, OVERFLOW);
  }
  endChain(arena, write, kept);
}

/** Makes `last` the last bucket of its chain, with `fill` entries: frees those behind it. */
function endChain(arena: Arena, last: Ref, fill: number): void {
  let surplus = arena.u32(last, OVERFLOW);
  arena.setU32(last, OVERFLOW, NULL_REF);
  arena.setU32(last, FILL, fill);
  while (surplus !== NULL_REF) {
    const next = arena.u32(surplus, OVERFLOW);
    arena.free(surplus);
    surplus = next;
  }
}

/** Takes the last bucket away; its entries go back to the one it was split from. */
function shrink(arena: Arena, table: Ref): void {
  const buckets = arena.u32(table, BUCKETS);
  if (buckets === 1) return;
  const index = buckets - 1;
  const bucket = bucketAt(arena, table, index);
  let mask = arena.u32(table, LOW_MASK);
  if (index === mask) mask >>>= 1;
  const target = bucketAt(arena, table, index & mask);
  for (let from = bucket; from !== NULL_REF; ) {
    const fill = arena.u32(from, FILL);
    for (let slot = 0; slot < fill; slot++) addToChain(arena, target, arena.i32(from, 4 * slot), arena.u32(from, REFS + 4 * slot));
    const next = arena.u32(from, OVERFLOW);
    if (from !== bucket) arena.free(from);
    from = next;
  }
  releaseRoom(arena, table, index);
  arena.setU32(table, LOW_MASK, mask);
  arena.setU32(table, BUCKETS, index);
}

/** Gives back what held bucket `index` when nothing else is in it. */
function releaseRoom(arena: Arena, table: Ref, index: number): void {
  const directory = arena.u32(table, DIRECTORY);
  const capacity = arena.u32(table, DIRECTORY_CAPACITY);
  if (index >= GROUP) {
    if ((index & (GROUP - 1)) !== 0) return;
    arena.free(arena.u32(directory, 4 * (index >>> GROUP_SHIFT)));
    if (index > GROUP) return;
    arena.setU32(table, DIRECTORY, arena.u32(directory, 0));
    arena.setU32(table, DIRECTORY_CAPACITY, GROUP);
    arena.free(directory);
  } else if (index * 4 <= capacity && capacity > 1) {
    const smaller = capacity >>> 1;
    arena.setU32(table, DIRECTORY, arena.realloc(directory, index * BUCKET_BYTES, smaller * BUCKET_BYTES));
    arena.setU32(table, DIRECTORY_CAPACITY, smaller);
  }
}
