/** Databases and values without a server around them, for tests of what reads and writes whole data sets. */

import type { DatabasesPort, ServerLog, Timers } from '../../server/core/ports.ts';
import { ArenaDatabase } from '../../server/keyspace/arena-database.ts';
import type { Database } from '../../server/keyspace/database.ts';
import { ENC_INT, NO_EXPIRY, TYPE_HASH, TYPE_STRING, TYPE_ZSET, type ValueType } from '../../server/keyspace/database.ts';
import { hashKeyFrom } from '../../server/keyspace/key-hash.ts';
import { KeyspaceState } from '../../server/keyspace/keyspace-state.ts';
import { Arena, segmentOf } from '../../server/memory/arena.ts';
import { DEFAULT_LIMITS, type ValueLimits } from '../../server/values/value-context.ts';
import { Values } from '../../server/values/values.ts';

export const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

export const SILENT_LOG: ServerLog = { write() {}, debug() {}, verbose() {}, notice() {}, warning() {} };

export interface DataWorld {
  readonly arena: Arena;
  readonly values: Values;
  readonly state: KeyspaceState;
  readonly databases: DatabasesPort;
}

/** `hashKey`: another one gives another order of the keys in the tables, as two servers have it. */
export function dataWorld(
  options: {
    readonly databases?: number;
    readonly limits?: Partial<ValueLimits>;
    readonly hashKey?: string;
    readonly bySlot?: boolean;
  } = {},
): DataWorld {
  const arena = new Arena();
  const values = new Values(arena, [1, 2]);
  values.setLimits({ ...DEFAULT_LIMITS, ...options.limits });
  const state = new KeyspaceState({
    arena,
    hashKey: hashKeyFrom(options.hashKey ?? '0123456789abcdef01234567'),
    bySlot: options.bySlot ?? false,
    freeValue: values.freeValue,
    onExpired: () => {},
    random: () => 0.5,
  });
  state.setTime(1_000_000_000_000);
  const list = Array.from({ length: options.databases ?? 16 }, (_, index) => new ArenaDatabase(state, index));
  const databases: DatabasesPort = {
    count: list.length,
    get: index => list[index],
    swap: () => {},
    flushAll: lazily => list.reduce((sum, db) => sum + db.flush(lazily), 0),
    hideSlot: (slot, on) => state.hide(slot, on),
    isHidden: slot => state.hidden?.[slot] === 1,
    mayExpire: () => true,
    dirty: 0,
    usedMemory: () => arena.used,
  };
  return { arena, values, state, databases };
}

export function setString(db: Database, key: string, value: string, expireAt = NO_EXPIRY): void {
  const k = latin1(key);
  const v = latin1(value);
  db.setString(k, 0, k.length, v, 0, v.length, expireAt);
}

/** Makes (or replaces) a collection: members for lists and sets, `field=value` for hashes, `member=score` for sorted sets. */
export function setCollection(world: DataWorld, db: Database, key: string, type: ValueType, members: readonly string[]): void {
  const builder = world.values.builder();
  builder.begin(type, members.length);
  for (const member of members) {
    const [first, second] = type === TYPE_HASH || type === TYPE_ZSET ? member.split('=') : [member, ''];
    const a = latin1(first);
    const b = latin1(second);
    if (type === TYPE_HASH) builder.addField(a, 0, a.length, b, 0, b.length);
    else if (type === TYPE_ZSET) builder.addScored(a, 0, a.length, Number(second));
    else builder.add(a, 0, a.length);
  }
  const built = builder.finish();
  if (built === undefined) throw new Error(`Cannot build ${key}`);
  const k = latin1(key);
  db.delete(k, 0, k.length);
  db.create(k, 0, k.length, built.type, built.encoding, built.root);
}

/** All that a database holds, as text: key → type, expiry and content. Sets and hashes in sorted order. */
export function contentOf(world: DataWorld, db: Database): Map<string, string> {
  const content = new Map<string, string>();
  db.each(entry => {
    content.set(db.keyString(entry), entryText(world, db, entry));
    return true;
  });
  return content;
}

export function entryText(world: DataWorld, db: Database, entry: number): string {
  const type = db.type(entry);
  const head = `${type} ${db.expireAt(entry)} `;
  if (type === TYPE_STRING) {
    if (db.encoding(entry) === ENC_INT) return head + db.stringInteger(entry).toString();
    const start = db.stringStart(entry);
    const bytes = db.arena.bytes[segmentOf(db.stringBlock(entry))].subarray(start, start + db.stringLength(entry));
    return head + Buffer.from(bytes).toString('latin1');
  }
  const members = world.values.members();
  members.open(type, db.encoding(entry), db.root(entry));
  const texts: string[] = [];
  while (members.next()) {
    const element = members.element.toString();
    if (type === TYPE_HASH) texts.push(`${element}=${members.value.toString()}`);
    else texts.push(type === TYPE_ZSET ? `${element}=${members.score}` : element);
  }
  return head + (type === 1 || type === 3 ? texts : texts.sort()).join(' ');
}

/** Timers whose work a test runs by hand. */
export class ManualTimers implements Timers {
  readonly planned: (() => void)[] = [];
  readonly repeated: (() => void)[] = [];

  every(_intervalMs: number, action: () => void): () => void {
    this.repeated.push(action);
    return () => {};
  }

  after(_delayMs: number, _action: () => void): () => void {
    return () => {};
  }

  soon(action: () => void): void {
    this.planned.push(action);
  }

  /** Runs what is planned, once; false when there was nothing. */
  turn(): boolean {
    const actions = this.planned.splice(0);
    for (const action of actions) action();
    return actions.length > 0;
  }
}
