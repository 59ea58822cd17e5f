/**
 * The request reader: bytes of a client → an argument table. Pure: all that it remembers between two calls is in the `ReadState` that it is given.
 *
 * A request is a RESP array of bulk strings, or an inline command: a line that does not begin with `*`. Offsets are absolute in the buffer.
 * `state.position` is the next byte to read; the bytes before `state.requestStart` belong to whole requests. A request that is not whole yet
 * leaves its first arguments in the table and its place in the state: with more bytes (the same offsets, maybe in a larger buffer) the next
 * call goes on from there, so that a request of many or huge arguments is read once and not once a packet.
 *
 * Error texts and limits: Valkey's networking.c (parseMultibulk, parseInlineBuffer).
 */

import type { ArgumentTable } from './argument-table.ts';
import { readInteger } from './number-text.ts';
import { splitArguments } from './inline.ts';

/** The longest line: an inline request, or the decimal digits of a length. */
export const MAX_LINE_BYTES = 64 * 1024;
const MAX_ARGUMENTS = 2147483647;
const UNAUTHENTICATED_ARGUMENTS = 10;
const PLAIN_ARGUMENTS = 9;
const UNAUTHENTICATED_BULK_BYTES = 16384;
/** Bytes as little-endian numbers: all but the second of `*?\r\n` and `$?\r\n`, and what they must be; `\r\n`. */
const DIGIT_LINE = 0xffff00ff;
const ARRAY_OF_DIGIT = 0x0a0d002a;
const BULK_OF_DIGIT = 0x0a0d0024;
const LINE_END = 0x0a0d;

export interface ReadLimits {
  /** proto-max-bulk-len */
  readonly maxBulkBytes: number;
  /** False: the narrow limits of a client that has not given its password, and one request at a time. */
  readonly authenticated: boolean;
  /** Requests in one batch. */
  readonly maxRequests: number;
}

/** Where reading stands in a buffer. */
export class ReadState {
  position = 0;
  /** First byte of the request that is being read: everything before it is done. */
  requestStart = 0;
  /** Arguments of this request that are still to come; 0 = between two requests. */
  argumentsLeft = 0;
  /** Index in the table of its first argument. */
  firstArgument = 0;
  /** Length of the argument whose bytes are awaited, -1 = its length is still to be read. */
  bulkLength = -1;
  /** The rest of "Protocol error: …", '' = none. */
  error = '';

  begin(at: number): void {
    this.position = at;
    this.requestStart = at;
    this.argumentsLeft = 0;
    this.firstArgument = 0;
    this.bulkLength = -1;
    this.error = '';
  }

  /** How many bytes the buffer must hold, counted from its beginning, before it makes sense to read on. */
  get neededEnd(): number {
    if (this.argumentsLeft === 0) return this.position + 1;
    return this.bulkLength < 0 ? this.position + 4 : this.position + this.bulkLength + 2;
  }
}

/**
 * Reads requests from `table.bytes[state.position, end)` until the bytes or `limits.maxRequests` run out; closes each whole request in the table.
 * An inline command gets bytes of its own (its quotes are resolved), so it is always alone in its batch.
 */
export function readRequests(state: ReadState, table: ArgumentTable, end: number, limits: ReadLimits): void {
  const bytes = table.bytes;
  const most = limits.authenticated ? limits.maxRequests : 1;
  while (table.requests < most && state.position < end) {
    if (state.argumentsLeft === 0) {
      readPlainRequests(state, table, end, most);
      if (table.requests >= most || state.position >= end) return;
      if (bytes[state.position] !== 0x2a) {
        if (table.requests > 0 || !readInline(state, table, end)) return;
        continue;
      }
      if (!readArgumentCount(state, table, end, limits)) return;
      if (state.argumentsLeft === 0) continue;
    }
    if (!readArguments(state, table, end, limits)) return;
    table.close(state.firstArgument, state.position - state.requestStart);
    state.requestStart = state.position;
  }
}

