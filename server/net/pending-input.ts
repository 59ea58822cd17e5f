/**
 * Input of one connection that is not done yet: the beginning of a request, or whole requests that wait. Most connections have none.
 *
 * The buffer grows by factors towards what the reader says it needs, so that an argument of 512 MiB is copied about once and a client that
 * only announces it gets little. The reader's state and the arguments read so far stay with it: nothing is read twice.
 */

import { ArgumentTable } from '../protocol/argument-table.ts';
import { ReadState } from '../protocol/request-reader.ts';

const FIRST_BYTES = 4096;
const GROWTH = 4;

export class PendingInput {
  bytes: Uint8Array;
  view: DataView;
  length = 0;
  readonly state = new ReadState();
  readonly table = new ArgumentTable(64, 16);

  constructor(expected: number) {
    const buffer = new ArrayBuffer(Math.max(FIRST_BYTES, expected));
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.table.reset(this.bytes, this.view);
  }

  get capacity(): number {
    return this.bytes.length;
  }

  append(source: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) this.grow(length);
    this.bytes.set(source.subarray(start, end), this.length);
    this.length = length;
  }

  /** Drops the bytes before `offset` and begins to read at what is left. */
  discard(offset: number): void {
    if (offset > 0) {
      this.bytes.copyWithin(0, offset, this.length);
      this.length -= offset;
    }
    this.restart(0);
  }

  /** Reads again from `offset` on. */
  restart(offset: number): void {
    this.table.reset(this.bytes, this.view);
    this.state.begin(offset);
  }

  private grow(least: number): void {
    const wanted = Math.max(least, Math.min(this.state.neededEnd, this.bytes.length * GROWTH), Math.min(this.bytes.length * 2, least * 2));
    const buffer = new ArrayBuffer(wanted);
    const bytes = new Uint8Array(buffer);
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.view = new DataView(buffer);
    // Offsets stay as they are: what was read so far remains valid.
    this.table.bytes = bytes;
    this.table.view = this.view;
  }
}
