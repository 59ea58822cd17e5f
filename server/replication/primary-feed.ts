/**
 * The primary's side of replication: the replicas that are attached to this node, and what they are sent.
 *
 * Any node can have replicas; one that is a replica itself passes on the stream of its primary. Replicas ask with PSYNC: who can go on where it
 * is gets `+CONTINUE` and the stream; the others wait for a snapshot (repl-diskless-sync-delay, so that several share one).
 * The stream is not written command by command: once a turn of the loop each replica is handed what is new in the backlog.
 * In a dual-channel sync the one who asks with PSYNC is told to open a second connection for the snapshot (see `replica-connection.ts`).
 *
 * `tick` runs once a second. Source: replication.c (syncCommand, replicationCron).
 */

import { replicaOutputLimit, type ReplicaOutputLimit } from '../core/replica-output-limit.ts';
import type { ReplicaProfile, SyncRequest } from '../core/replication.ts';
import type { Session } from '../core/session.ts';
import type { FeedParts } from './feed-parts.ts';
import { FullSyncs } from './full-syncs.ts';
import { decidePsync } from './history.ts';
import { ReplicaConnection } from './replica-connection.ts';
import { atLeastBacklog, lagsTooFar } from './stream-backpressure.ts';
import { SyncChannels } from './sync-channels.ts';

export class PrimaryFeed {
  readonly replicas = new Set<ReplicaConnection>();
  goodReplicas = 0;
  readonly channels: SyncChannels;
  private readonly parts: FeedParts;
  private readonly bySession = new Map<Session, ReplicaConnection>();
  private readonly ackListeners: (() => void)[] = [];
  private readonly syncs: FullSyncs;
  private flushPlanned = false;
  /** Seconds. Not from 0 on: the first PING comes a period after the start, when the stream may have gone on from a file. */
  private ticks = 1;
  private emptySince: number;

