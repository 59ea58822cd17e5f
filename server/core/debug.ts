/** What DEBUG turns in parts that it does not know: switches for tests, and ways to die. `server.ts` has one for each server. */

export interface DebugPort {
  /** The cycle that deletes expired keys in the background runs. */
  activeExpire: boolean;
  /** Periodic work stands still. */
  cronPaused: boolean;
  /** The process stops where upstream's stops after its fork: a primary when it has sent a snapshot, a replica before it asks for the stream. */
  pauseAfterSnapshot: boolean;
  /** How long the snapshot of a dual-channel sync may be sent before the replica asks for the stream. */
  rdbClientGraceSeconds: number;
  /** Elements of lists of this many bytes stand alone; 0 = the default. */
  setPackedThreshold(bytes: number): void;
  /** Ends the process as a bug would: `reason` goes to the log. Does not return in a server of its own process. */
  crash(kind: CrashKind, reason: string): void;
  /** Stops the process until somebody continues it (SIGCONT). */
  pauseProcess(): void;
  /** Blocks the thread. */
  sleep(milliseconds: number): void;
}

/** `segfault` and `abort` end by that signal, `panic` by the way of an unexpected exception. */
export type CrashKind = 'segfault' | 'abort' | 'panic';
