/**
 * The data set's file: saved on command, at the save points and at a shutdown, loaded at the start (`PersistencePort`).
 *
 * A save is a snapshot (`snapshot.ts`) on its way into a file (`file-sink.ts`): it shows the moment at which it was asked for, and the server
 * goes on. SAVE differs from BGSAVE only in that other clients wait until it is done. One save runs at a time; full syncs may run beside it.
 *
 * Memory: keys that change before the walk has reached them are held until they are written. Writes that bring more of that than the disk
 * takes are slowed down by pauses (`pressed`); when the disk stands still, the save fails before memory runs out.
 */

import { join } from 'node:path';
import type { FileLoad, PersistenceFacts, PersistencePort } from '../core/persistence.ts';
import type { ServerPorts } from '../core/ports.ts';
import type { LoadOptions, RunningSnapshot, StreamPosition } from '../core/snapshots.ts';
import type { DataFiles } from './data-files.ts';
import { FileError } from './data-files.ts';
import { FileLoader } from './file-loader.ts';
import { FileSink } from './file-sink.ts';
import { duePoint, mayTry, readSavePoints } from './save-points.ts';

/** Bytes of changed keys that wait in memory: beyond the first number writes pause, beyond the second the save fails. */
const SMALLEST_PRESSURE_BYTES = 16 * 1024 * 1024;
const PRESSURE_SHARE = 0.05;
const LIMIT_SHARE = 4;
/** A pause of writes for the disk; when nothing was written meanwhile, there is no other one until something is. */
const PAUSE_MS = 100;

export type RdbFileNeeds = Pick<
  ServerPorts,
  'clock' | 'timers' | 'log' | 'config' | 'databases' | 'clients' | 'lifecycle' | 'snapshots' | 'stats'
>;

export interface RdbFileParts {
  readonly ports: RdbFileNeeds;
  readonly files: DataFiles;
  readonly processId: number;
  /** Where the data stand in the stream of replication; undefined when nobody could go on from there. */
  readonly streamPosition: () => StreamPosition | undefined;
  /** False while a data set is being replaced: that must not take the place of the last whole one. */
  readonly dataWhole: () => boolean;
}

interface Save {
  readonly sink: FileSink;
  readonly run: RunningSnapshot;
  readonly background: boolean;
  readonly begunAt: number;
  readonly changesBefore: number;
  cancelled: boolean;
  readonly finished: Promise<boolean>;
}

export class RdbFile implements PersistencePort {
  lastSaveAt: number;
  private readonly parts: RdbFileParts;
  private save: Save | undefined;
  private scheduled = false;
  private lastWasGood = true;
  private lastTryAt = 0;
  private lastSeconds = -1;
  private saves = 0;
  private loading: FileLoader | undefined;
  private loadingSince = 0;
  private lastLoad = { keys: 0, expired: 0 };
  /** Held bytes at the last pause. */
  private pausedAtHeld = 0;

  constructor(parts: RdbFileParts) {
    this.parts = parts;
    this.lastSaveAt = this.seconds();
  }

  get saving(): boolean {
    return this.save !== undefined;
  }

  get savesByItself(): boolean {
    return this.parts.ports.config.words('save').length > 0;
  }

  get writesRefused(): boolean {
    return !this.lastWasGood && this.savesByItself && this.parts.ports.config.flag('stop-writes-on-bgsave-error');
  }

  // ── Saving ──

  async saveNow(): Promise<boolean> {
    if (this.save !== undefined) this.endForAnother(this.save);
    await this.save?.finished;
    const { clients } = this.parts.ports;
    clients.pause('save', Number.MAX_SAFE_INTEGER, false);
    try {
      return (await this.begin(false)?.finished) ?? false;
    } finally {
      clients.unpause('save');
    }
  }

  saveInBackground(): boolean {
    const { log, clients } = this.parts.ports;
    const save = this.begin(true);
    if (save === undefined) return false;
    log.notice(`Background saving started by pid ${this.parts.processId}`);
    void save.finished.then(() => clients.unpause('save'));
    return true;
  }

  schedule(): void {
    this.scheduled = true;
  }

  cancel(): 'running' | 'scheduled' | 'nothing' {
    const { save } = this;
    if (save !== undefined) {
      this.giveUp(save);
      return 'running';
    }
    if (!this.scheduled) return 'nothing';
    this.scheduled = false;
    return 'scheduled';
  }

