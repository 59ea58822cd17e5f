/** Going through a content from outside: SCAN, whole iterations, a random entry. */

import type { Ref } from '../memory/arena.ts';
import type { Content, TablePosition } from './content.ts';
import { TABLE_END } from './key-table.ts';

const CHUNK = 256;
const SLOT_BITS = 14n;

/** A random entry, 0 when there is none. `random` is in [0, 1). */
export function randomEntry(content: Content, random: () => number): Ref {
  if (content.size === 0) return 0;
  let rank = Math.floor(random() * content.size);
  for (const table of content.tables) {
    if (table === undefined) continue;
    if (rank < table.size) return table.random(random);
    rank -= table.size;
  }
  return 0;
}

/**
 * One step of SCAN. The cursor is the hash to go on from; in cluster mode its last 14 bits are the slot. A table is always in the order of the
 * hashes, so a cursor stays right however it grows.
 */
export function scanStep(
  content: Content,
  bySlot: boolean,
  cursor: bigint,
  count: number,
  slot: number,
  visit: (entry: Ref) => void,
): bigint {
  const bits = bySlot ? SLOT_BITS : 0n;
  const position: TablePosition = { table: Number(cursor & ((1n << bits) - 1n)), hash: Number((cursor >> bits) & 0x1ffffffffn) };
  if (position.hash > TABLE_END) return 0n;
  const only = bySlot ? slot : -1;
  if (only >= 0 && position.table !== only) {
    position.table = only;
    position.hash = 0;
  }
  const refs: number[] = [];
  content.collect(content.tables, position, Math.max(1, count), refs, only);
  for (const ref of refs) visit(ref);
  if (position.table >= content.tables.length) return 0n;
  return (BigInt(position.hash) << bits) | BigInt(bySlot ? position.table : 0);
}

/** Visits entries, of one table (`only` ≥ 0) or of all, until `visit` returns false. */
export function eachEntry(content: Content, only: number, visit: (entry: Ref) => boolean): void {
  const position: TablePosition = { table: Math.max(0, only), hash: 0 };
  const refs: number[] = [];
  while (content.collect(content.tables, position, CHUNK, refs, only)) {
    for (const ref of refs) if (!visit(ref)) return;
    refs.length = 0;
  }
}
