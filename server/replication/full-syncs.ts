/**
 * When a snapshot starts for the replicas that wait for one, for whom, and what becomes of them when it ends.
 *
 * One at a time: those who are alike share it (after repl-diskless-sync-delay, so that several can), the others wait for the next one.
 * Source: replication.c (shouldStartChildReplication, updateReplicasWaitingBgsave).
 */

import type { FeedParts } from './feed-parts.ts';
import { FullSync } from './full-sync.ts';
import type { ReplicaConnection } from './replica-connection.ts';
import type { SyncChannels } from './sync-channels.ts';

/** Replicas older than this read RDB version 11 at most. */
const FIRST_WITH_RDB_80 = 0x090000;

/** What the feed does besides. */
export interface FullSyncsHost {
  readonly replicas: ReadonlySet<ReplicaConnection>;
  readonly channels: SyncChannels;
  readonly openBacklog: () => void;
  readonly startStream: (replica: ReplicaConnection) => void;
  /** It is no replica any more; `drop` closes its connection too. */
  readonly forget: (replica: ReplicaConnection) => void;
  readonly drop: (replica: ReplicaConnection, reason: string) => void;
}

export class FullSyncs {
  private readonly parts: FeedParts;
  private readonly host: FullSyncsHost;
  private sync: FullSync | undefined;

  constructor(parts: FeedParts, host: FullSyncsHost) {
    this.parts = parts;
    this.host = host;
  }

  get running(): boolean {
    return this.sync !== undefined;
  }

  /** A replica is gone. */
  replicaGone(replica: ReplicaConnection): void {
    this.sync?.drop(replica);
  }

  /** Starts a snapshot for those who wait, when it is time: alike ones together, the rest after it. */
  startWaiting(): void {
    if (this.sync !== undefined) return;
    const waiting = [...this.host.replicas].filter(replica => replica.phase === 'waiting');
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
    this.host.openBacklog();
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
      this.logRdbChannels(replicas);
      this.pauseWhenSent(this.sync);
    } catch (error) {
      log.warning(`Cannot start a snapshot for replication: ${error instanceof Error ? error.message : String(error)}`);
      for (const replica of replicas) this.host.drop(replica, 'snapshot failed');
    }
  }

  private logRdbChannels(replicas: readonly ReplicaConnection[]): void {
    const { log, stream } = this.parts;
    const { start, end } = stream.backlog ?? { start: 0, end: 0 };
    const from = end > start ? 'tracking repl-backlog tail' : 'no repl-backlog to track';
    for (const { awaitsMain, name, session } of replicas) {
      if (awaitsMain) log.debug(`Dual channel replication: Add rdb replica ${name} to waiting psync, with cid ${session.id}, ${from}`);
    }
  }

  private pauseWhenSent(sync: FullSync): void {
    const pause = this.parts.pauseAfterSnapshot();
    if (pause === undefined) return;
    const { clock, timers } = this.parts;
    sync.finish();
    const whenTaken = (): void => {
      const replicas = [...sync.replicas];
      if (replicas.some(replica => !replica.gone && replica.inFlight > 0)) return void timers.after(1, whenTaken);
      pause();
      // The time that the process stood still is none of the replicas' grace.
      for (const replica of replicas) replica.transmittedAt = clock.monotonic();
    };
    timers.soon(whenTaken);
  }

  private syncEnded(sync: FullSync, error: Error | undefined): void {
    this.sync = undefined;
    const now = this.parts.clock.monotonic();
    if (error !== undefined) this.parts.log.warning(`Background RDB transfer error: ${error.message}`);
    for (const replica of sync.replicas) {
      if (error !== undefined) this.host.drop(replica, 'snapshot failed');
      else if (replica.profile.rdbOnly || replica.profile.rdbChannel) this.snapshotTransmitted(replica, now);
      else {
        this.parts.log.notice(`Streamed replica with replica ${replica.name}. Waiting for REPLCONF ACK from replica to enable streaming`);
        replica.phase = 'online';
        replica.ackedAt = now;
        if (replica.plainSync) this.host.startStream(replica);
      }
    }
    this.parts.timers.soon(() => this.startWaiting());
  }

  private snapshotTransmitted(replica: ReplicaConnection, now: number): void {
    this.parts.log.notice(`RDB transfer completed, rdb only replica (${replica.name}) should be disconnected asap`);
    replica.phase = 'transmitted';
    replica.transmittedAt = now;
    const main = this.host.channels.mainOf(replica);
    // It may have said nothing as long as the snapshot came.
    if (main !== undefined) main.heardAt = now;
    if (replica.awaitsMain) return;
    this.host.forget(replica);
    replica.session.transport.closeAfterReply();
  }
}

/** Replicas of one kind can share a snapshot. */
function kindOf(replica: ReplicaConnection): string {
  return `${replica.profile.version >= FIRST_WITH_RDB_80} ${replica.profile.withoutKeys}`;
}
