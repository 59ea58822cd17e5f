/**
 * A connection: bytes in, batches to the engine, replies out. The transport of one client (`core/session.ts`).
 *
 * A read fills the buffer that all connections share. Its requests run at once, and what they answered goes out in one write, a pipeline's with those
 * of other clients: one read and one write per connection and loop turn. What is left of an unfinished request moves into memory of the connection's
 * own. Replies that come out of turn (an acknowledgement that WAIT waited for, the replication feed) go out at the end of the loop turn.
 *
 * Backpressure. While more than `HIGH_WATER` bytes wait for a slow reader no further request runs, so a client cannot make the server
 * hold more; its input is read on up to client-query-buffer-limit, because many clients write a whole pipeline before they read.
 */

import type { Transport } from '../core/session.ts';
import type { ClientSession } from '../engine/client-session.ts';
import type { ArgumentTable } from '../protocol/argument-table.ts';
import type { Piece } from '../protocol/output-chain.ts';
import { readRequests } from '../protocol/request-reader.ts';
import type { ReadState } from '../protocol/request-reader.ts';
import { openChannel } from './channel.ts';
import type { Channel, ChannelEvents } from './channel.ts';
import type { ConnectionHost } from './connection-host.ts';
import { limitFor } from './output-limits.ts';
import { PendingInput } from './pending-input.ts';
import type net from 'node:net';

const HIGH_WATER = 32 * 1024 * 1024;
const LOW_WATER = 8 * 1024 * 1024;
/** Batches that one connection runs in one go before others have their turn. */
const BATCHES_PER_TURN = 32;
/** From this many requests of one read on, the replies are sent at the end of the loop turn, with those of the other clients. */
const LATER_FROM_REQUESTS = 4;
/** Up to this many bytes that the system did not take at once are copied, so that the segment is free again. */
const COPY_LIMIT = 8 * 1024;
/** How long a peer may take to close after we did. */
const LINGER_MS = 1000;
const MOST_PIECES = 64;

interface Receipt {
  readonly at: number;
  readonly action: () => void;
}

export class Connection implements Transport, ChannelEvents {
  readonly session: ClientSession;
  readonly isUnixSocket: boolean;
  private readonly host: ConnectionHost;
  private readonly channel: Channel;
  private input: PendingInput | undefined;
  /** Pieces that the system has not taken; the first `writing` of them are on their way. */
  private outgoing: Piece[] = [];
  private writing = 0;
  private outgoingBytes = 0;
  private writtenBytes = 0;
  private receipts: Receipt[] = [];
  /** Why requests wait: a handler or a pause said so, or replies pile up. */
  private heldByHandler = false;
  private heldByOutput = false;
  private running = false;
  private runScheduled = false;
  private flushScheduled = false;
  /** Requests of the first batch of the last read. */
  private lastRun = 0;
  private open = true;
  private closeWhenWritten = false;
  private softLimitSince = 0;
  private sink: ((bytes: Uint8Array) => void) | undefined;
  private onSinkClose: (() => void) | undefined;

  constructor(host: ConnectionHost, socket: net.Socket, isUnixSocket: boolean) {
    this.host = host;
    this.isUnixSocket = isUnixSocket;
    this.channel = openChannel(socket, host.shared, this, host.binding);
    if (!isUnixSocket) this.channel.setKeepAlive(host.keepAliveSeconds());
    this.session = host.clients.open(this, host.ports.auth.open);
    this.session.reply.onBegin = () => this.repliesBegin();
  }

  get remoteAddress(): string {
    return this.isUnixSocket ? `${this.host.unixPath}:0` : this.channel.remoteAddress;
  }

  get localAddress(): string {
    return this.isUnixSocket ? `${this.host.unixPath}:0` : this.channel.localAddress;
  }

  get fileDescriptor(): number {
    return this.channel.fileDescriptor;
  }

  get pendingOutputBytes(): number {
    return this.outgoingBytes + this.session.reply.length;
  }

  get inputBufferBytes(): number {
    return this.input?.capacity ?? 0;
  }

  // ── Input ──

  read(length: number): boolean {
    const { host, session } = this;
    if (!this.open) return false;
    session.netInputBytes += length;
    host.ports.stats.counters.netInputBytes += length;
    host.ports.stats.counters.readsProcessed++;
    if (this.sink !== undefined) this.sink(host.shared.subarray(0, length));
    else if (session.closing) return true;
    else if (this.input === undefined && !session.held) this.runShared(length);
    else this.runPending(length);
    return this.open;
  }

  /** The usual case: the requests stand in the shared buffer. */
  private runShared(length: number): void {
    const { host } = this;
    const rest = this.runRequests(host.sharedBytes, host.sharedView, host.readState, host.table, 0, length);
    if (rest < length && this.open && !this.session.closing) {
      this.input = new PendingInput(length - rest);
      this.input.append(host.sharedBytes, rest, length);
      this.input.restart(0);
    }
    // Each write wakes up its client: many replies of many clients are handed over together, one or two at once.
    if (this.lastRun < LATER_FROM_REQUESTS) return this.flush();
    this.flushLater();
    host.flushIfMany();
  }

