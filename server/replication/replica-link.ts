/**
 * The replica's side of replication: the link to the primary, as a state machine of bytes and ticks.
 *
 *     none ─follow─▶ connect ─▶ connecting ─▶ ping ─▶ handshake ─▶ psync ─┬─ +CONTINUE ──────────────────▶ connected
 *                       ▲                                                └─ +FULLRESYNC ─▶ transfer ─────▶ connected
 *                       │                                                └─ +DUALCHANNELSYNC ─▶ dual ────▶ connected
 *                       └───────────── whatever breaks: the next tick tries again ◀────────────────────────┘
 *
 * What is received waits in a queue and is worked off in slices, so that a full sync or a flood of commands leaves room for everything else;
 * while the queue is not empty the socket rests. The old data set is dropped when the first byte of the new one is here; from then until the
 * new one is whole there is nothing to be served (`host.loadStarted`, `host.loadEnded`).
 * Source: replication.c (syncWithPrimary, readSyncBulkPayload, replicationCron).
 */

import { assert } from '../../lib/assert.ts';
import type { LinkState } from '../core/replication.ts';
import { DualChannelSync } from './dual-channel-sync.ts';
import * as handshake from './handshake.ts';
import { LineReader } from './line-reader.ts';
import type { LinkParts } from './link-parts.ts';
import type { PeerSocket } from './peer-socket.ts';
import { primaryTransport } from './primary-client.ts';
import { SlicedInput } from './sliced-input.ts';
import { SnapshotReceiver, type TransferProgress } from './snapshot-receiver.ts';

const TRANSFER_TIMEOUT =
  "Timeout receiving bulk data from PRIMARY... If the problem persists try to set the 'repl-timeout' parameter in valkey.conf to a larger value.";

