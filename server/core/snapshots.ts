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

/** A point in a stream of replication: what the data hold of it, and the database that its reader has selected there. */
export interface StreamPosition {
  readonly id: string;
  readonly offset: number;
  readonly dbIndex: number;
}

export interface SnapshotOptions {
  /** 80, or 11 for replicas older than 9.0. */
  readonly rdbVersion: 80 | 11;
  readonly replication: StreamPosition | undefined;
  readonly checksum: boolean;
  /** No keys: what is asked for is the rest (functions). */
  readonly withoutKeys?: boolean;
  /** Bytes of changed keys that may wait for the sink; more end the snapshot. Left out: what a replica's output buffer may hold. */
  readonly heldLimit?: number;
}

export interface SnapshotSink {
  write(bytes: Uint8Array, start: number, end: number): boolean;
  done(): void;
  failed(error: Error): void;
  /** Bytes of keys that changed before they were written, and wait: told when it becomes more. */
  held?(bytes: number): void;
}

/** A walk over keys that writes them to a sink. */
export interface RunningWalk {
  resume(): void;
  abort(): void;
  readonly keysDone: number;
  readonly keysTotal: number;
}

export interface RunningSnapshot extends RunningWalk {
  /** The longest time for which nothing else had its turn. */
  readonly longestSliceMicroseconds: number;
  /** Keys that changed before they were written and waited: the most of them at a time. */
  readonly mostHeldBytes: number;
  /** Writes all that is left at once, whether the sink asks for rests or not. */
  finish(): void;
}

export interface LoadOptions {
  /** Drop keys that are expired already (a primary's file). */
  readonly dropExpired: boolean;
  /** A key that is here already is replaced; else that is an error. */
  readonly replaceKeys?: boolean;
  /** All keys go, as soon as the input has shown that it is an RDB. */
  readonly flushFirst?: boolean;
  /** Heard once, before the first key: AUX fields of the header. */
  readonly started?: (aux: ReadonlyMap<string, string>) => void;
  /** A key was left out because it is expired; the bytes are valid during the call. */
  readonly expired?: (dbIndex: number, key: Uint8Array) => void;
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
