/** What DEBUG turns in parts that it does not know: switches for tests, and ways to die. `server.ts` has one for each server. */

export interface DebugPort {
  /** The cycle that deletes expired keys in the background runs. */
  activeExpire: boolean;
  /** Periodic work stands still. */
  cronPaused: boolean;
  /** Elements of lists of this many bytes stand alone; 0 = the default. */
  setPackedThreshold(bytes: number): void;
  /** Ends the process as a bug would: `reason` goes to the log. Does not return in a server of its own process. */
  crash(kind: CrashKind, reason: string): void;
  /** Blocks the thread. */
  sleep(milliseconds: number): void;
}

/** `segfault` and `abort` end by that signal, `panic` by the way of an unexpected exception. */
export type CrashKind = 'segfault' | 'abort' | 'panic';
