/**
 * The reply writer: RESP2 and RESP3 into a chain of output segments. One per client; it owns a segment only while it holds replies.
 *
 * Hot path: headers and small integers are written byte by byte, no string is built, nothing is allocated.
 *
 *     full pieces …  | current segment: written [pieceStart, at), free [at, SEGMENT_BYTES)
 *
 * A deferred aggregate remembers where its header belongs. If its bytes are still in one segment they are moved to make room, else the
 * header becomes a piece of its own in the chain.
 */

import { copyViews } from '../memory/bytes.ts';
import { assert } from '../../lib/assert.ts';
import { doubleText } from './number-text.ts';
import { OutputSegment, SEGMENT_BYTES } from './output-chain.ts';
import type { OutputPool, Piece } from './output-chain.ts';
import type { Reply } from './reply.ts';

/** Space that every small write may take without asking: a header, an integer, a short line. */
const SMALL = 64;
/** A bulk of more than this gets a buffer of its own. */
const OWN_BUFFER_BYTES = 2 * SEGMENT_BYTES;
/** Up to this many bytes a deferred header moves its contents. */
const MOVE_LIMIT = 8 * 1024;

const CR = 0x0d;
const LF = 0x0a;

/** Hears of each error reply. */
export interface ErrorCounter {
  countError(text: string): void;
}

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

export class ReplyWriter implements Reply {
  resp: 2 | 3 = 2;
  /** Error replies so far: the dispatcher compares it before and after a command. */
  errors = 0;
  lastError = '';
  /** Called when the first bytes come into an empty writer: the transport will take them. */
  onBegin: (() => void) | undefined;
  /** Pieces that are full, oldest first. */
  private pieces: Piece[] = [];
  private segment: OutputSegment = NO_SEGMENT;
  private bytes: Buffer = NO_SEGMENT.bytes;
  private view: DataView = NO_SEGMENT.view;
  private pieceStart = 0;
  private at = 0;
  private limit = -1;
  private fullBytes = 0;
  /** The last closed piece over the current segment: the one that gives it back. */
  private lastOfSegment: Piece | undefined;
  private readonly deferred: OutputMark[] = [];
  private readonly pool: OutputPool;
  private readonly counter: ErrorCounter;

  constructor(pool: OutputPool, counter: ErrorCounter) {
    this.pool = pool;
    this.counter = counter;
  }

  /** Bytes that wait in this writer. */
  get length(): number {
    return this.fullBytes + this.at - this.pieceStart;
  }

  // ── Replies ──

  ok(): void {
    if (this.at > this.limit) this.grow();
    const at = this.at;
    this.view.setInt32(at, 0x0d4b4f2b, true);
    this.bytes[at + 4] = LF;
    this.at = at + 5;
  }

  simple(text: string): void {
    this.line(0x2b, text);
  }

