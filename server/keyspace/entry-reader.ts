/** What of the database's contract concerns one entry alone, no table: its parts, and its times of access. */

import { latin1 } from '../memory/bytes.ts';
import { segmentOf } from '../memory/arena.ts';
import type { Arena, Ref } from '../memory/arena.ts';
import { decayedFrequency, nextAccess } from './access-clock.ts';
import type { Encoding, ValueType } from './database.ts';
import * as entries from './entry.ts';
import * as values from './entry-value.ts';
import type { KeyspaceState } from './keyspace-state.ts';

export class EntryReader {
  readonly arena: Arena;
  protected readonly state: KeyspaceState;

  constructor(state: KeyspaceState) {
    this.state = state;
    this.arena = state.arena;
  }

  type(entry: Ref): ValueType {
    return entries.typeOf(this.arena, entry);
  }

  encoding(entry: Ref): Encoding {
    return entries.encodingOf(this.arena, entry);
  }

  expireAt(entry: Ref): number {
    return entries.expireAtOf(this.arena, entry);
  }

  keyStart(entry: Ref): number {
    return entries.keyStartOf(this.arena, entry);
  }

  keyLength(entry: Ref): number {
    return entries.keyLengthOf(this.arena, entry);
  }

  keyString(entry: Ref): string {
    const start = this.keyStart(entry);
    return latin1(this.arena.bytes[segmentOf(entry)], start, start + this.keyLength(entry));
  }

  stringBlock(entry: Ref): Ref {
    return values.stringBlockOf(this.arena, entry);
  }

  stringStart(entry: Ref): number {
    return values.stringStartOf(this.arena, entry);
  }

  stringLength(entry: Ref): number {
    return values.stringLengthOf(this.arena, entry);
  }

  inlineText(entry: Ref): number {
    return entries.inlineTextOf(this.arena, entry);
  }

  stringInteger(entry: Ref): bigint {
    return this.arena.views[segmentOf(entry)].getBigInt64(entries.payloadStartOf(this.arena, entry), true);
  }

  stringNumber(entry: Ref): number {
    const view = this.arena.views[segmentOf(entry)];
    const at = entries.payloadStartOf(this.arena, entry);
    const high = view.getInt32(at + 4, true);
    // Within 53 bits the two halves make the number exactly; beyond, the caller asks for the bigint.
    return high * 4294967296 + view.getUint32(at, true);
  }

  root(entry: Ref): Ref {
    return values.payloadRef(this.arena, entry);
  }

  // ── Access times ──

  touch(entry: Ref): void {
    const access = nextAccess(this.state, this.arena, entry);
    if (access >= 0) entries.writeAccess(this.arena, entry, access);
  }

  idleSeconds(entry: Ref): number {
    return (this.state.seconds - entries.accessOf(this.arena, entry)) & 0xffffff;
  }

  setIdleSeconds(entry: Ref, seconds: number): void {
    entries.writeAccess(this.arena, entry, (this.state.seconds - Math.min(seconds, 0xffffff)) & 0xffffff);
  }

  frequency(entry: Ref): number {
    return decayedFrequency(this.state, entries.accessOf(this.arena, entry));
  }
}
