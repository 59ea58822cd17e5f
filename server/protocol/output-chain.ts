/**
 * Output memory: segments of one fixed size from a pool, chained while a batch runs; the transport writes the chain and gives the segments back.
 *
 * A chain is a list of pieces. A piece is a range of a segment, or a buffer of its own for one large value.
 * Buffers of fixed size only: a growing one would cost ten times as much (performance.md, rule 7).
 */

export const SEGMENT_BYTES = 64 * 1024;
const POOL_LIMIT = 64;

/** A range of bytes that waits to be written; `segment` goes back to its pool after the last piece over it was written. */
export interface Piece {
  bytes: Uint8Array;
  start: number;
  end: number;
  /** Undefined: the bytes belong to nobody else, or another piece of the chain gives the segment back. */
  segment: OutputSegment | undefined;
}

/** Up to this length `prefix` makes its view once. */
const KEPT_PREFIX = 512;

export class OutputSegment {
  readonly bytes: Buffer;
  readonly view: DataView;
  private readonly prefixes: (Uint8Array | undefined)[] = [];

  constructor() {
    const buffer = new ArrayBuffer(SEGMENT_BYTES);
    this.bytes = Buffer.from(buffer);
    this.view = new DataView(buffer);
  }

  /** The first `length` bytes. Most replies are short, and of few lengths: their views are kept. */
  prefix(length: number): Uint8Array {
    if (length > KEPT_PREFIX) return this.bytes.subarray(0, length);
    return (this.prefixes[length] ??= this.bytes.subarray(0, length));
  }
}

export class OutputPool {
  private readonly free: OutputSegment[] = [];

  take(): OutputSegment {
    return this.free.pop() ?? new OutputSegment();
  }

  give(segment: OutputSegment): void {
    if (this.free.length < POOL_LIMIT) this.free.push(segment);
  }
}
