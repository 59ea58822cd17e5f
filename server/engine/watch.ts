/** WATCH: which sessions watch which keys. A key is known by database number and latin1 text. */

import type { DatabasesPort, WatchPort } from '../core/ports.ts';
import type { Session } from '../core/session.ts';
import { latin1 } from '../memory/bytes.ts';

/** What became of a watched key when its database was emptied or replaced. */
interface DatabaseChange {
  readonly existed: boolean;
  readonly exists: boolean;
  /** The key that stands there now is stale. */
  readonly expired: boolean;
}

export class Watches implements WatchPort {
  /** By database number, then key. */
  private readonly byDatabase = new Map<number, Map<string, Set<Session>>>();
  private readonly sessions = new Set<Session>();
  private readonly databases: () => DatabasesPort;
  private readonly now: () => number;
  watchedKeys = 0;

  constructor(databases: () => DatabasesPort, now: () => number) {
    this.databases = databases;
    this.now = now;
  }

  get watchingClients(): number {
    return this.sessions.size;
  }

  watch(session: Session, dbIndex: number, key: string): void {
    let keys = this.byDatabase.get(dbIndex);
    if (keys === undefined) this.byDatabase.set(dbIndex, (keys = new Map()));
    let watchers = keys.get(key);
    if (watchers?.has(session) === true) return;
    session.watched.push({ dbIndex, key, expired: this.isExpired(dbIndex, key, this.now()) });
    this.sessions.add(session);
    if (watchers === undefined) {
      keys.set(key, (watchers = new Set()));
      this.watchedKeys++;
    }
    watchers.add(session);
  }

  unwatchAll(session: Session): void {
    for (const { dbIndex, key } of session.watched) {
      const keys = this.byDatabase.get(dbIndex);
      const watchers = keys?.get(key);
      watchers?.delete(session);
      if (watchers?.size === 0 && keys?.delete(key) === true) this.watchedKeys--;
    }
    session.watched = [];
    this.sessions.delete(session);
  }

  touch(dbIndex: number, bytes: Uint8Array, start: number, end: number): void {
    const keys = this.byDatabase.get(dbIndex);
    if (keys === undefined || keys.size === 0) return;
    const key = latin1(bytes, start, end);
    for (const session of keys.get(key) ?? []) this.markDirty(session, dbIndex, key);
  }

  /** The database is emptied, or (SWAPDB) `replacedBy` takes its place. */
  touchDatabase(dbIndex: number, replacedBy?: number): void {
    const now = this.now();
    for (const [key, watchers] of this.byDatabase.get(dbIndex) ?? []) {
      const existed = this.exists(dbIndex, key);
      const exists = replacedBy !== undefined && this.exists(replacedBy, key);
      if (!existed && !exists) continue;
      const expired = exists && this.isExpired(replacedBy, key, now);
      for (const session of watchers) this.databaseChanged(session, dbIndex, key, { existed, exists, expired });
    }
  }

  /** A key that is missing or stale before and after has not changed for its watcher. */
  private databaseChanged(session: Session, dbIndex: number, key: string, change: DatabaseChange): void {
    const at = session.watched.findIndex(each => each.dbIndex === dbIndex && each.key === key);
    const watched = session.watched[at];
    if (watched === undefined) return;
    if (watched.expired && !change.exists) session.watched[at] = { ...watched, expired: false };
    else if (!watched.expired && !change.existed && change.expired) session.watched[at] = { ...watched, expired: true };
    else if (!(watched.expired && change.expired)) session.dirtyCas = true;
  }

  expiredSinceWatch(session: Session, now: number): boolean {
    return session.watched.some(each => !each.expired && this.isExpired(each.dbIndex, each.key, now));
  }

  /** A key that was expired when it was watched, and is deleted now, has not changed for its watcher. */
  private markDirty(session: Session, dbIndex: number, key: string): void {
    const at = session.watched.findIndex(each => each.dbIndex === dbIndex && each.key === key);
    const watched = session.watched[at];
    // It may still stand in the tables: it is told that it goes before it goes.
    if (watched?.expired === true && (!this.exists(dbIndex, key) || this.isExpired(dbIndex, key, this.now()))) {
      session.watched[at] = { ...watched, expired: false };
      return;
    }
    session.dirtyCas = true;
  }

  private exists(dbIndex: number, key: string): boolean {
    return this.expiry(dbIndex, key) !== undefined;
  }

  private isExpired(dbIndex: number, key: string, now: number): boolean {
    const at = this.expiry(dbIndex, key);
    return at !== undefined && at >= 0 && at < now;
  }

  /** Expiry of a key that stands in the tables, expired or not; undefined when it does not. */
  private expiry(dbIndex: number, key: string): number | undefined {
    const bytes = new Uint8Array(Buffer.from(key, 'latin1'));
    const db = this.databases().get(dbIndex);
    const entry = db.peekStale(bytes, 0, bytes.length);
    return entry === 0 ? undefined : db.expireAt(entry);
  }
}
