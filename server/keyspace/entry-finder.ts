/** What of the database's contract finds entries: by the key that the touch pass knows already, or through the tables. Hot path. */

import { slotOfKey } from '../../lib/slot-hash.ts';
import { type Ref, segmentOf } from '../memory/arena.ts';
import { Content } from './content.ts';
import * as entries from './entry.ts';
import { EntryReader } from './entry-reader.ts';
import { hashBytes } from './key-hash.ts';
import { EXPIRY_DELETE, EXPIRY_IGNORE, type KeyspaceState } from './keyspace-state.ts';

export abstract class EntryFinder extends EntryReader {
  content: Content;
  /** Hash and slot of the last key that was looked up, and where it stands. */
  protected hash = 0;
  protected slot = 0;
  protected keyBytes: Uint8Array = new Uint8Array(0);
  protected keyView: DataView = new DataView(new ArrayBuffer(0));

  constructor(state: KeyspaceState) {
    super(state);
    this.content = new Content(state);
  }

  /** Its time has come: says so and deletes it. */
  abstract expireNow(entry: Ref): void;

  find(bytes: Uint8Array, start: number, end: number): Ref {
    const { state } = this;
    const known = this.findKnown(bytes, start, end);
    if (known !== 0) return known;
    const entry = this.peek(bytes, start, end);
    if (entry === 0) {
      state.misses++;
      return 0;
    }
    state.hits++;
    if (!state.noTouch) this.touch(entry);
    return entry;
  }

  /** `find` where the touch pass has found an entry without expiry, as it usually has. 0 = look it up. */
  private findKnown(bytes: Uint8Array, start: number, end: number): Ref {
    const { state } = this;
    const entry = state.isKnown(bytes, start, end) ? state.knownEntry(this.content) : 0;
    if (entry === 0) return 0;
    this.seeKey(bytes);
    const access = entries.accessOfKey(this.arena, entry, this.keyView, start, end - start);
    if (access < 0) return 0;
    this.hash = state.knownHash;
    this.slot = state.knownSlot;
    state.hits++;
    if ((access !== state.seconds || state.lfu) && !state.noTouch) this.touch(entry);
    return entry;
  }

  peek(bytes: Uint8Array, start: number, end: number): Ref {
    const entry = this.lookup(bytes, start, end);
    if (entry !== 0 && (entries.flagsOf(this.arena, entry) & entries.FLAG_EXPIRE) !== 0 && this.expired(entry)) return 0;
    return entry;
  }

  peekStale(bytes: Uint8Array, start: number, end: number): Ref {
    return this.lookup(bytes, start, end);
  }

  private seeKey(bytes: Uint8Array): void {
    if (bytes === this.keyBytes) return;
    this.keyBytes = bytes;
    this.keyView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  protected lookup(bytes: Uint8Array, start: number, end: number): Ref {
    this.seeKey(bytes);
    const { state } = this;
    if (state.isKnown(bytes, start, end)) {
      this.hash = state.knownHash;
      this.slot = state.knownSlot;
      const known = state.knownEntry(this.content);
      if (known !== 0 && entries.keyEquals(this.arena, known, this.keyView, start, end - start)) return known;
    } else {
      this.hash = hashBytes(state.hashKey, this.keyView, start, end - start);
      this.slot = state.bySlot ? slotOfKey(bytes, start, end) : 0;
    }
    return this.content.tables[this.slot]?.find(this.arena, this.hash, this.keyView, start, end - start) ?? 0;
  }

  /** Sets `hash` and `slot` to those of an entry's own key. */
  protected locate(entry: Ref): void {
    const segment = segmentOf(entry);
    const start = entries.keyStartOf(this.arena, entry);
    const length = entries.keyLengthOf(this.arena, entry);
    this.hash = hashBytes(this.state.hashKey, this.arena.views[segment], start, length);
    this.slot = this.state.bySlot ? slotOfKey(this.arena.bytes[segment], start, start + length) : 0;
  }

  /** An entry with an expiry: whether it counts as gone now. Deletes it where that is this server's business. */
  private expired(entry: Ref): boolean {
    const state = this.state;
    if (state.expiry === EXPIRY_IGNORE || entries.expireAtOf(this.arena, entry) >= state.now) return false;
    if (state.expiry === EXPIRY_DELETE) this.expireNow(entry);
    return true;
  }
}
