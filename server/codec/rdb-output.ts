/**
 * Writes the primitives of the RDB format into a buffer that its owner empties.
 *
 *     length   00xxxxxx | 01xxxxxx yyyyyyyy | 10000000 u32 BE | 10000001 u64 BE
 *     string   length bytes | 11000000 int8 | 11000001 int16 LE | 11000010 int32 LE | 11000011 clen len LZF
 *
 * `length` says how much stands in `bytes`; the owner takes it and calls `clear`.
 * Source: Valkey's rdb.c (rdbSaveLen, rdbSaveRawString).
 */

import { parseDecimal } from '../structures/decimal.ts';
import { LzfCompressor } from '../structures/lzf.ts';

/** Strings up to this length are not worth compressing. */
const SMALLEST_COMPRESSED = 20;
/** A buffer that grew beyond this is given back when it is emptied. */
const LARGEST_KEPT = 4 * 1024 * 1024;
/** Longer ones would take too much of a time slice. */
const LARGEST_COMPRESSED = 256 * 1024;

export class RdbOutput {
  bytes: Uint8Array;
  length = 0;
  private view: DataView;
  private readonly compressor: LzfCompressor | undefined;

  constructor(options: { readonly capacity: number; readonly compress: boolean }) {
    const buffer = new ArrayBuffer(options.capacity);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.compressor = options.compress ? new LzfCompressor() : undefined;
  }

  clear(): void {
    this.length = 0;
    if (this.bytes.length <= LARGEST_KEPT) return;
    const buffer = new ArrayBuffer(LARGEST_KEPT);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** A length or count, up to 2^53. */
  lengthValue(value: number): void {
    this.reserve(9);
    if (value < 64) this.bytes[this.length++] = value;
    else if (value < 16384) {
      this.bytes[this.length++] = 0x40 | (value >> 8);
      this.bytes[this.length++] = value;
    } else if (value <= 0xffffffff) {
      this.bytes[this.length] = 0x80;
      this.view.setUint32(this.length + 1, value);
      this.length += 5;
    } else {
      this.bytes[this.length] = 0x81;
      this.view.setUint32(this.length + 1, Math.floor(value / 0x100000000));
      this.view.setUint32(this.length + 5, value >>> 0);
      this.length += 9;
    }
  }

  /** Eight bytes, little endian, signed: milliseconds. */
  milliseconds(value: number): void {
    this.reserve(8);
    this.view.setUint32(this.length, value >>> 0, true);
    this.view.setInt32(this.length + 4, Math.floor(value / 0x100000000), true);
    this.length += 8;
  }

  double(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** A string in its shortest form: integer, compressed, or plain. */
  string(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length <= 11) {
      const integer = parseDecimal(source, start, end);
      if (integer >= -0x80000000 && integer <= 0x7fffffff) return this.integerString(integer);
    }
    if (this.compressor !== undefined && length > SMALLEST_COMPRESSED && length <= LARGEST_COMPRESSED) {
      if (this.compressedString(source, start, end)) return;
    }
    this.lengthValue(length);
    this.raw(source, start, end);
  }

  /** A safe integer as a string: in binary when it fits in 32 bits, else its decimal text. */
  integerString(value: number): void {
    this.reserve(5);
    if (value >= -128 && value <= 127) {
      this.bytes[this.length] = 0xc0;
      this.view.setInt8(this.length + 1, value);
      this.length += 2;
    } else if (value >= -32768 && value <= 32767) {
      this.bytes[this.length] = 0xc1;
      this.view.setInt16(this.length + 1, value, true);
      this.length += 3;
    } else if (value >= -0x80000000 && value <= 0x7fffffff) {
      this.bytes[this.length] = 0xc2;
      this.view.setInt32(this.length + 1, value, true);
      this.length += 5;
    } else this.text(String(value));
  }

  /** latin1 text, never as an integer nor compressed. */
  text(text: string): void {
    this.lengthValue(text.length);
    this.ascii(text);
  }

  /** latin1 text without a length. */
  ascii(text: string): void {
    this.reserve(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i);
  }

  /** Bytes without a length. */
  raw(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.reserve(length);
    if (length < 64) for (let i = 0; i < length; i++) this.bytes[this.length + i] = source[start + i];
    else this.bytes.set(source.subarray(start, end), this.length);
    this.length += length;
  }

  private compressedString(source: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    // 1 + 5 + 5 bytes of header at most; the compressed bytes move down to where the header really ends.
    this.reserve(length + 16);
    const at = this.length;
    const compressed = (this.compressor as LzfCompressor).compress(source, start, end, this.bytes, at + 11, length - 4);
    if (compressed === 0) return false;
    this.bytes[this.length++] = 0xc3;
    this.lengthValue(compressed);
    this.lengthValue(length);
    this.bytes.copyWithin(this.length, at + 11, at + 11 + compressed);
    this.length += compressed;
    return true;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const buffer = new ArrayBuffer(Math.max(this.bytes.length * 2, this.length + count));
    const larger = new Uint8Array(buffer);
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
    this.view = new DataView(buffer);
  }
}
