/** Going through a content from outside: SCAN, whole iterations, a random entry. */

import type { Ref } from '../memory/arena.ts';
import type { Content, TablePosition } from './content.ts';
import { type KeyTable, TABLE_END } from './key-table.ts';
import type { KeyspaceState } from './keyspace-state.ts';

const CHUNK = 256;
const SLOT_BITS = 14n;

/** A random entry, 0 when there is none. `random` is in [0, 1). */
export function randomEntry(state: KeyspaceState, content: Content, random: () => number): Ref {
  const { hidden } = state;
  const size = content.size - hiddenSize(state, content.tables);
  if (size === 0) return 0;
  let rank = Math.floor(random() * size);
  for (let index = 0; index < content.tables.length; index++) {
    const table = content.tables[index];
    if (table === undefined || hidden?.[index] === 1) continue;
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
  { bySlot, hidden }: KeyspaceState,
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
  content.collect(content.tables, position, Math.max(1, count), refs, only, hidden);
  for (const ref of refs) visit(ref);
  if (position.table >= content.tables.length) return 0n;
  return (BigInt(position.hash) << bits) | BigInt(bySlot ? position.table : 0);
}

/** Keys, and those with an expiry, that are not in hidden slots. */
export function visibleSizes(state: KeyspaceState, content: Content): { readonly size: number; readonly expiring: number } {
  return {
    size: content.size - hiddenSize(state, content.tables),
    expiring: content.expiring - hiddenSize(state, content.expires),
  };
}

/** Keys in the hidden ones of these tables. */
function hiddenSize({ hidden }: KeyspaceState, tables: readonly (KeyTable | undefined)[]): number {
  if (hidden === undefined) return 0;
  let size = 0;
  for (let index = 0; index < tables.length; index++) if (hidden[index] === 1) size += tables[index]?.size ?? 0;
  return size;
}

/** Visits entries, of one table (`only` ≥ 0) or of all but the hidden ones, until `visit` returns false. */
export function eachEntry(content: Content, only: number, visit: (entry: Ref) => boolean, hidden?: Uint8Array): void {
  const position: TablePosition = { table: Math.max(0, only), hash: 0 };
  const refs: number[] = [];
  while (content.collect(content.tables, position, CHUNK, refs, only, hidden)) {
    for (const ref of refs) if (!visit(ref)) return;
    refs.length = 0;
  }
}
