/**
 * The reply writer: RESP2 and RESP3 over an output writer. One per client.
 *
 * Hot path: headers and small integers are written byte by byte, no string is built, nothing is allocated.
 *
 * A deferred aggregate remembers where its header belongs. If its bytes are still in one segment they are moved to make room, else the
 * header becomes a piece of its own in the chain.
 */

import { copyViews } from '../memory/bytes.ts';
import { assert } from '../../lib/assert.ts';
import { decimalLength, doubleText, writeDecimal } from './number-text.ts';
import { SEGMENT_BYTES } from './output-chain.ts';
import type { OutputPool } from './output-chain.ts';
import { OutputWriter } from './output-writer.ts';
import type { OutputMark } from './output-writer.ts';
import type { Reply } from './reply.ts';

/** Up to this many bytes a deferred header moves its contents. */
const MOVE_LIMIT = 8 * 1024;

const CR = 0x0d;
const LF = 0x0a;

/** Hears of each error reply. */
export interface ErrorCounter {
  countError(text: string): void;
}

export class ReplyWriter extends OutputWriter implements Reply {
  resp: 2 | 3 = 2;
  /** Error replies so far: the dispatcher compares it before and after a command. */
  errors = 0;
  lastError = '';
  private readonly deferred: OutputMark[] = [];
  private readonly counter: ErrorCounter;

  constructor(pool: OutputPool, counter: ErrorCounter) {
    super(pool);
    this.counter = counter;
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
    const target = this.bytes;
    const after = at + length;
    if (after + 2 > SEGMENT_BYTES) {
      this.append(bytes, start, end);
      this.crlf();
      return;
    }
    target[after] = CR;
    target[after + 1] = LF;
    this.at = after + 2;
    copyViews(target, this.view, at, bytes, view, start, length);
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

  // ── Parts ──

  /** `<type><value>\r\n` for a safe integer. Hot path. */
  private header(type: number, value: number): void {
    if (this.at > this.limit) this.grow();
    const bytes = this.bytes;
    let at = this.at;
    if (value >= 0 && value < 10) {
      this.view.setInt32(at, type | ((0x30 + value) << 8) | (CR << 16) | (LF << 24), true);
      this.at = at + 4;
      return;
    }
    if (value >= 10 && value < 100) {
      const tens = (value / 10) | 0;
      this.view.setInt32(at, type | ((0x30 + tens) << 8) | ((0x30 + value - tens * 10) << 16) | (CR << 24), true);
      bytes[at + 4] = LF;
      this.at = at + 5;
      return;
    }
    bytes[at] = type;
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

  private aggregateHeader(kind: 'array' | 'map' | 'set', length: number): string {
    if (this.resp === 2) return `*${kind === 'map' ? length * 2 : length}\r\n`;
    return `${kind === 'map' ? '%' : kind === 'set' ? '~' : '*'}${length}\r\n`;
  }
}
