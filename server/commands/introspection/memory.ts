/** MEMORY USAGE: the bytes of a key with its value. MEMORY STATS, DOCTOR, MALLOC-STATS, PURGE: the memory of the server. */

import type { CommandContext } from '../../core/context.ts';
import { type Database, ENC_INT, TYPE_STRING } from '../../keyspace/database.ts';
import { NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { replyHelp } from '../help.ts';
import { memoryDiagnosis } from './memory-diagnosis.ts';

const DEFAULT_SAMPLES = 5;

/** MEMORY USAGE key [SAMPLES n]; 0 samples = all members are looked at. */
export function memoryUsage(context: CommandContext): void {
  const { db, ports, reply } = context;
  let samples = DEFAULT_SAMPLES;
  for (let index = 3; index < context.argc; index += 2) {
    if (!context.argIs(index, 'SAMPLES') || index + 1 === context.argc) return reply.error(SYNTAX_ERROR);
    const given = context.argInteger(index + 1);
    if (given === undefined) return reply.error(NOT_INTEGER_ERROR);
    if (given < 0) return reply.error(SYNTAX_ERROR);
    samples = given;
  }
  const entry = db.peek(context.bytes, context.argStart(2), context.argEnd(2));
  if (entry === 0) return reply.nil();
  let bytes = db.arena.capacity(entry);
  const encoding = db.encoding(entry);
  if (db.type(entry) !== TYPE_STRING) bytes += ports.values.memoryUsage(db.type(entry), encoding, db.root(entry), samples);
  else if (encoding !== ENC_INT && db.stringBlock(entry) !== entry) bytes += db.arena.capacity(db.stringBlock(entry));
  reply.integer(bytes);
}

/** MEMORY STATS: upstream's fields. What this server does not have is 0. */
export function memoryStats(context: CommandContext): void {
  const { ports, reply } = context;
  const figures = ports.memory.measure();
  const { used, peak, resident, startup } = figures;
  const databases = usedDatabases(context);
  const keys = databases.reduce((sum, { db }) => sum + db.size, 0);
  const indexed = databases.reduce((sum, { db }) => sum + db.size + db.expiring, 0);
  const overhead =
    startup +
    figures.tables +
    figures.backlog +
    figures.replicasBuffer +
    figures.replicaClients +
    figures.otherClients +
    figures.slotExports;
  const dataset = Math.max(0, used - startup - figures.tables);
  const before: readonly Statistic[] = [
    ['peak.allocated', peak],
    ['total.allocated', used],
    ['startup.allocated', startup],
    ['replication.backlog', figures.backlog],
    ['replicas.repl.buffer', figures.replicasBuffer],
    ['clients.slaves', figures.replicaClients],
    ['clients.normal', figures.otherClients],
    ['cluster.links', 0],
    ['cluster.slot_import', 0],
    ['cluster.slot_export', figures.slotExports],
    ['aof.buffer', 0],
    ['lua.caches', 0],
    ['functions.caches', 0],
  ];
  const after: readonly Statistic[] = [
    ['overhead.db.hashtable.lut', figures.tables],
    ['overhead.db.hashtable.rehashing', 0],
    ['overhead.total', overhead],
    ['db.dict.rehashing.count', 0],
    ['keys.count', keys],
    ['keys.bytes-per-key', keys === 0 ? 0 : Math.floor(dataset / keys)],
    ['dataset.bytes', dataset],
    ['dataset.percentage', { double: (dataset * 100) / Math.max(1, used - startup) }],
    ['peak.percentage', { double: (used * 100) / peak }],
    ['allocator.allocated', used],
    ['allocator.active', used],
    ['allocator.resident', resident],
    ['allocator.muzzy', 0],
    ['allocator-fragmentation.ratio', { double: 1 }],
    ['allocator-fragmentation.bytes', 0],
    ['allocator-rss.ratio', { double: resident / used }],
    ['allocator-rss.bytes', resident - used],
    ['rss-overhead.ratio', { double: 1 }],
    ['rss-overhead.bytes', 0],
    ['fragmentation', { double: resident / used }],
    ['fragmentation.bytes', resident - used],
  ];
  reply.map(before.length + databases.length + after.length);
  replyStatistics(context, before);
  for (const { index, db } of databases) {
    reply.bulkString(`db.${index}`);
    reply.map(2);
    // The tables are counted together: each database is told its share.
    replyStatistics(context, [
      ['overhead.hashtable.main', Math.round((figures.tables * db.size) / Math.max(1, indexed))],
      ['overhead.hashtable.expires', Math.round((figures.tables * db.expiring) / Math.max(1, indexed))],
    ]);
  }
  replyStatistics(context, after);
}

type Statistic = readonly [name: string, value: number | { readonly double: number }];

function replyStatistics({ reply }: CommandContext, statistics: readonly Statistic[]): void {
  for (const [name, value] of statistics) {
    reply.bulkString(name);
    if (typeof value === 'number') reply.integer(value);
    else reply.double(value.double);
  }
}

/** The first database, and those that have keys. */
function usedDatabases({ ports }: CommandContext): readonly { readonly index: number; readonly db: Database }[] {
  return Array.from({ length: ports.databases.count }, (_, index) => ({ index, db: ports.databases.get(index) })).filter(
    ({ index, db }) => index === 0 || db.size > 0,
  );
}

/** MEMORY MALLOC-STATS: the arena, in which all data lie. */
export function memoryMallocStats({ db, ports, reply }: CommandContext): void {
  const { used, committed, reserved } = db.arena.usage();
  const { javaScriptHeap, resident, tables } = ports.memory.measure();
  const lines = [
    '___ Begin arena statistics ___',
    `Live blocks: ${used} bytes, pages in use: ${committed}, address space: ${reserved}`,
    `Tables of keys and expiries: ${tables} bytes`,
    `JavaScript heap: ${javaScriptHeap} bytes, resident set of the process: ${resident}`,
    '--- End arena statistics ---',
  ];
  reply.verbatim('txt', `${lines.join('\n')}\n`);
}

/** MEMORY PURGE: there is never anything to purge, an empty segment of the arena goes back to the system at once. */
export function memoryPurge({ reply }: CommandContext): void {
  reply.ok();
}

export function memoryDoctor({ ports, reply }: CommandContext): void {
  let replicas = 0;
  let others = 0;
  ports.clients.each(session => (session.kind === 'replica' ? replicas++ : others++));
  reply.verbatim('txt', memoryDiagnosis(ports.memory.measure(), replicas, others));
}

export function memoryHelp(context: CommandContext): void {
  replyHelp(context, [
    ['DOCTOR', 'Say what about the memory of the server looks unhealthy.'],
    ['MALLOC-STATS', 'Describe the arena, in which all data lie.'],
    ['PURGE', 'Give unused memory back to the system.'],
    ['STATS', 'Tell what takes how much memory.'],
    ['USAGE <key> [SAMPLES <count>]', 'Give the bytes of <key> and its value; of large collections <count> members are looked at.'],
  ]);
}
