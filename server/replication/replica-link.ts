/**
 * The replica's side of replication: the link to the primary, as a state machine of bytes and ticks.
 *
 *     none ─follow─▶ connect ─▶ connecting ─▶ ping ─▶ handshake ─▶ psync ─┬─ +CONTINUE ──────────────────▶ connected
 *                       ▲                                                └─ +FULLRESYNC ─▶ transfer ─────▶ connected
 *                       └───────────── whatever breaks: the next tick tries again ◀────────────────────────┘
 *
 * What is received waits in a queue and is worked off in slices, so that a full sync or a flood of commands leaves room for everything else;
 * while the queue is not empty the socket rests. The old data set is dropped when the first byte of the new one is here; from then until the
 * new one is whole there is nothing to be served (`host.loadStarted`, `host.loadEnded`).
 * Source: replication.c (syncWithPrimary, readSyncBulkPayload, replicationCron).
 */

import type { Clock, ConfigPort, ServerLog, Timers } from '../core/ports.ts';
import type { LinkState } from '../core/replication.ts';
import type { SnapshotPort } from '../core/snapshots.ts';
import * as handshake from './handshake.ts';
import { PayloadLoader } from './payload-loader.ts';
import type { PeerConnector, PeerSocket } from './peer-socket.ts';
import { SlicedInput } from './sliced-input.ts';
import type { StreamApplier } from './stream-applier.ts';

const LONGEST_LINE = 64 * 1024;

/** What the link needs of its node. */
export interface LinkHost {
  readonly facts: () => handshake.HandshakeFacts;
  /** Where to go on: undefined = nowhere, a full sync is needed. `offset` = bytes of the stream that are applied. */
  readonly resumePoint: () => { readonly id: string; readonly offset: number } | undefined;
  /** The stream goes on; `id` when the primary gave one. */
  readonly continued: (id: string | undefined) => void;
  /** Drop the data: the new data set begins to arrive. */
  readonly loadStarted: () => void;
  /** The new data set is whole, at this point of the stream with this database selected. */
  readonly loadEnded: (id: string, offset: number, dbIndex: number) => void;
  /** The load broke off: nothing of it may be served. */
  readonly loadFailed: () => void;
  readonly offset: () => number;
  readonly linkUp: () => void;
  readonly linkDown: () => void;
  readonly applier: () => StreamApplier;
  readonly countInput: (bytes: number) => void;
}

export interface LinkParts {
  readonly connector: PeerConnector;
  readonly snapshots: SnapshotPort;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly config: ConfigPort;
  readonly log: ServerLog;
  readonly host: LinkHost;
}

type Phase = 'none' | 'connect' | 'connecting' | 'ping' | 'handshake' | 'psync' | 'transfer' | 'connected';

export class ReplicaLink {
  /** When the link last brought data, or -1 (monotonic milliseconds). */
  lastIoAt = -1;
  /** Since when it is down, undefined = it is up or was never. */
  downSince: number | undefined;
  private readonly parts: LinkParts;
  private phase: Phase = 'none';
  private primaryHost = '';
  private primaryPort = 0;
  private socket: PeerSocket | undefined;
  /** Raised with each connection, so that late events of an old one are known. */
  private attempt = 0;
  private readonly input: SlicedInput;
  private line = '';
  private steps: readonly handshake.HandshakeStep[] = [];
  private stepsAnswered = 0;
  private full: { readonly id: string; readonly offset: number } | undefined;
  private payload: PayloadLoader | undefined;
  private newlineAt = 0;

  constructor(parts: LinkParts) {
    this.parts = parts;
    this.input = new SlicedInput(
      parts,
      () => this.socket,
      (bytes, start, end) => this.consume(bytes, start, end),
      error => this.loadRefused(error),
    );
  }

  get state(): LinkState {
    switch (this.phase) {
      case 'none':
      case 'connect':
      case 'connecting':
      case 'connected':
        return this.phase;
      case 'transfer':
        return 'sync';
      case 'ping':
      case 'handshake':
      case 'psync':
        return 'handshake';
    }
  }

  get up(): boolean {
    return this.phase === 'connected';
  }

  /** The full sync under way: bytes of the RDB so far, and in all when that is known. */
  get transfer(): { readonly readBytes: number; readonly totalBytes: number | undefined } | undefined {
    if (this.phase !== 'transfer') return undefined;
    const payload = this.payload?.payload;
    return { readBytes: this.payload?.loadedBytes ?? 0, totalBytes: payload?.kind === 'length' ? payload.bytes : undefined };
  }

  /** Follows this primary from here on; the attempt begins at once. */
  follow(host: string, port: number): void {
    this.stop();
    this.primaryHost = host;
    this.primaryPort = port;
    this.phase = 'connect';
    this.connect();
  }