  flushed(): void {
    if (this.save?.background === true) this.giveUp(this.save);
    if (this.savesByItself) this.scheduled = true;
  }

  tick(): void {
    const { config, databases, lifecycle, log } = this.parts.ports;
    if (this.save !== undefined || lifecycle.loading || lifecycle.shuttingDownUntil !== undefined || !this.parts.dataWhole()) return;
    const { lastSaveAt, lastTryAt, lastWasGood } = this;
    const history = { changes: databases.dirty, lastSaveAt, lastTryAt, lastWasGood };
    const now = this.seconds();
    if (this.scheduled && mayTry(history, now)) {
      if (this.saveInBackground()) this.scheduled = false;
      return;
    }
    const due = duePoint(readSavePoints(config.words('save')), history, now);
    if (due === undefined) return;
    log.notice(`${due.changes} changes in ${due.seconds} seconds. Saving...`);
    this.saveInBackground();
  }

  private begin(background: boolean): Save | undefined {
    const { ports, files } = this.parts;
    const { config, databases, log, snapshots } = ports;
    const [folder] = config.words('dir');
    const name = config.text('dbfilename');
    this.saves++;
    if (background) this.lastTryAt = this.seconds();
    const pressureBytes = Math.max(SMALLEST_PRESSURE_BYTES, databases.usedMemory() * PRESSURE_SHARE);
    let ended: (error: Error | undefined) => void = () => {};
    const outcome = new Promise<Error | undefined>(resolve => (ended = resolve));
    this.pausedAtHeld = 0;
    const sink = new FileSink({
      files,
      draft: join(folder, this.draftName(name)),
      target: join(folder, name),
      syncOnTheWay: config.flag('rdb-save-incremental-fsync'),
      ended,
      pressed: held => this.relieve(held, pressureBytes),
    });
    try {
      sink.run = snapshots.stream(sink, {
        rdbVersion: 80,
        replication: this.parts.streamPosition(),
        checksum: config.flag('rdbchecksum'),
        heldLimit: pressureBytes * LIMIT_SHARE,
      });
    } catch (error) {
      sink.failed(error instanceof Error ? error : new Error(String(error)));
      log.warning(`Can't save in background: ${error instanceof Error ? error.message : String(error)}`);
      if (background) this.lastWasGood = false;
      return undefined;
    }
    const save: Save = {
      sink,
      run: sink.run,
      background,
      begunAt: this.seconds(),
      changesBefore: databases.dirty,
      cancelled: false,
      finished: outcome.then(error => this.ended(save, error)),
    };
    this.save = save;
    return save;
  }

  private ended(save: Save, error: Error | undefined): boolean {
    const { log, databases } = this.parts.ports;
    const now = this.seconds();
    this.save = undefined;
    if (save.background) this.lastSeconds = now - save.begunAt;
    if (error === undefined) {
      databases.dirty = Math.max(0, databases.dirty - save.changesBefore);
      this.lastSaveAt = now;
      this.lastWasGood = true;
      log.notice('DB saved on disk');
      const { longestSliceMicroseconds, mostHeldBytes } = save.run;
      log.verbose(
        `Snapshot: the longest slice took ${longestSliceMicroseconds} microseconds, ${mostHeldBytes} bytes of changed keys waited at most`,
      );
      if (save.background) log.notice('Background saving terminated with success');
      return true;
    }
    if (save.cancelled) {
      log.warning('Background saving was cancelled');
      return false;
    }
    log.warning(this.explain(error));
    if (save.background) {
      this.lastWasGood = false;
      log.warning('Background saving error');
    }
    return false;
  }

  private giveUp(save: Save): void {
    save.cancelled = true;
    save.run.abort();
    save.sink.failed(new Error('cancelled'));
  }

  private endForAnother(save: Save): void {
    if (!save.background) return;
    this.parts.ports.log.warning('There is a save of an .rdb going on in the background. Ending it!');
    this.giveUp(save);
  }

  /** The disk is slower than the writes: they wait, as long as the wait brings something. */
  private relieve(held: number, pressureBytes: number): void {
    if (held < pressureBytes || held === this.pausedAtHeld || this.save?.background !== true) return;
    const { clients, clock } = this.parts.ports;
    if (clients.isPausedFor('save')) return;
    this.pausedAtHeld = held;
    clients.pause('save', clock.now() + PAUSE_MS, true);
  }

  // ── Loading ──