  private runPending(length: number): void {
    this.input ??= new PendingInput(length);
    this.input.append(this.host.sharedBytes, 0, length);
    const limit = this.session.authenticated || this.host.ports.auth.open ? this.host.queryBufferLimit() : 1024 * 1024;
    if (this.input.length > limit) {
      this.host.ports.stats.counters.queryBufferDisconnections++;
      this.close('query buffer limit reached');
      return;
    }
    this.runInput();
  }

  /** Goes on with what waits in the connection's own input. */
  private runInput(): void {
    const { input } = this;
    if (input === undefined || this.session.held || this.session.closing || !this.open) return this.flush();
    if (input.length < input.state.neededEnd) return this.flush();
    const rest = this.runRequests(input.bytes, input.view, input.state, input.table, -1, input.length);
    if (this.input !== input) return this.flush();
    if (rest >= input.length) this.input = undefined;
    else if (rest > 0 || input.table.requests > 0) input.discard(rest);
    this.flush();
  }

  /**
   * Reads and runs requests of `bytes` up to `end` until no whole one is left or one must wait. Returns the first byte that is not done.
   * `from` -1: the state and the table go on where they are.
   */
  private runRequests(bytes: Uint8Array, view: DataView, state: ReadState, table: ArgumentTable, from: number, end: number): number {
    const { host, session } = this;
    if (from >= 0) {
      state.begin(from);
      table.reset(bytes, view);
    }
    this.running = true;
    let done = state.requestStart;
    for (let batch = 0; ; batch++) {
      readRequests(state, table, end, host.limitsFor(session));
      const found = table.requests;
      if (found === 0) {
        done = state.requestStart;
        if (state.error !== '') this.protocolError(state.error);
        break;
      }
      const inline = table.bytes !== bytes;
      const executed = host.engine.run(session, table);
      if (batch === 0) this.lastRun = executed;
      if (executed < found) {
        if (executed > 0) done = table.end[table.first[executed - 1] + table.count[executed - 1] - 1] + 2;
        if (!session.held && !session.closing) this.scheduleRun();
        break;
      }
      done = state.requestStart;
      if (this.sink !== undefined || session.closing || !this.open) break;
      // The arguments of a request that is not whole are read again with its rest; they are few in the shared buffer.
      if (state.argumentsLeft === 0 && !inline && state.error === '' && done >= end) break;
      if (batch >= BATCHES_PER_TURN) {
        this.scheduleRun();
        break;
      }
      state.begin(done);
      table.reset(bytes, view);
      if (done >= end) break;
    }
    this.running = false;
    return done;
  }

  private scheduleRun(): void {
    if (this.runScheduled) return;
    this.runScheduled = true;
    this.host.ports.timers.soon(() => {
      this.runScheduled = false;
      this.runInput();
    });
  }

  private protocolError(what: string): void {
    this.host.ports.log.verbose(`Protocol error (${what}) from client: ${this.remoteAddress}`);
    this.session.reply.error(`ERR Protocol error: ${what}`);
    this.closeAfterReply();
  }

  // ── Output ──

  /** Something is written into an empty writer: while no request of this client runs, the end of the loop turn sends it. */
  private repliesBegin(): void {
    if (!this.running) this.flushLater();
  }

  private flushLater(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    this.host.flushSoon(this);
  }

  /** Sends what the writer holds. */
  flush(): void {
    this.flushScheduled = false;
    const { reply } = this.session;
    const length = reply.length;
    if (length > 0 && this.open) {
      if (this.outgoing.length === 0 && reply.onlySegment !== undefined) this.writeSegment(length);
      else {
        this.enqueue(reply.take(), length);
        this.writeOutgoing();
      }
    }
    if (this.closeWhenWritten && this.outgoing.length === 0) this.finish();
  }

  /** All replies stand in one segment: the usual case. */
  private writeSegment(length: number): void {
    const segment = this.session.reply.onlySegment;
    if (segment === undefined) return;
    if (this.channel.writeOne(segment.prefix(length), this.onWritten)) {
      this.session.reply.emptied();
      this.wrote(length);
      return;
    }
    // On its way: the memory belongs to the system until `onWritten`.
    this.enqueue(this.session.reply.take(), length);
    this.writing = this.outgoing.length;
  }

  private enqueue(pieces: Piece[], length: number): void {
    if (this.outgoing.length > 0 && length <= COPY_LIMIT) {
      const own = Buffer.allocUnsafeSlow(length);
      let at = 0;
      for (const piece of pieces) {
        own.set(piece.bytes.subarray(piece.start, piece.end), at);
        at += piece.end - piece.start;
        if (piece.segment !== undefined) this.host.pool.give(piece.segment);
      }
      this.outgoing.push({ bytes: own, start: 0, end: length, segment: undefined });
    } else this.outgoing.push(...pieces);
    this.outgoingBytes += length;
    this.checkOutputLimit();
    if (this.outgoingBytes > HIGH_WATER && !this.heldByOutput) {
      this.heldByOutput = true;
      this.session.held = true;
    }
  }

