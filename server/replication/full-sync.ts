/**
 * One snapshot on its way to the replicas that wait for it together.
 *
 *     +FULLRESYNC <id> <offset>\r\n   (not after a plain SYNC)
 *     $ENDOFF:<offset> <id> <db> <client id>\r\n   instead, on the second connection of a dual-channel sync: where the snapshot ends
 *     $EOF:<40 hex>\r\n  RDB  <the same 40 bytes>
 *     $<length>\r\n  RDB             to a replica that does not know the form above: collected first, because its length comes first
 *
 * The slowest of them sets the pace: the walk rests while anybody has a full window. One that closes is forgotten; without any the walk ends.
 * Source: replication.c (diskless replication, rdbPipeReadHandler).
 */

import type { RunningSnapshot, SnapshotOptions, SnapshotPort, SnapshotSink } from '../core/snapshots.ts';
import { type ReplicaConnection, WINDOW_BYTES } from './replica-connection.ts';

/** More is not collected for replicas that must know the length. */
const COLLECT_LIMIT_BYTES = 256 * 1024 * 1024;

export interface FullSyncStart {
  readonly snapshots: SnapshotPort;
  readonly options: SnapshotOptions;
  /** The stream's id and offset at this moment. */
  readonly id: string;
  readonly offset: number;
  /** 40 characters that end the RDB. */
  readonly mark: string;
  /** All of it was sent, or it failed. `error` undefined: the replicas that are left have it whole. */
  readonly ended: (sync: FullSync, error: Error | undefined) => void;
}

export class FullSync implements SnapshotSink {
  readonly replicas: Set<ReplicaConnection>;
  private readonly start: FullSyncStart;
  private readonly run: RunningSnapshot;
  private resting = false;
  private readonly collected: Uint8Array[] = [];
  private collectedBytes = 0;
  private readonly drained = (): void => {
    if (!this.resting) return;
    for (const replica of this.replicas) if (replica.inFlight > WINDOW_BYTES / 2) return;
    this.resting = false;
    this.run.resume();
  };

  constructor(replicas: readonly ReplicaConnection[], start: FullSyncStart) {
    this.replicas = new Set(replicas);
    this.start = start;
    for (const replica of replicas) {
      replica.phase = 'receiving';
      replica.position = start.offset;
      if (replica.profile.rdbChannel) {
        replica.awaitsMain = true;
        const db = start.options.replication?.dbIndex ?? 0;
        replica.sendText(`$ENDOFF:${start.offset} ${start.id} ${db} ${replica.session.id}\r\n`);
      } else if (!replica.plainSync) replica.sendText(`+FULLRESYNC ${start.id} ${start.offset}\r\n`);
      if (replica.profile.eof) replica.sendText(`$EOF:${start.mark}\r\n`);
    }
    this.run = start.snapshots.stream(this, start.options);
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const piece = bytes.subarray(start, end);
    let full = false;
    let collect = false;
    for (const replica of this.replicas) {
      if (!replica.profile.eof) {
        collect = true;
        continue;
      }
      replica.send(piece, this.drained);
      if (replica.inFlight >= WINDOW_BYTES) full = true;
    }
    if (collect) this.collect(piece);
    this.resting = full;
    return !full;
  }

  done(): void {
    for (const replica of this.replicas) {
      if (replica.profile.eof) replica.sendText(this.start.mark);
      else {
        replica.sendText(`$${this.collectedBytes}\r\n`);
        for (const piece of this.collected) replica.send(piece, this.drained);
      }
    }
    this.start.ended(this, undefined);
  }

  failed(error: Error): void {
    this.start.ended(this, error);
  }

  private collect(piece: Uint8Array): void {
    this.collectedBytes += piece.length;
    if (this.collectedBytes <= COLLECT_LIMIT_BYTES) this.collected.push(piece.slice());
    else
      for (const replica of this.replicas)
        if (!replica.profile.eof) replica.session.transport.close('its snapshot is too large to be collected');
  }

  /** Hands all that is left to the transport at once. */
  finish(): void {
    this.run.finish();
  }

  /** A replica is gone. */
  drop(replica: ReplicaConnection): void {
    if (!this.replicas.delete(replica)) return;
    if (this.replicas.size > 0) return this.drained();
    this.run.abort();
    this.start.ended(this, new Error('no replica is left'));
  }
}
