/**
 * The primary's side of replication: the replicas that are attached to this node, and what they are sent.
 *
 * Any node can have replicas; one that is a replica itself passes on the stream of its primary. Replicas ask with PSYNC: who can go on where it
 * is gets `+CONTINUE` and the stream; the others wait for a snapshot (repl-diskless-sync-delay, so that several share one).
 * The stream is not written command by command: once a turn of the loop each replica is handed what is new in the backlog.
 *
 * `tick` runs once a second. Source: replication.c (syncCommand, replicationCron).
 */

import type { Clock, ConfigPort, ServerLog, ServerStats, Timers } from '../core/ports.ts';
import type { ReplicaProfile, SyncRequest } from '../core/replication.ts';
import type { SnapshotPort } from '../core/snapshots.ts';
import type { Session } from '../core/session.ts';
import { FullSync } from './full-sync.ts';
import { decidePsync } from './history.ts';
import { ReplicaConnection } from './replica-connection.ts';
import type { ReplicationStream } from './replication-stream.ts';

/** Replicas older than this read RDB version 11 at most. */
const FIRST_WITH_RDB_80 = 0x090000;

export interface FeedParts {
  readonly stream: ReplicationStream;
  readonly snapshots: SnapshotPort;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly config: ConfigPort;
  readonly log: ServerLog;
  readonly stats: ServerStats;
  readonly newId: () => string;
  /** Why this node cannot feed replicas now, as an error line. */
  readonly refusal: () => string | undefined;
  readonly isPrimary: () => boolean;
  /** Database that the stream's readers have selected. */
  readonly streamDb: () => number;
  readonly forceSelect: () => void;
  readonly propagate: (args: readonly string[]) => void;
  /** No PING may be added to the stream now (a manual failover waits for equal offsets). */
  readonly quiet: () => boolean;
  /** A replica gets the stream from now on. */
  readonly joined: () => void;
}

interface OutputLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softMs: number;
}

export class PrimaryFeed {
  readonly replicas = new Set<ReplicaConnection>();
  goodReplicas = 0;
  private readonly parts: FeedParts;
  private readonly bySession = new Map<Session, ReplicaConnection>();
  private readonly ackListeners: (() => void)[] = [];
  private sync: FullSync | undefined;
  private flushPlanned = false;
  private ticks = 0;
  private emptySince: number;

  constructor(parts: FeedParts) {
    this.parts = parts;
    this.emptySince = parts.clock.monotonic();
  }

  /** Replicas to whom the stream or a snapshot is being sent, or that wait for one. */
  get count(): number {
    return this.replicas.size;
  }

  get online(): number {
    let count = 0;
    for (const replica of this.replicas) if (replica.phase === 'online') count++;
    return count;
  }

  onAck(action: () => void): void {
    this.ackListeners.push(action);
  }

  /** Online replicas that have `offset`; `inAof`: on their disk. */
  acknowledged(offset: number, inAof = false): number {
    let count = 0;
    for (const replica of this.replicas) {
      if (replica.phase === 'online' && (inAof ? replica.aofOffset : replica.ackedOffset) >= offset) count++;
    }
    return count;
  }

  /** New bytes stand in the backlog: they go out at the end of this turn. Hot path. */
  streamGrew(): void {
    if (this.flushPlanned || this.replicas.size === 0) return;
    this.flushPlanned = true;
    this.parts.timers.soon(this.flush);
  }

  /** SYNC or PSYNC. An error line when it is refused. */
  serve(session: Session, profile: ReplicaProfile, request: SyncRequest): string | undefined {
    const { log, stats, stream, clock } = this.parts;
    if (this.bySession.has(session)) return undefined;
    const refusal = this.parts.refusal();
    if (refusal !== undefined) return refusal;
    if (session.transport.pendingOutputBytes > 0) return 'ERR SYNC and PSYNC are invalid with pending output';
    const count = (bytes: number): void => {
      stats.counters.netReplOutputBytes += bytes;
    };
    const replica = new ReplicaConnection(session, profile, request.kind === 'sync', () => clock.monotonic(), count);
    log.notice(`Replica ${replica.name} asks for synchronization`);
    if (request.kind === 'psync') {
      const decision = decidePsync(request, stream.history, stream.backlog);
      if (decision.kind === 'continue') {
        this.attach(replica);
        this.continueAt(replica, decision.position);
        return undefined;
      }
      if (decision.reason !== 'requested') stats.counters.syncPartialErr++;
      this.logRefusedPsync(replica, request, decision.reason);
    }
    stats.counters.syncFull++;
    this.attach(replica);
    this.openBacklog();
    this.startWaiting();
    return undefined;
  }

