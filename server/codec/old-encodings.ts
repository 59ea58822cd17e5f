/**
 * Reads the compact encodings that files of older versions hold: ziplist and zipmap. They are never written.
 *
 *     ziplist   u32 bytes, u32 tail offset, u16 count, entries, 0xff
 *     entry     prevlen (1 byte < 254, or 0xfe + u32 LE), encoding, data
 *               00pppppp string · 01pppppp qqqqqqqq string (14 bits) · 10000000 u32 BE string
 *               c0 int16 · d0 int32 · e0 int64 · f0 int24 · fe int8 (LE) · f1..fd the value 0..12
 *     zipmap    count byte (254 = unknown), (length, field, length, free byte, value, free bytes)*, 0xff; length byte 254 = u32 LE follows
 *
 * The bytes come from outside: each length is checked before it is used, and what is wrong throws.
 * Source: Valkey's ziplist.c and zipmap.c.
 */

import { malformed, type RdbError } from './rdb-format.ts';
import type { Text } from './rdb-input.ts';

const ZIPLIST_HEADER = 10;
const END = 0xff;

/** One after the other the entries of a ziplist. */
export class ZiplistReader {
  private bytes: Uint8Array = EMPTY;
  private view: DataView = new DataView(EMPTY.buffer);
  private at = 0;
  private last = 0;
  private previous = 0;
  private left = 0;
  private counted = false;

  /** Checks the header of `bytes[start, end)` and stands before the first entry. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (end - start < ZIPLIST_HEADER + 1 || this.view.getUint32(start, true) !== end - start || bytes[end - 1] !== END) {
      throw malformed('a ziplist has a wrong header');
    }
    this.at = start + ZIPLIST_HEADER;
    this.last = end - 1;
    this.previous = 0;
    this.left = this.view.getUint16(start + 8, true);
    this.counted = this.left !== 0xffff;
  }

  /** Reads the next entry; false after the last one. */
  next(text: Text): boolean {
    if (this.at === this.last) {
      if (this.counted && this.left !== 0) throw malformed('a ziplist has fewer entries than it says');
      return false;
    }
    if (this.counted && this.left-- === 0) throw malformed('a ziplist has more entries than it says');
    const begin = this.at;
    this.skipPreviousLength();
    this.readEntry(text);
    this.previous = this.at - begin;
    return true;
  }

  private skipPreviousLength(): void {
    this.need(1);
    const short = this.bytes[this.at] < 254;
    this.need(short ? 1 : 5);
    const previous = short ? this.bytes[this.at] : this.view.getUint32(this.at + 1, true);
    if (previous !== this.previous) throw malformed('a ziplist entry has a wrong back link');
    this.at += short ? 1 : 5;
  }

  private readEntry(text: Text): void {
    this.need(1);
    const byte = this.bytes[this.at];
    if (byte < 0x40) return this.readText(text, 1, byte);
    if (byte < 0x80) {
      this.need(2);
      return this.readText(text, 2, ((byte & 0x3f) << 8) | this.bytes[this.at + 1]);
    }
    if (byte === 0x80) {
      this.need(5);
      return this.readText(text, 5, this.view.getUint32(this.at + 1));
    }
    this.readInteger(text, byte);
  }

  private readText(text: Text, header: number, length: number): void {
    this.need(header + length);
    text.set(this.bytes, this.at + header, this.at + header + length);
    this.at += header + length;
  }

  private readInteger(text: Text, byte: number): void {
    const size = byte === 0xc0 ? 2 : byte === 0xd0 ? 4 : byte === 0xe0 ? 8 : byte === 0xf0 ? 3 : byte === 0xfe ? 1 : 0;
    if (size === 0 && (byte < 0xf1 || byte > 0xfd)) throw malformed('a ziplist entry has an unknown encoding');
    this.need(1 + size);
    const at = this.at + 1;
    this.at = at + size;
    switch (size) {
      case 0:
        return text.setInteger(byte - 0xf1);
      case 1:
        return text.setInteger(this.view.getInt8(at));
      case 2:
        return text.setInteger(this.view.getInt16(at, true));
      case 3:
        return text.setInteger((this.view.getInt8(at + 2) << 16) | this.view.getUint16(at, true));
      case 4:
        return text.setInteger(this.view.getInt32(at, true));
      case 8: {
        const digits = this.view.getBigInt64(at, true).toString();
        const room = text.room(digits.length);
        for (let i = 0; i < digits.length; i++) room[i] = digits.charCodeAt(i);
      }
    }
  }

  private need(count: number): void {
    if (this.at + count > this.last) throw malformed('a ziplist entry reaches beyond the end');
  }
}

/** Calls `visit` for each field and value of the zipmap in `bytes[start, end)`; its own ranges are field, then value. */
export function readZipmap(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (fieldStart: number, fieldEnd: number, valueStart: number, valueEnd: number) => void,
): void {
  if (end - start < 2 || bytes[end - 1] !== END) throw malformed('a zipmap has no end');
  const last = end - 1;
  let at = start + 1;
  let count = 0;
  while (bytes[at] !== END) {
    const field = zipmapLength(bytes, at, last);
    const fieldStart = at + field.size;
    const fieldEnd = fieldStart + field.length;
    if (fieldEnd >= last) throw zipmapOverrun();
    const value = zipmapLength(bytes, fieldEnd, last);
    const freeAt = fieldEnd + value.size;
    if (freeAt >= last) throw zipmapOverrun();
    const valueEnd = freeAt + 1 + value.length;
    at = valueEnd + bytes[freeAt];
    if (at > last) throw zipmapOverrun();
    visit(fieldStart, fieldEnd, freeAt + 1, valueEnd);
    count++;
  }
  if (at !== last || (bytes[start] < 254 && bytes[start] !== count)) throw malformed('a zipmap has another number of fields than it says');
}

function zipmapLength(bytes: Uint8Array, at: number, last: number): { readonly length: number; readonly size: number } {
  if (at >= last) throw zipmapOverrun();
  if (bytes[at] < 254) return { length: bytes[at], size: 1 };
  if (bytes[at] !== 254 || at + 5 > last) throw zipmapOverrun();
  const length = bytes[at + 1] + bytes[at + 2] * 0x100 + bytes[at + 3] * 0x10000 + bytes[at + 4] * 0x1000000;
  return { length, size: 5 };
}

function zipmapOverrun(): RdbError {
  return malformed('a zipmap entry reaches beyond the end');
}

const EMPTY = new Uint8Array(0);
