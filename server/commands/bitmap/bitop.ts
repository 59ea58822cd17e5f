/**
 * BITOP: bitmaps combined into one. The result is written where it will stand, in the arena: the destination gets its room first, then each
 * piece of the result is written once all sources were read there, so that the destination may be a source.
 */

import type { CommandContext } from '../../core/context.ts';
import { NO_EXPIRY, TYPE_STRING } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { type BitOperation, combineBitmaps } from '../../structures/bitmap.ts';
import { isStringOrReply, segmentBytes, stringByteLength, stringBytes } from '../string/string-value.ts';
import { viewOf } from './bit-string.ts';

const OPERATIONS: readonly BitOperation[] = ['AND', 'OR', 'XOR', 'NOT'];
const FIRST_SOURCE = 3;

/** BITOP AND | OR | XOR | NOT destkey key [key ...] */
export function bitop(context: CommandContext): void {
  const { bytes, db, reply } = context;
  const operation = OPERATIONS.find(word => context.argIs(1, word));
  if (operation === undefined) return reply.error(SYNTAX_ERROR);
  if (operation === 'NOT' && context.argc !== FIRST_SOURCE + 1) {
    return reply.error('ERR BITOP NOT must be called with a single source key.');
  }
  const sources: Ref[] = [];
  let length = 0;
  for (let index = FIRST_SOURCE; index < context.argc; index++) {
    const entry = db.find(bytes, context.argStart(index), context.argEnd(index));
    if (entry !== 0) {
      if (!isStringOrReply(context, db, entry)) return;
      length = Math.max(length, stringByteLength(db, entry));
    }
    sources.push(entry);
  }
  if (length > 0) store(context, operation, sources, length);
  else if (db.delete(bytes, context.argStart(2), context.argEnd(2))) {
    context.changed(1);
    context.keyChanged(2, 'g', 'del');
  }
  reply.integer(length);
}

function store(context: CommandContext, operation: BitOperation, sources: readonly Ref[], length: number): void {
  const { db } = context;
  const old = db.findForWrite(context.bytes, context.argStart(2), context.argEnd(2));
  const entry = roomFor(context, old, length);
  const operands = sources.map(source => {
    if (source === 0) return EMPTY;
    return viewOf(stringBytes(db, source === old ? entry : source));
  });
  combineBitmaps(operation, operands, segmentBytes(db, entry), db.stringStart(entry));
  context.changed(1);
  context.keyChanged(2, '$', 'set');
}

const EMPTY = new DataView(new ArrayBuffer(0));

/** The destination as raw bytes without an expiry: a string that stands there keeps its bytes, since it may be a source. */
function roomFor(context: CommandContext, old: Ref, length: number): Ref {
  const { bytes, db } = context;
  const isString = old !== 0 && db.type(old) === TYPE_STRING;
  const entry = isString ? old : db.setString(bytes, context.argStart(2), context.argEnd(2), bytes, 0, 0, NO_EXPIRY);
  return db.setExpire(db.resizeString(entry, length), NO_EXPIRY);
}
