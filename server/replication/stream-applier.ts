/**
 * Applies the primary's stream: bytes in, requests executed, and the same bytes added to this node's own stream.
 *
 * The offset moves only past whole requests, and past a transaction only as a whole: a link that breaks inside MULTI … EXEC is taken up
 * before its MULTI. Until EXEC the bytes of a transaction wait in `uncommitted`.
 *
 * A request that is not whole stays in the buffer. A small one is simply read again with more bytes; a large one is gone on with, so that
 * no byte of it is looked at twice (see `ReadState`).
 */

import type { ExecutionPort } from '../core/ports.ts';
import type { Session } from '../core/session.ts';
import { ArgumentTable } from '../protocol/argument-table.ts';
import { type ReadLimits, readRequests, ReadState } from '../protocol/request-reader.ts';

const REREAD_LIMIT = 64 * 1024;
const LIMITS: ReadLimits = { maxBulkBytes: 2 ** 31 - 1, authenticated: true, maxRequests: 512 };

export interface ApplierParts {
  readonly execution: ExecutionPort;
  /** Takes bytes of the stream that are applied now. */
  readonly applied: (bytes: Uint8Array, start: number, end: number) => void;
  /** A command of the stream was answered with an error: the data may differ from the primary's from here on. */
  readonly failed: (command: string, error: string) => void;
}

export class StreamApplier {
  /** In whose name the requests run; another one only between two requests, while nothing waits here. */
  session: Session;
  private readonly parts: ApplierParts;
  private readonly table = new ArgumentTable();
  private readonly state = new ReadState();
  private buffer = new Uint8Array(REREAD_LIMIT);
  private view = new DataView(this.buffer.buffer);
  private length = 0;
  private uncommitted = new Uint8Array(0);
  private uncommittedLength = 0;
  /** Why the stream cannot be followed any further, '' = it can. Following it without this command would lose data in silence. */
  private unknown = '';

  constructor(session: Session, parts: ApplierParts) {
    this.session = session;
    this.parts = parts;
  }

  /** Forgets what is not applied: the link broke, or another stream begins. */
  reset(): void {
    this.length = 0;
    this.uncommittedLength = 0;
    this.unknown = '';
    this.state.begin(0);
    this.session.transaction = undefined;
    if (this.buffer.length > 1 << 20) this.setBuffer(new Uint8Array(REREAD_LIMIT));
  }

  /** Applies what is whole of the stream with `bytes[start, end)` added. An error text when the bytes are no requests: the link must be closed. */
  push(bytes: Uint8Array, start: number, end: number): string | undefined {
    this.append(bytes, start, end);
    const { state, table } = this;
    for (;;) {
      if (state.argumentsLeft === 0) {
        table.reset(this.buffer, this.view);
        state.begin(this.takeUp());
      } else {
        table.bytes = this.buffer;
        table.view = this.view;
        table.requests = 0;
      }
      readRequests(state, table, this.length, LIMITS);
      const ended = this.runBatch();
      if (this.unknown !== '') return this.unknown;
      if (state.error !== '') return state.error;
      if (table.requests === 0 || state.requestStart === this.length) return undefined;
      if (!ended) return undefined;
    }
  }

  /** Moves what is not read yet to the front; where it begins. */
  private takeUp(): number {
    const from = this.state.requestStart;
    if (from > 0) {
      this.buffer.copyWithin(0, from, this.length);
      this.length -= from;
    }
    return 0;
  }

  /** Runs the requests in the table. False: the last one is not whole, and nothing more can be read now. */
  private runBatch(): boolean {
    const { table, state } = this;
    for (let r = 0; r < table.requests && this.unknown === ''; r++) this.runRequest(r);
    if (state.argumentsLeft === 0) return true;
    if (this.length - state.requestStart <= REREAD_LIMIT) state.argumentsLeft = 0;
    return false;
  }

  private runRequest(r: number): void {
    const { table, session, parts } = this;
    const first = table.first[r];
    const argc = table.count[r];
    const error = parts.execution.apply(session, table.bytes, table.start, table.end, first, argc);
    if (error !== undefined) {
      const command = Buffer.from(table.bytes.subarray(table.start[first], table.end[first])).toString('latin1');
      if (error.startsWith('ERR unknown ')) {
        this.unknown = `the primary sends the command '${command}', which this server does not have`;
        return;
      }
      parts.failed(command, error);
    }
    const inline = table.bytes !== this.buffer;
    const end = inline ? this.state.requestStart : table.end[first + argc - 1] + 2;
    this.commit(end - table.wireBytes[r], end);
  }

  private commit(start: number, end: number): void {
    if (this.session.transaction !== undefined) return this.holdBack(start, end);
    if (this.uncommittedLength > 0) {
      this.parts.applied(this.uncommitted, 0, this.uncommittedLength);
      this.uncommittedLength = 0;
    }
    this.parts.applied(this.buffer, start, end);
  }

  private holdBack(start: number, end: number): void {
    const length = this.uncommittedLength + (end - start);
    if (length > this.uncommitted.length) {
      const larger = new Uint8Array(length * 2);
      larger.set(this.uncommitted.subarray(0, this.uncommittedLength));
      this.uncommitted = larger;
    }
    this.uncommitted.set(this.buffer.subarray(start, end), this.uncommittedLength);
    this.uncommittedLength = length;
  }

  private append(bytes: Uint8Array, start: number, end: number): void {
    const length = this.length + (end - start);
    if (length > this.buffer.length) {
      const larger = new Uint8Array(length * 2);
      larger.set(this.buffer.subarray(0, this.length));
      this.setBuffer(larger);
    }
    this.buffer.set(bytes.subarray(start, end), this.length);
    this.length = length;
  }

  private setBuffer(buffer: Uint8Array<ArrayBuffer>): void {
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer);
  }
}
