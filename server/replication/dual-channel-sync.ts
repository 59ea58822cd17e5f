/**
 * A full sync over two connections, as the replica runs it: the second one brings the snapshot, while the stream that follows the snapshot
 * comes over the main one and is held back here. So nothing of it waits at the primary.
 *
 *     second (rdb) channel    connect ─▶ SYNC ─▶ $ENDOFF ───────────────── snapshot ──────────────▶ loaded ┐
 *                                                  │ where it ends, client id                              ├─▶ connected
 *     main channel            idle ────────────────┴─▶ associating ─▶ psync ── +CONTINUE ─▶ streaming ────┘
 *
 * The two ends may come in either order. Whatever breaks on either side before that ends the sync; a snapshot that is whole by then is
 * kept, and the next attempt goes on where it ends.
 * Source: replication.c (dualChannelSetupMainConnForPsync, bufferReplData, dualChannelSyncSuccess).
 */

import { replicaOutputLimit } from '../core/replica-output-limit.ts';
import type { ConfigPort } from '../core/ports.ts';
import { readPsyncReply, request, type SnapshotEnd } from './handshake.ts';
import { PendingStream } from './pending-stream.ts';
import { RdbChannel, type RdbChannelParts } from './rdb-channel.ts';
import type { TransferProgress } from './snapshot-receiver.ts';

export interface DualChannelParts extends RdbChannelParts {
  readonly config: ConfigPort;
  readonly host: RdbChannelParts['host'] & { readonly loadEnded: (id: string, offset: number, dbIndex: number) => void };
  /** Runs before the main channel asks for the stream. */
  readonly beforeMainPsync: () => void;
}

/** What it needs of the main connection. */
export interface MainChannel {
  readonly write: (text: string) => void;
  /** No more is read until the sync is over. */
  readonly pause: () => void;
  /** When it last brought something (monotonic milliseconds). */
  readonly lastIoAt: () => number;
}

export interface DualChannelEvents {
  /** The snapshot is loaded, and the stream goes on after it with these bytes. */
  readonly connected: (pending: readonly Uint8Array[]) => void;
  /** `refused`: the primary does not know second connections after all. */
  readonly failed: (reason: string, refused: boolean) => void;
}

type MainPhase = 'idle' | 'associating' | 'psync' | 'streaming';

export class DualChannelSync {
  /** The most that was held back (replicas_repl_buffer_peak). */
  peakBytes = 0;
  private readonly parts: DualChannelParts;
  private readonly main: MainChannel;
  private readonly events: DualChannelEvents;
  private readonly rdb: RdbChannel;
  private readonly pending = new PendingStream();
  private mainPhase: MainPhase = 'idle';
  private end: SnapshotEnd | undefined;
  /** When the snapshot was whole (monotonic). */
  private loadedAt: number | undefined;
  private full = false;

  constructor(
    parts: DualChannelParts,
    address: { readonly host: string; readonly port: number },
    main: MainChannel,
    events: DualChannelEvents,
  ) {
    this.parts = parts;
    this.main = main;
    this.events = events;
    parts.log.notice('Dual channel replication: PSYNC is not possible, initialize RDB channel.');
    this.rdb = new RdbChannel(parts, address, {
      endKnown: end => this.associate(end),
      loaded: () => this.snapshotLoaded(),
      failed: (reason, refused) => this.events.failed(`rdb channel: ${reason}`, refused),
    });
  }

  /** What the main channel brings is the stream: it goes to `hold`. */
  get streaming(): boolean {
    return this.mainPhase === 'streaming';
  }

  /** The main channel is not read any more: the bound is reached. */
  get holdsBack(): boolean {
    return this.full;
  }

  get pendingBytes(): number {
    return this.pending.sizeBytes;
  }

  /** The snapshot is being transferred or is here. */
  get progress(): TransferProgress | undefined {
    return this.rdb.progress;
  }

  get receiving(): boolean {
    return this.end !== undefined;
  }

  close(): void {
    this.rdb.close();
    this.pending.take();
  }

  /** A line of the main channel, before the stream begins. */
  takeMainLine(line: string): void {
    if (line === '') return;
    const { log } = this.parts;
    switch (this.mainPhase) {
      case 'associating':
        if (line.startsWith('-')) {
          log.notice(`Dual channel replication: Primary does not understand REPLCONF identify: ${line}`);
          return this.fail('the primary does not know our rdb channel');
        }
        return this.askForStream();
      case 'psync':
        return this.takePsyncReply(line);
      case 'idle':
      case 'streaming':
        return this.fail(`unexpected line on the main channel: ${line.slice(0, 128)}`);
    }
  }

  /** Keeps what the main channel brings. */
  hold(bytes: Uint8Array, start: number, end: number): void {
    this.pending.append(bytes, start, end);
    const size = this.pending.sizeBytes;
    if (size > this.peakBytes) this.peakBytes = size;
    const limit = replicaOutputLimit(this.parts.config).hardBytes;
    if (this.full || limit === 0 || size <= limit) return;
    this.full = true;
    this.parts.log.notice(
      `Dual channel replication: Replication buffer limit reached (${limit} bytes), stopping buffering. Further accumulation will occur on primary side.`,
    );
    this.main.pause();
  }

  /** Once a second. */
  tick(timeoutMs: number): void {
    const now = this.parts.clock.monotonic();
    const heardAt = this.loadedAt === undefined ? this.rdb.lastIoAt : Math.max(this.loadedAt, this.main.lastIoAt());
    if (now - heardAt > timeoutMs) return this.fail('timeout');
    // The primary sees that we live, however long the snapshot takes.
    this.main.write('\n');
  }

  private associate(end: SnapshotEnd): void {
    this.end = end;
    this.mainPhase = 'associating';
    this.main.write(request(['REPLCONF', 'set-rdb-client-id', end.clientId]));
  }

  private askForStream(): void {
    const { end } = this;
    if (end === undefined) return;
    this.parts.beforeMainPsync();
    const from = String(end.offset + 1);
    this.parts.log.notice(`Dual channel replication: Trying a partial resynchronization using main channel (request ${end.id}:${from}).`);
    this.mainPhase = 'psync';
    this.main.write(request(['PSYNC', end.id, from]));
  }

  private takePsyncReply(line: string): void {
    const reply = readPsyncReply(line);
    if (reply.kind === 'wait') return;
    if (reply.kind !== 'continue') {
      this.parts.log.warning(`Dual channel replication: Aborting dual channel sync. Main channel psync result: ${line.slice(0, 128)}`);
      return this.fail('the primary does not go on after its snapshot');
    }
    const loaded = this.loadedAt !== undefined;
    this.parts.log.notice(
      `Dual channel replication: PRIMARY <-> REPLICA sync: Primary accepted a Partial Resynchronization${loaded ? '.' : ', RDB load in background.'}`,
    );
    this.mainPhase = 'streaming';
    if (!loaded) return;
    this.parts.log.debug('Dual channel replication: Psync established after rdb load');
    this.events.connected([]);
  }

  private snapshotLoaded(): void {
    const { end } = this;
    if (end === undefined) return;
    this.loadedAt = this.parts.clock.monotonic();
    this.parts.host.loadEnded(end.id, end.offset, end.dbIndex);
    if (this.mainPhase === 'streaming') this.events.connected(this.pending.take());
  }

  private fail(reason: string): void {
    this.events.failed(`main channel: ${reason}`, false);
  }
}
