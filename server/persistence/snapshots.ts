/**
 * The snapshot port: starts snapshots and loaders with what they need of this server.
 *
 * Several snapshots may run at once (a database allows so many walks); each sees the moment of its own start.
 */

import type { Clock, ConfigPort, DatabasesPort, ServerLog, ServerStats, Timers } from '../core/ports.ts';
import type { LoadOptions, RunningSnapshot, SnapshotLoader, SnapshotOptions, SnapshotPort, SnapshotSink } from '../core/snapshots.ts';
import type { ValueAccess } from '../values/value-access.ts';
import { RdbLoader } from './rdb-loader.ts';
import { SnapshotRun } from './snapshot.ts';

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
}

export class Snapshots implements SnapshotPort {
  private readonly parts: SnapshotsParts;
  private readonly runs = new Set<SnapshotRun>();

  constructor(parts: SnapshotsParts) {
    this.parts = parts;
  }

  get running(): number {
    return this.runs.size;
  }

  stream(sink: SnapshotSink, options: SnapshotOptions): RunningSnapshot {
    if (this.runs.size >= MOST_AT_ONCE) throw new Error(`Cannot start a snapshot: ${MOST_AT_ONCE} are running already`);
    const { databases, values, clock, timers, config, serverVersion, stats } = this.parts;
    const policy = config.text('maxmemory-policy');
    const run = new SnapshotRun(
      {
        databases,
        values,
        clock,
        timers,
        serverVersion,
        compress: config.flag('rdbcompression'),
        usage: policy.includes('lru') ? 'idle' : policy.includes('lfu') ? 'frequency' : 'none',
        commandsServed: () => stats.counters.commandsProcessed,
        heldLimit: replicaHardLimit(config),
        ended: ended => this.runs.delete(ended),
      },
      sink,
      options,
    );
    this.runs.add(run);
    return run;
  }

  load(options: LoadOptions): SnapshotLoader {
    const { databases, values, log, clock } = this.parts;
    return new RdbLoader({ databases, values, log, now: () => clock.now() }, options);
  }
}

/** Hard limit of client-output-buffer-limit for replicas. */
function replicaHardLimit(config: ConfigPort): number {
  const words = config.words('client-output-buffer-limit');
  const at = words.findIndex(word => word === 'replica' || word === 'slave');
  const limit = at < 0 ? 0 : Number(words[at + 1]);
  return limit > 0 ? limit : Infinity;
}
