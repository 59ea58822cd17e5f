/**
 * Atomic slot migration of one node, both sides: driven by commands (`SlotMigrationPort`), by the cluster (`MigrationHooks`), by ticks, and by what its
 * connections bring. It decides in `export-steps.ts` and `import-steps.ts`; this file is the way in.
 */

import type { CommandsPort } from '../../core/ports.ts';
import type {
  ImportRequest,
  MigrationOrder,
  SlotImportRecord,
  SlotMigrationPort,
  SlotMigrationView,
  SyncSlotsWord,
} from '../../core/slot-migration.ts';
import type { Session } from '../../core/session.ts';
import type { ClusterState, MigrationHooks } from '../cluster-state.ts';
import type { MigrationEnvironment } from './environment.ts';
import { ExportFeed } from './export-feed.ts';
import { advanceExport, checkExport, checkOutput, createExport } from './export-steps.ts';
import { advanceImport, checkImport, createImport, importOf, sourceLost, takeWord } from './import-steps.ts';
import { MigrationCore } from './migration-core.ts';
import { type ExportJob, isFinished, isInProgress, type MigrationJob, rangesText, sendsAcks } from './migration-job.ts';

const ACK_MS = 1000;
/** A tick that comes later than this after the last one means that the process stood still. */
const STALL_MS = 600;
const SHUTTING_DOWN = 'The server is shutting down';

const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);

export class SlotMigrations implements SlotMigrationPort, MigrationHooks {
  readonly feed: ExportFeed;
  readonly #core: MigrationCore;
  readonly #environment: MigrationEnvironment;
  readonly #state: ClusterState;
  /** Saves and sends what the cluster has to. */
  readonly #settle: () => void;
  #lastTickAt = 0;
  #importsRefused = false;