  takeAck(session: Session, offset: number, aofOffset: number): void {
    const replica = this.bySession.get(session);
    if (replica === undefined) return;
    if (offset > replica.ackedOffset) replica.ackedOffset = offset;
    if (aofOffset > replica.aofOffset) replica.aofOffset = aofOffset;
    replica.ackedAt = this.parts.clock.monotonic();
    if (replica.phase === 'online' && !replica.streaming) this.startStream(replica);
    this.countGood();
    for (const listener of this.ackListeners) listener();
  }

  sessionClosed(session: Session): void {
    const replica = this.bySession.get(session);
    if (replica === undefined) return;
    this.parts.log.notice(`Connection with replica ${replica.name} lost.`);
    this.forget(replica);
  }

  /** They come back and go on by the second id, or need a full sync. */
  disconnectAll(reason: string): void {
    for (const replica of this.replicas) this.drop(replica, reason);
  }

  tick(): void {
    const { config, stream, isPrimary } = this.parts;
    const period = config.integer('repl-ping-replica-period');
    if (this.ticks++ % period === 0 && this.replicas.size > 0 && isPrimary() && !this.parts.quiet()) this.parts.propagate(['ping']);
    const now = this.parts.clock.monotonic();
    for (const replica of this.replicas) this.watch(replica, now);
    if (stream.backlog !== undefined) this.tidyBacklog(now);
    this.startWaiting();
    this.countGood();
  }

  /** Opens the backlog when there is none; on a primary that begins a stream without a past. */
  openBacklog(): void {
    const { stream, config, log, isPrimary, newId } = this.parts;
    if (stream.backlog !== undefined) return;
    if (isPrimary()) {
      stream.beginAnew(newId(), stream.offset);
      const { id, id2 } = stream.history;
      log.notice(`Replication backlog created, my new replication IDs are '${id}' and '${id2}'`);
    }
    stream.openBacklog(config.integer('repl-backlog-size'));
  }

  private attach(replica: ReplicaConnection): void {
    replica.session.kind = 'replica';
    this.replicas.add(replica);
    this.bySession.set(replica.session, replica);
  }

  private continueAt(replica: ReplicaConnection, position: number): void {
    const { stream, log, stats } = this.parts;
    stats.counters.syncPartialOk++;
    replica.phase = 'online';
    replica.streaming = true;
    replica.position = position;
    replica.sendText(replica.profile.psync2 ? `+CONTINUE ${stream.id}\r\n` : '+CONTINUE\r\n');
    log.notice(
      `Partial resynchronization request from ${replica.name} accepted. Sending ${stream.offset - position} bytes of backlog starting from offset ${position + 1}.`,
    );
    this.streamGrew();
    this.countGood();
    this.parts.joined();
  }

  /** The replica has loaded the snapshot: from here on it gets the stream. */
  private startStream(replica: ReplicaConnection): void {
    replica.streaming = true;
    // A replica at offset 0 looks like one that never synced.
    if (this.parts.stream.offset === 0 && this.parts.isPrimary()) this.parts.propagate(['ping']);
    this.parts.log.notice(`Synchronization with replica ${replica.name} succeeded`);
    this.streamGrew();
    this.parts.joined();
  }

  private logRefusedPsync(replica: ReplicaConnection, request: SyncRequest & { readonly kind: 'psync' }, reason: string): void {
    const { log, stream } = this.parts;
    if (reason === 'requested') log.notice(`Full resync requested by replica ${replica.name}`);
    else if (reason === 'other-history') {
      const { id, id2 } = stream.history;
      log.notice(
        `Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '${request.id}', my replication IDs are '${id}' and '${id2}')`,
      );
    } else if (reason === 'past-the-fork') {
      log.notice(
        `Partial resynchronization not accepted: Requested offset for second ID was ${request.offset}, but I can reply up to ${stream.history.offset2}`,
      );
    } else
      log.notice(`Unable to partial resync with replica ${replica.name} for lack of backlog (Replica request was: ${request.offset}).`);
  }

