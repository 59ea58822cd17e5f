/**
 * The replica's second connection in a dual-channel sync: it brings the snapshot, and nothing else.
 *
 *     connecting ─▶ handshake ── +OK … ─▶ SYNC ─▶ end-offset ── $ENDOFF ─▶ snapshot ── whole ─▶ closed
 *
 * Worked off in slices like the main connection. Whatever breaks ends the whole sync (`failed`).
 * Source: replication.c (dualChannelFullSyncWithPrimary).
 */

import type { Clock, Timers } from '../core/ports.ts';
import * as handshake from './handshake.ts';
import { LineReader } from './line-reader.ts';
import type { PeerConnector, PeerSocket } from './peer-socket.ts';
import { SlicedInput } from './sliced-input.ts';
import { type ReceiverParts, SnapshotReceiver, type TransferProgress } from './snapshot-receiver.ts';

export interface RdbChannelParts extends ReceiverParts {
  readonly connector: PeerConnector;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly host: ReceiverParts['host'] & {
    readonly facts: () => handshake.HandshakeFacts;
    readonly countInput: (bytes: number) => void;
  };
}

export interface RdbChannelEvents {
  /** The primary says where in the stream the snapshot ends; the snapshot follows. */
  readonly endKnown: (end: handshake.SnapshotEnd) => void;
  /** The snapshot is loaded; the connection is closed. */
  readonly loaded: () => void;
  /** `refused`: the primary does not know such connections. */
  readonly failed: (reason: string, refused: boolean) => void;
}

type Phase = 'connecting' | 'handshake' | 'end-offset' | 'snapshot' | 'closed';

export class RdbChannel {
  /** When it last brought something (monotonic milliseconds). */
  lastIoAt: number;
  private readonly parts: RdbChannelParts;
  private readonly events: RdbChannelEvents;
  private readonly socket: PeerSocket;
  private readonly input: SlicedInput;
  private readonly lines = new LineReader();
  private readonly receiver: SnapshotReceiver;
  private readonly steps: readonly handshake.HandshakeStep[];
  private stepsAnswered = 0;
  private phase: Phase = 'connecting';
  /** The primary closed it; what it sent before is not worked off yet. */
  private closedBecause: string | undefined;

  constructor(parts: RdbChannelParts, address: { readonly host: string; readonly port: number }, events: RdbChannelEvents) {
    this.parts = parts;
    this.events = events;
    this.receiver = new SnapshotReceiver(parts);
    this.steps = handshake.rdbChannelSteps(parts.host.facts());
    this.lastIoAt = parts.clock.monotonic();
    this.input = new SlicedInput(
      parts,
      () => this.socket,
      (bytes, start, end) => this.consume(bytes, start, end),
      error => this.fail(error instanceof Error ? error.message : String(error)),
      () => {
        if (this.closedBecause !== undefined) this.fail(this.closedBecause);
      },
    );
    this.socket = parts.connector.connect(address.host, address.port, {
      opened: () => this.opened(),
      received: bytes => this.received(bytes),
      closed: reason => this.peerClosed(reason),
    });
  }

  /** undefined until the snapshot begins. */
  get progress(): TransferProgress | undefined {
    return this.receiver.loading ? this.receiver.progress : undefined;
  }

  /** Ends it; nothing of `events` is called for it. */
  close(): void {
    if (this.phase === 'closed') return;
    this.phase = 'closed';
    this.socket.close();
    this.input.reset();
    this.receiver.abort();
  }

  private opened(): void {
    if (this.phase !== 'connecting') return;
    this.phase = 'handshake';
    this.lastIoAt = this.parts.clock.monotonic();
    this.socket.write(this.steps.map(step => handshake.request(step.command)).join(''));
  }

  private received(bytes: Uint8Array): void {
    if (this.phase === 'closed') return;
    this.lastIoAt = this.parts.clock.monotonic();
    this.parts.host.countInput(bytes.length);
    this.input.push(bytes);
  }

  private peerClosed(reason: string): void {
    if (this.input.waitingBytes > 0) this.closedBecause = reason;
    else this.fail(reason);
  }

  private consume(bytes: Uint8Array, start: number, end: number): number {
    if (this.receiver.loading) return this.load(bytes, start, end);
    const used = this.lines.push(bytes, start, end, line => this.takeLine(line));
    if (this.lines.tooLong) this.fail('a line of the primary is too long');
    return used;
  }

  private takeLine(line: string): void {
    switch (this.phase) {
      case 'handshake':
        return this.takeStepReply(line);
      case 'end-offset':
        return this.takeEndOffset(handshake.readEndOffset(line));
      case 'snapshot':
        if (!this.receiver.takeLine(line)) this.fail('the primary sent no snapshot');
        return;
      case 'connecting':
      case 'closed':
        return;
    }
  }

  private takeStepReply(line: string): void {
    const step = this.steps[this.stepsAnswered++];
    if (line.startsWith('-')) {
      const refused = step.command[0] === 'REPLCONF';
      this.parts.log.warning(
        refused
          ? `Dual channel replication: Server does not support sync with offset, dual channel sync approach cannot be used: ${line}`
          : `Dual channel replication: Unable to AUTH to Primary: ${line}`,
      );
      return this.fail(`${step.command[0]} was refused`, refused);
    }
    if (this.stepsAnswered < this.steps.length) return;
    this.phase = 'end-offset';
    this.socket.write('SYNC\r\n');
  }

  private takeEndOffset(reply: handshake.EndOffsetReply): void {
    if (reply.kind === 'wait') return;
    if (reply.kind === 'refused') {
      this.parts.log.warning(`Dual channel replication: ${reply.reason}`);
      return this.fail('SYNC was refused');
    }
    this.phase = 'snapshot';
    this.events.endKnown(reply.end);
  }

  private load(bytes: Uint8Array, start: number, end: number): number {
    const used = this.receiver.load(bytes, start, end);
    if (this.receiver.takeWhole() !== undefined) {
      this.close();
      this.events.loaded();
    }
    return used;
  }

  private fail(reason: string, refused = false): void {
    if (this.phase === 'closed') return;
    this.close();
    this.events.failed(reason, refused);
  }
}
