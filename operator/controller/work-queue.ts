/**
 * A queue of keys, each at most once and never worked on by two workers at a time.
 *
 *     add      now, but not sooner than `minimumIntervalMs` after the key's last run began (a burst of events is one run)
 *     addAfter later; the earliest of several wishes counts
 *     failed   later, by a delay that doubles with every failure in a row, with jitter; `succeeded` ends the row
 *
 * A key that is added while it runs runs again afterwards. Time and randomness come in, so that tests drive them.
 */
import type { Clock } from '../model/clock.ts';

export interface WorkQueueLimits {
  readonly minimumIntervalMs: number;
  readonly failureBaseMs: number;
  readonly failureMaxMs: number;
}

export const DEFAULT_QUEUE_LIMITS: WorkQueueLimits = { minimumIntervalMs: 50, failureBaseMs: 200, failureMaxMs: 30_000 };

interface Entry {
  dueAt: number | undefined;
  cancelTimer: (() => void) | undefined;
  running: boolean;
  lastBeganAt: number;
  readySince: number;
  failures: number;
}

export interface WorkQueueHooks {
  readonly added?: () => void;
  readonly retried?: () => void;
  readonly depth?: (count: number) => void;
  readonly waited?: (ms: number) => void;
}

export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #limits: WorkQueueLimits;
  readonly #hooks: WorkQueueHooks;
  readonly #entries = new Map<string, Entry>();
  readonly #ready: string[] = [];
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #closed = false;

  /** @param random gives numbers of [0, 1). */
  constructor(clock: Clock, random: () => number, limits: WorkQueueLimits = DEFAULT_QUEUE_LIMITS, hooks: WorkQueueHooks = {}) {
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
    this.#hooks = hooks;
  }

  add(key: string): void {
    this.#hooks.added?.();
    this.addAfter(key, 0);
  }

  addAfter(key: string, delayMs: number): void {
    if (this.#closed) return;
    const entry = this.#entry(key);
    const dueAt = Math.max(this.#clock.now() + delayMs, entry.lastBeganAt + this.#limits.minimumIntervalMs);
    if (entry.dueAt !== undefined && entry.dueAt <= dueAt) return;
    entry.dueAt = dueAt;
    if (!entry.running) this.#schedule(key, entry);
  }

  /** The next key that is due; undefined when the queue was closed. The caller must end it with `done`. */
  take(): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const key = this.#ready.shift();
    if (key === undefined) return new Promise(resolve => this.#takers.push(resolve));
    this.#begin(key);
    return Promise.resolve(key);
  }

  /** The run of `key` is over: what was asked for meanwhile is scheduled. */
  done(key: string): void {
    const entry = this.#entry(key);
    entry.running = false;
    if (entry.dueAt !== undefined) this.#schedule(key, entry);
  }

  succeeded(key: string): void {
    this.#entry(key).failures = 0;
  }

  /** Schedules `key` again, after `maxMs` at most. @returns after how many milliseconds. */
  failed(key: string, maxMs = this.#limits.failureMaxMs): number {
    const entry = this.#entry(key);
    this.#hooks.retried?.();
    const full = Math.min(maxMs, this.#limits.failureBaseMs * 2 ** Math.min(entry.failures, 20));
    entry.failures++;
    const delayMs = full * (0.5 + this.#random() / 2);
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** Forgets a key that is no more, unless it runs or was asked for again. */
  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && !entry.running && entry.dueAt === undefined) this.#entries.delete(key);
  }

  close(): void {
    this.#closed = true;
    for (const entry of this.#entries.values()) entry.cancelTimer?.();
    for (const taker of this.#takers.splice(0)) taker(undefined);
    this.#ready.length = 0;
  }

  #entry(key: string): Entry {
    const existing = this.#entries.get(key);
    if (existing !== undefined) return existing;
    const created: Entry = {
      dueAt: undefined,
      cancelTimer: undefined,
      running: false,
      lastBeganAt: Number.NEGATIVE_INFINITY,
      readySince: 0,
      failures: 0,
    };
    this.#entries.set(key, created);
    return created;
  }

  #schedule(key: string, entry: Entry): void {
    entry.cancelTimer?.();
    entry.cancelTimer = undefined;
    if (entry.dueAt === undefined || this.#ready.includes(key)) return;
    const delayMs = entry.dueAt - this.#clock.now();
    if (delayMs <= 0) this.#makeReady(key, entry);
    else entry.cancelTimer = this.#clock.after(delayMs, () => this.#makeReady(key, entry));
  }

  #makeReady(key: string, entry: Entry): void {
    entry.cancelTimer = undefined;
    if (this.#closed || entry.running) return;
    entry.readySince = this.#clock.now();
    this.#ready.push(key);
    this.#hooks.depth?.(this.#ready.length);
    const taker = this.#takers.shift();
    const next = taker === undefined ? undefined : this.#ready.shift();
    if (taker === undefined || next === undefined) return;
    this.#begin(next);
    taker(next);
  }

  #begin(key: string): void {
    const entry = this.#entry(key);
    entry.running = true;
    entry.dueAt = undefined;
    entry.lastBeganAt = this.#clock.now();
    this.#hooks.depth?.(this.#ready.length);
    this.#hooks.waited?.(entry.lastBeganAt - entry.readySince);
  }
}
