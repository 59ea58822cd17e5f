/**
 * Bytes of a connection, worked off in slices: at most SLICE_MICROSECONDS at a time, then everything else has its turn. While bytes wait the
 * socket rests, so that the peer is slowed down instead of the queue growing.
 */

import type { Clock, Timers } from '../core/ports.ts';
import type { PeerSocket } from './peer-socket.ts';

const SLICE_MICROSECONDS = 2000;
/** Bytes between two looks at the clock. */
const STEP_BYTES = 16 * 1024;

export class SlicedInput {
  private readonly parts: { readonly clock: Clock; readonly timers: Timers };
  private readonly socket: () => PeerSocket | undefined;
  /** Takes some of the bytes and says how many. */
  private readonly consume: (bytes: Uint8Array, start: number, end: number) => number;
  private readonly failed: (error: unknown) => void;
  /** Nothing waits any more. */
  private readonly idle: () => void;
  private queue: Uint8Array[] = [];
  private at = 0;
  private planned = false;
  /** Raised by `reset`: work that was planned or is under way for an earlier connection ends. */
  private generation = 0;

  constructor(
    parts: { readonly clock: Clock; readonly timers: Timers },
    socket: () => PeerSocket | undefined,
    consume: (bytes: Uint8Array, start: number, end: number) => number,
    failed: (error: unknown) => void,
    idle: () => void,
  ) {
    this.parts = parts;
    this.socket = socket;
    this.consume = consume;
    this.failed = failed;
    this.idle = idle;
  }

  push(bytes: Uint8Array): void {
    this.queue.push(bytes);
    if (!this.planned) this.work(this.generation);
  }

  /** Bytes that came before all that waits. They are worked off soon, not now. Not from within `consume`. */
  prepend(pieces: readonly Uint8Array[]): void {
    if (pieces.length === 0) return;
    const [head, ...rest] = this.queue;
    this.queue = head === undefined ? [...pieces] : [...pieces, head.subarray(this.at), ...rest];
    this.at = 0;
    this.goOnSoon();
  }

  get waitingBytes(): number {
    return this.queue.reduce((sum, bytes) => sum + bytes.length, -this.at);
  }

  /** Forgets what waits. */
  reset(): void {
    this.queue = [];
    this.at = 0;
    this.planned = false;
    this.generation++;
  }

  private work(generation: number): void {
    const { clock } = this.parts;
    const deadline = clock.microseconds() + SLICE_MICROSECONDS;
    this.planned = false;
    try {
      while (this.queue.length > 0) {
        const bytes = this.queue[0];
        const used = this.consume(bytes, this.at, Math.min(bytes.length, this.at + STEP_BYTES));
        if (generation !== this.generation) return;
        this.at += used;
        if (this.at >= bytes.length) {
          this.queue.shift();
          this.at = 0;
        }
        if (this.queue.length > 0 && clock.microseconds() > deadline) {
          this.socket()?.pause();
          this.goOnSoon();
          return;
        }
      }
    } catch (error) {
      this.failed(error);
      return;
    }
    this.socket()?.resume();
    this.idle();
  }

  private goOnSoon(): void {
    if (this.planned) return;
    this.planned = true;
    const { generation } = this;
    this.parts.timers.soon(() => {
      if (generation === this.generation) this.work(generation);
    });
  }
}
