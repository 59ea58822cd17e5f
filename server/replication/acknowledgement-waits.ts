/**
 * Those who wait until enough replicas have acknowledged an offset (WAIT, WAITAOF).
 *
 * Looked at on each acknowledgement and once a deadline passes. Nobody waits when the node stops being a primary: all are told at once.
 */

import type { Timers } from '../core/ports.ts';
import type { AcknowledgementWait } from '../core/replication.ts';

interface Waiting {
  readonly wait: AcknowledgementWait;
  readonly stopTimer: () => void;
}

export class AcknowledgementWaits {
  private readonly waiting = new Set<Waiting>();
  private readonly timers: Timers;
  /** Replicas that acknowledged the offset (in their AOF). */
  private readonly count: (offset: number, inAof: boolean) => number;

  constructor(timers: Timers, count: (offset: number, inAof: boolean) => number) {
    this.timers = timers;
    this.count = count;
  }

  get any(): boolean {
    return this.waiting.size > 0;
  }

  /** Calls `wait.done` later, once. What comes back ends the wait without it. */
  add(wait: AcknowledgementWait): () => void {
    const { timeoutMs } = wait;
    const waiting: Waiting = {
      wait,
      // Longer than a timer takes is for ever.
      stopTimer: timeoutMs > 0 && timeoutMs < 2 ** 31 ? this.timers.after(timeoutMs, () => this.finish(waiting, 'timeout')) : () => {},
    };
    this.waiting.add(waiting);
    return () => {
      if (this.waiting.delete(waiting)) waiting.stopTimer();
    };
  }

  /** An acknowledgement came. */
  look(): void {
    for (const waiting of this.waiting) {
      const { offset, inAof, replicas } = waiting.wait;
      if (this.count(offset, inAof) >= replicas) this.finish(waiting, 'reached');
    }
  }

  /** The node is no primary any more. */
  endAll(): void {
    for (const waiting of this.waiting) this.finish(waiting, 'role-changed');
  }

  private finish(waiting: Waiting, why: 'reached' | 'timeout' | 'role-changed'): void {
    if (!this.waiting.delete(waiting)) return;
    waiting.stopTimer();
    const { offset, inAof, done } = waiting.wait;
    done(why === 'role-changed' ? undefined : this.count(offset, inAof));
  }
}
