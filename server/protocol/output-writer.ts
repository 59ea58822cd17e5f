/**
 * An output writer: bytes into a chain of segments. It owns a segment only while it holds bytes.
 *
 *     full pieces …  | current segment: written [pieceStart, at), free [at, SEGMENT_BYTES)
 */

import { OutputSegment, SEGMENT_BYTES } from './output-chain.ts';
import type { OutputPool, Piece } from './output-chain.ts';

/** Space that every small write may take without asking: a header, an integer, a short line. */
const SMALL = 64;
/** More than this at once gets a buffer of its own. */
const OWN_BUFFER_BYTES = 2 * SEGMENT_BYTES;

/** A place in the output, to come back to. */
export interface OutputMark {
  readonly pieces: number;
  readonly bytes: Uint8Array;
  readonly at: number;
}

const NO_SEGMENT = Object.create(OutputSegment.prototype, {
  bytes: { value: Buffer.alloc(0) },
  view: { value: new DataView(new ArrayBuffer(0)) },
}) as OutputSegment;

export class OutputWriter {
  /** Called when the first bytes come into an empty writer: the transport will take them. */
  onBegin: (() => void) | undefined;
  /** Pieces that are full, oldest first. */
  protected pieces: Piece[] = [];
  protected segment: OutputSegment = NO_SEGMENT;
  protected bytes: Buffer = NO_SEGMENT.bytes;
  protected view: DataView = NO_SEGMENT.view;
  protected pieceStart = 0;
  protected at = 0;
  protected limit = -1;
  protected fullBytes = 0;
  /** The last closed piece over the current segment: the one that gives it back. */
  protected lastOfSegment: Piece | undefined;
  private readonly pool: OutputPool;

  constructor(pool: OutputPool) {
    this.pool = pool;
  }

  /** Bytes that wait in this writer. */
  get length(): number {
    return this.fullBytes + this.at - this.pieceStart;
  }

  /** All pieces, oldest first; the writer is empty afterwards. Whoever takes them gives their segments back. */
  take(): Piece[] {
    if (this.at > this.pieceStart) this.closePiece();
    if (this.lastOfSegment === undefined && this.segment !== NO_SEGMENT) this.pool.give(this.segment);
    this.leaveSegment();
    const taken = this.pieces;
    this.pieces = [];
    this.fullBytes = 0;
    return taken;
  }

  /** The usual case in one piece without an object: the current segment when it holds all, else undefined. Follow with `emptied` or `take`. */
  get onlySegment(): OutputSegment | undefined {
    return this.pieces.length === 0 && this.pieceStart === 0 && this.at > 0 ? this.segment : undefined;
  }

  /** What `onlySegment` holds was written: the segment goes back. */
  emptied(): void {
    this.pool.give(this.segment);
    this.leaveSegment();
  }

  mark(): OutputMark {
    return { pieces: this.pieces.length, bytes: this.bytes, at: this.at };
  }

  /** Drops what was written since the mark (CLIENT REPLY OFF, an obeying client). */
  rewind(mark: OutputMark): void {
    if (mark.pieces === this.pieces.length) {
      this.at = mark.bytes === this.bytes ? mark.at : this.pieceStart;
      if (this.at === 0 && this.segment !== NO_SEGMENT) this.emptied();
      return;
    }
    const rest = this.take();
    const kept = rest.slice(0, mark.pieces);
    const cut = rest[mark.pieces];
    if (cut.bytes === mark.bytes && mark.at > cut.start) {
      // The kept part may lie in a segment that a later piece would give back: it gets bytes of its own.
      const own = Buffer.from(cut.bytes.subarray(cut.start, mark.at));
      kept.push({ bytes: own, start: 0, end: own.length, segment: undefined });
    }
    for (const piece of kept) if (piece.segment === undefined && isShared(piece, rest, mark.pieces)) detach(piece);
    for (const piece of rest.slice(mark.pieces)) if (piece.segment !== undefined) this.pool.give(piece.segment);
    this.pieces = kept;
    this.fullBytes = kept.reduce((sum, piece) => sum + piece.end - piece.start, 0);
  }

  // ── Parts ──

