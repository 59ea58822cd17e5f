/** All jobs of this node, the newest first; the finished ones stay as a log, up to cluster-slot-migration-log-max-len. */

import { type ExportJob, hasSlotOf, type ImportJob, isFinished, isInProgress, type MigrationJob } from './migration-job.ts';

export class MigrationLog {
  #jobs: readonly MigrationJob[] = [];

  get jobs(): readonly MigrationJob[] {
    return this.#jobs;
  }

  get imports(): readonly ImportJob[] {
    return this.#jobs.filter(job => job.kind === 'import');
  }

  get exports(): readonly ExportJob[] {
    return this.#jobs.filter(job => job.kind === 'export');
  }

  add(job: MigrationJob): void {
    this.#jobs = [job, ...this.#jobs];
  }

  /** As a file lists them: behind those that are there. */
  addLast(job: MigrationJob): void {
    this.#jobs = [...this.#jobs, job];
  }

  named(name: string): MigrationJob | undefined {
    return this.#jobs.find(job => job.name === name);
  }

  isImporting(slot: number): boolean {
    return this.#jobs.some(job => job.kind === 'import' && !isFinished(job) && hasSlotOf(job, slot));
  }

  isExporting(slot: number): boolean {
    return this.#jobs.some(job => job.kind === 'export' && !isFinished(job) && hasSlotOf(job, slot));
  }

  get anyImporting(): boolean {
    return this.#jobs.some(job => job.kind === 'import' && !isFinished(job));
  }

  get anyExporting(): boolean {
    return this.#jobs.some(job => job.kind === 'export' && !isFinished(job));
  }

  /** The target may take this slot whatever the epochs say. */
  isGranted(slot: number): boolean {
    return this.#jobs.some(job => job.kind === 'export' && job.outcomeOpen && hasSlotOf(job, slot));
  }

  get anyOutcomeOpen(): boolean {
    return this.#jobs.some(job => job.kind === 'export' && job.outcomeOpen);
  }

  inProgress(kind: 'import' | 'export'): readonly MigrationJob[] {
    return this.#jobs.filter(job => job.kind === kind && isInProgress(job));
  }

  /** Forgets the oldest finished jobs beyond `limit`. */
  trim(limit: number): void {
    let surplus = this.#jobs.length - limit;
    if (surplus <= 0) return;
    this.#jobs = this.#jobs
      .toReversed()
      .filter(job => !(isFinished(job) && !(job.kind === 'export' && job.outcomeOpen) && surplus-- > 0))
      .toReversed();
  }
}
