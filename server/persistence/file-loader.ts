/**
 * Loads the data set from its file at the start, in slices: clients are answered in between (LOADING), INFO shows how far it is.
 *
 * What cannot be used is never dropped: the server must not start with part of its data, or none, and then save that over the file. So
 * everything but a missing file is a `LoadError`, and the file stays as it is. The log lines are upstream's, because tools look for them.
 * Source: Valkey's rdb.c (rdbLoad, rdbLoadRioWithLoadingCtx, rdbReportError).
 */

import { RdbError } from '../codec/rdb-format.ts';
import { type FileLoad, LoadError } from '../core/persistence.ts';
import type { Clock, ServerLog, Timers } from '../core/ports.ts';
import type { LoadOptions, SnapshotLoader, SnapshotPort } from '../core/snapshots.ts';
import type { DataFileReader, DataFiles } from './data-files.ts';

const SLICE_MICROSECONDS = 2000;
const READ_BYTES = 1024 * 1024;
/** Bytes between two looks at the clock. */
const STEP_BYTES = 64 * 1024;
/** The same while each key is to take its time (key-load-delay). */
const SLOW_STEP_BYTES = 512;

export interface FileLoaderParts {
  readonly files: DataFiles;
  readonly snapshots: SnapshotPort;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: ServerLog;
  /** Microseconds that each key takes longer, for tests. */
  readonly keyDelay: () => number;
}

export class FileLoader {
  totalBytes = 0;
  loadedBytes = 0;
  keysLoaded = 0;
  keysExpired = 0;
  /** Memory that the writer of the file had in use, as the file says. */
  writtenMemory = 0;
  private readonly parts: FileLoaderParts;
  private readonly path: string;
  private readonly options: LoadOptions;
  private aborted = false;
  private sliceEnd = 0;
  private delayedKeys = 0;

  constructor(parts: FileLoaderParts, path: string, options: LoadOptions) {
    this.parts = parts;
    this.path = path;
    this.options = options;
  }

  /** The server ends. */
  abort(): void {
    this.aborted = true;
  }

  /** Undefined: there is no file. `opened` is called when there is one. */
  async load(opened: () => void): Promise<FileLoad | undefined> {
    const { files, clock, log } = this.parts;
    const begun = clock.microseconds();
    let reader: DataFileReader | undefined;
    try {
      reader = await files.open(this.path);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warning(`Fatal error: can't open the RDB file ${this.path} for reading: ${reason}`);
      throw new LoadError(`Cannot open ${this.path}: ${reason}`, { cause: error });
    }
    if (reader === undefined) return undefined;
    this.totalBytes = reader.bytes;
    opened();
    try {
      const aux = await this.loadAll(reader);
      log.notice(`Done loading RDB, keys loaded: ${this.keysLoaded}, keys expired: ${this.keysExpired}, all fields expired hashes: 0.`);
      return { aux, keys: this.keysLoaded, seconds: (clock.microseconds() - begun) / 1_000_000 };
    } finally {
      await reader.close().catch(() => {});
    }
  }

  private async loadAll(reader: DataFileReader): Promise<ReadonlyMap<string, string>> {
    const loader = this.parts.snapshots.load({
      ...this.options,
      started: aux => {
        this.writtenMemory = Number(aux.get('used-mem') ?? 0);
        this.options.started?.(aux);
      },
      expired: (dbIndex, key) => {
        this.keysExpired++;
        this.options.expired?.(dbIndex, key);
      },
    });
    const buffer = new Uint8Array(READ_BYTES);
    this.beginSlice();
    try {
      while (!loader.finished) {
        const bytes = await reader.read(buffer);
        if (bytes === 0) throw new RdbError('malformed', 'Unexpected EOF reading RDB file');
        await this.take(loader, buffer, bytes);
      }
      return loader.aux;
    } catch (error) {
      loader.abort();
      if (this.aborted) throw error;
      throw this.refusal(error);
    }
  }

  /** Takes a piece of the file, with rests in between. */
  private async take(loader: SnapshotLoader, buffer: Uint8Array, bytes: number): Promise<void> {
    const { clock, timers } = this.parts;
    for (let at = 0; at < bytes && !loader.finished; ) {
      const end = Math.min(bytes, at + (this.parts.keyDelay() > 0 ? SLOW_STEP_BYTES : STEP_BYTES));
      loader.push(buffer, at, end);
      this.loadedBytes += end - at;
      this.keysLoaded = loader.keysLoaded;
      at = end;
      await this.delay();
      if (clock.microseconds() < this.sliceEnd) continue;
      await new Promise<void>(resolve => timers.soon(resolve));
      this.beginSlice();
      if (this.aborted) throw new LoadError('Cannot go on loading: the server ends');
    }
  }

  private beginSlice(): void {
    this.sliceEnd = this.parts.clock.microseconds() + SLICE_MICROSECONDS;
  }

  private async delay(): Promise<void> {
    const milliseconds = ((this.keysLoaded - this.delayedKeys) * this.parts.keyDelay()) / 1000;
    if (milliseconds < 1) return;
    this.delayedKeys = this.keysLoaded;
    await new Promise<void>(resolve => this.parts.timers.after(milliseconds, resolve));
  }

  private refusal(error: unknown): LoadError {
    const { log } = this.parts;
    const reason = error instanceof Error ? error.message : String(error);
    if (!(error instanceof RdbError)) log.warning(`Error reading the RDB file ${this.path}: ${reason}`);
    else if (error.code === 'version') log.warning(reason);
    else if (error.code === 'unsupported')
      log.warning(`Unknown type or opcode when loading DB. Unrecoverable error, aborting now. ${reason}`);
    else {
      if (error.code === 'checksum') log.warning(reason);
      const short = reason.startsWith('Unexpected EOF');
      if (short) log.warning('Short read or OOM loading DB. Unrecoverable error, aborting now.');
      log.warning(`Internal error in RDB reading offset ${this.loadedBytes} -> ${error.code === 'checksum' ? 'RDB CRC error' : reason}`);
      log.warning('Terminating server after rdb file reading failure.');
    }
    return new LoadError(`Cannot load ${this.path}: ${reason}`, { cause: error });
  }
}