  protected crlf(): void {
    if (this.at + 2 > SEGMENT_BYTES) this.grow();
    this.bytes[this.at] = 0x0d;
    this.bytes[this.at + 1] = 0x0a;
    this.at += 2;
  }

  protected text(text: string): void {
    if (this.segment === NO_SEGMENT) this.grow();
    const length = text.length;
    if (this.at + length > SEGMENT_BYTES) {
      const bytes = Buffer.from(text, 'latin1');
      return this.append(bytes, 0, bytes.length);
    }
    if (length > 32) this.at += this.bytes.write(text, this.at, 'latin1');
    else {
      const bytes = this.bytes;
      const at = this.at;
      for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
      this.at = at + length;
    }
  }

  protected append(bytes: Uint8Array, start: number, end: number): void {
    if (this.segment === NO_SEGMENT) this.grow();
    if (end - start > OWN_BUFFER_BYTES) {
      const own = Buffer.allocUnsafeSlow(end - start);
      own.set(bytes.subarray(start, end));
      if (this.at > this.pieceStart) this.closePiece();
      this.pieces.push({ bytes: own, start: 0, end: own.length, segment: undefined });
      this.fullBytes += own.length;
      return;
    }
    let from = start;
    while (from < end) {
      if (this.at === SEGMENT_BYTES) this.grow();
      const length = Math.min(end - from, SEGMENT_BYTES - this.at);
      this.bytes.set(bytes.subarray(from, from + length), this.at);
      this.at += length;
      from += length;
    }
  }

  /** A new segment; the one before becomes a piece. */
  protected grow(): void {
    if (this.segment !== NO_SEGMENT) {
      if (this.at > this.pieceStart) this.closePiece();
      this.leaveSegment();
    }
    if (this.pieces.length === 0) this.onBegin?.();
    const segment = this.pool.take();
    this.segment = segment;
    this.bytes = segment.bytes;
    this.view = segment.view;
    this.limit = SEGMENT_BYTES - SMALL;
  }

  /** What is written in the current segment becomes a piece. The segment stays current: its last piece gives it back. */
  protected closePiece(): void {
    if (this.lastOfSegment !== undefined) this.lastOfSegment.segment = undefined;
    this.lastOfSegment = { bytes: this.bytes, start: this.pieceStart, end: this.at, segment: this.segment };
    this.pieces.push(this.lastOfSegment);
    this.fullBytes += this.at - this.pieceStart;
    this.pieceStart = this.at;
  }

  protected leaveSegment(): void {
    this.segment = NO_SEGMENT;
    this.bytes = NO_SEGMENT.bytes;
    this.view = NO_SEGMENT.view;
    this.lastOfSegment = undefined;
    this.pieceStart = 0;
    this.at = 0;
    this.limit = -1;
  }

  /** Puts `bytes` at a place in the chain; the piece there is split. */
  protected insertPiece(place: OutputMark, bytes: Uint8Array): void {
    const header: Piece = { bytes, start: 0, end: bytes.length, segment: undefined };
    this.fullBytes += bytes.length;
    const piece = this.pieces[place.pieces];
    if (piece === undefined || piece.bytes !== place.bytes || place.at <= piece.start) this.pieces.splice(place.pieces, 0, header);
    else if (place.at >= piece.end) this.pieces.splice(place.pieces + 1, 0, header);
    else {
      const tail: Piece = { bytes: piece.bytes, start: place.at, end: piece.end, segment: piece.segment };
      if (this.lastOfSegment === piece) this.lastOfSegment = tail;
      piece.end = place.at;
      piece.segment = undefined;
      this.pieces.splice(place.pieces + 1, 0, header, tail);
    }
  }
}

/** Whether a kept piece lies in a segment that one of the dropped pieces gives back. */
function isShared(piece: Piece, all: readonly Piece[], firstDropped: number): boolean {
  return all.some((other, index) => index >= firstDropped && other.segment !== undefined && other.bytes === piece.bytes);
}

/** Gives a piece bytes of its own. */
function detach(piece: Piece): void {
  const own = Buffer.from(piece.bytes.subarray(piece.start, piece.end));
  piece.bytes = own;
  piece.start = 0;
  piece.end = own.length;
}
