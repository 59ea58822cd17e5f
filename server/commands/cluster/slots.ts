/** CLUSTER subcommands that assign slots and look at their keys. */

import { SLOT_COUNT, slotOfKey } from '../../../lib/slot-hash.ts';
import type { CommandContext } from '../../core/context.ts';
import type { ClusterPort } from '../../core/ports.ts';
import type { Ref } from '../../memory/arena.ts';
import { NOT_CLUSTER, NOT_INTEGER_ERROR, SYNTAX_ERROR, unknownSubcommandOrArity, wrongArity } from '../../protocol/reply-errors.ts';
import { replyOrder, slotOrReply, withCluster } from './arguments.ts';

export const addSlots = withCluster((context, cluster) => changeSlots(context, cluster, listedSlots(context), 'add'));
export const delSlots = withCluster((context, cluster) => changeSlots(context, cluster, listedSlots(context), 'remove'));
export const addSlotsRange = withCluster((context, cluster) => changeSlots(context, cluster, listedRanges(context), 'add'));
export const delSlotsRange = withCluster((context, cluster) => changeSlots(context, cluster, listedRanges(context), 'remove'));

/** The slots that the arguments name; undefined when one is none (the error was replied). */
function listedSlots(context: CommandContext): number[] | undefined {
  const slots: number[] = [];
  for (let i = 2; i < context.argc; i++) {
    const slot = slotOrReply(context, i);
    if (slot === undefined) return undefined;
    slots.push(slot);
  }
  return slots;
}

function listedRanges(context: CommandContext): number[] | undefined {
  if (context.argc % 2 === 1) {
    context.reply.error(wrongArity(context.command.fullName));
    return undefined;
  }
  const slots: number[] = [];
  for (let i = 2; i < context.argc; i += 2) {
    const start = slotOrReply(context, i);
    if (start === undefined) return undefined;
    const end = slotOrReply(context, i + 1);
    if (end === undefined) return undefined;
    if (start > end) {
      context.reply.error(`ERR start slot number ${start} is greater than end slot number ${end}`);
      return undefined;
    }
    // A slot named often is found below; what is collected stays bounded.
    for (let slot = start; slot <= end && slots.length <= SLOT_COUNT; slot++) slots.push(slot);
  }
  return slots;
}

function changeSlots(context: CommandContext, cluster: ClusterPort, slots: number[] | undefined, change: 'add' | 'remove'): void {
  if (slots === undefined) return;
  const { administration } = cluster;
  const seen = new Set<number>();
  for (const slot of slots) {
    if (change === 'remove' && !administration.isAssigned(slot)) return context.reply.error(`ERR Slot ${slot} is already unassigned`);
    if (change === 'add' && administration.isAssigned(slot)) return context.reply.error(`ERR Slot ${slot} is already busy`);
    if (seen.has(slot)) return context.reply.error(`ERR Slot ${slot} specified multiple times`);
    seen.add(slot);
  }
  if (change === 'add') administration.addSlots(slots);
  else administration.removeSlots(slots);
  context.reply.ok();
}

export const flushSlots = withCluster((context, cluster) => replyOrder(context, cluster.administration.flushSlots()));

/** CLUSTER KEYSLOT key; also without a cluster. */
export function keySlot(context: CommandContext): void {
  context.reply.integer(slotOfKey(context.bytes, context.argStart(2), context.argEnd(2)));
}

export const countKeysInSlot = withCluster((context, cluster) => {
  const slot = context.argInteger(2);
  if (slot === undefined) context.reply.error(NOT_INTEGER_ERROR);
  else if (slot < 0 || slot >= SLOT_COUNT) context.reply.error('ERR Invalid slot');
  else context.reply.integer(cluster.isDropping(slot) ? 0 : context.db.slotSize(slot));
});

export const getKeysInSlot = withCluster((context, cluster) => {
  const { db, reply } = context;
  const slot = context.argInteger(2);
  const limit = context.argInteger(3);
  if (slot === undefined || limit === undefined) return reply.error(NOT_INTEGER_ERROR);
  if (slot < 0 || slot >= SLOT_COUNT || limit < 0) return reply.error('ERR Invalid slot or number of keys');
  const keys: string[] = [];
  if (!cluster.isDropping(slot))
    db.eachInSlot(slot, entry => {
      if (keys.length < limit) keys.push(db.keyString(entry));
      return keys.length < limit;
    });
  reply.array(keys.length);
  for (const key of keys) reply.bulkString(key);
});

/** CLUSTER FLUSHSLOT slot [ASYNC|SYNC]: goes to the replicas as it came. */
export function flushSlot(context: CommandContext): void {
  const { ports, reply } = context;
  if (ports.cluster === undefined) return reply.error(NOT_CLUSTER);
  if (context.argc > 4) return reply.error(unknownSubcommandOrArity('CLUSTER', context.argString(1)));
  const slot = slotOrReply(context, 2);
  if (slot === undefined) return;
  if (context.argc === 4 && !context.argIs(3, 'ASYNC') && !context.argIs(3, 'SYNC')) return reply.error(SYNTAX_ERROR);
  // A target would keep what is deleted here.
  if (ports.cluster.slotMigrations.isExporting(slot)) ports.cluster.slotMigrations.dataFlushed();
  let deleted = 0;
  for (let index = 0; index < ports.databases.count; index++) {
    const db = ports.databases.get(index);
    const entries: Ref[] = [];
    db.eachInSlot(slot, entry => {
      entries.push(entry);
      return true;
    });
    for (const entry of entries) {
      const key = Buffer.from(db.keyString(entry), 'latin1');
      db.deleteEntry(entry);
      context.keyChangedBytes(db, key, 0, key.length, 'g', 'del');
    }
    deleted += entries.length;
  }
  if (deleted > 0) context.changed(deleted);
  reply.ok();
}
