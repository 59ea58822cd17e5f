/** What DEBUG turns and how it ends a process (`core/debug.ts`), for a server that is a process of its own or embedded. */

import type { CrashKind, DebugPort } from '../core/debug.ts';

export interface DebugParts {
  readonly setPackedThreshold: (bytes: number) => void;
  /** Ends the server as an unexpected exception does. */
  readonly panic: (reason: string) => void;
}

export class DebugSwitches implements DebugPort {
  activeExpire = true;
  cronPaused = false;
  pauseAfterSnapshot = false;
  rdbClientGraceSeconds = 5;
  private readonly parts: DebugParts;

  constructor(parts: DebugParts) {
    this.parts = parts;
  }

  setPackedThreshold(bytes: number): void {
    this.parts.setPackedThreshold(bytes);
  }

  crash(kind: CrashKind, reason: string): void {
    if (kind === 'segfault') process.kill(process.pid, 'SIGSEGV');
    else if (kind === 'abort') process.abort();
    this.parts.panic(reason);
  }

  pauseProcess(): void {
    process.kill(process.pid, 'SIGSTOP');
  }

  sleep(milliseconds: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  }
}