  async load(options: LoadOptions): Promise<FileLoad | undefined> {
    const { ports, files } = this.parts;
    const { config, lifecycle } = ports;
    const [folder] = config.words('dir');
    const name = config.text('dbfilename');
    const loader = new FileLoader({ ...ports, files, keyDelay: () => config.integer('key-load-delay') }, join(folder, name), options);
    const before = lifecycle.loading;
    try {
      const loaded = await loader.load(() => {
        this.loading = loader;
        this.loadingSince = this.seconds();
        lifecycle.setLoading(true);
      });
      if (loaded !== undefined) this.lastLoad = { keys: loaded.keys, expired: loader.keysExpired };
      return loaded;
    } finally {
      this.loading = undefined;
      lifecycle.setLoading(before);
    }
  }

  async stop(): Promise<void> {
    const { save } = this;
    this.loading?.abort();
    if (save === undefined) return;
    this.giveUp(save);
    await save.finished;
  }

  /** Removes drafts that earlier lives left behind. */
  async tidy(): Promise<void> {
    const { config, log } = this.parts.ports;
    try {
      for (const name of await this.parts.files.removeLeftovers(config.words('dir')[0], config.text('dbfilename')))
        log.notice(`Removed ${name}, which a save left behind that did not end`);
    } catch (error) {
      log.warning(`Cannot look for what saves left behind: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  // ── Telling ──

  facts(): PersistenceFacts {
    const { snapshots, databases, lifecycle } = this.parts.ports;
    const { save } = this;
    const inBackground = save?.background === true;
    const values = new Map<string, string | number>([
      ['loading', lifecycle.loading ? 1 : 0],
      ['current_save_keys_processed', save?.run.keysDone ?? 0],
      ['current_save_keys_total', save?.run.keysTotal ?? 0],
      ['rdb_changes_since_last_save', databases.dirty],
      ['rdb_bgsave_in_progress', inBackground || snapshots.running > 0 ? 1 : 0],
      ['rdb_last_save_time', this.lastSaveAt],
      ['rdb_last_bgsave_status', this.lastWasGood ? 'ok' : 'err'],
      ['rdb_last_bgsave_time_sec', this.lastSeconds],
      ['rdb_current_bgsave_time_sec', inBackground ? this.seconds() - save.begunAt : -1],
      ['rdb_saves', this.saves],
      ['rdb_last_load_keys_expired', this.loading?.keysExpired ?? this.lastLoad.expired],
      ['rdb_last_load_keys_loaded', this.loading?.keysLoaded ?? this.lastLoad.keys],
    ]);
    return { values, whileLoading: this.loadingFields() };
  }

  private loadingFields(): readonly (readonly [string, string | number])[] {
    const { loading } = this;
    if (loading === undefined) return [];
    const { totalBytes, loadedBytes } = loading;
    const elapsed = this.seconds() - this.loadingSince;
    const eta = elapsed === 0 ? 1 : Math.floor((elapsed * (totalBytes - loadedBytes)) / (loadedBytes + 1));
    return [
      ['loading_start_time', this.loadingSince],
      ['loading_total_bytes', totalBytes],
      ['loading_rdb_used_mem', loading.writtenMemory],
      ['loading_loaded_bytes', loadedBytes],
      ['loading_loaded_perc', ((loadedBytes / Math.max(1, totalBytes)) * 100).toFixed(2)],
      ['loading_eta_seconds', eta],
    ];
  }

  private seconds(): number {
    return Math.floor(this.parts.ports.clock.now() / 1000);
  }

  private draftName(name: string): string {
    return `temp-${this.parts.processId}-${name}`;
  }

  private explain(error: Error): string {
    if (!(error instanceof FileError)) return `Cannot save the DB: ${error.message}`;
    const { config } = this.parts.ports;
    const { operation, message } = error;
    const [folder] = config.words('dir');
    const draft = this.draftName(config.text('dbfilename'));
    switch (operation) {
      case 'open':
        return `Failed opening the temp RDB file ${draft} (in server root dir ${folder}) for saving: ${message}`;
      case 'rename':
        return `Error moving temp DB file ${draft} on the final destination ${config.text('dbfilename')} (in server root dir ${folder}): ${message}`;
      case 'fsync of the folder':
        return `Failed to fsync directory while saving DB: ${message}`;
      default:
        return `Write error while saving DB to the disk(${operation}): ${message}`;
    }
  }
}
