/**
 * One node as a supervised child process: started, started again when it ends by itself, stopped when it is told to.
 *
 * It does for a node what a kubelet does for a container with `restartPolicy: Always`: the first restart comes at once, then the
 * pauses double up to ten seconds, and a run of a minute sets them back. `prepare` is called before every start (it clears the
 * node's folder where there is no persistence). The child has its own process group: Ctrl-C on the terminal reaches only us.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { identify, type ProcessIdentity } from './process-identity.ts';

export type NodeProcessOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly workingFolder: string;
  readonly logFile: string;
  /** Called before each start. */
  readonly prepare: () => void;
  readonly onStarted: (process: ProcessIdentity) => void;
  readonly onEnded: (pid: number, end: ProcessEnd) => void;
};

/** How a run of the node ended. `error` stands for a program that could not be started at all. */
export type ProcessEnd = { readonly code: number | undefined; readonly signal: string | undefined; readonly error: string | undefined };

export type RunState =
  | { readonly phase: 'running'; readonly pid: number; readonly startedAtMs: number }
  | { readonly phase: 'waiting'; readonly end: ProcessEnd; readonly endedAtMs: number; readonly nextStartMs: number }
  | { readonly phase: 'stopped'; readonly end: ProcessEnd };

const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 10_000;
const STEADY_RUN_MS = 60_000;

export class NodeProcess {
  readonly #options: NodeProcessOptions;
  #child: ChildProcess | undefined;
  #state: RunState;
  #restartTimer: NodeJS.Timeout | undefined;
  #backoffMs = BACKOFF_FIRST_MS;
  #restarts = 0;
  #stopping = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: NodeProcessOptions) {
    this.#options = options;
    this.#state = { phase: 'stopped', end: { code: undefined, signal: undefined, error: undefined } };
    this.#start();
  }

  get state(): RunState {
    return this.#state;
  }

  /** How often it was started again since it was first started. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Ends the process: SIGTERM (or SIGINT), then SIGKILL after `graceMs`. Resolves when it is gone; it is not started again. */
  async stop(graceMs: number, signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    const child = this.#child;
    if (child === undefined) {
      if (this.#state.phase === 'waiting') this.#state = { phase: 'stopped', end: this.#state.end };
      return;
    }
    child.kill(signal);
    const killer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await this.#ended;
    clearTimeout(killer);
  }

  #start(): void {
    const { command, args, workingFolder, logFile } = this.#options;
    const startedAtMs = Date.now();
    const fail = (error: unknown): void =>
      this.#onEnd(undefined, startedAtMs, { code: undefined, signal: undefined, error: messageOf(error) });
    try {
      this.#options.prepare();
      const log = openSync(logFile, 'a');
      const child = spawn(command, args, { cwd: workingFolder, stdio: ['ignore', log, log], detached: true });
      closeSync(log);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#ended = promise;
      let over = false;
      const finish = (act: () => void): void => {
        if (over) return;
        over = true;
        act();
        resolve();
      };
      child.on('error', error => finish(() => fail(error)));
      child.on('exit', (code, signal) =>
        finish(() => this.#onEnd(child.pid, startedAtMs, { code: code ?? undefined, signal: signal ?? undefined, error: undefined })),
      );
      this.#child = child;
      if (child.pid === undefined) return;
      this.#state = { phase: 'running', pid: child.pid, startedAtMs };
      this.#options.onStarted(identify(child.pid) ?? { pid: child.pid, startTime: '' });
    } catch (error) {
      fail(error);
    }
  }

  #onEnd(pid: number | undefined, startedAtMs: number, end: ProcessEnd): void {
    this.#child = undefined;
    const endedAtMs = Date.now();
    if (endedAtMs - startedAtMs >= STEADY_RUN_MS) this.#backoffMs = BACKOFF_FIRST_MS;
    this.#state = this.#stopping
      ? { phase: 'stopped', end }
      : { phase: 'waiting', end, endedAtMs, nextStartMs: endedAtMs + this.#backoffMs };
    if (pid !== undefined) this.#options.onEnded(pid, end);
    if (this.#stopping) return;
    this.#restartTimer = setTimeout(() => {
      this.#restarts++;
      this.#start();
    }, this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MAX_MS);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A sentence on how a process ended: "was killed by SIGKILL", "exited with code 1". */
export function describeEnd(end: ProcessEnd): string {
  if (end.error !== undefined) return `could not be started: ${end.error}`;
  if (end.signal !== undefined) return `was killed by ${end.signal}`;
  return `exited with code ${end.code ?? 'unknown'}`;
}