  private writeOutgoing(): void {
    while (this.writing === 0 && this.outgoing.length > 0 && this.open) {
      const pieces = this.outgoing.slice(0, MOST_PIECES);
      this.writing = pieces.length;
      const bytes = pieces.map(piece => piece.bytes.subarray(piece.start, piece.end));
      if (!this.channel.write(bytes, this.onWritten)) return;
      this.release();
    }
  }

  private readonly onWritten = (): void => {
    this.release();
    if (!this.open) return;
    this.writeOutgoing();
    if (this.heldByOutput && this.outgoingBytes < LOW_WATER) {
      this.heldByOutput = false;
      this.session.held = this.heldByHandler;
      this.runInput();
    } else if (this.outgoing.length === 0) this.flush();
  };

  /** The pieces on their way were taken. */
  private release(): void {
    let bytes = 0;
    for (let i = 0; i < this.writing; i++) {
      const piece = this.outgoing[i];
      bytes += piece.end - piece.start;
      if (piece.segment !== undefined) this.host.pool.give(piece.segment);
    }
    this.outgoing.splice(0, this.writing);
    this.writing = 0;
    this.outgoingBytes -= bytes;
    this.wrote(bytes);
  }

  private wrote(bytes: number): void {
    this.writtenBytes += bytes;
    this.session.netOutputBytes += bytes;
    this.host.ports.stats.counters.netOutputBytes += bytes;
    this.host.ports.stats.counters.writesProcessed++;
    while (this.receipts.length > 0 && this.receipts[0].at <= this.writtenBytes) this.receipts.shift()?.action();
  }

  /** Closes a client whose output waits too long or is too much. */
  checkOutputLimit(): void {
    const limit = limitFor(this.host.outputLimits(), this.session.kind);
    const bytes = this.outgoingBytes;
    const now = this.host.ports.clock.monotonic();
    if (limit.soft === 0 || bytes <= limit.soft) this.softLimitSince = 0;
    else if (this.softLimitSince === 0) this.softLimitSince = now;
    const tooLong = this.softLimitSince > 0 && now - this.softLimitSince > limit.softSeconds * 1000;
    if (this.session.closing || (!tooLong && (limit.hard === 0 || bytes <= limit.hard))) return;
    this.session.closing = true;
    this.host.ports.stats.counters.outputBufferDisconnections++;
    this.host.ports.log.warning(
      `Client ${this.remoteAddress} scheduled to be closed ASAP for overcoming of output buffer limits (${bytes} bytes wait).`,
    );
    this.host.ports.timers.soon(() => this.close('output buffer limit reached'));
  }

  // ── Transport ──

  closeAfterReply(): void {
    this.session.closing = true;
    this.closeWhenWritten = true;
    if (!this.running) this.flushLater();
  }

  close(_reason: string): void {
    if (!this.open) return;
    this.session.closing = true;
    this.channel.destroy();
    this.gone();
  }

  holdInput(): void {
    this.heldByHandler = true;
    this.session.held = true;
  }

  resumeInput(): void {
    if (!this.heldByHandler) return;
    this.heldByHandler = false;
    this.session.held = this.heldByOutput;
    // Not now: whoever resumes is in the middle of something.
    this.scheduleRun();
  }

  takeOver(sink: (bytes: Uint8Array) => void, onClose: () => void): Uint8Array {
    this.sink = sink;
    this.onSinkClose = onClose;
    const { input } = this;
    this.input = undefined;
    return input === undefined ? new Uint8Array(0) : input.bytes.slice(0, input.length);
  }

  write(bytes: Uint8Array, after?: () => void): void {
    if (!this.open) return;
    this.session.reply.raw(bytes, 0, bytes.length);
    if (after !== undefined) this.receipts.push({ at: this.writtenBytes + this.pendingOutputBytes, action: after });
  }

  // ── The end ──

  /** The peer closed, or the channel broke. */
  closed(_reason: string): void {
    this.gone();
  }

  /** All is written: say so, and give the peer a moment to close. */
  private finish(): void {
    if (!this.open) return;
    this.closeWhenWritten = false;
    this.channel.end();
    this.host.ports.timers.after(LINGER_MS, () => this.close('lingered'));
  }

  private gone(): void {
    if (!this.open) return;
    this.open = false;
    this.session.closing = true;
    this.input = undefined;
    this.host.closed(this);
    this.host.clients.closed(this.session);
    this.onSinkClose?.();
    for (const piece of this.session.reply.take()) if (piece.segment !== undefined) this.host.pool.give(piece.segment);
    if (this.writing === 0) this.outgoing = [];
    this.receipts = [];
  }
}
