/**
 * Writes requests (RESP arrays of bulk strings) into a buffer that its owner empties: `length` says how much stands in `bytes`.
 */

import { decimalDigits, writeDecimal } from '../structures/decimal.ts';

/** A buffer that grew beyond this is given back when it is emptied. */
const LARGEST_KEPT = 4 * 1024 * 1024;
/** Type byte, up to 16 digits, CRLF. */
const HEADER_BYTES = 19;

export class RequestOutput {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  clear(): void {
    this.length = 0;
    if (this.bytes.length > LARGEST_KEPT) this.bytes = new Uint8Array(LARGEST_KEPT);
  }

  /** A whole request of latin1 words. */
  request(words: readonly string[]): void {
    this.begin(words.length);
    for (const word of words) this.text(word);
  }

  /** Begins a request of `count` arguments. */
  begin(count: number): void {
    this.header(0x2a, count);
  }

  bulk(source: Uint8Array, start: number, end: number): void {
    this.bulkHeader(end - start);
    this.raw(source, start, end);
    this.endBulk();
  }

  /** latin1 */
  text(text: string): void {
    this.bulkHeader(text.length);
    this.reserve(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i);
    this.endBulk();
  }

  /** A safe integer. */
  integer(value: number): void {
    this.bulkHeader(value < 0 ? decimalDigits(-value) + 1 : decimalDigits(value));
    this.reserve(HEADER_BYTES);
    this.length = writeDecimal(this.bytes, this.length, value);
    this.endBulk();
  }

  /** An argument in pieces: `bulkHeader`, then `raw` until `length` bytes are there, then `endBulk`. */
  bulkHeader(length: number): void {
    this.header(0x24, length);
  }

  raw(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.reserve(length);
    if (length < 64) for (let i = 0; i < length; i++) this.bytes[this.length + i] = source[start + i];
    else this.bytes.set(source.subarray(start, end), this.length);
    this.length += length;
  }

  endBulk(): void {
    this.reserve(2);
    this.bytes[this.length++] = 0x0d;
    this.bytes[this.length++] = 0x0a;
  }

  private header(type: number, value: number): void {
    this.reserve(HEADER_BYTES);
    this.bytes[this.length] = type;
    this.length = writeDecimal(this.bytes, this.length + 1, value);
    this.endBulk();
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
