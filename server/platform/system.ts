/** Time, chance and timers of this machine, behind the ports of `core`. */

import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Clock, Entropy, Timers } from '../core/ports.ts';

/** Unix milliseconds. Reading it makes a number on the heap each time. */
const { timeOrigin } = performance;

export const systemClock: Clock = {
  now: () => Date.now(),
  microseconds: () => Math.floor((timeOrigin + performance.now()) * 1000),
  monotonic: () => performance.now(),
};

export const systemEntropy: Entropy = {
  random: () => Math.random(),
  hex: length =>
    randomBytes(Math.ceil(length / 2))
      .toString('hex')
      .slice(0, length),
};

/** Timers of one server: `stopAll` ends what it started, so that an embedded server leaves nothing behind. */
export class SystemTimers implements Timers {
  private readonly running = new Set<NodeJS.Timeout>();
  private stopped = false;

  every(intervalMs: number, action: () => void): () => void {
    return this.track(setInterval(action, intervalMs));
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = setTimeout(() => {
      this.running.delete(timer);
      action();
    }, delayMs);
    return this.track(timer);
  }

  soon(action: () => void): void {
    setImmediate(() => {
      if (!this.stopped) action();
    });
  }

  stopAll(): void {
    this.stopped = true;
    for (const timer of this.running) clearTimeout(timer);
    this.running.clear();
  }

  private track(timer: NodeJS.Timeout): () => void {
    if (this.stopped) clearTimeout(timer);
    else this.running.add(timer);
    return () => {
      clearTimeout(timer);
      this.running.delete(timer);
    };
  }
}