  /** Starts a snapshot for those who wait, when it is time: alike ones together, the rest after it. */
  private startWaiting(): void {
    if (this.sync !== undefined) return;
    const waiting = [...this.replicas].filter(replica => replica.phase === 'waiting');
    if (waiting.length === 0) return;
    const { config, clock } = this.parts;
    // The delay is for sharing a streamed snapshot; who gets a collected one is served at once, as upstream does from its file.
    const streamed = config.flag('repl-diskless-sync') && waiting.every(replica => replica.profile.eof);
    const delayMs = streamed ? config.integer('repl-diskless-sync-delay') * 1000 : 0;
    const enough = config.integer('repl-diskless-sync-max-replicas');
    const waitedMs = clock.monotonic() - Math.min(...waiting.map(replica => replica.attachedAt));
    if (waitedMs < delayMs && !(enough > 0 && waiting.length >= enough)) return;
    const [first] = waiting;
    this.startSync(waiting.filter(replica => kindOf(replica) === kindOf(first)));
  }

  private startSync(replicas: readonly ReplicaConnection[]): void {
    const { stream, snapshots, config, log, forceSelect, streamDb, isPrimary, newId } = this.parts;
    this.openBacklog();
    if (isPrimary()) forceSelect();
    const { profile } = replicas[0];
    const names = replicas.map(replica => replica.name).join(', ');
    log.notice(`Starting snapshot for SYNC with target: replicas sockets (${names})`);
    try {
      this.sync = new FullSync(replicas, {
        snapshots,
        options: {
          rdbVersion: profile.version >= FIRST_WITH_RDB_80 ? 80 : 11,
          replication: { id: stream.id, offset: stream.offset, dbIndex: streamDb() },
          checksum: config.flag('rdbchecksum'),
          withoutKeys: profile.withoutKeys,
        },
        id: stream.id,
        offset: stream.offset,
        mark: newId(),
        ended: (sync, error) => this.syncEnded(sync, error),
      });
    } catch (error) {
      log.warning(`Cannot start a snapshot for replication: ${error instanceof Error ? error.message : String(error)}`);
      for (const replica of replicas) this.drop(replica, 'snapshot failed');
    }
  }

  private syncEnded(sync: FullSync, error: Error | undefined): void {
    this.sync = undefined;
    const now = this.parts.clock.monotonic();
    if (error !== undefined && sync.replicas.size > 0) this.parts.log.warning(`Snapshot for replication failed: ${error.message}`);
    for (const replica of sync.replicas) {
      if (error !== undefined) this.drop(replica, 'snapshot failed');
      else if (replica.profile.rdbOnly) {
        this.forget(replica);
        replica.session.transport.closeAfterReply();
      } else {
        this.parts.log.notice(`Streamed replica with replica ${replica.name}. Waiting for REPLCONF ACK from replica to enable streaming`);
        replica.phase = 'online';
        replica.ackedAt = now;
        if (replica.plainSync) this.startStream(replica);
      }
    }
    this.parts.timers.soon(() => this.startWaiting());
  }

  private readonly flush = (): void => {
    this.flushPlanned = false;
    const { backlog } = this.parts.stream;
    if (backlog === undefined) return;
    const limit = this.outputLimit();
    const now = this.parts.clock.monotonic();
    for (const replica of this.replicas) {
      replica.pump(backlog);
      this.enforceLimit(replica, replica.waitingBytes(backlog), limit, now);
    }
    this.trim();
  };

  private trim(): void {
    const { backlog } = this.parts.stream;
    if (backlog === undefined) return;
    let needed = backlog.end;
    for (const replica of this.replicas) if (replica.phase !== 'waiting' && replica.position < needed) needed = replica.position;
    backlog.trim(needed);
  }