type Phase = 'none' | 'connect' | 'connecting' | 'ping' | 'handshake' | 'psync' | 'transfer' | 'dual' | 'connected';

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
  private readonly lines = new LineReader();
  private steps: readonly handshake.HandshakeStep[] = [];
  private stepsAnswered = 0;
  private full: { readonly id: string; readonly offset: number } | undefined;
  private readonly receiver: SnapshotReceiver;
  private dual: DualChannelSync | undefined;
  /** The primary turned out not to know second connections: the next attempt offers none. */
  private oneChannelOnly = false;
  /** What a dual-channel sync held back is not all executed yet. */
  private draining = false;
  private peakBytes = 0;
  private newlineAt = 0;

  constructor(parts: LinkParts) {
    this.parts = parts;
    this.receiver = new SnapshotReceiver(parts);
    this.input = new SlicedInput(
      parts,
      // A socket that rests because of the bound on what is held back goes on resting.
      () => (this.dual?.holdsBack === true ? undefined : this.socket),
      (bytes, start, end) => this.consume(bytes, start, end),
      error => this.loadRefused(error),
      () => this.drained(),
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
      case 'dual':
        return this.dual?.receiving === true ? 'sync' : 'handshake';
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
  get transfer(): TransferProgress | undefined {
    if (this.state !== 'sync') return undefined;
    return this.dual?.progress ?? this.receiver.progress;
  }

  /** What of the stream is held back because of a dual-channel sync, and the most that it ever was. */
  get pendingStream(): { readonly sizeBytes: number; readonly peakBytes: number } {
    const held = this.dual?.pendingBytes ?? 0;
    return {
      sizeBytes: held + (this.draining ? this.input.waitingBytes : 0),
      peakBytes: Math.max(this.peakBytes, this.dual?.peakBytes ?? 0),
    };
  }

  /** Follows this primary from here on; the attempt begins at once. */
  follow(host: string, port: number): void {
    this.stop();
    this.primaryHost = host;
    this.primaryPort = port;
    this.oneChannelOnly = false;
    this.phase = 'connect';
    this.connect();
  }

  /** Closes the link for good. */
  stop(): void {
    this.close();
    this.phase = 'none';
    this.downSince = undefined;
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
      case 'dual':
        return this.dual?.tick(timeoutMs);
      case 'connected':
        if (silentMs > timeoutMs && !this.draining) {
          log.warning('PRIMARY timeout: no data nor PING received...');
          return this.broken('timeout');
        }
        this.acknowledge(host.offset());
        return;
      case 'transfer':
      case 'connecting':
      case 'ping':
      case 'handshake':
      case 'psync':
        if (silentMs <= timeoutMs) return;
        log.warning(this.phase === 'transfer' ? TRANSFER_TIMEOUT : 'Timeout connecting to the PRIMARY...');
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
    if (this.dual?.streaming === true) {
      this.dual.hold(bytes, start, end);
      return end - start;
    }
    if (this.receiver.loading) return this.load(bytes, start, end);
    const used = this.lines.push(bytes, start, end, line => this.takeLine(line));
    if (this.lines.tooLong) this.broken('a line of the primary is too long');
    return used;
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
        this.steps = handshake.handshakeSteps(this.facts());
        this.stepsAnswered = 0;
        this.phase = 'handshake';
        this.socket?.write(this.steps.map(step => handshake.request(step.command)).join(''));
        return;
      case 'handshake':
        return this.takeStepReply(line);
      case 'psync':
        return this.takePsyncReply(handshake.readPsyncReply(line));
      case 'transfer':
        if (!this.receiver.takeLine(line)) this.broken('the primary sent no snapshot');
        return;
      case 'dual':
        return this.dual?.takeMainLine(line);
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
      case 'dual-channel':
        return this.beginDual();
      case 'full':
        log.notice(`Full resync from primary: ${reply.id}:${reply.offset}`);
        this.full = reply;
        this.phase = 'transfer';
    }
  }

  private facts(): handshake.HandshakeFacts {
    const facts = this.parts.host.facts();
    return this.oneChannelOnly ? { ...facts, dualChannel: false } : facts;
  }

  private beginDual(): void {
    this.phase = 'dual';
    this.dual = new DualChannelSync(
      this.parts,
      { host: this.primaryHost, port: this.primaryPort },
      { write: text => this.socket?.write(text), pause: () => this.socket?.pause(), lastIoAt: () => this.lastIoAt },
      {
        connected: pending => this.dualConnected(pending),
        failed: (reason, refused) => {
          this.oneChannelOnly ||= refused;
          this.broken(reason);
        },
      },
    );
  }

  private dualConnected(pending: readonly Uint8Array[]): void {
    this.parts.log.notice('PRIMARY <-> REPLICA sync: Finished with success');
    this.endDual();
    this.draining = true;
    this.becomeConnected();
    if (pending.length === 0) this.drained();
    else this.input.prepend(pending);
  }

  private endDual(): void {
    if (this.dual === undefined) return;
    this.peakBytes = this.dual.peakBytes;
    this.dual.close();
    this.dual = undefined;
  }

  /** All that a dual-channel sync held back is executed. */
  private drained(): void {
    if (!this.draining) return;
    this.draining = false;
    this.parts.log.notice('Dual channel replication: Successfully streamed replication data into memory');
  }

  private load(bytes: Uint8Array, start: number, end: number): number {
    const used = this.receiver.load(bytes, start, end);
    const now = this.parts.clock.monotonic();
    if (now - this.newlineAt >= 1000) {
      this.newlineAt = now;
      this.socket?.write('\n');
    }
    const { full } = this;
    const whole = full === undefined ? undefined : this.receiver.takeWhole();
    if (full !== undefined && whole !== undefined) {
      this.full = undefined;
      this.parts.host.loadEnded(full.id, full.offset, whole.streamDb);
      this.parts.log.notice('PRIMARY <-> REPLICA sync: Finished with success');
      this.becomeConnected();
    }
    return used;
  }

  private becomeConnected(): void {
    const { host } = this.parts;
    const { attempt, socket } = this;
    assert(socket !== undefined, 'what answers has a socket');
    this.phase = 'connected';
    this.downSince = undefined;
    const close = (reason: string): void => {
      if (attempt === this.attempt) this.broken(reason);
    };
    host.linkUp(primaryTransport(socket, close));
    this.acknowledge(host.offset());
  }

  private loadRefused(error: unknown): void {
    this.parts.log.warning(
      `Failed trying to load the PRIMARY synchronization DB from socket: ${error instanceof Error ? error.message : String(error)}`,
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
    this.lines.reset();
    this.full = undefined;
    this.draining = false;
    this.endDual();
    this.receiver.abort();
    if (!wasUp) return;
    this.downSince = clock.monotonic();
    host.linkDown();
  }
}
