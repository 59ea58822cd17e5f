/** DEBUG OBJECT and DEBUG SDSLEN: how a value is stored. */

import { dumpPayload } from '../../codec/dump-payload.ts';
import type { CommandContext } from '../../core/context.ts';
import { ENC_EMBSTR, ENC_QUICKLIST, ENC_RAW, TYPE_STRING } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { NO_SUCH_KEY } from '../../protocol/reply-errors.ts';
import { ENCODING_NAMES } from '../generic/object.ts';

/** Bytes of the footer that DUMP adds to the serialized value, and of its type byte. */
const DUMP_EXTRA = 11;

/** DEBUG OBJECT key [fast] */
export function debugObject(context: CommandContext): void {
  const { db, ports, reply } = context;
  const entry = db.peekStale(context.bytes, context.argStart(2), context.argEnd(2));
  if (entry === 0) return reply.error(NO_SUCH_KEY);
  const fast = context.argc === 4 && context.argIs(3, 'FAST');
  const encoding = db.encoding(entry);
  let line = `Value at:0x${entry.toString(16)} refcount:1 encoding:${ENCODING_NAMES[encoding]}`;
  if (!fast) line += ` serializedlength:${dumpPayload(db, entry, ports.values, ports.config.flag('rdbcompression')).length - DUMP_EXTRA}`;
  const idle = db.idleSeconds(entry);
  if (ports.config.text('maxmemory-policy').endsWith('lfu')) {
    line += ` lfu_freq:${db.frequency(entry)} lfu_access_time_minutes:${Math.floor(context.now / 60000) & 0xffff}`;
  } else line += ` lru:${(Math.floor(context.now / 1000) - idle) & 0xffffff} lru_seconds_idle:${idle}`;
  if (encoding === ENC_QUICKLIST) line += listDetails(context, entry, fast);
  reply.simple(line);
}

function listDetails({ db, ports }: CommandContext, entry: Ref, fast: boolean): string {
  const nodes = ports.values.listNodes();
  nodes.open(db.encoding(entry), db.root(entry));
  let bytes = 0;
  while (nodes.next()) bytes += nodes.end - nodes.start;
  const length = ports.values.length(db.type(entry), db.encoding(entry), db.root(entry));
  const average = (length / Math.max(1, nodes.count)).toFixed(2);
  const fill = ports.config.integer('list-max-listpack-size');
  const details = ` ql_nodes:${nodes.count} ql_avg_node:${average} ql_listpack_max:${fill} ql_compressed:0`;
  return fast ? details : `${details} ql_uncompressed_size:${bytes}`;
}

export function debugSdslen(context: CommandContext): void {
  const { db, reply } = context;
  const entry = db.peekStale(context.bytes, context.argStart(2), context.argEnd(2));
  if (entry === 0) return reply.error(NO_SUCH_KEY);
  const encoding = db.encoding(entry);
  if (db.type(entry) !== TYPE_STRING || (encoding !== ENC_RAW && encoding !== ENC_EMBSTR)) {
    return reply.error('ERR Not an sds encoded string.');
  }
  const capacity = db.arena.capacity(db.stringBlock(entry));
  const length = db.stringLength(entry);
  reply.simple(
    `key_sds_len:${db.keyLength(entry)} key_sds_avail:0 obj_alloc:${db.arena.capacity(entry)} val_sds_len:${length} val_sds_avail:${Math.max(0, capacity - length)} val_alloc:${capacity}`,
  );
}
