/** DBSIZE, FLUSHDB, FLUSHALL, SWAPDB: whole databases. */

import type { CommandContext } from '../../core/context.ts';
import { DB_INDEX_OUT_OF_RANGE, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';

export function dbsize(context: CommandContext): void {
  context.reply.integer(context.db.visible().size);
}

export function flushdb(context: CommandContext): void {
  const lazily = readFlushMode(context);
  if (lazily === undefined) return;
  context.ports.watch.touchDatabase(context.db.index);
  context.ports.cluster?.slotMigrations.dataFlushed();
  context.changed(context.db.flush(lazily));
  context.forcePropagation();
  context.reply.ok();
}

export function flushall(context: CommandContext): void {
  const lazily = readFlushMode(context);
  if (lazily === undefined) return;
  const { cluster, databases, watch } = context.ports;
  cluster?.slotMigrations.dataFlushed();
  for (let index = 0; index < databases.count; index++) watch.touchDatabase(index);
  context.changed(databases.flushAll(lazily));
  context.ports.persistence.flushed();
  context.forcePropagation();
  context.reply.ok();
}

/** Whether to free in slices; undefined after an error was replied. */
function readFlushMode(context: CommandContext): boolean | undefined {
  if (context.argc === 1) return context.ports.config.flag('lazyfree-lazy-user-flush');
  if (context.argc === 2 && context.argIs(1, 'SYNC')) return false;
  if (context.argc === 2 && context.argIs(1, 'ASYNC')) return true;
  context.reply.error(SYNTAX_ERROR);
  return undefined;
}

export function swapdb(context: CommandContext): void {
  const { ports, reply } = context;
  if (ports.cluster !== undefined) return reply.error('ERR SWAPDB is not allowed in cluster mode');
  const first = context.argInteger(1);
  if (first === undefined || Math.abs(first) > 2 ** 31 - 1) return reply.error('ERR invalid first DB index');
  const second = context.argInteger(2);
  if (second === undefined || Math.abs(second) > 2 ** 31 - 1) return reply.error('ERR invalid second DB index');
  const { count } = ports.databases;
  if (first < 0 || first >= count || second < 0 || second >= count) return reply.error(DB_INDEX_OUT_OF_RANGE);
  if (first !== second) ports.databases.swap(first, second);
  context.changed(1);
  reply.ok();
}