  /** Closes the link for good. */
  stop(): void {
    this.close();
    this.phase = 'none';
    this.downSince = undefined;
  }

  /** Closes the link and opens it again, as if it had broken. */
  restart(): void {
    if (this.phase !== 'none' && this.phase !== 'connect') this.broken('the link is opened anew');
  }

  /** Once a second. */
  tick(): void {
    const { clock, config, log, host } = this.parts;
    const silentMs = clock.monotonic() - this.lastIoAt;
    const timeoutMs = config.integer('repl-timeout') * 1000;
    switch (this.phase) {
      case 'none':
        return;
      case 'connect':
        return this.connect();
      case 'connected':
        if (silentMs > timeoutMs) {
          log.warning('PRIMARY timeout: no data nor PING received...');
          return this.broken('timeout');
        }
        this.acknowledge(host.offset());
        return;
      case 'transfer':
        if (silentMs <= timeoutMs) return;
        log.warning(
          "Timeout receiving bulk data from PRIMARY... If the problem persists try to set the 'repl-timeout' parameter in valkey.conf to a larger value.",
        );
        return this.broken('timeout');
      case 'connecting':
      case 'ping':
      case 'handshake':
      case 'psync':
        if (silentMs <= timeoutMs) return;
        log.warning('Timeout connecting to the PRIMARY...');
        return this.broken('timeout');
    }
  }

  acknowledge(offset: number): void {
    if (this.phase === 'connected') this.socket?.write(handshake.request(['REPLCONF', 'ACK', String(offset)]));
  }

  private connect(): void {
    const { connector, log, clock } = this.parts;
    log.notice(`Connecting to PRIMARY ${this.primaryHost}:${this.primaryPort}`);
    this.phase = 'connecting';
    this.lastIoAt = clock.monotonic();
    const attempt = ++this.attempt;
    const mine = (): boolean => attempt === this.attempt;
    log.notice('PRIMARY <-> REPLICA sync started');
    this.socket = connector.connect(this.primaryHost, this.primaryPort, {
      opened: () => {
        if (mine()) this.opened();
      },
      received: bytes => {
        if (mine()) this.received(bytes);
      },
      closed: reason => {
        if (mine()) this.broken(reason);
      },
    });
  }

  private opened(): void {
    this.parts.log.notice('Non blocking connect for SYNC fired the event.');
    this.phase = 'ping';
    this.lastIoAt = this.parts.clock.monotonic();
    this.socket?.write(handshake.request(['PING']));
  }

  private received(bytes: Uint8Array): void {
    this.lastIoAt = this.parts.clock.monotonic();
    this.parts.host.countInput(bytes.length);
    this.input.push(bytes);
  }

  /** Takes some of the bytes, as the phase demands; how many. */
  private consume(bytes: Uint8Array, start: number, end: number): number {
    if (this.phase === 'connected') {
      const error = this.parts.host.applier().push(bytes, start, end);
      if (error !== undefined) {
        this.parts.log.warning(`Cannot follow the stream of the primary: ${error}`);
        // Not at once: the same bytes will come again.
        this.broken('its stream cannot be followed', false);
      }
      return end - start;
    }
    if (this.payload !== undefined) return this.load(this.payload, bytes, start, end);
    let at = start;
    while (at < end) {
      const byte = bytes[at++];
      if (byte === 0x0a) {
        const line = this.line.endsWith('\r') ? this.line.slice(0, -1) : this.line;
        this.line = '';
        this.takeLine(line);
        break;
      }
      this.line += String.fromCharCode(byte);
      if (this.line.length > LONGEST_LINE) {
        this.broken('a line of the primary is too long');
        break;
      }
    }
    return at - start;
  }

  private takeLine(line: string): void {
    const { log } = this.parts;
    switch (this.phase) {
      case 'ping':
        if (!handshake.pingAccepted(line)) {
          log.warning(`Error reply to PING from primary: '${line.slice(1)}'`);
          return this.broken('PING was refused');
        }
        log.notice('Primary replied to PING, replication can continue...');
        this.steps = handshake.handshakeSteps(this.parts.host.facts());
        this.stepsAnswered = 0;
        this.phase = 'handshake';
        this.socket?.write(this.steps.map(step => handshake.request(step.command)).join(''));
        return;
      case 'handshake':
        return this.takeStepReply(line);
      case 'psync':
        return this.takePsyncReply(handshake.readPsyncReply(line));
      case 'transfer':
        return this.takePayloadHeader(handshake.readPayloadHeader(line));
      case 'none':
      case 'connect':
      case 'connecting':
      case 'connected':
        return;
    }
  }