  error(text: string): void {
    const line = /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, ' ') : text;
    this.errors++;
    this.lastError = line;
    this.counter.countError(line);
    this.line(0x2d, line);
  }

  integer(value: number | bigint): void {
    if (typeof value === 'number') this.header(0x3a, value);
    else this.line(0x3a, value.toString());
  }

  bulk(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.header(0x24, length);
    if (this.at + length + 2 <= SEGMENT_BYTES && length <= 16) {
      const target = this.bytes;
      let at = this.at;
      for (let i = start; i < end; i++) target[at++] = bytes[i];
      target[at] = CR;
      target[at + 1] = LF;
      this.at = at + 2;
      return;
    }
    this.append(bytes, start, end);
    this.crlf();
  }

  /** `bulk` for a source with a view over the same buffer: the fast way for values that lie in the arena. Hot path. */
  bulkView(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    const length = end - start;
    this.header(0x24, length);
    const at = this.at;
    if (at + length + 2 > SEGMENT_BYTES) {
      this.append(bytes, start, end);
      this.crlf();
      return;
    }
    copyViews(this.bytes, this.view, at, bytes, view, start, length);
    this.bytes[at + length] = CR;
    this.bytes[at + length + 1] = LF;
    this.at = at + length + 2;
  }

  bulkString(text: string): void {
    this.header(0x24, text.length);
    this.text(text);
    this.crlf();
  }

  bulkInteger(value: number | bigint): void {
    if (typeof value === 'bigint' || !Number.isSafeInteger(value)) return this.bulkString(value.toString());
    this.header(0x24, decimalLength(value));
    if (this.at > this.limit) this.grow();
    this.at = writeDecimal(this.bytes, this.at, value);
    this.crlf();
  }

  double(value: number): void {
    if (this.resp === 3) this.line(0x2c, doubleText(value));
    else if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.bulkInteger(value);
    else this.bulkString(doubleText(value));
  }

  nil(): void {
    this.rawString(this.resp === 3 ? '_\r\n' : '$-1\r\n');
  }

  nilArray(): void {
    this.rawString(this.resp === 3 ? '_\r\n' : '*-1\r\n');
  }

  boolean(value: boolean): void {
    if (this.resp === 3) this.rawString(value ? '#t\r\n' : '#f\r\n');
    else this.header(0x3a, value ? 1 : 0);
  }

  verbatim(format: string, text: string): void {
    if (this.resp === 2) return this.bulkString(text);
    this.header(0x3d, text.length + 4);
    this.text(`${format}:`);
    this.text(text);
    this.crlf();
  }

  array(length: number): void {
    this.header(0x2a, length);
  }

  map(pairs: number): void {
    if (this.resp === 3) this.header(0x25, pairs);
    else this.header(0x2a, pairs * 2);
  }

  set(length: number): void {
    this.header(this.resp === 3 ? 0x7e : 0x2a, length);
  }

  push(length: number): void {
    this.header(this.resp === 3 ? 0x3e : 0x2a, length);
  }

  attribute(pairs: number): void {
    assert(this.resp === 3, 'attributes are sent to RESP3 clients only');
    this.header(0x7c, pairs);
  }

  beginDeferred(): number {
    if (this.at > this.limit) this.grow();
    this.deferred.push(this.mark());
    return this.deferred.length - 1;
  }

  endDeferred(token: number, kind: 'array' | 'map' | 'set', length: number): void {
    assert(token === this.deferred.length - 1, 'deferred aggregates are closed in the order of their nesting');
    const place = this.deferred.pop() as OutputMark;
    const text = this.aggregateHeader(kind, length);
    const inOnePlace = place.pieces === this.pieces.length && place.bytes === this.bytes;
    if (inOnePlace && this.at - place.at <= MOVE_LIMIT && this.at + text.length <= SEGMENT_BYTES) {
      this.bytes.copyWithin(place.at + text.length, place.at, this.at);
      this.bytes.write(text, place.at, 'latin1');
      this.at += text.length;
      return;
    }
    if (this.at > this.pieceStart) this.closePiece();
    this.insertPiece(place, Buffer.from(text, 'latin1'));
  }

  raw(bytes: Uint8Array, start: number, end: number): void {
    this.append(bytes, start, end);
  }

  rawString(text: string): void {
    this.text(text);
  }

  // ── For the transport and the dispatcher ──

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

  /** `<type><value>\r\n` for a safe integer. Hot path. */
  private header(type: number, value: number): void {
    if (this.at > this.limit) this.grow();
    const bytes = this.bytes;
    let at = this.at;
    bytes[at] = type;
    if (value >= 0 && value < 10) {
      bytes[at + 1] = 0x30 + value;
      bytes[at + 2] = CR;
      bytes[at + 3] = LF;
      this.at = at + 4;
      return;
    }
    if (value >= 10 && value < 100) {
      const tens = (value / 10) | 0;
      bytes[at + 1] = 0x30 + tens;
      bytes[at + 2] = 0x30 + value - tens * 10;
      bytes[at + 3] = CR;
      bytes[at + 4] = LF;
      this.at = at + 5;
      return;
    }
    at = writeDecimal(bytes, at + 1, value);
    bytes[at] = CR;
    bytes[at + 1] = LF;
    this.at = at + 2;
  }

  private line(type: number, text: string): void {
    if (this.at > this.limit) this.grow();
    this.bytes[this.at++] = type;
    this.text(text);
    this.crlf();
  }

  private crlf(): void {
    if (this.at + 2 > SEGMENT_BYTES) this.grow();
    this.bytes[this.at] = CR;
    this.bytes[this.at + 1] = LF;
    this.at += 2;
  }

  private text(text: string): void {
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

  private append(bytes: Uint8Array, start: number, end: number): void {
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
  private grow(): void {
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
  private closePiece(): void {
    if (this.lastOfSegment !== undefined) this.lastOfSegment.segment = undefined;
    this.lastOfSegment = { bytes: this.bytes, start: this.pieceStart, end: this.at, segment: this.segment };
    this.pieces.push(this.lastOfSegment);
    this.fullBytes += this.at - this.pieceStart;
    this.pieceStart = this.at;
  }

  private leaveSegment(): void {
    this.segment = NO_SEGMENT;
    this.bytes = NO_SEGMENT.bytes;
    this.view = NO_SEGMENT.view;
    this.lastOfSegment = undefined;
    this.pieceStart = 0;
    this.at = 0;
    this.limit = -1;
  }

  private aggregateHeader(kind: 'array' | 'map' | 'set', length: number): string {
    if (this.resp === 2) return `*${kind === 'map' ? length * 2 : length}\r\n`;
    return `${kind === 'map' ? '%' : kind === 'set' ? '~' : '*'}${length}\r\n`;
  }

  /** Puts `bytes` at a place in the chain; the piece there is split. */
  private insertPiece(place: OutputMark, bytes: Uint8Array): void {
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

function decimalLength(value: number): number {
  let length = value < 0 ? 2 : 1;
  for (let rest = Math.abs(value); rest >= 10; rest = Math.floor(rest / 10)) length++;
  return length;
}

/** Writes a safe integer in decimal at `at`; returns the offset after it. Up to 17 bytes. */
function writeDecimal(bytes: Uint8Array, at: number, value: number): number {
  let start = at;
  let rest = value;
  if (rest < 0) {
    bytes[start++] = 0x2d;
    rest = -rest;
  }
  let end = start + 1;
  if (rest <= 0x7fffffff) {
    for (let power = 10; power <= rest; power *= 10) end++;
    let left = rest | 0;
    for (let i = end - 1; i >= start; i--) {
      const next = (left / 10) | 0;
      bytes[i] = 0x30 + left - next * 10;
      left = next;
    }
    return end;
  }
  for (let power = 10; power <= rest; power *= 10) end++;
  for (let i = end - 1; i >= start; i--) {
    const next = Math.floor(rest / 10);
    bytes[i] = 0x30 + rest - next * 10;
    rest = next;
  }
  return end;
}
