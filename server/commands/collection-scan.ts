/**
 * HSCAN, SSCAN, ZSCAN: their shared arguments and reply. A compact collection comes whole in one call; a table comes bucket by bucket.
 * Upstream: db.c, scanGenericCommand.
 */

import { matchesGlob } from '../../lib/glob-pattern.ts';
import type { CommandContext } from '../core/context.ts';
import type { ValueType } from '../keyspace/database.ts';
import { TYPE_HASH, TYPE_ZSET } from '../keyspace/database.ts';
import type { Ref } from '../memory/arena.ts';
import { NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../protocol/reply-errors.ts';
import type { Element } from '../structures/element.ts';
import { findToRead, WRONG } from './collection-key.ts';

const DEFAULT_COUNT = 10;
/** A call visits at most this many times COUNT buckets of a sparse table. */
const PATIENCE = 10;
const MAX_CURSOR = 2n ** 64n - 1n;

export interface CollectionScan {
  /** Opens the value of an entry and gives the step: it calls `visit` for each element and returns the next cursor. */
  open(entry: Ref): (cursor: number, visit: () => void) => number;
  readonly element: Element;
  /** What stands beside the element in the reply (a hash's value, a score's text), undefined for sets. Read it in `visit` only. */
  second(): Uint8Array | undefined;
}

interface ScanOptions {
  readonly count: number;
  readonly pattern: Uint8Array | undefined;
  /** Elements without their values or scores. */
  readonly bare: boolean;
}

/** `key cursor [MATCH pattern] [COUNT count] [NOVALUES|NOSCORES]` */
export function replyCollectionScan(context: CommandContext, type: ValueType, scan: CollectionScan): void {
  const { reply } = context;
  const given = context.argString(2);
  const cursor = /^\d{1,20}$/.test(given) ? BigInt(given) : -1n;
  if (cursor < 0n || cursor > MAX_CURSOR) return reply.error('ERR invalid cursor');
  const entry = findToRead(context, 1, type);
  if (entry === WRONG) return;
  if (entry === 0) return replyFound(context, 0, []);
  const options = readOptions(context, type);
  if (options === undefined) return;
  const found: Uint8Array[] = [];
  const { element } = scan;
  let sampled = 0;
  const visit = (): void => {
    sampled++;
    if (options.pattern !== undefined && !matchesGlob(options.pattern, element.bytes, element.start, element.end)) return;
    found.push(element.copy());
    const second = options.bare ? undefined : scan.second();
    if (second !== undefined) found.push(second);
  };
  const step = scan.open(entry);
  let next = Number(cursor & 0xffffffffn);
  let steps = options.count * PATIENCE;
  do next = step(next, visit);
  while (next !== 0 && steps-- > 0 && sampled < options.count);
  replyFound(context, next, found);
}

function replyFound(context: CommandContext, cursor: number, found: readonly Uint8Array[]): void {
  const { reply } = context;
  reply.array(2);
  reply.bulkInteger(cursor);
  reply.array(found.length);
  for (const bytes of found) reply.bulk(bytes, 0, bytes.length);
}

function readOptions(context: CommandContext, type: ValueType): ScanOptions | undefined {
  let count = DEFAULT_COUNT;
  let pattern: Uint8Array | undefined;
  let bare = false;
  for (let index = 3; index < context.argc; index++) {
    const more = index + 1 < context.argc;
    if (more && context.argIs(index, 'COUNT')) {
      const value = context.argInteger(++index);
      if (value === undefined) return refuse(context, NOT_INTEGER_ERROR);
      if (value < 1) return refuse(context, SYNTAX_ERROR);
      count = value;
    } else if (more && context.argIs(index, 'MATCH')) {
      const bytes = context.argCopy(++index);
      pattern = bytes.length === 1 && bytes[0] === 0x2a ? undefined : bytes;
    } else if (context.argIs(index, 'NOVALUES')) {
      if (type !== TYPE_HASH) return refuse(context, 'ERR NOVALUES option can only be used in HSCAN');
      bare = true;
    } else if (context.argIs(index, 'NOSCORES')) {
      if (type !== TYPE_ZSET) return refuse(context, 'ERR NOSCORES option can only be used in ZSCAN');
      bare = true;
    } else return refuse(context, SYNTAX_ERROR);
  }
  return { count, pattern, bare };
}

function refuse(context: CommandContext, text: string): undefined {
  context.reply.error(text);
  return undefined;
}
