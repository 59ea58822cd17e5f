/**
 * Reads the primitives of the RDB format from bytes that may not all be there yet.
 *
 * Each `read…` either takes its primitive whole and gives true, or leaves the position where it was and gives false: more bytes are needed.
 * The result stands in `value`, `wide` or a `Text`. Bytes that cannot be right throw an `RdbError`: they come from outside.
 * Layouts: `rdb-output.ts`.
 */

import { writeDecimal } from '../structures/decimal.ts';
import { decompressLzf } from '../structures/lzf.ts';
import { malformed } from './rdb-format.ts';

/** No string is longer: no block of memory could hold it. */
const LONGEST_STRING = 1 << 30;
/** A back reference of three bytes gives 264: no compressed string expands to more. */
const LZF_BEST_RATIO = 264 / 3;

/** A string that was read: bytes of the input, or of a buffer of its own when it was compressed or an integer. Valid until the next read into it. */
export class Text {
  bytes: Uint8Array = EMPTY;
  start = 0;
  end = 0;
  private own: Uint8Array = new Uint8Array(32);

  get length(): number {
    return this.end - this.start;
  }

  set(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  setInteger(value: number): void {
    this.set(this.own, 0, writeDecimal(this.own, 0, value));
  }

  /** Room for `length` bytes in the own buffer, which becomes the text. Large ones are not kept for the next text. */
  room(length: number): Uint8Array {
    const buffer = length > 1 << 20 ? new Uint8Array(length) : length <= this.own.length ? this.own : new Uint8Array(length * 2);
    if (buffer.length <= 1 << 21) this.own = buffer;
    this.set(buffer, 0, length);
    return buffer;
  }

  /** latin1 */
  toString(): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.start, this.length).toString('latin1');
  }
}

export class RdbInput {
  bytes: Uint8Array = EMPTY;
  at = 0;
  end = 0;
  /** The length, byte or double that was read last. */
  value = 0;
  /** The last length was the marker of a special string (its kind in `value`). */
  private special = false;
  private view: DataView = new DataView(EMPTY.buffer);

  /** Reads from `bytes[start, end)` from here on. */
  set(bytes: Uint8Array, start: number, end: number): void {
    if (this.bytes !== bytes) this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get available(): number {
    return this.end - this.at;
  }

  readByte(): boolean {
    if (this.at >= this.end) return false;
    this.value = this.bytes[this.at++];
    return true;
  }

  /** A plain length; a special string's marker in its place is malformed. */
  readLength(): boolean {
    if (!this.readLengthOrSpecial()) return false;
    if (this.special) throw malformed('a length is expected where an encoded string stands');
    return true;
  }

  /** Signed 64-bit milliseconds (or any other little-endian integer of that size), rounded beyond 53 bits. */
  readMilliseconds(): boolean {
    if (this.available < 8) return false;
    this.value = this.view.getInt32(this.at + 4, true) * 0x100000000 + this.view.getUint32(this.at, true);
    this.at += 8;
    return true;
  }

  /** Signed 32-bit seconds. */
  readSeconds(): boolean {
    if (this.available < 4) return false;
    this.value = this.view.getInt32(this.at, true);
    this.at += 4;
    return true;
  }

  readDouble(): boolean {
    if (this.available < 8) return false;
    this.value = this.view.getFloat64(this.at, true);
    this.at += 8;
    return true;
  }

  /** The score of an old sorted set: a length byte and decimal text, or 253 nan, 254 inf, 255 -inf. */
  readAsciiDouble(): boolean {
    if (this.available < 1) return false;
    const length = this.bytes[this.at];
    if (length >= 253) {
      this.at++;
      this.value = length === 253 ? Number.NaN : length === 254 ? Infinity : -Infinity;
      return true;
    }
    if (this.available < 1 + length) return false;
    let text = '';
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.bytes[this.at + 1 + i]);
    const value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) throw malformed(`"${text}" is no score`);
    this.at += 1 + length;
    this.value = value;
    return true;
  }

  readString(text: Text): boolean {
    const begin = this.at;
    if (!this.readLengthOrSpecial()) return false;
    const whole = this.special ? this.readSpecialString(this.value, text) : this.readPlainString(this.value, text);
    if (!whole) this.at = begin;
    return whole;
  }

  private readPlainString(length: number, text: Text): boolean {
    if (length > LONGEST_STRING) throw malformed(`a string of ${length} bytes is longer than any string can be`);
    if (this.available < length) return false;
    text.set(this.bytes, this.at, this.at + length);
    this.at += length;
    return true;
  }

  private readSpecialString(kind: number, text: Text): boolean {
    switch (kind) {
      case 0:
        if (this.available < 1) return false;
        text.setInteger(this.view.getInt8(this.at));
        this.at += 1;
        return true;
      case 1:
        if (this.available < 2) return false;
        text.setInteger(this.view.getInt16(this.at, true));
        this.at += 2;
        return true;
      case 2:
        if (this.available < 4) return false;
        text.setInteger(this.view.getInt32(this.at, true));
        this.at += 4;
        return true;
      case 3:
        return this.readCompressedString(text);
      default:
        throw malformed(`unknown string encoding ${kind}`);
    }
  }

  private readCompressedString(text: Text): boolean {
    if (!this.readLength()) return false;
    const compressed = this.value;
    if (!this.readLength()) return false;
    const length = this.value;
    if (length > LONGEST_STRING || length > compressed * LZF_BEST_RATIO)
      throw malformed(`a compressed string cannot expand to ${length} bytes`);
    if (this.available < compressed) return false;
    const room = text.room(length);
    if (!decompressLzf(this.bytes, this.at, this.at + compressed, room, 0, length)) throw malformed('a compressed string is broken');
    this.at += compressed;
    return true;
  }

  private readLengthOrSpecial(): boolean {
    if (this.at >= this.end) return false;
    const first = this.bytes[this.at];
    this.special = false;
    switch (first >> 6) {
      case 0:
        this.value = first;
        this.at += 1;
        return true;
      case 1:
        if (this.available < 2) return false;
        this.value = ((first & 63) << 8) | this.bytes[this.at + 1];
        this.at += 2;
        return true;
      case 2:
        return this.readWideLength(first);
      default:
        this.special = true;
        this.value = first & 63;
        this.at += 1;
        return true;
    }
  }

  private readWideLength(first: number): boolean {
    if (first === 0x80) {
      if (this.available < 5) return false;
      this.value = this.view.getUint32(this.at + 1);
      this.at += 5;
      return true;
    }
    if (first !== 0x81) throw malformed(`unknown length encoding ${first}`);
    if (this.available < 9) return false;
    this.value = this.view.getUint32(this.at + 1) * 0x100000000 + this.view.getUint32(this.at + 5);
    this.at += 9;
    return true;
  }
}

const EMPTY = new Uint8Array(0);
