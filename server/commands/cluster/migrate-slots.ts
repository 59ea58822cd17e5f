/**
 * CLUSTER MIGRATESLOTS, GETSLOTMIGRATIONS, CANCELSLOTMIGRATIONS: what an operator orders and asks of atomic slot migration.
 *
 * MIGRATESLOTS is all or nothing: every argument is checked before the first migration begins.
 */

import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import type { SlotRange } from '../../../lib/slot-ranges.ts';
import type { CommandContext } from '../../core/context.ts';
import type { ClusterPort } from '../../core/ports.ts';
import type { MigrationOrder, SlotMigrationPort } from '../../core/slot-migration.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { requester, withCluster } from './arguments.ts';

const ID_LENGTH = 40;

/** CLUSTER MIGRATESLOTS SLOTSRANGE start end [start end …] NODE id [SLOTSRANGE … NODE …] */
export const migrateSlots = withCluster((context, cluster) => {
  const migrations = cluster.slotMigrations;
  const problem = migrations.refusal();
  if (problem !== undefined) return context.reply.error(problem);
  const orders: MigrationOrder[] = [];
  for (let at = 2; at < context.argc; ) {
    const read = readOrder(context, cluster, at, orders);
    if ('error' in read) return context.reply.error(read.error);
    orders.push(read.order);
    at = read.next;
  }
  migrations.start(orders, requester(context));
  context.reply.ok();
});

type ReadOrder = { readonly order: MigrationOrder; readonly next: number } | { readonly error: string };

function readOrder(context: CommandContext, cluster: ClusterPort, from: number, before: readonly MigrationOrder[]): ReadOrder {
  const migrations = cluster.slotMigrations;
  if (!context.argIs(from, 'SLOTSRANGE')) return { error: SYNTAX_ERROR };
  const read = readSlotRanges(context, migrations, from + 1);
  if ('error' in read) return read;
  const { ranges, owner, next } = read;
  if (owner !== cluster.myId) return { error: 'ERR Slots are not served by this node.' };
  for (const { start, end } of ranges)
    for (let slot = start; slot <= end; slot++)
      if (migrations.isExporting(slot)) return { error: `ERR I am already migrating slot ${slot}.` };
  if (before.some(order => order.ranges.some(one => ranges.some(other => overlap(one, other)))))
    return { error: 'ERR Slot ranges in migrations overlap' };
  if (next + 1 >= context.argc || !context.argIs(next, 'NODE')) return { error: SYNTAX_ERROR };
  const targetId = context.argString(next + 1);
  if (targetId.length !== ID_LENGTH) return { error: `ERR Invalid node name: ${targetId}` };
  if (!migrations.knows(targetId)) return { error: `ERR Unknown node name: ${targetId}` };
  if (targetId === cluster.myId) return { error: 'ERR Target node can not be this node.' };
  return { order: { ranges, targetId }, next: next + 2 };
}

export type ReadRanges =
  | { readonly ranges: readonly SlotRange[]; readonly owner: string /** The argument behind them. */; readonly next: number }
  | { readonly error: string };

/** Pairs of slots up to the first argument that is no integer; all of one owner, none twice. */
export function readSlotRanges(context: CommandContext, migrations: SlotMigrationPort, from: number): ReadRanges {
  const ranges: SlotRange[] = [];
  let owner: string | undefined;
  let at = from;
  for (; at < context.argc && context.argBigInt(at) !== undefined; at += 2) {
    const start = slotAt(context, at);
    if (start === undefined) return { error: BAD_SLOT };
    if (at + 1 >= context.argc) return { error: 'ERR No end slot for final slot range' };
    const end = slotAt(context, at + 1);
    if (end === undefined) return { error: BAD_SLOT };
    if (start > end) return { error: `ERR Start slot number ${start} is greater than end slot number ${end}.` };
    for (let slot = start; slot <= end; slot++) {
      const found = migrations.ownerOf(slot);
      if (found === undefined) return { error: `ERR Slot ${slot} has no node served.` };
      owner ??= found;
      if (owner !== found) return { error: 'ERR Requested slots span multiple shards' };
    }
    const earlier = ranges.find(range => overlap(range, { start, end }));
    if (earlier !== undefined)
      return { error: `ERR Slot range ${start}-${end} overlaps with previous range ${earlier.start}-${earlier.end}.` };
    ranges.push({ start, end });
  }
  return owner === undefined ? { error: 'ERR No slot ranges specified' } : { ranges, owner, next: at };
}

const BAD_SLOT = 'ERR Invalid or out of range slot';

function slotAt(context: CommandContext, index: number): number | undefined {
  const slot = context.argInteger(index);
  return slot !== undefined && slot >= 0 && slot < SLOT_COUNT ? slot : undefined;
}

const overlap = (one: SlotRange, other: SlotRange): boolean => one.end >= other.start && one.start <= other.end;

export const cancelSlotMigrations = withCluster((context, cluster) => {
  const migrations = cluster.slotMigrations;
  if (!migrations.anyExporting) return context.reply.error('ERR No migrations ongoing');
  migrations.cancelAll(requester(context));
  context.reply.ok();
});

/** Each job as a map, the newest first. */
export const getSlotMigrations = withCluster((context, cluster) => {
  const { reply } = context;
  const jobs = cluster.slotMigrations.list();
  reply.array(jobs.length);
  for (const job of jobs) {
    const fields: (readonly [string, string | number])[] = [
      ['name', job.name],
      ['operation', job.operation],
      ['slot_ranges', job.ranges],
    ];
    if (job.nodes !== undefined) fields.push(['target_node', job.nodes.target], ['source_node', job.nodes.source]);
    fields.push(
      ['create_time', job.createdAt],
      ['last_update_time', job.updatedAt],
      ['last_ack_time', job.ackedAt],
      ['state', job.state],
      ['message', job.message],
      // Snapshots here copy nothing on write.
      ['cow_size', 0],
      ['remaining_repl_size', job.remainingBytes],
    );
    reply.map(fields.length);
    for (const [name, value] of fields) {
      reply.bulkString(name);
      if (typeof value === 'number') reply.integer(value);
      else reply.bulkString(value);
    }
  }
});