/**
 * Hot path: whole requests of up to PLAIN_ARGUMENTS arguments, each shorter than 10000 bytes. Stops before the first that is anything else. Four bytes
 * are looked at at once: `*2\r\n`, `$3\r\n`, `$16\r`.
 */
function readPlainRequests(state: ReadState, table: ArgumentTable, stop: number, most: number): void {
  const { bytes, view } = table;
  let from = state.position;
  while (table.requests < most && from + 4 <= stop) {
    const opening = view.getInt32(from, true);
    const count = ((opening >>> 8) & 0xff) - 0x30;
    if ((opening & DIGIT_LINE) !== ARRAY_OF_DIGIT || count < 1 || count > PLAIN_ARGUMENTS) break;
    table.reserve(count);
    const { start, end } = table;
    const first = table.arguments;
    let argument = first;
    let at = from + 4;
    while (argument < first + count) {
      if (at + 6 > stop) break;
      const head = view.getInt32(at, true);
      let length = ((head >>> 8) & 0xff) - 0x30;
      if (length < 0 || length > 9) break;
      if ((head & DIGIT_LINE) === BULK_OF_DIGIT) at += 4;
      else {
        // No zero in front of other digits.
        if ((head & 0xff) !== 0x24 || length === 0) break;
        at += 2;
        for (let digit = bytes[at] - 0x30; digit >= 0 && digit <= 9 && length < 1000; digit = bytes[at] - 0x30) {
          length = length * 10 + digit;
          at++;
        }
        if (at + 2 > stop || view.getUint16(at, true) !== LINE_END) break;
        at += 2;
      }
      const to = at + length;
      if (to + 2 > stop || view.getUint16(to, true) !== LINE_END) break;
      start[argument] = at;
      end[argument++] = to;
      at = to + 2;
    }
    if (argument < first + count) break;
    table.arguments = argument;
    table.close(first, at - from);
    from = at;
  }
  state.position = from;
  state.requestStart = from;
}

/** `*<n>\r\n`. False: not whole, or an error. A count of 0 or less is a request of nothing. */
function readArgumentCount(state: ReadState, table: ArgumentTable, end: number, limits: ReadLimits): boolean {
  const line = findLine(state, table.bytes, end, 'too big mbulk count string');
  if (line < 0) return false;
  const count = readInteger(table.bytes, state.position + 1, line);
  if (Number.isNaN(count) || count > MAX_ARGUMENTS) return fail(state, 'invalid multibulk length');
  if (count > UNAUTHENTICATED_ARGUMENTS && !limits.authenticated) return fail(state, 'unauthenticated multibulk length');
  state.position = line + 2;
  if (count <= 0) state.requestStart = state.position;
  else {
    state.argumentsLeft = count;
    state.firstArgument = table.arguments;
    state.bulkLength = -1;
  }
  return true;
}

/** The bulk strings of a request. Hot path. False: not whole, or an error. */
function readArguments(state: ReadState, table: ArgumentTable, end: number, limits: ReadLimits): boolean {
  const bytes = table.bytes;
  let left = state.argumentsLeft;
  let position = state.position;
  let length = state.bulkLength;
  while (left > 0) {
    if (length < 0) {
      // The usual case: '$', one to four digits, CR LF, all there.
      let digitAt = position + 1;
      let digit = bytes[digitAt] - 0x30;
      let value = digit;
      if (digit > 0 && digit <= 9 && position + 7 < end && bytes[position] === 0x24) {
        digit = bytes[++digitAt] - 0x30;
        while (digit >= 0 && digit <= 9 && digitAt < position + 5) {
          value = value * 10 + digit;
          digit = bytes[++digitAt] - 0x30;
        }
      }
      if (digitAt > position + 1 && bytes[digitAt] === 0x0d && bytes[digitAt + 1] === 0x0a && value <= UNAUTHENTICATED_BULK_BYTES) {
        length = value;
        position = digitAt + 2;
      } else {
        state.position = position;
        state.argumentsLeft = left;
        state.bulkLength = -1;
        if (!readBulkLength(state, bytes, end, limits)) return false;
        length = state.bulkLength;
        position = state.position;
      }
    }
    const argumentEnd = position + length;
    if (argumentEnd + 2 > end) {
      state.position = position;
      state.argumentsLeft = left;
      state.bulkLength = length;
      return false;
    }
    if (bytes[argumentEnd] !== 0x0d || bytes[argumentEnd + 1] !== 0x0a) {
      state.position = position;
      return fail(state, 'invalid CRLF in request');
    }
    table.push(position, argumentEnd);
    position = argumentEnd + 2;
    length = -1;
    left--;
  }
  state.position = position;
  state.argumentsLeft = 0;
  state.bulkLength = -1;
  return true;
}

