/**
 * The regular work of the engine: `hz` times a second pauses end, keys expire, idle clients are closed, buffers are watched; and in between,
 * whenever nothing else is to do, flushed data and large values are freed in slices.
 */

import type { ServerPorts } from '../core/ports.ts';
import type { Session } from '../core/session.ts';
import type { ValueAccess } from '../values/value-access.ts';
import type { Clients } from './clients.ts';
import type { Databases } from './databases.ts';
import type { Engine } from './engine.ts';
import type { ActiveExpiry } from './expiry.ts';

/** Entries or blocks in one slice: well below a millisecond. */
const SLICE = 1000;
const SLICE_MS = 1;

export interface CronParts {
  readonly ports: ServerPorts;
  readonly engine: Engine;
  readonly clients: Clients;
  readonly databases: Databases;
  readonly values: ValueAccess;
  readonly expiry: ActiveExpiry;
  /** Output that waits is looked at, in `net`. */
  readonly checkOutput: () => void;
}

export class Cron {
  private readonly parts: CronParts;
  private freeing = false;

  constructor(parts: CronParts) {
    this.parts = parts;
  }

  start(): void {
    const { ports } = this.parts;
    let stop = ports.timers.every(1000 / ports.config.integer('hz'), () => this.tick());
    ports.config.onChange(['hz'], () => {
      stop();
      stop = ports.timers.every(1000 / ports.config.integer('hz'), () => this.tick());
    });
    ports.timers.every(1000, () => this.everySecond());
  }

  private tick(): void {
    const { engine, clients, expiry, ports } = this.parts;
    if (ports.debug.cronPaused) return;
    clients.updatePauses();
    engine.beginBatch();
    if (ports.debug.activeExpire) expiry.run();
    ports.persistence.tick();
    this.freeSoon();
  }

  private everySecond(): void {
    const { ports, clients, checkOutput } = this.parts;
    checkOutput();
    const timeout = ports.config.integer('timeout') * 1000;
    if (timeout === 0) return;
    const now = ports.clock.now();
    const idle = (session: Session): boolean => session.kind === 'normal' && now - session.lastInteractionAt > timeout;
    clients.closeWhere(idle, 'idle');
  }

  /** Frees what was flushed or dropped, slice by slice. */
  private freeSoon(): void {
    if (this.freeing || !this.free()) return;
    this.freeing = true;
    this.parts.ports.timers.soon(() => {
      this.freeing = false;
      this.freeSoon();
    });
  }

  /** One slice; false when nothing is left. */
  private free(): boolean {
    const { databases, values, ports } = this.parts;
    const end = ports.clock.monotonic() + SLICE_MS;
    for (;;) {
      let more = databases.state.collectGarbage(SLICE);
      more = values.freeSlice(SLICE) || more;
      for (let index = 0; index < databases.count; index++) more = databases.get(index).content.sweep(SLICE) || more;
      if (!more) return false;
      if (ports.clock.monotonic() >= end) return true;
    }
  }
}