  private tidyBacklog(now: number): void {
    const { stream, config, isPrimary, newId, log } = this.parts;
    stream.backlog?.setKeepBytes(config.integer('repl-backlog-size'));
    this.trim();
    const ttlSeconds = config.integer('repl-backlog-ttl');
    if (this.replicas.size > 0 || ttlSeconds === 0 || !isPrimary() || now - this.emptySince <= ttlSeconds * 1000) return;
    stream.closeBacklog();
    stream.beginAnew(newId(), stream.offset);
    log.notice(`Replication backlog freed after ${ttlSeconds} seconds without connected replicas.`);
  }

  /** Keeps one replica alive, or drops it when it stays silent. */
  private watch(replica: ReplicaConnection, now: number): void {
    const { backlog } = this.parts.stream;
    const timeoutMs = this.parts.config.integer('repl-timeout') * 1000;
    if (replica.phase === 'waiting') replica.sendText('\n');
    else if (replica.phase === 'receiving') {
      if (replica.inFlight > 0 && now - replica.progressAt > timeoutMs) this.drop(replica, 'full sync timed out');
    } else if (!replica.plainSync && now - Math.max(replica.ackedAt, this.heardAt(replica, now)) > timeoutMs) {
      this.parts.log.warning(`Disconnecting timedout replica (streaming sync): ${replica.name}`);
      this.drop(replica, 'timed out');
    }
    if (backlog !== undefined && !replica.gone) this.enforceLimit(replica, replica.waitingBytes(backlog), this.outputLimit(), now);
  }

  /** While it loads a snapshot a replica sends empty lines, which are no command: only the number of its bytes tells of them. */
  private heardAt(replica: ReplicaConnection, now: number): number {
    const { netInputBytes } = replica.session;
    if (netInputBytes !== replica.heardBytes) {
      replica.heardBytes = netInputBytes;
      replica.heardAt = now;
    }
    return replica.heardAt;
  }

  private enforceLimit(replica: ReplicaConnection, waiting: number, limit: OutputLimit, now: number): void {
    const overHard = limit.hardBytes > 0 && waiting > limit.hardBytes;
    const overSoft = limit.softBytes > 0 && waiting > limit.softBytes;
    if (!overSoft) replica.overSoftLimitSince = undefined;
    else replica.overSoftLimitSince ??= now;
    const tooLong = replica.overSoftLimitSince !== undefined && now - replica.overSoftLimitSince > limit.softMs;
    if (!overHard && !tooLong) return;
    this.parts.stats.counters.outputBufferDisconnections++;
    this.parts.log.warning(
      `Client ${replica.name} closed for overcoming of output buffer limits (${waiting} bytes of the stream are waiting).`,
    );
    this.drop(replica, 'output buffer limit');
  }

  /** client-output-buffer-limit of the class replica; a hard limit below the backlog's size would drop those who only catch up. */
  private outputLimit(): OutputLimit {
    const words = this.parts.config.words('client-output-buffer-limit');
    const at = words.findIndex(word => word === 'replica' || word === 'slave');
    if (at < 0) return { hardBytes: 0, softBytes: 0, softMs: 0 };
    const [hard, soft, seconds] = [1, 2, 3].map(i => Number(words[at + i]));
    const keep = this.parts.stream.backlog?.keepBytes ?? 0;
    return { hardBytes: hard > 0 ? Math.max(hard, keep) : 0, softBytes: soft > 0 ? Math.max(soft, keep) : 0, softMs: seconds * 1000 };
  }

  private countGood(): void {
    const lagMs = this.parts.config.integer('min-replicas-max-lag') * 1000;
    const now = this.parts.clock.monotonic();
    let good = 0;
    for (const replica of this.replicas) if (replica.phase === 'online' && now - replica.ackedAt <= lagMs + 999) good++;
    this.goodReplicas = good;
  }

  private drop(replica: ReplicaConnection, reason: string): void {
    this.forget(replica);
    replica.session.transport.close(reason);
  }

  private forget(replica: ReplicaConnection): void {
    replica.gone = true;
    this.replicas.delete(replica);
    this.bySession.delete(replica.session);
    if (this.replicas.size === 0) this.emptySince = this.parts.clock.monotonic();
    this.sync?.drop(replica);
    this.countGood();
  }
}

/** Replicas of one kind can share a snapshot. */
function kindOf(replica: ReplicaConnection): string {
  return `${replica.profile.version >= FIRST_WITH_RDB_80} ${replica.profile.withoutKeys}`;
}
