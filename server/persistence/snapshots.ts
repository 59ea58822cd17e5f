/**
 * The snapshot port: starts snapshots and loaders with what they need of this server.
 *
 * Several snapshots may run at once (a database allows so many walks); each sees the moment of its own start.
 */

import type { Clock, ConfigPort, DatabasesPort, ServerLog, ServerStats, Timers } from '../core/ports.ts';
import { replicaOutputLimit } from '../core/replica-output-limit.ts';
import type {
  LoadOptions,
  RunningSnapshot,
  RunningWalk,
  SnapshotLoader,
  SnapshotOptions,
  SnapshotPort,
  SnapshotSink,
} from '../core/snapshots.ts';
import type { SlotImportRecord } from '../core/slot-migration.ts';
import type { ValueAccess } from '../values/value-access.ts';
import { RdbLoader } from './rdb-loader.ts';
import { RdbForm } from './rdb-snapshot.ts';
import { RequestForm } from './slot-snapshot.ts';
import { Snapshot, type SnapshotForm, type WalkExperience, type WalkParts } from './snapshot.ts';

/** Walks that a database allows at once. */
const MOST_AT_ONCE = 4;

export interface SnapshotsParts {
  readonly databases: DatabasesPort;
  readonly values: ValueAccess;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly config: ConfigPort;
  readonly log: ServerLog;
  readonly stats: ServerStats;
  /** The version that files say they were written by. */
  readonly serverVersion: string;
  readonly slotMoves: SlotMoves;
}

/** What an RDB tells of slots on the move: imports that are under way and, to a replica, slots that are being moved by hand. */
export interface SlotMoves {
  openSlots(): string;
  openSlotsFound(text: string): void;
  unfinished(): readonly SlotImportRecord[];
  found(record: SlotImportRecord): void;
  /** A data set is about to be loaded: what was known of imports is no more. */
  replaced(): void;
}

export class Snapshots implements SnapshotPort {
  private readonly parts: SnapshotsParts;
  private readonly runs = new Set<Snapshot>();
  private readonly slotRuns = new Set<Snapshot>();
  private readonly experience: WalkExperience = { microseconds: 0 };

  constructor(parts: SnapshotsParts) {
    this.parts = parts;
  }

  get runningOfSlots(): number {
    return this.slotRuns.size;
  }

  get running(): number {
    return this.runs.size;
  }

  stream(sink: SnapshotSink, options: SnapshotOptions): RunningSnapshot {
    if (this.runs.size + this.slotRuns.size >= MOST_AT_ONCE)
      throw new Error(`Cannot start a snapshot: ${MOST_AT_ONCE} are running already`);
    const { clock, config, databases, serverVersion, slotMoves, values } = this.parts;
    const policy = config.text('maxmemory-policy');
    const form = new RdbForm(
      values,
      {
        now: clock.now(),
        usedMemory: databases.usedMemory(),
        serverVersion,
        compress: config.flag('rdbcompression'),
        usage: policy.includes('lru') ? 'idle' : policy.includes('lfu') ? 'frequency' : 'none',
        slotImports: slotMoves.unfinished(),
        openSlots: options.replication === undefined ? '' : slotMoves.openSlots(),
      },
      options,
    );
    // As it is at the start: a test makes one slow and the next one not.
    const delay = config.integer('rdb-key-save-delay');
    return this.begin(this.runs, form, sink, {
      slots: options.withoutKeys === true ? [] : undefined,
      keyDelayMicroseconds: () => delay,
      ...(options.heldLimit === undefined ? {} : { heldLimit: options.heldLimit }),
    });
  }

  /** One at a time: the next snapshot of a replica or a file shall not have to wait for it. */
  streamSlots(sink: SnapshotSink, slots: readonly number[]): RunningWalk | undefined {
    if (this.slotRuns.size > 0 || this.runs.size >= MOST_AT_ONCE - 1) return undefined;
    const { config, values } = this.parts;
    return this.begin(this.slotRuns, new RequestForm(values), sink, {
      slots,
      keyDelayMicroseconds: () => config.integer('rdb-key-save-delay'),
    });
  }

  private begin(
    runs: Set<Snapshot>,
    form: SnapshotForm,
    sink: SnapshotSink,
    own: Pick<WalkParts, 'slots' | 'keyDelayMicroseconds'> & { readonly heldLimit?: number },
  ): Snapshot {
    const { databases, clock, timers, config, stats } = this.parts;
    const run = new Snapshot(
      {
        databases,
        clock,
        timers,
        commandsServed: () => stats.counters.commandsProcessed,
        heldLimit: replicaOutputLimit(config).hardBytes || Infinity,
        experience: this.experience,
        ended: ended => runs.delete(ended),
        ...own,
      },
      form,
      sink,
    );
    runs.add(run);
    return run;
  }

  load(options: LoadOptions): SnapshotLoader {
    const { databases, values, log, clock, config, slotMoves } = this.parts;
    slotMoves.replaced();
    return new RdbLoader(
      {
        databases,
        values,
        log,
        now: () => clock.now(),
        relaxed: config.text('rdb-version-check') === 'relaxed',
        verify: config.flag('rdbchecksum'),
        slotImport: record => slotMoves.found(record),
        openSlots: text => slotMoves.openSlotsFound(text),
      },
      options,
    );
  }
}
