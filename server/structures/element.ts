/**
 * One element of a collection as it is read: always bytes, `bytes[start, end)`.
 *
 * Compact encodings keep integers in binary; an Element turns them into their decimal text in a small buffer of its own, so that
 * whoever reads (a reply, a comparison, the RDB writer) sees one form. Reused from element to element: valid until the next read
 * into it, and until the arena changes.
 */

import { writeDecimal } from './decimal.ts';

export class Element {
  bytes: Uint8Array;
  start = 0;
  end = 0;
  private readonly text = new Uint8Array(24);

  constructor() {
    this.bytes = this.text;
  }

  get length(): number {
    return this.end - this.start;
  }

  setBytes(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** A safe integer. */
  setInteger(value: number): void {
    this.bytes = this.text;
    this.start = 0;
    this.end = writeDecimal(this.text, 0, value);
  }

  /** A 64-bit integer given as its two halves; the high one is signed. */
  setLong(high: number, low: number): void {
    if (high >= -0x200000 && high < 0x200000) return this.setInteger(high * 0x100000000 + (low >>> 0));
    this.setText(((BigInt(high) << 32n) | BigInt(low >>> 0)).toString());
  }

  /** latin1 text of at most 24 characters. */
  setText(text: string): void {
    this.bytes = this.text;
    this.start = 0;
    this.end = text.length;
    for (let i = 0; i < text.length; i++) this.text[i] = text.charCodeAt(i);
  }

  /** A copy that may be kept. */
  copy(): Uint8Array {
    return this.bytes.slice(this.start, this.end);
  }

  /** latin1 */
  toString(): string {
    let text = '';
    for (let i = this.start; i < this.end; i++) text += String.fromCharCode(this.bytes[i]);
    return text;
  }
}
