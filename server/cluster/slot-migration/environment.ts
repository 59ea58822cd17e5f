/**
 * What slot migration needs of the server around it. `migration-environment.ts` fills it from the ports; tests fill it with models.
 */

import type { SlotRange } from '../../../lib/slot-ranges.ts';
import type { Clock, Entropy, ServerLog, Timers } from '../../core/ports.ts';
import type { Session, Transport } from '../../core/session.ts';
import type { RunningWalk, SnapshotSink } from '../../core/snapshots.ts';
import type { BusNetwork } from '../environment.ts';

/** Bytes; 0 = none. */
export interface OutputLimit {
  readonly hard: number;
  readonly soft: number;
  readonly softSeconds: number;
}

export interface MigrationSettings {
  /** repl-timeout */
  readonly timeoutSeconds: number;
  readonly manualFailoverTimeoutMs: number;
  /** Bytes that may be missing on the target when writes are paused; -1 = any. */
  readonly maxFailoverBytes: number;
  readonly logLength: number;
  readonly user: string;
  /** '' = no AUTH. */
  readonly password: string;
  /** Of the class of replicas. */
  readonly outputLimit: OutputLimit;
}

export interface MigratedSlots {
  /** Deletes at once what is in these slots: they are about to be filled, and are not this node's. */
  clear(ranges: readonly SlotRange[]): void;
  /** Keys of hidden slots are nobody's business: not counted, listed or expired. */
  hide(ranges: readonly SlotRange[]): void;
  show(ranges: readonly SlotRange[]): void;
  /** Deletes the keys of these slots in slices, also on the replicas; `done` is called when they are gone, perhaps at once. */
  drop(slots: readonly number[], done: () => void): void;
}

export interface MigrationEnvironment {
  readonly clock: Pick<Clock, 'now'>;
  readonly entropy: Pick<Entropy, 'hex'>;
  readonly timers: Pick<Timers, 'soon' | 'after'>;
  readonly log: ServerLog;
  readonly network: BusNetwork;
  readonly slots: MigratedSlots;
  settings(): MigrationSettings;
  /** undefined: not now, ask again later. */
  snapshot(sink: SnapshotSink, slots: readonly number[]): RunningWalk | undefined;
  /** To the replicas (and the append-only file). */
  propagate(args: readonly string[]): void;
  /**
   * Waits until an online replica has all that was written so far. False when there is nothing to wait for: one has it, or none is online. Else
   * `done` is called later, once, and told whether one has it, or false after `limitMs`; not at all when this node becomes a replica.
   */
  awaitReplica(limitMs: number, done: (replicated: boolean) => void): boolean;
  pauseWrites(untilMs: number): void;
  unpauseWrites(): void;
  /** The pause for migrations holds. */
  readonly writesPaused: boolean;
  /** Shows a connection that this node made among the clients. */
  openSession(transport: Transport): Session;
  closeSession(session: Session): void;
}
