/**
 * Expired keys: what is said when one goes, and the active cycle that finds those nobody asks for.
 *
 * Goal of the cycle: that expired keys which are never read take no more than a tenth of all keys with an expiry, for at most a quarter of the CPU.
 * Each run goes on through the index of expiring entries where the last one stopped, database by database. It stops after `RUN_MS`, when the index
 * was passed once, or, after a look at `LOOK` keys of a database, when no more than a tenth of them had expired.
 */

import type { KeyspaceEvents, ServerStats, WatchPort } from '../core/ports.ts';
import type { ReplicationPort } from '../core/replication.ts';
import type { ArenaDatabase } from '../keyspace/arena-database.ts';
import type { Database } from '../keyspace/database.ts';
import { EXPIRY_DELETE } from '../keyspace/keyspace-state.ts';
import type { Ref } from '../memory/arena.ts';
import { segmentOf } from '../memory/arena.ts';
import type { Databases } from './databases.ts';
import type { Propagation } from './propagation.ts';

const LOOK = 64;
const RUN_MS = 2;

export interface ExpiryParts {
  readonly propagation: Propagation;
  readonly watch: () => WatchPort;
  readonly events: () => KeyspaceEvents;
  readonly stats: ServerStats;
}

/** Told by the keyspace before an expired entry is deleted: replicas, watchers and subscribers hear of it. */
export function announceExpired(parts: ExpiryParts, db: Database, entry: Ref): void {
  const bytes = db.arena.bytes[segmentOf(entry)];
  const start = db.keyStart(entry);
  const end = start + db.keyLength(entry);
  parts.stats.counters.expiredKeys++;
  parts.propagation.propagate(db.index, ['UNLINK', bytes.subarray(start, end)]);
  const watch = parts.watch();
  if (watch.watchedKeys > 0) watch.touch(db.index, bytes, start, end);
  parts.events().keyModified(db.index, bytes, start, end);
  parts.events().notify('x', 'expired', db.index, bytes, start, end);
}

export class ActiveExpiry {
  private readonly databases: Databases;
  private readonly replication: () => ReplicationPort;
  private readonly monotonic: () => number;
  private current = 0;
  private readonly position = { table: 0, hash: 0 };

  constructor(databases: Databases, replication: () => ReplicationPort, monotonic: () => number) {
    this.databases = databases;
    this.replication = replication;
    this.monotonic = monotonic;
  }

  /** One run; the caller has begun a batch (the time is set). */
  run(): void {
    if (this.databases.state.expiry !== EXPIRY_DELETE || this.replication().role !== 'primary') return;
    const end = this.monotonic() + RUN_MS;
    for (let looked = 0; looked < this.databases.count; ) {
      const db = this.databases.get(this.current);
      const stale = db.expiring === 0 ? -1 : this.look(db);
      if (stale * 10 <= LOOK) {
        if (stale < 0) this.nextDatabase();
        looked++;
      }
      if (this.monotonic() >= end) return;
    }
  }

  /** Looks at some keys; how many had expired, -1 when the end of the database was reached. */
  private look(db: ArenaDatabase): number {
    const refs: number[] = [];
    const { hidden } = this.databases.state;
    if (!db.content.collect(db.content.expires, this.position, LOOK, refs, -1, hidden)) return -1;
    const { now } = this.databases.state;
    let stale = 0;
    for (const entry of refs) {
      if (db.expireAt(entry) >= now) continue;
      stale++;
      db.expireNow(entry);
    }
    return stale;
  }

  private nextDatabase(): void {
    this.current = (this.current + 1) % this.databases.count;
    this.position.table = 0;
    this.position.hash = 0;
  }
}
