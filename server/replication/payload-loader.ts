/**
 * Loads the RDB of a full sync as it comes from the primary, and knows where it ends.
 *
 *     $EOF:<40>\r\n  RDB  <the same 40 bytes>      the RDB says itself where it ends, then the mark must stand
 *     $<length>\r\n  RDB                           exactly so many bytes
 *
 * Takes bytes in any pieces; throws when they are no RDB or the end does not match.
 */

import { RdbError } from '../codec/rdb-format.ts';
import type { SnapshotLoader } from '../core/snapshots.ts';

export type Payload = { readonly kind: 'length'; readonly bytes: number } | { readonly kind: 'mark'; readonly mark: string };

export class PayloadLoader {
  /** Bytes of the RDB taken so far. */
  loadedBytes = 0;
  readonly loader: SnapshotLoader;
  readonly payload: Payload;
  private marked = 0;

  constructor(loader: SnapshotLoader, payload: Payload) {
    this.loader = loader;
    this.payload = payload;
  }

  get finished(): boolean {
    return this.loader.finished && (this.payload.kind === 'length' || this.marked === this.payload.mark.length);
  }

  /** Takes from `bytes[start, end)`; how many bytes it used. Fewer than given = the payload is whole, the rest is the stream. */
  push(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (!this.loader.finished) {
      const limit = this.payload.kind === 'length' ? Math.min(end, start + this.payload.bytes - this.loadedBytes) : end;
      const used = this.loader.push(bytes, start, limit);
      this.loadedBytes += used;
      at += used;
      if (this.payload.kind === 'length') this.checkLength(this.payload.bytes);
    }
    if (this.loader.finished && this.payload.kind === 'mark') {
      const { mark } = this.payload;
      while (at < end && this.marked < mark.length) {
        if (bytes[at++] !== mark.charCodeAt(this.marked++))
          throw new RdbError('malformed', 'Cannot load the RDB: its end mark does not match');
      }
    }
    return at - start;
  }

  private checkLength(expected: number): void {
    const whole = this.loadedBytes === expected;
    if (this.loader.finished === whole) return;
    throw new RdbError(
      'malformed',
      `Cannot load the RDB: it should have ${expected} bytes and ${whole ? 'goes on beyond them' : 'ends before'}`,
    );
  }
}
