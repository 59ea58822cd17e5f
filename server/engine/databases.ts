/** The databases of one server, and what they share. */

import type { DatabasesPort, WatchPort } from '../core/ports.ts';
import { ArenaDatabase } from '../keyspace/arena-database.ts';
import { EXPIRY_DELETE } from '../keyspace/keyspace-state.ts';
import type { KeyspaceState } from '../keyspace/keyspace-state.ts';

/** Bytes that a server with empty databases counts as its own. */
const BASE_BYTES = 1024 * 1024;

/** WATCH with what SWAPDB needs: a watched key changes too when it is in the other database. */
export interface SwapWatch extends WatchPort {
  touchDatabase(dbIndex: number, replacedBy?: number): void;
}

export class Databases implements DatabasesPort {
  readonly state: KeyspaceState;
  dirty = 0;
  private readonly list: ArenaDatabase[] = [];
  private readonly watch: SwapWatch;

  constructor(state: KeyspaceState, count: number, watch: SwapWatch) {
    this.state = state;
    this.watch = watch;
    for (let index = 0; index < count; index++) this.list.push(new ArenaDatabase(state, index));
  }

  get count(): number {
    return this.list.length;
  }

  get(index: number): ArenaDatabase {
    return this.list[index];
  }

  swap(first: number, second: number): void {
    this.watch.touchDatabase(first, second);
    this.watch.touchDatabase(second, first);
    const [a, b] = [this.list[first], this.list[second]];
    a.index = second;
    b.index = first;
    this.list[first] = b;
    this.list[second] = a;
  }

  flushAll(lazily: boolean): number {
    let count = 0;
    for (const db of this.list) count += db.size === 0 ? 0 : db.flush(lazily);
    return count;
  }

  hideSlot(slot: number, on: boolean): void {
    this.state.hide(slot, on);
  }

  isHidden(slot: number): boolean {
    return this.state.hidden?.[slot] === 1;
  }

  mayExpire(): boolean {
    return this.state.expiry === EXPIRY_DELETE;
  }

  usedMemory(): number {
    return BASE_BYTES + this.state.arena.used + this.state.tableBytes;
  }
}
