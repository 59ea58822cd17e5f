/** KEYS and SCAN: finding keys by pattern. */

import { matchesGlob } from '../../../lib/glob-pattern.ts';
import { slotOfKey } from '../../../lib/slot-hash.ts';
import type { CommandContext } from '../../core/context.ts';
import { type Database, NO_EXPIRY } from '../../keyspace/database.ts';
import { type Ref, segmentOf } from '../../memory/arena.ts';
import { NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { TYPE_NAMES } from './keys.ts';

const ALL_SLOTS = -1;
/** SCAN visits at most this many times COUNT places of a sparse table. */
const PATIENCE = 10;
const DEFAULT_COUNT = 10;
const MAX_CURSOR = 2n ** 64n - 1n;

export function keys(context: CommandContext): void {
  const { db, reply } = context;
  const pattern = context.argCopy(1);
  const all = isStar(pattern);
  const slot = all ? ALL_SLOTS : slotOfPattern(context, pattern);
  const token = reply.beginDeferred();
  let count = 0;
  const visit = (entry: Ref): boolean => {
    if (matchesKey(db, entry, all ? undefined : pattern) && !isExpired(context, db, entry)) {
      replyKey(context, db, entry);
      count++;
    }
    return true;
  };
  if (slot === ALL_SLOTS) db.each(visit);
  else if (!context.ports.databases.isHidden(slot)) db.eachInSlot(slot, visit);
  reply.endDeferred(token, 'array', count);
}

interface ScanOptions {
  readonly count: number;
  /** undefined = every key. */
  readonly pattern: Uint8Array | undefined;
  /** Number of a type, -1 = all. */
  readonly type: number;
}

/** SCAN cursor [MATCH pattern] [COUNT n] [TYPE name] */
export function scan(context: CommandContext): void {
  const { db, reply } = context;
  const given = context.argString(1);
  const cursor = /^\d{1,20}$/.test(given) ? BigInt(given) : -1n;
  if (cursor < 0n || cursor > MAX_CURSOR) return reply.error('ERR invalid cursor');
  const options = readOptions(context);
  if (options === undefined) return;
  const slot = options.pattern === undefined ? ALL_SLOTS : slotOfPattern(context, options.pattern);
  const found: Ref[] = [];
  const expired: Uint8Array[] = [];
  let next = cursor;
  let visited = 0;
  let steps = options.count * PATIENCE;
  do {
    next = db.scan(next, options.count - visited, slot, entry => {
      visited++;
      if (!matchesKey(db, entry, options.pattern) || (options.type !== -1 && db.type(entry) !== options.type)) return;
      if (isExpired(context, db, entry)) expired.push(Buffer.from(db.keyString(entry), 'latin1'));
      else found.push(entry);
    });
  } while (next !== 0n && steps-- > 0 && visited < options.count);
  reply.array(2);
  reply.bulkString(next.toString());
  reply.array(found.length);
  for (const entry of found) replyKey(context, db, entry);
  // Looking at an expired key deletes it; only now, because deleting moves what a scan stands on.
  for (const key of expired) db.peek(key, 0, key.length);
}

function readOptions(context: CommandContext): ScanOptions | undefined {
  let count = DEFAULT_COUNT;
  let pattern: Uint8Array | undefined;
  let type = -1;
  for (let index = 2; index < context.argc; index += 2) {
    if (index + 1 === context.argc) return refuse(context, flagProblem(context, index));
    if (context.argIs(index, 'COUNT')) {
      const given = context.argInteger(index + 1);
      if (given === undefined) return refuse(context, NOT_INTEGER_ERROR);
      if (given < 1) return refuse(context, SYNTAX_ERROR);
      count = given;
    } else if (context.argIs(index, 'MATCH')) {
      const bytes = context.argCopy(index + 1);
      pattern = isStar(bytes) ? undefined : bytes;
    } else if (context.argIs(index, 'TYPE')) {
      const name = context.argString(index + 1);
      type = TYPE_NAMES.indexOf(name.toLowerCase());
      if (type < 0) return refuse(context, `ERR unknown type name '${name}'`);
    } else return refuse(context, flagProblem(context, index));
  }
  return { count, pattern, type };
}

function flagProblem(context: CommandContext, index: number): string {
  if (context.argIs(index, 'NOVALUES')) return 'ERR NOVALUES option can only be used in HSCAN';
  return context.argIs(index, 'NOSCORES') ? 'ERR NOSCORES option can only be used in ZSCAN' : SYNTAX_ERROR;
}

function refuse(context: CommandContext, text: string): undefined {
  context.reply.error(text);
  return undefined;
}

function isStar(pattern: Uint8Array): boolean {
  return pattern.length === 1 && pattern[0] === 0x2a;
}

function matchesKey(db: Database, entry: Ref, pattern: Uint8Array | undefined): boolean {
  if (pattern === undefined) return true;
  const start = db.keyStart(entry);
  return matchesGlob(pattern, db.arena.bytes[segmentOf(entry)], start, start + db.keyLength(entry));
}

function replyKey(context: CommandContext, db: Database, entry: Ref): void {
  const start = db.keyStart(entry);
  context.reply.bulk(db.arena.bytes[segmentOf(entry)], start, start + db.keyLength(entry));
}

/** Expired keys that are not deleted yet are not shown. */
function isExpired(context: CommandContext, db: Database, entry: Ref): boolean {
  const at = db.expireAt(entry);
  if (at === NO_EXPIRY || at > context.now) return false;
  // The source of an import sees what it has not let expire yet.
  return !(context.session.importSource && context.ports.config.flag('import-mode'));
}

/** In cluster mode the only slot whose keys can match, ALL_SLOTS when there are several or the server has no slots. */
export function slotOfPattern(context: CommandContext, pattern: Uint8Array): number {
  if (context.ports.cluster === undefined) return ALL_SLOTS;
  let open = -1;
  for (let at = 0; at < pattern.length; at++) {
    const byte = pattern[at];
    if (byte === 0x2a || byte === 0x3f || byte === 0x5b || byte === 0x5c) return ALL_SLOTS;
    if (byte === 0x7b && open === -1) open = at;
    else if (byte === 0x7d && open >= 0) {
      if (at > open + 1) break;
      // An empty tag is none, and there is no second one.
      open = -2;
    }
  }
  return slotOfKey(pattern, 0, pattern.length);
}