  constructor(parts: FeedParts) {
    this.parts = parts;
    this.channels = new SyncChannels(this.replicas);
    this.syncs = new FullSyncs(parts, {
      replicas: this.replicas,
      channels: this.channels,
      openBacklog: () => this.openBacklog(),
      startStream: replica => this.startStream(replica),
      forget: replica => this.forget(replica),
      drop: (replica, reason) => this.drop(replica, reason),
    });
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
      // What was written without replicas has not been cut to repl-backlog-size yet.
      this.trim();
      const decision = decidePsync(request, stream.history, stream.backlog);
      if (decision.kind === 'continue') {
        this.attach(replica);
        this.continueAt(replica, decision.position);
        return undefined;
      }
      if (decision.reason !== 'requested') stats.counters.syncPartialErr++;
      this.logRefusedPsync(replica, request, decision.reason);
      if (profile.dualChannel) {
        log.notice(
          `Dual channel replication: Replica ${replica.name} is capable of dual channel synchronization, and partial sync isn't possible. Full sync will continue with dedicated RDB channel.`,
        );
        replica.sendText('+DUALCHANNELSYNC\r\n');
        return undefined;
      }
    }
    if (this.syncs.running) log.notice('Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC');
    stats.counters.syncFull++;
    this.attach(replica);
    this.openBacklog();
    this.syncs.startWaiting();
    return undefined;
  }

  takeAck(session: Session, offset: number, aofOffset: number): void {
    const replica = this.bySession.get(session);
    if (replica === undefined) return;
    if (offset > replica.ackedOffset) replica.ackedOffset = offset;
    if (aofOffset > replica.aofOffset) replica.aofOffset = aofOffset;
    replica.ackedAt = this.parts.clock.monotonic();
    if (replica.phase === 'loading') this.mainChannelLoaded(replica);
    else if (replica.phase === 'online' && !replica.streaming) this.startStream(replica);
    this.countGood();
    for (const listener of this.ackListeners) listener();
  }

  sessionClosed(session: Session): void {
    const replica = this.bySession.get(session);
    if (replica === undefined) return;
    this.parts.log.notice(
      replica.profile.rdbChannel
        ? `Dual channel replication: Replica ${replica.name} rdb channel disconnected.`
        : `Connection with replica ${replica.name} lost.`,
    );
    // The replica has its snapshot: what follows is kept for its main channel a while longer.
    if (replica.phase === 'transmitted' && replica.awaitsMain) return;
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
    this.syncs.startWaiting();
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
    const rdbChannel = this.channels.waiting(replica.profile.rdbClientId);
    replica.phase = rdbChannel === undefined ? 'online' : 'loading';
    replica.streaming = true;
    replica.position = position;
    if (rdbChannel !== undefined) this.mainChannelAsks(rdbChannel);
    replica.sendText(replica.profile.psync2 ? `+CONTINUE ${stream.id}\r\n` : '+CONTINUE\r\n');
    log.notice(
      `Partial resynchronization request from ${replica.name} accepted. Sending ${stream.offset - position} bytes of backlog starting from offset ${position + 1}.`,
    );
    this.streamGrew();
    this.countGood();
    if (replica.phase === 'online') this.parts.joined();
  }

  /** The main channel keeps the backlog from here on; the other one goes when it has done its work. */
  private mainChannelAsks(rdbChannel: ReplicaConnection): void {
    rdbChannel.awaitsMain = false;
    if (rdbChannel.phase !== 'transmitted') return;
    this.forget(rdbChannel);
    rdbChannel.session.transport.closeAfterReply();
  }

  /** The replica has loaded the snapshot that its other channel brought. */
  private mainChannelLoaded(replica: ReplicaConnection): void {
    replica.phase = 'online';
    this.startStream(replica);
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
    for (const replica of this.replicas) if (replica.wantsStream && replica.position < needed) needed = replica.position;
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
    switch (replica.phase) {
      case 'waiting':
        replica.sendText('\n');
        break;
      case 'receiving':
        if (replica.inFlight > 0 && now - replica.progressAt > timeoutMs) this.drop(replica, 'full sync timed out');
        break;
      case 'transmitted':
        this.awaitMainChannel(replica, now);
        break;
      case 'loading':
        // While its snapshot is on the way the replica need not say anything.
        if (this.channels.rdbOf(replica) === undefined && now - this.heardAt(replica, now) > timeoutMs) this.timedOut(replica);
        break;
      case 'online':
        if (!replica.plainSync && now - Math.max(replica.ackedAt, this.heardAt(replica, now)) > timeoutMs) this.timedOut(replica);
    }
    if (backlog !== undefined && !replica.gone) this.enforceLimit(replica, replica.waitingBytes(backlog), this.outputLimit(), now);
  }

  private timedOut(replica: ReplicaConnection): void {
    this.parts.log.warning(`Disconnecting timedout replica (streaming sync): ${replica.name}`);
    this.drop(replica, 'timed out');
  }

  private awaitMainChannel(replica: ReplicaConnection, now: number): void {
    const waited = now - replica.transmittedAt;
    if (waited <= this.parts.mainChannelGraceMs()) return;
    this.parts.log.notice(
      `Dual channel replication: Replica main channel failed to establish PSYNC within the grace period (${Math.floor(waited / 1000)} seconds). Freeing RDB client ${replica.session.id}.`,
    );
    this.drop(replica, 'no main channel');
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

  private enforceLimit(replica: ReplicaConnection, waiting: number, limit: ReplicaOutputLimit, now: number): void {
    if (!lagsTooFar(replica, waiting, limit, now)) return;
    this.parts.stats.counters.outputBufferDisconnections++;
    this.parts.log.warning(
      `Client ${replica.name} scheduled to be closed ASAP for overcoming of output buffer limits. (${waiting} bytes of the stream wait)`,
    );
    this.drop(replica, 'output buffer limit');
  }

  private outputLimit(): ReplicaOutputLimit {
    return atLeastBacklog(replicaOutputLimit(this.parts.config), this.parts.stream.backlog?.keepBytes ?? 0);
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
    if (replica.gone) return;
    replica.gone = true;
    this.replicas.delete(replica);
    this.bySession.delete(replica.session);
    if (this.replicas.size === 0) this.emptySince = this.parts.clock.monotonic();
    this.syncs.replicaGone(replica);
    this.countGood();
    // Half of a dual-channel sync is of no use.
    const other = this.channels.brokenBy(replica);
    if (other !== undefined) this.drop(other, 'its other channel is gone');
  }
}