  constructor(
    environment: MigrationEnvironment,
    state: ClusterState,
    commands: Pick<CommandsPort, 'lookup' | 'resolve' | 'keysOf'>,
    settle: () => void,
  ) {
    this.#environment = environment;
    this.#state = state;
    this.#settle = settle;
    this.feed = new ExportFeed(commands, job => this.#limitOutput(job));
    this.#core = new MigrationCore(environment, state, this.feed, () => this.#advance());
  }

  // ── Questions ──

  list(): readonly SlotMigrationView[] {
    return this.#core.log.jobs.map(viewOf);
  }

  refusal(): string | undefined {
    if (!this.#core.amPrimary) return 'ERR Slot migration can only be used on primary nodes.';
    const { importingFrom, migratingTo } = this.#state.slots;
    if (importingFrom.size > 0) return 'ERR Slots are being manually imported';
    return migratingTo.size > 0 ? 'ERR Slots are being manually migrated' : undefined;
  }

  ownerOf(slot: number): string | undefined {
    return this.#state.slots.owner[slot]?.id;
  }

  knows(nodeId: string): boolean {
    return this.#state.nodes.get(nodeId) !== undefined;
  }

  isExporting(slot: number): boolean {
    return this.#core.log.isExporting(slot);
  }

  isImporting(slot: number): boolean {
    return this.#core.log.isImporting(slot);
  }

  get anyExporting(): boolean {
    return this.#core.log.anyExporting;
  }

  get anyImporting(): boolean {
    return this.#core.log.anyImporting;
  }

  get exportBytes(): number {
    return this.#core.log.exports.reduce((sum, job) => sum + (job.channel?.pendingBytes ?? 0), 0);
  }

  // ── Orders ──

  start(orders: readonly MigrationOrder[], requester: string): void {
    const { log } = this.#environment;
    // As upstream lists them: the last one of a command is the newest but one command's first.
    const jobs: ExportJob[] = [];
    for (const { ranges, targetId } of orders) {
      const target = this.#state.nodes.get(targetId);
      if (target !== undefined) jobs.unshift(createExport(this.#core, target, ranges));
    }
    for (const job of jobs) {
      this.#core.log.add(job);
      log.notice(`Slot migration initiated through CLUSTER MIGRATESLOTS command: ${job.description} (user request from '${requester}')`);
    }
    for (const job of jobs) advanceExport(this.#core, job);
  }

  cancelAll(requester: string): void {
    for (const job of this.#core.log.inProgress('export')) this.#core.finish(job, 'cancelled');
    this.#environment.log.notice(`Canceled all in progress slot migrations (user request from '${requester}')`);
  }

  // ── The protocol ──

  establish(session: Session, request: ImportRequest): void {
    const job = createImport(this.#core, request, session);
    this.#core.log.add(job);
    if (this.#importsRefused) this.#core.finish(job, 'failed', SHUTTING_DOWN);
  }

  refuseImports(on: boolean): void {
    this.#importsRefused = on;
    if (on) this.#failImports(SHUTTING_DOWN);
  }

  finish(name: string, succeeded: boolean, message: string | undefined): boolean {
    const job = this.#core.log.named(name);
    if (job === undefined) return false;
    this.#core.finish(job, succeeded ? 'success' : 'failed', message);
    return true;
  }

  isImport(session: Session): boolean {
    return importOf(session) !== undefined;
  }

  take(session: Session, word: SyncSlotsWord | 'unknown'): void {
    const job = importOf(session);
    if (job !== undefined && isInProgress(job)) takeWord(this.#core, job, word);
  }

  importFailed(session: Session, why: 'error' | 'out-of-memory'): void {
    const job = importOf(session);
    if (job === undefined || !isInProgress(job)) return;
    if (why === 'out-of-memory') this.#environment.log.warning(`Slot migration ${job.description} failed due to OOM`);
    this.#core.finish(
      job,
      'failed',
      why === 'out-of-memory'
        ? 'Ran out of memory (OOM) during slot import'
        : 'Failed to process command during slot migration. Check logs for more information',
    );
  }

  /** A client's connection is gone. */
  sessionClosed(session: Session): void {
    const job = importOf(session);
    if (job !== undefined && job.session === session) sourceLost(this.#core, job);
  }

  // ── What happens to the data ──

  dataFlushed(): void {
    for (const job of this.#core.log.jobs) if (isInProgress(job)) this.#core.finish(job, 'failed', 'Data was flushed');
  }

  dataReplaced(): void {
    this.#core.loading = true;
    for (const job of this.#core.log.inProgress('import')) this.#core.finish(job, 'failed', 'A new RDB is being loaded');
    // One that was being cleaned up has nothing left to clean.
    for (const job of this.#core.log.imports) if (!isFinished(job)) this.#core.finish(job, 'failed', job.message);
    this.#environment.log.notice('Cleaning slot migration log in anticipation of a load operation.');
    this.#core.log.trim(0);
    this.#core.loading = false;
  }

  importFound({ name, ranges }: SlotImportRecord): void {
    this.#core.log.addLast(createImport(this.#core, { name, ranges, sourceId: '' }, undefined));
  }

  unfinishedImports(): readonly SlotImportRecord[] {
    return this.#core.log.imports.filter(job => !isFinished(job)).map(({ name, ranges }) => ({ name, ranges }));
  }

  // ── What happens in the cluster ──

  isGranted(slot: number): boolean {
    return this.#core.log.isGranted(slot);
  }

  ownershipChanged(): void {
    for (const job of this.#core.log.exports) checkExport(this.#core, job);
    for (const job of this.#core.log.imports) checkImport(this.#core, job);
    this.#core.unpauseIfIdle();
  }

  pongReceived(): void {
    if (this.#core.log.anyOutcomeOpen) this.#core.wake();
  }

  promoted(): void {
    this.#failImports('A failover occurred during slot import');
  }

  dataLoaded(): void {
    if (this.#core.amPrimary) this.#failImports('Process restarted');
  }

  /** Ten times a second. */
  tick(): void {
    const { now } = this.#core;
    this.#core.stalled = this.#lastTickAt !== 0 && now - this.#lastTickAt > STALL_MS;
    this.#lastTickAt = now;
    for (const job of this.#core.log.jobs) this.#watch(job, now);
    this.#advance();
    for (const job of this.#core.log.jobs) {
      if (!sendsAcks(job) || now - job.ackSentAt < ACK_MS) continue;
      job.ackSentAt = now;
      this.#core.send(job, 'ACK');
    }
    this.#core.log.trim(this.#environment.settings().logLength);
    this.#core.unpauseIfIdle();
  }

  preventPause(on: boolean): void {
    this.#core.preventPause = on;
  }

  preventFailover(on: boolean): void {
    this.#core.preventFailover = on;
  }

  stop(): void {
    for (const job of this.#core.log.exports) job.channel?.close();
  }

  // ── Inside ──

  #advance(): void {
    for (const job of this.#core.log.exports) advanceExport(this.#core, job);
    for (const job of this.#core.log.imports) advanceImport(this.#core, job);
    this.#settle();
  }

  /** Ends a job whose other side is silent, or takes too little. */
  #watch(job: MigrationJob, now: number): void {
    if (job.kind === 'export') {
      checkOutput(this.#core, job);
    }
    if (!isInProgress(job) || job.state === 'occurring-on-primary') return;
    // Once the failover is granted only the end of the pause counts.
    if (job.kind === 'export' && job.state === 'failover-granted') return;
    const heardAt = job.kind === 'export' ? job.ackedAt : (job.session?.lastInteractionAt ?? job.ackedAt);
    if (seconds(now) - seconds(heardAt) <= this.#environment.settings().timeoutSeconds) return;
    this.#environment.log.warning(`Timing out slot migration ${job.description} after not receiving ack for too long`);
    this.#core.finish(job, 'failed', 'Timed out after too long with no interaction');
  }

  #limitOutput(job: ExportJob): void {
    const { hard } = this.#environment.settings().outputLimit;
    // Cheap first: this runs for each write.
    if (hard > 0 && job.channel !== undefined && job.channel.queuedBytes > hard) checkOutput(this.#core, job);
  }

  #failImports(reason: string): void {
    for (const job of this.#core.log.inProgress('import')) this.#core.finish(job, 'failed', reason);
  }
}

function viewOf(job: MigrationJob): SlotMigrationView {
  const tracking = job.kind === 'import' && job.trackingOnly;
  return {
    name: job.name,
    operation: job.kind === 'import' ? 'IMPORT' : 'EXPORT',
    ranges: rangesText(job.ranges),
    nodes: tracking ? undefined : { target: job.targetId, source: job.sourceId },
    createdAt: seconds(job.createdAt),
    updatedAt: seconds(job.updatedAt),
    ackedAt: seconds(job.ackedAt),
    state: job.state,
    message: job.message ?? '',
    remainingBytes: job.kind === 'export' ? (job.channel?.pendingBytes ?? 0) : 0,
  };
}
