/**
 * The 24 bits in an entry that eviction and OBJECT IDLETIME / FREQ read: the second of the last access, or with an LFU policy
 *
 *     16 bits: minute of the last decrement     8 bits: logarithmic counter of accesses, 5 for a new key
 *
 * Source: Valkey's evict.c and lrulfu.c.
 */

import type { Arena, Ref } from '../memory/arena.ts';
import { accessOf } from './entry.ts';
import type { KeyspaceState } from './keyspace-state.ts';

const LFU_INITIAL = 5;

function minutes(state: KeyspaceState): number {
  return Math.floor(state.now / 60000) & 0xffff;
}

export function initialAccess(state: KeyspaceState): number {
  return state.lfu ? (minutes(state) << 8) | LFU_INITIAL : state.seconds;
}

/** What an access makes of the bits, -1 when they stay. Hot path. */
export function nextAccess(state: KeyspaceState, arena: Arena, entry: Ref): number {
  const access = accessOf(arena, entry);
  if (!state.lfu) return access === state.seconds ? -1 : state.seconds;
  let counter = decayedFrequency(state, access);
  if (counter < 255) {
    const base = Math.max(0, counter - LFU_INITIAL);
    if (state.random() < 1 / (base * state.lfuLogFactor + 1)) counter++;
  }
  return (minutes(state) << 8) | counter;
}

/** The LFU counter, less what the time since its last decrement takes from it. */
export function decayedFrequency(state: KeyspaceState, access: number): number {
  const counter = access & 0xff;
  if (state.lfuDecayMinutes === 0) return counter;
  const elapsed = (minutes(state) - (access >>> 8)) & 0xffff;
  return Math.max(0, counter - Math.floor(elapsed / state.lfuDecayMinutes));
}