/** `$<n>\r\n` in every form; leaves the length in the state. */
function readBulkLength(state: ReadState, bytes: Uint8Array, end: number, limits: ReadLimits): boolean {
  const line = findLine(state, bytes, end, 'too big bulk count string');
  if (line < 0) return false;
  if (bytes[state.position] !== 0x24) return fail(state, `expected '$', got '${String.fromCharCode(bytes[state.position])}'`);
  const length = readInteger(bytes, state.position + 1, line);
  if (Number.isNaN(length) || length < 0 || length > limits.maxBulkBytes) return fail(state, 'invalid bulk length');
  if (length > UNAUTHENTICATED_BULK_BYTES && !limits.authenticated) return fail(state, 'unauthenticated bulk length');
  state.bulkLength = length;
  state.position = line + 2;
  return true;
}

/** Offset of the CR that ends the line at `state.position`; -1 when the line is not whole or wrong. */
function findLine(state: ReadState, bytes: Uint8Array, end: number, tooLong: string): number {
  let at = state.position;
  const bound = Math.min(end, at + MAX_LINE_BYTES + 2);
  while (at < bound && bytes[at] !== 0x0d) at++;
  if (at >= bound) {
    if (end - state.position > MAX_LINE_BYTES) fail(state, tooLong);
    return -1;
  }
  if (at + 1 >= end) return -1;
  // What stands in the place of '$' is reported before a CR that no LF follows.
  const misplaced = state.argumentsLeft > 0 && bytes[state.position] !== 0x24;
  if (bytes[at + 1] !== 0x0a && !misplaced) {
    fail(state, 'invalid CRLF in request');
    return -1;
  }
  return at;
}

/** A line that is no RESP array. An empty one is skipped. False: not whole, an error, or a request was read (it stays alone). */
function readInline(state: ReadState, table: ArgumentTable, end: number): boolean {
  const bytes = table.bytes;
  const start = state.position;
  const bound = Math.min(end, start + MAX_LINE_BYTES + 2);
  let feed = start;
  while (feed < bound && bytes[feed] !== 0x0a) feed++;
  if (feed >= bound) return end - start > MAX_LINE_BYTES ? fail(state, 'too big inline request') : false;
  const lineEnd = feed > start && bytes[feed - 1] === 0x0d ? feed - 1 : feed;
  const words = splitArguments(Buffer.from(bytes.buffer, bytes.byteOffset + start, lineEnd - start).toString('latin1'));
  if (words === undefined) return fail(state, 'unbalanced quotes in request');
  state.position = feed + 1;
  state.requestStart = state.position;
  if (words.length === 0) return true;
  const own = new Uint8Array(Buffer.from(words.join(''), 'latin1'));
  table.reset(own, new DataView(own.buffer, own.byteOffset, own.byteLength));
  let at = 0;
  for (const word of words) {
    table.push(at, at + word.length);
    at += word.length;
  }
  table.close(0, feed + 1 - start);
  return false;
}

function fail(state: ReadState, error: string): false {
  state.error = error;
  return false;
}
