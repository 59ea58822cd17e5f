/**
 * What all databases of one server share: the arena, the hash key, the time of the batch, the counters, and the ways up to those who must hear of
 * expired keys. Plain fields: the hot path reads them.
 */

import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import type { Arena, Ref } from '../memory/arena.ts';
import type { Database, FreeValue } from './database.ts';
import type { HashKey } from './key-hash.ts';
import { SpareSlots } from './key-table.ts';

/** What happens to a key whose time has come. */
export const EXPIRY_DELETE = 0;
/** A replica, or writes are paused: the key counts as gone, but stays until the primary deletes it. */
export const EXPIRY_HIDE = 1;
/** The primary's stream, or a file, is applied: the key is there. */
export const EXPIRY_IGNORE = 2;
export type ExpiryMode = 0 | 1 | 2;

/** A flushed content: frees up to `limit` entries; false when all are freed. */
export interface Releasable {
  release(limit: number): boolean;
}

/** Told after the checks and before the entry is gone. */
export type OnExpired = (db: Database, entry: Ref) => void;

export interface KeyspaceOptions {
  readonly arena: Arena;
  readonly hashKey: HashKey;
  /** Cluster mode: one table for each hash slot. */
  readonly bySlot: boolean;
  readonly freeValue: FreeValue;
  readonly onExpired: OnExpired;
  /** [0, 1): for the LFU counter and random keys. */
  readonly random: () => number;
}

export class KeyspaceState {
  readonly arena: Arena;
  readonly hashKey: HashKey;
  readonly bySlot: boolean;
  readonly freeValue: FreeValue;
  readonly onExpired: OnExpired;
  readonly random: () => number;
  /** Unix milliseconds of the batch. */
  now = 0;
  /** Access clock: seconds modulo 2^24. Set with `now`. */
  seconds = 0;
  expiry: ExpiryMode = EXPIRY_DELETE;
  /** maxmemory-policy is one of the LFU ones. */
  lfu = false;
  lfuLogFactor = 10;
  lfuDecayMinutes = 1;
  /** CLIENT NO-TOUCH of the client whose command runs. */
  noTouch = false;
  /** Bytes of all slot tables. */
  tableBytes = 0;
  tableVersion = 0;
  readonly spareSlots = new SpareSlots();
  hits = 0;
  misses = 0;
  /** The key of the request that runs, when the touch pass has made its hash and slot already; knownStart -1 = none. */
  knownBytes: Uint8Array | undefined;
  knownStart = -1;
  knownEnd = 0;
  knownHash = 0;
  knownSlot = 0;
  /** Where its entry stood in `knownContent` (0 = not looked for), as long as `tableVersion` is `knownVersion`. */
  knownRef: Ref = 0;
  knownVersion = 0;
  knownContent: unknown;
  /**
   * By slot, 1 = its keys are here but are nobody's business yet or any more: a slot that is being imported, or one that went and whose keys are being
   * deleted. They are not counted, listed, or expired. undefined = no slot is.
   */
  hidden: Uint8Array | undefined;
  private hiddenCount = 0;
  /** Contents that were flushed and are freed in slices. */
  readonly garbage: Releasable[] = [];

  constructor(options: KeyspaceOptions) {
    this.arena = options.arena;
    this.hashKey = options.hashKey;
    this.bySlot = options.bySlot;
    this.freeValue = options.freeValue;
    this.onExpired = options.onExpired;
    this.random = options.random;
  }

  /** Whether these bytes are the known key. */
  isKnown(bytes: Uint8Array, start: number, end: number): boolean {
    return start === this.knownStart && end === this.knownEnd && bytes === this.knownBytes;
  }

  /** The entry of the known key where the touch pass has found it; 0 = it has not, or the entry may have moved since. */
  knownEntry(content: unknown): Ref {
    return this.tableVersion === this.knownVersion && this.knownContent === content ? this.knownRef : 0;
  }

  setTime(now: number): void {
    this.now = now;
    this.seconds = Math.floor(now / 1000) & 0xffffff;
  }

  hide(slot: number, on: boolean): void {
    this.hidden ??= new Uint8Array(SLOT_COUNT);
    if ((this.hidden[slot] === 1) === on) return;
    this.hidden[slot] = on ? 1 : 0;
    this.hiddenCount += on ? 1 : -1;
    if (this.hiddenCount === 0) this.hidden = undefined;
  }

  /** Frees up to `limit` entries of flushed contents. False when nothing is left. */
  collectGarbage(limit: number): boolean {
    const oldest = this.garbage[0];
    if (oldest === undefined) return false;
    if (!oldest.release(limit)) this.garbage.shift();
    return this.garbage.length > 0;
  }
}