  private takeStepReply(line: string): void {
    const { log } = this.parts;
    const step = this.steps[this.stepsAnswered++];
    if (line.startsWith('-')) {
      if (step.required) {
        log.warning(`Unable to AUTH to PRIMARY: ${line}`);
        return this.broken('AUTH was refused');
      }
      log.notice(`(Non critical) Primary does not understand ${step.command.slice(0, 2).join(' ')}: ${line}`);
    }
    if (this.stepsAnswered < this.steps.length) return;
    const point = this.parts.host.resumePoint();
    this.phase = 'psync';
    if (point === undefined) {
      log.notice('Partial resynchronization not possible (no cached primary)');
      this.socket?.write(handshake.request(['PSYNC', '?', '-1']));
    } else {
      log.notice(`Trying a partial resynchronization (request ${point.id}:${point.offset + 1}).`);
      this.socket?.write(handshake.request(['PSYNC', point.id, String(point.offset + 1)]));
    }
  }

  private takePsyncReply(reply: handshake.PsyncReply): void {
    const { log, host } = this.parts;
    switch (reply.kind) {
      case 'wait':
        return;
      case 'later':
        log.notice(`Primary is currently unable to PSYNC but should be in the future: -${reply.reason}`);
        return this.broken('the primary asks to come back later');
      case 'refused':
        log.warning(`Unexpected reply to PSYNC from primary: ${reply.reason}`);
        return this.broken('PSYNC was refused');
      case 'continue':
        log.notice('Successful partial resynchronization with primary.');
        host.continued(reply.id);
        log.notice('PRIMARY <-> REPLICA sync: Primary accepted a Partial Resynchronization.');
        return this.becomeConnected();
      case 'full':
        log.notice(`Full resync from primary: ${reply.id}:${reply.offset}`);
        this.full = reply;
        this.phase = 'transfer';
    }
  }

  private takePayloadHeader(header: handshake.PayloadHeader): void {
    const { log, host, snapshots } = this.parts;
    if (header.kind === 'wait') return;
    if (header.kind === 'refused') {
      log.warning(header.reason);
      return this.broken('the primary sent no snapshot');
    }
    log.notice(
      header.kind === 'mark'
        ? 'PRIMARY <-> REPLICA sync: receiving streamed RDB from primary with EOF to parser'
        : `PRIMARY <-> REPLICA sync: receiving ${header.bytes} bytes from primary to parser`,
    );
    log.notice('PRIMARY <-> REPLICA sync: Flushing old data');
    host.loadStarted();
    log.notice('PRIMARY <-> REPLICA sync: Loading DB in memory');
    this.payload = new PayloadLoader(snapshots.load({ dropExpired: false }), header);
  }

  private load(payload: PayloadLoader, bytes: Uint8Array, start: number, end: number): number {
    const used = payload.push(bytes, start, end);
    const now = this.parts.clock.monotonic();
    if (now - this.newlineAt >= 1000) {
      this.newlineAt = now;
      this.socket?.write('\n');
    }
    if (payload.finished && this.full !== undefined) {
      const selected = Number(payload.loader.aux.get('repl-stream-db') ?? '0');
      const { id, offset } = this.full;
      this.payload = undefined;
      this.full = undefined;
      this.parts.host.loadEnded(id, offset, selected >= 0 ? selected : 0);
      this.parts.log.notice('PRIMARY <-> REPLICA sync: Finished with success');
      this.becomeConnected();
    }
    return used;
  }

  private becomeConnected(): void {
    const { host } = this.parts;
    this.phase = 'connected';
    this.downSince = undefined;
    host.linkUp();
    this.acknowledge(host.offset());
  }

  private loadRefused(error: unknown): void {
    this.parts.log.warning(
      `Failed trying to load the PRIMARY synchronization DB: ${error instanceof Error ? error.message : String(error)}`,
    );
    this.broken('the data of the primary could not be loaded');
  }

  /** Something broke: close, and try again: at once after a link that was up, else with the next tick. */
  private broken(reason: string, atOnce = true): void {
    const wasUp = this.phase === 'connected';
    this.parts.log.notice(wasUp ? `Connection with primary lost: ${reason}` : `The attempt to sync with the primary ended: ${reason}`);
    this.close();
    if (!wasUp || !atOnce) return;
    this.parts.log.notice(`Reconnecting to PRIMARY ${this.primaryHost}:${this.primaryPort}`);
    this.connect();
  }

  private close(): void {
    const { host, clock } = this.parts;
    const wasUp = this.phase === 'connected';
    this.phase = 'connect';
    this.attempt++;
    this.socket?.close();
    this.socket = undefined;
    this.input.reset();
    this.line = '';
    this.full = undefined;
    if (this.payload !== undefined) {
      this.payload.loader.abort();
      this.payload = undefined;
      host.loadFailed();
    }
    if (!wasUp) return;
    this.downSince = clock.monotonic();
    host.linkDown();
  }
}
