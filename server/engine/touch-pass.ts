/**
 * The touch pass: before a batch runs, all that its requests will look for in the keyspace is read once, so that the processor waits for many places
 * in memory at the same time and not for one after the other (upstream calls it prefetching).
 *
 * A processor looks some 200 instructions ahead. So there is one short loop for each kind of place, none with a branch on what was just read from
 * afar: first all names and hashes are computed, then the table slots are read, then looked
 * through, then the entries are read.
 */

import { slotOfKey } from '../../lib/slot-hash.ts';
import type { Command } from '../core/command.ts';
import { hashBytes } from '../keyspace/key-hash.ts';
import type { Content } from '../keyspace/content.ts';
import { touchEntries } from '../keyspace/entry.ts';
import type { KeyspaceState } from '../keyspace/keyspace-state.ts';
import type { ArgumentTable } from '../protocol/argument-table.ts';
import type { CommandIndex } from './command-index.ts';

const FIRST_REQUESTS = 512;

export class TouchPass {
  /** By request, as are the others. */
  readonly commands: (Command | undefined)[] = [];
  /** Argument of the first key in a fixed place, -1 = none; its hash and hash slot. */
  private keys = new Int32Array(FIRST_REQUESTS);
  private hashes = new Int32Array(FIRST_REQUESTS);
  private slots = new Int32Array(FIRST_REQUESTS);
  /** Where the entry stands, 0 = there is none. */
  private refs = new Uint32Array(FIRST_REQUESTS);
  private readonly index: CommandIndex;
  private readonly state: KeyspaceState;
  /** Depends on all that was read: keeps the reads alive. */
  private touched = 0;

  constructor(index: CommandIndex, state: KeyspaceState) {
    this.index = index;
    this.state = state;
  }

  /** @param content of the client's database */
  run(table: ArgumentTable, content: Content): void {
    const count = table.requests;
    if (this.keys.length < count) {
      this.keys = new Int32Array(count * 2);
      this.hashes = new Int32Array(count * 2);
      this.slots = new Int32Array(count * 2);
      this.refs = new Uint32Array(count * 2);
    }
    this.prepare(table, count);
    this.state.knownBytes = table.bytes;
    // One request alone has nothing to wait for meanwhile.
    if (count === 1) return;
    const { state } = this;
    this.touched ^= state.bySlot ? this.touchTables(content, count) : this.touchTable(content, count);
    this.touched ^= touchEntries(state.arena, this.refs, count);
    state.knownVersion = state.tableVersion;
    state.knownContent = content;
  }

  /** The hash slot of a request's first key, -1 when it has none in a fixed place. */
  slotOf(request: number): number {
    return this.keys[request] < 0 ? -1 : this.slots[request];
  }

  /** The keyspace need not hash the key of this request again. */
  remember(table: ArgumentTable, request: number): void {
    const { state } = this;
    const key = this.keys[request];
    if (key < 0) {
      state.knownStart = -1;
      return;
    }
    state.knownStart = table.start[key];
    state.knownEnd = table.end[key];
    state.knownHash = this.hashes[request];
    state.knownSlot = this.slots[request];
    state.knownRef = this.refs[request];
  }

  /** One table holds all keys. */
  private touchTable({ tables }: Content, count: number): number {
    const table = tables[0];
    if (table === undefined) return 0;
    const sum = table.touchSlots(this.hashes, count);
    table.refsOf(this.hashes, count, this.refs);
    return sum;
  }

  /** One table for each hash slot. */
  private touchTables({ tables }: Content, count: number): number {
    const { keys, hashes, slots, refs } = this;
    let sum = 0;
    for (let r = 0; r < count; r++) if (keys[r] >= 0) sum ^= tables[slots[r]]?.touchSlot(hashes[r]) ?? 0;
    for (let r = 0; r < count; r++) if (keys[r] >= 0) refs[r] = tables[slots[r]]?.refOf(hashes[r]) ?? 0;
    return sum;
  }

  /** Commands, keys, hashes and slots of all requests. */
  private prepare(table: ArgumentTable, count: number): void {
    const { commands, keys, hashes, slots, refs, index } = this;
    const { hashKey, bySlot } = this.state;
    const { bytes, view, start, end, first } = table;
    for (let r = 0; r < count; r++) {
      const name = first[r];
      const command = index.find(bytes, start[name], end[name]);
      commands[r] = command;
      keys[r] = -1;
      hashes[r] = 0;
      refs[r] = 0;
      if (command === undefined || command.firstKey <= 0 || table.count[r] <= command.firstKey) continue;
      const key = name + command.firstKey;
      const keyStart = start[key];
      const keyEnd = end[key];
      keys[r] = key;
      hashes[r] = hashBytes(hashKey, view, keyStart, keyEnd - keyStart);
      slots[r] = bySlot ? slotOfKey(bytes, keyStart, keyEnd) : 0;
    }
  }
}
