/**
 * Propagation: turns what commands changed into the stream of requests that the backlog, replicas and the AOF take.
 *
 * What one unit of execution (a command, a transaction) propagates is gathered; at its end it goes to the sinks, as MULTI … EXEC when it is
 * more than one request, each preceded by SELECT when the database differs from the last one.
 *
 *     gathered: bytes [0, length) of `buffer`, request i ends at ends[i], ran in database dbs[i]
 */

import type { PropagationPort, PropagationSink } from '../core/ports.ts';
import { writeDecimal } from '../structures/decimal.ts';
import type { PropagatedArgs, RequestContext } from './request-context.ts';

const FIRST_BYTES = 16 * 1024;
/** A larger buffer is given up after use. */
const KEPT_BYTES = 1024 * 1024;
const MULTI = Buffer.from('*1\r\n$5\r\nMULTI\r\n', 'latin1');
const EXEC = Buffer.from('*1\r\n$4\r\nEXEC\r\n', 'latin1');

export class Propagation implements PropagationPort {
  /** Bytes that went to the sinks, without SELECT. */
  fedBytes = 0;
  private readonly sinks: PropagationSink[] = [];
  private buffer = Buffer.alloc(FIRST_BYTES);
  private length = 0;
  private ends: number[] = [];
  private dbs: number[] = [];
  /** Database that the stream stands in, -1 = must be said. */
  private streamDb = -1;
  /** Units that are open: a transaction holds one around those of its commands. */
  private depth = 0;

  /** Whether anybody takes the stream. */
  get wanted(): boolean {
    for (const sink of this.sinks) if (sink.wanted) return true;
    return false;
  }

  subscribe(sink: PropagationSink): void {
    this.sinks.push(sink);
  }

  forceSelect(): void {
    this.streamDb = -1;
  }

  propagate(dbIndex: number, args: PropagatedArgs): void {
    if (!this.wanted) return;
    this.begin();
    this.add(dbIndex, args);
    this.end();
  }

  /** Opens a unit of execution. */
  begin(): void {
    this.depth++;
  }

  /** Closes it; the outermost one sends what was gathered: as one transaction, or each request for itself where they do not belong together. */
  end(together = true): void {
    if (--this.depth === 0 && this.ends.length > 0) this.send(together);
  }

  get open(): boolean {
    return this.depth > 0;
  }

  /** Gathers a request of these arguments. */
  add(dbIndex: number, args: PropagatedArgs): void {
    let size = 16;
    for (const arg of args) size += arg.length + 16;
    this.reserve(size);
    this.header(0x2a, args.length);
    for (const arg of args) {
      this.header(0x24, arg.length);
      if (typeof arg === 'string') this.buffer.write(arg, this.length, 'latin1');
      else this.buffer.set(arg, this.length);
      this.length += arg.length;
      this.crlf();
    }
    this.ends.push(this.length);
    this.dbs.push(dbIndex);
  }

  /** Gathers the request that a context holds. Hot path when replicas are there. */
  addRequest(dbIndex: number, context: RequestContext): void {
    const { argc, bytes } = context;
    let size = 16;
    for (let i = 0; i < argc; i++) size += context.argLength(i) + 16;
    this.reserve(size);
    this.header(0x2a, argc);
    for (let i = 0; i < argc; i++) {
      const length = context.argLength(i);
      this.header(0x24, length);
      this.copy(bytes, context.argStart(i), length);
      this.crlf();
    }
    this.ends.push(this.length);
    this.dbs.push(dbIndex);
  }

  private copy(bytes: Uint8Array, from: number, length: number): void {
    if (length > 32) this.buffer.set(bytes.subarray(from, from + length), this.length);
    else for (let i = 0; i < length; i++) this.buffer[this.length + i] = bytes[from + i];
    this.length += length;
  }

  private send(together: boolean): void {
    const { buffer, ends, dbs } = this;
    // A sink may propagate something itself: that is a new unit.
    this.buffer = this.length > KEPT_BYTES ? Buffer.alloc(FIRST_BYTES) : buffer;
    const many = together && ends.length > 1;
    this.fedBytes += this.length + (many ? MULTI.length + EXEC.length : 0);
    if (many) this.feed(MULTI, 0, MULTI.length, -1);
    let from = 0;
    for (let i = 0; i < ends.length; i++) {
      this.select(dbs[i]);
      this.feed(buffer, from, ends[i], dbs[i]);
      from = ends[i];
    }
    if (many) this.feed(EXEC, 0, EXEC.length, -1);
    ends.length = 0;
    dbs.length = 0;
    this.length = 0;
  }

  private select(dbIndex: number): void {
    if (dbIndex < 0 || dbIndex === this.streamDb) return;
    this.streamDb = dbIndex;
    const digits = String(dbIndex);
    const request = Buffer.from(`*2\r\n$6\r\nSELECT\r\n$${digits.length}\r\n${digits}\r\n`, 'latin1');
    this.feed(request, 0, request.length, dbIndex);
  }

  private feed(bytes: Uint8Array, start: number, end: number, dbIndex: number): void {
    for (const sink of this.sinks) if (sink.wanted) sink.feed(bytes, start, end, dbIndex);
  }

  private reserve(size: number): void {
    if (this.length + size <= this.buffer.length) return;
    const larger = Buffer.alloc(Math.max(this.buffer.length * 2, this.length + size));
    larger.set(this.buffer.subarray(0, this.length));
    this.buffer = larger;
  }

  private header(type: number, value: number): void {
    this.buffer[this.length] = type;
    this.length = writeDecimal(this.buffer, this.length + 1, value);
    this.crlf();
  }

  private crlf(): void {
    this.buffer[this.length] = 0x0d;
    this.buffer[this.length + 1] = 0x0a;
    this.length += 2;
  }
}
