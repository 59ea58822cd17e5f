/** What the other parts need of persistence: the data of one moment as an RDB, and an RDB as data. Implemented by `persistence/snapshots.ts`. */

/** Snapshots of the data at one point in time, made in slices. */
export interface SnapshotPort {
  /** Streams an RDB. `write` takes ownership of nothing: bytes are valid during the call; it returns false to ask for a rest until `resume`. */
  stream(sink: SnapshotSink, options: SnapshotOptions): RunningSnapshot;
  /** Loads an RDB that arrives in pieces into the (emptied) databases. */
  load(options: LoadOptions): SnapshotLoader;
  readonly running: number;
  /**
   * Streams the keys of these hash slots as requests that make them again. undefined: too many snapshots run, ask again later.
   */
  streamSlots(sink: SnapshotSink, slots: readonly number[]): RunningWalk | undefined;
  /** Snapshots of slots that run. */
  readonly runningOfSlots: number;
}

export interface SnapshotOptions {
  /** 80, or 11 for replicas older than 9.0. */
  readonly rdbVersion: 80 | 11;
  readonly replication: { readonly id: string; readonly offset: number; readonly dbIndex: number } | undefined;
  readonly checksum: boolean;
  /** No keys: what is asked for is the rest (functions). */
  readonly withoutKeys?: boolean;
}

export interface SnapshotSink {
  write(bytes: Uint8Array, start: number, end: number): boolean;
  done(): void;
  failed(error: Error): void;
}

/** A walk over keys that writes them to a sink. */
export interface RunningWalk {
  resume(): void;
  abort(): void;
  readonly keysDone: number;
  readonly keysTotal: number;
}

export interface RunningSnapshot extends RunningWalk {
  /** Writes all that is left at once, whether the sink asks for rests or not. */
  finish(): void;
}

export interface LoadOptions {
  /** Drop keys that are expired already (a primary's file). */
  readonly dropExpired: boolean;
}

export interface SnapshotLoader {
  /** Takes the next bytes; throws a typed error when they are no RDB. Returns how many of them were used; fewer than given = the end was reached. */
  push(bytes: Uint8Array, start: number, end: number): number;
  readonly finished: boolean;
  /** Frees a value that was half read; the keys loaded so far stay. */
  abort(): void;
  /** AUX fields seen so far. */
  readonly aux: ReadonlyMap<string, string>;
  readonly keysLoaded: number;
}
