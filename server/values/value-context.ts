/**
 * What all values of one server share: the arena, the thresholds at which a compact encoding gives way to a large one, the secret of the
 * hash tables, and the structures' working space. Made once for each server; nothing here is state of a single value.
 */

import type { Arena } from '../memory/arena.ts';
import { Element } from '../structures/element.ts';
import { Quicklist } from '../structures/quicklist.ts';
import { Skiplist } from '../structures/skiplist.ts';

/** The thresholds, as the directives of the same names give them (sizes in bytes; the list's size as `quicklist.ts` says). */
export interface ValueLimits {
  readonly hashMaxListpackEntries: number;
  readonly hashMaxListpackValue: number;
  readonly listMaxListpackSize: number;
  readonly setMaxIntsetEntries: number;
  readonly setMaxListpackEntries: number;
  readonly setMaxListpackValue: number;
  readonly zsetMaxListpackEntries: number;
  readonly zsetMaxListpackValue: number;
}

export const DEFAULT_LIMITS: ValueLimits = {
  hashMaxListpackEntries: 512,
  hashMaxListpackValue: 64,
  listMaxListpackSize: -2,
  setMaxIntsetEntries: 512,
  setMaxListpackEntries: 128,
  setMaxListpackValue: 64,
  zsetMaxListpackEntries: 128,
  zsetMaxListpackValue: 64,
};

/** The directives that `readLimits` reads: after a change of any of them, read again. */
export const LIMIT_DIRECTIVES: readonly string[] = [
  'hash-max-listpack-entries',
  'hash-max-listpack-value',
  'list-max-listpack-size',
  'set-max-intset-entries',
  'set-max-listpack-entries',
  'set-max-listpack-value',
  'zset-max-listpack-entries',
  'zset-max-listpack-value',
];

export function readLimits(config: { integer(name: string): number }): ValueLimits {
  return {
    hashMaxListpackEntries: config.integer('hash-max-listpack-entries'),
    hashMaxListpackValue: config.integer('hash-max-listpack-value'),
    listMaxListpackSize: config.integer('list-max-listpack-size'),
    setMaxIntsetEntries: config.integer('set-max-intset-entries'),
    setMaxListpackEntries: config.integer('set-max-listpack-entries'),
    setMaxListpackValue: config.integer('set-max-listpack-value'),
    zsetMaxListpackEntries: config.integer('zset-max-listpack-entries'),
    zsetMaxListpackValue: config.integer('zset-max-listpack-value'),
  };
}

export class ValueContext {
  readonly arena: Arena;
  readonly key0: number;
  readonly key1: number;
  readonly quicklist: Quicklist;
  readonly skiplist: Skiplist;
  /** Working space of one operation. */
  readonly scratch = new Element();
  limits: ValueLimits = DEFAULT_LIMITS;
  /** The lists' share of the limits. */
  listLimits = { fill: DEFAULT_LIMITS.listMaxListpackSize, packedThreshold: 0 };

  /** @param secret two random 32-bit numbers that nobody can guess. */
  constructor(arena: Arena, secret: readonly [number, number]) {
    this.arena = arena;
    this.key0 = secret[0] | 0;
    this.key1 = secret[1] | 0;
    this.quicklist = new Quicklist(arena);
    this.skiplist = new Skiplist(arena);
  }

  setLimits(limits: ValueLimits): void {
    this.limits = limits;
    this.listLimits = { ...this.listLimits, fill: limits.listMaxListpackSize };
  }

  /** DEBUG QUICKLIST-PACKED-THRESHOLD; 0 = none. */
  setPackedThreshold(bytes: number): void {
    this.listLimits = { ...this.listLimits, packedThreshold: bytes };
  }
}
