/**
 * What the other parts need of the data set's file: to save it, to know how the last save went, and to load it at the start.
 * Implemented by `persistence/rdb-file.ts`.
 */

import type { LoadOptions } from './snapshots.ts';

export interface PersistencePort {
  /** SAVE: the file holds the data of this moment when it resolves to true. Everybody else waits. False: it failed, the log says why. */
  saveNow(): Promise<boolean>;
  /** BGSAVE: false when it cannot begin. Must not be called while `saving`. */
  saveInBackground(): boolean;
  /** BGSAVE SCHEDULE: as soon as no other save runs and the last one did not fail just now. */
  schedule(): void;
  /** BGSAVE CANCEL: what there was to be cancelled. */
  cancel(): 'running' | 'scheduled' | 'nothing';
  /** FLUSHALL: a save that runs shows what is no more and ends; who saves by itself saves the empty data set soon. */
  flushed(): void;
  /** A save to the file runs. */
  readonly saving: boolean;
  /** Unix seconds of the last good save (or of the start). */
  readonly lastSaveAt: number;
  /** Some seconds and changes stand in `save`: a shutdown saves. */
  readonly savesByItself: boolean;
  /** Writes are refused because the last save failed (stop-writes-on-bgsave-error). Looked at for each batch. */
  readonly writesRefused: boolean;
  /** Reads the file into the emptied databases, in slices. Rejects with a `LoadError` when what stands there cannot be used. */
  load(options: LoadOptions): Promise<FileLoad | undefined>;
  /** Some times a second: begins what is due. */
  tick(): void;
  /** The server ends: nothing is begun or gone on with. Resolves when no file is being written any more. */
  stop(): Promise<void>;
  /** INFO persistence: values by field name, and the fields that stand there only while a file is loaded. */
  facts(): PersistenceFacts;
}

/** What was loaded; undefined in its place: there is no file. */
export interface FileLoad {
  /** AUX fields. */
  readonly aux: ReadonlyMap<string, string>;
  readonly keys: number;
  readonly seconds: number;
}

/** The file is there and cannot be used: the server must not start without its data. */
export class LoadError extends Error {
  override readonly name = 'LoadError';
}

export interface PersistenceFacts {
  readonly values: ReadonlyMap<string, string | number>;
  readonly whileLoading: readonly (readonly [name: string, value: string | number])[];
}
