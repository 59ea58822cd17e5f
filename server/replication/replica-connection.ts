/**
 * One replica that is attached to this node.
 *
 *     waiting ── snapshot starts ──▶ receiving ── all sent ──▶ online ── first ACK ──▶ online, streaming
 *        PSYNC accepted ─────────────────────────────────────────────────────────────▶ online, streaming
 *
 * In a dual-channel sync a replica has two of them: one that brings the snapshot and one for the stream.
 *
 *     snapshot:  waiting ──▶ receiving ── all sent ──▶ transmitted ── its main connection has asked for the stream ──▶ closed
 *     main:      PSYNC accepted ──▶ loading, streaming ── first ACK ──▶ online, streaming
 *
 * From its start on the snapshot's connection keeps what follows in the backlog (`awaitsMain`), until the main connection does.
 *
 * It has no output buffer: it is a position in the backlog, and at most WINDOW_BYTES of it are on their way to the system. What it has not
 * taken of the stream counts against client-output-buffer-limit.
 */

import type { ReplicaProfile, ReplicaView } from '../core/replication.ts';
import type { Session } from '../core/session.ts';
import type { Backlog } from './backlog.ts';

/** Bytes handed to the transport and not yet taken by the system, at most (and one piece more). */
export const WINDOW_BYTES = 1024 * 1024;
const PIECE_BYTES = 128 * 1024;

export type ReplicaState = 'waiting' | 'receiving' | 'transmitted' | 'loading' | 'online';

export class ReplicaConnection implements ReplicaView {
  readonly session: Session;
  readonly profile: ReplicaProfile;
  /** SYNC was sent instead of PSYNC: no FULLRESYNC line, no acknowledgements. */
  readonly plainSync: boolean;
  phase: ReplicaState = 'waiting';
  /** The stream may be sent: held back after a full sync until the replica says that it has loaded. */
  streaming = false;
  /** Stream bytes before this one were handed to the transport. */
  position = 0;
  /** The main connection will ask for the stream from `position` on. */
  awaitsMain = false;
  /** When all of the snapshot was sent, or the connection went (monotonic). */
  transmittedAt = 0;
  ackedOffset = 0;
  aofOffset = 0;
  /** Monotonic milliseconds of the last acknowledgement. */
  ackedAt: number;
  /** When it last took bytes (monotonic). */
  progressAt: number;
  attachedAt: number;
  /** When it was last seen to send anything (looked at once a second), and how many bytes it had sent then. */
  heardAt: number;
  heardBytes = 0;
  /** Since when the soft limit is exceeded; undefined = it is not. */
  overSoftLimitSince: number | undefined;
  inFlight = 0;
  gone = false;
  private readonly now: () => number;
  private readonly count: (bytes: number) => void;

  constructor(session: Session, profile: ReplicaProfile, plainSync: boolean, now: () => number, count: (bytes: number) => void) {
    this.session = session;
    this.profile = profile;
    this.plainSync = plainSync;
    this.now = now;
    this.count = count;
    this.ackedAt = this.progressAt = this.attachedAt = this.heardAt = now();
  }

  get host(): string {
    if (this.profile.announcedIp !== '') return this.profile.announcedIp;
    const address = this.session.transport.remoteAddress;
    return address.slice(0, Math.max(0, address.lastIndexOf(':'))).replace(/^\[(.*)\]$/, '$1');
  }

  get port(): number {
    return this.profile.listeningPort;
  }

  get name(): string {
    return this.port === 0 ? `client id #${this.session.id}` : `${this.host}:${this.port}`;
  }

  get nodeId(): string {
    return this.profile.nodeId;
  }

  get version(): string {
    const { version } = this.profile;
    return version === 0 ? '' : `${version >> 16}.${(version >> 8) & 0xff}.${version & 0xff}`;
  }

  get state(): ReplicaView['state'] {
    switch (this.phase) {
      case 'online':
        return 'online';
      case 'loading':
        return 'bg_transfer';
      case 'transmitted':
        return 'rdb_transmitted';
      case 'waiting':
      case 'receiving':
        return 'wait_bgsave';
    }
  }

  get channel(): ReplicaView['channel'] {
    if (this.profile.rdbChannel) return 'rdb-channel';
    return this.phase === 'loading' ? 'main-channel' : 'replica';
  }

  /** The backlog is kept from `position` on for this connection. */
  get wantsStream(): boolean {
    return this.phase !== 'waiting' && (this.awaitsMain || !(this.profile.rdbOnly || this.profile.rdbChannel));
  }

  get lagSeconds(): number {
    return this.phase === 'online' ? Math.max(0, Math.floor((this.now() - this.ackedAt) / 1000)) : 0;
  }

  /** Writes bytes that are no part of the stream: an answer, a piece of the snapshot. `after` runs when the system has them. */
  send(bytes: Uint8Array, after?: () => void): void {
    if (this.gone) return;
    const { length } = bytes;
    this.inFlight += length;
    this.count(length);
    this.session.transport.write(bytes, () => {
      this.inFlight -= length;
      this.progressAt = this.now();
      after?.();
    });
  }

  sendText(text: string): void {
    this.send(Buffer.from(text, 'latin1'));
  }

  /** Hands what is new in the backlog to the transport, as far as the window allows. */
  pump(backlog: Backlog): void {
    if (!this.streaming || this.gone) return;
    while (this.position < backlog.end && this.inFlight < WINDOW_BYTES) {
      const piece = backlog.read(this.position, PIECE_BYTES);
      this.position += piece.length;
      this.send(piece, () => this.pump(backlog));
    }
  }

  /** Stream bytes that wait for this replica. */
  waitingBytes(backlog: Backlog): number {
    return !this.wantsStream ? 0 : backlog.end - this.position + (this.streaming ? this.inFlight : 0);
  }
}
