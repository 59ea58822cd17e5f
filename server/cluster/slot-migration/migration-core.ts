/**
 * What both sides of a migration share: the log of jobs, the ways from state to state, and the end of a job.
 *
 * Nothing here waits: each entry does what can be done now. What must not happen in the middle of a command (deleting keys, taking slots, answering
 * into a connection whose request runs) is done by `wake`, at the end of the turn.
 */

import type { ClusterState } from '../cluster-state.ts';
import type { MigrationEnvironment } from './environment.ts';
import { requestBytes } from './export-channel.ts';
import type { ExportFeed } from './export-feed.ts';
import {
  type ExportJob,
  type ExportState,
  type FinalState,
  type ImportJob,
  type ImportState,
  isFinished,
  type MigrationJob,
  slotsIn,
} from './migration-job.ts';
import { MigrationLog } from './migration-log.ts';
import { isPrimary } from '../cluster-node.ts';

/** Under which a session keeps its import. */
export const IMPORT: unique symbol = Symbol('slot import');

export class MigrationCore {
  readonly environment: MigrationEnvironment;
  readonly state: ClusterState;
  readonly feed: ExportFeed;
  readonly log = new MigrationLog();
  /** DEBUG SLOTMIGRATION. */
  preventPause = false;
  preventFailover = false;
  /** A file is being loaded: what it says of imports is the whole truth, nothing is cleaned up for it. */
  loading = false;
  /** This process stood still until just now. */
  stalled = false;
  readonly #run: () => void;
  #woken = false;

  /** `run` goes on with all jobs. */
  constructor(environment: MigrationEnvironment, state: ClusterState, feed: ExportFeed, run: () => void) {
    this.environment = environment;
    this.state = state;
    this.feed = feed;
    this.#run = run;
  }

  get now(): number {
    return this.environment.clock.now();
  }

  get amPrimary(): boolean {
    return isPrimary(this.state.myself);
  }

  /** Goes on with all jobs at the end of the turn. */
  wake(): void {
    if (this.#woken) return;
    this.#woken = true;
    this.environment.timers.soon(() => {
      this.#woken = false;
      this.#run();
    });
  }

  moveImport(job: ImportJob, state: ImportState): void {
    this.#tellMove(job, state);
    job.state = state;
  }

  moveExport(job: ExportJob, state: ExportState): void {
    this.#tellMove(job, state);
    job.state = state;
  }

  /** Says something to the other side, after what was said before. */
  send(job: MigrationJob, word: string): void {
    const words = ['CLUSTER', 'SYNCSLOTS', word];
    if (job.kind === 'export') {
      job.channel?.appendRequest(words);
      return;
    }
    const { session } = job;
    // Its replies are off: not while one of its requests may run.
    this.environment.timers.soon(() => {
      if (session !== undefined && job.session === session && !session.closing) session.transport.write(requestBytes(words));
    });
  }

  finish(job: MigrationJob, state: FinalState, message?: string): void {
    if (job.kind === 'export') this.#finishExport(job, state, message);
    else this.#finishImport(job, state, message);
  }

  /** Lets writes go on when no job needs the pause any more. */
  unpauseIfIdle(): void {
    if (this.environment.writesPaused && this.log.exports.every(job => job.pauseEndsAt === 0)) this.environment.unpauseWrites();
  }

  /** The connection of an import is no longer one, and is closed. */
  dropImportSession(job: ImportJob): void {
    const { session } = job;
    job.session = undefined;
    if (session === undefined) return;
    session.attachments.delete(IMPORT);
    // No further request of it runs; it closes when the one that may run is over.
    session.closing = true;
    this.environment.timers.soon(() => session.transport.close('its slot migration is over'));
  }

  #finishExport(job: ExportJob, state: FinalState, message: string | undefined): void {
    job.message = message;
    this.feed.remove(job);
    if (state === 'success') job.outcomeOpen = false;
    // A target that was granted the failover may have taken the slots: a write that is accepted before that is known could be lost.
    if (!job.outcomeOpen) job.pauseEndsAt = 0;
    this.moveExport(job, state);
    this.unpauseIfIdle();
    job.snapshot?.abort();
    job.snapshot = undefined;
    const { channel, session } = job;
    job.session = undefined;
    if (session !== undefined) this.environment.closeSession(session);
    if (job.outcomeOpen) channel?.end();
    else {
      job.channel = undefined;
      channel?.close();
    }
    this.#tellEnd(job);
    this.wake();
  }

  /** It is known what came of the failover that was granted to an export that is over. */
  settleOutcome(job: ExportJob): void {
    job.outcomeOpen = false;
    job.pauseEndsAt = 0;
    job.channel?.close();
    job.channel = undefined;
    this.unpauseIfIdle();
  }

  /** What came of an import that failed is deleted first, on a primary; only then is it over, also for the replicas. */
  #finishImport(job: ImportJob, state: FinalState, message: string | undefined): void {
    job.message = message;
    const dirty = state !== 'success' && job.state !== 'cleaning-up' && !isFinished(job) && this.amPrimary && !this.loading;
    if (dirty) job.afterCleanup = state;
    this.moveImport(job, dirty ? 'cleaning-up' : state);
    this.dropImportSession(job);
    if (dirty) return this.#cleanUp(job);
    this.#tellEnd(job);
    this.environment.slots.show(job.ranges);
    if (this.amPrimary && !this.loading) this.#propagateEnd(job);
  }

  #cleanUp(job: ImportJob): void {
    this.environment.timers.soon(() => {
      // Another data set may have come, or the role gone, meanwhile.
      if (job.state !== 'cleaning-up') return;
      const { myself, slots } = this.state;
      this.environment.log.notice(`Cleaning up slot migration ${job.description} after ${job.afterCleanup}`);
      const dirty = [...slotsIn(job.ranges)].filter(slot => slots.owner[slot] !== myself);
      this.environment.slots.drop(dirty, () => {
        if (job.state === 'cleaning-up') this.#finishImport(job, job.afterCleanup, job.message);
      });
    });
  }

  #propagateEnd(job: ImportJob): void {
    const words = ['CLUSTER', 'SYNCSLOTS', 'FINISH', 'STATE', job.state === 'success' ? 'SUCCESS' : 'FAILED', 'NAME', job.name];
    if (job.message !== undefined) words.push('MESSAGE', job.message);
    this.environment.propagate(words);
  }

  #tellMove(job: MigrationJob, to: ImportState | ExportState): void {
    this.environment.log.notice(`Slot migration ${job.description} state transition: ${job.state} -> ${to}`);
    job.updatedAt = this.now;
  }

  #tellEnd(job: MigrationJob): void {
    const text = `Slot migration ${job.description} finished. State: ${job.state}, Message: ${job.message ?? 'none'}`;
    if (job.state === 'failed') this.environment.log.warning(text);
    else this.environment.log.notice(text);
  }
}
