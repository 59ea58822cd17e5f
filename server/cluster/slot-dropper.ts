/**
 * Deletes the keys of slots that this node lost, in time slices: a slot may hold millions, and clients wait meanwhile.
 *
 * From the moment that a slot is given to `drop` its keys are hidden: for clients they are where the slot went to. A slot that is to be filled again
 * before all of it is deleted is emptied at once (`finish`). Replicas are told of each deletion, on a primary; a node that loses that role forgets what
 * it had to delete, since from then on its data are its primary's.
 *
 * Goal of a slice: at most SLICE_MS. It ends after a batch of BATCH keys that passes it.
 */

import type { ServerPorts } from '../core/ports.ts';
import type { Ref } from '../memory/arena.ts';

const SLICE_MS = 1;
/** Keys between two looks at the clock, and in one deletion for the replicas. */
const BATCH = 64;

export type DropperNeeds = Pick<ServerPorts, 'clock' | 'config' | 'databases' | 'propagation' | 'replication' | 'timers' | 'watch'>;

export interface SlotVisibility {
  hide(slot: number, on: boolean): void;
}

interface Job {
  readonly slots: Set<number>;
  readonly done: () => void;
}

export class SlotDropper {
  readonly #ports: DropperNeeds;
  readonly #visibility: SlotVisibility;
  /** Slots with keys, in the order in which they are emptied. */
  readonly #slots = new Set<number>();
  #jobs: Job[] = [];
  #planned = false;

  constructor(ports: DropperNeeds, visibility: SlotVisibility) {
    this.#ports = ports;
    this.#visibility = visibility;
  }

  isDropping(slot: number): boolean {
    return this.#slots.has(slot);
  }

  /** Keys that are still to be deleted. */
  get keysLeft(): number {
    let keys = 0;
    for (const slot of this.#slots) for (const db of this.#databases()) keys += db.slotSize(slot);
    return keys;
  }

  /** `done` is called when the last of them is empty, never at once. */
  drop(slots: readonly number[], done: () => void = () => {}): void {
    for (const slot of slots) {
      this.#slots.add(slot);
      this.#visibility.hide(slot, true);
    }
    this.#jobs.push({ slots: new Set(slots), done });
    this.#plan();
  }

  /** Deletes at once what is left of a slot. */
  finish(slot: number): void {
    if (!this.#slots.has(slot)) return;
    while (!this.#empty(slot));
    this.#emptied(slot);
    this.#plan();
  }

  /** Forgets all of it. */
  stop(): void {
    for (const slot of this.#slots) this.#visibility.hide(slot, false);
    this.#slots.clear();
    this.#jobs = [];
  }

  #plan(): void {
    if (this.#planned || this.#jobs.length === 0) return;
    this.#planned = true;
    this.#ports.timers.soon(() => {
      this.#planned = false;
      this.#slice();
    });
  }

  #slice(): void {
    const { clock } = this.#ports;
    const end = clock.monotonic() + SLICE_MS;
    for (const slot of this.#slots) {
      while (!this.#empty(slot)) if (clock.monotonic() >= end) return this.#plan();
      this.#emptied(slot);
      if (clock.monotonic() >= end) break;
    }
    const over = this.#jobs.filter(job => job.slots.size === 0);
    this.#jobs = this.#jobs.filter(job => job.slots.size > 0);
    for (const job of over) job.done();
    this.#plan();
  }

  #emptied(slot: number): void {
    this.#slots.delete(slot);
    this.#visibility.hide(slot, false);
    for (const job of this.#jobs) job.slots.delete(slot);
  }

  /** Deletes a batch of a slot's keys; true when none is left. */
  #empty(slot: number): boolean {
    for (const db of this.#databases()) {
      if (db.slotSize(slot) === 0) continue;
      const entries: Ref[] = [];
      db.eachInSlot(slot, entry => entries.push(entry) < BATCH);
      const keys: Uint8Array[] = [];
      for (const entry of entries) {
        const key = Buffer.from(db.keyString(entry), 'latin1');
        keys.push(key);
        db.deleteEntry(entry);
        this.#ports.watch.touch(db.index, key, 0, key.length);
      }
      this.#ports.databases.dirty += keys.length;
      this.#tell(db.index, keys);
      return false;
    }
    return true;
  }

  /** The keys are not gone from the cluster, only from here: replicas hear of it, clients get no events. */
  #tell(dbIndex: number, keys: readonly Uint8Array[]): void {
    const { config, propagation, replication } = this.#ports;
    if (replication.role !== 'primary') return;
    propagation.propagate(dbIndex, [config.flag('lazyfree-lazy-server-del') ? 'UNLINK' : 'DEL', ...keys]);
  }

  #databases() {
    const { databases } = this.#ports;
    return Array.from({ length: databases.count }, (_, index) => databases.get(index));
  }
}
