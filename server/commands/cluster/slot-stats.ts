/**
 * CLUSTER SLOT-STATS (SLOTSRANGE start end | ORDERBY metric [LIMIT n] [ASC | DESC]): what the slots of this shard hold and what load they bring.
 * Without cluster-slot-stats-enabled only the number of keys is known. Source: cluster_slot_stats.c.
 */

import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import type { CommandContext } from '../../core/context.ts';
import type { ClusterPort, ServerPorts } from '../../core/ports.ts';
import { keysInSlot } from '../../keyspace/database.ts';
import { SYNTAX_ERROR, unknownSubcommandOrArity } from '../../protocol/reply-errors.ts';
import { slotOrReply, withCluster } from './arguments.ts';

interface Order {
  readonly limit: number;
  readonly descending: boolean;
}

type Metric = (slot: number) => number;

export const slotStats = withCluster((context, cluster) => {
  if (context.argc === 5 && context.argIs(2, 'SLOTSRANGE')) replyRange(context, cluster);
  else if (context.argIs(2, 'ORDERBY')) replyOrdered(context, cluster);
  else context.reply.error(unknownSubcommandOrArity('CLUSTER', context.argString(1)));
});

function replyRange(context: CommandContext, cluster: ClusterPort): void {
  const start = slotOrReply(context, 3);
  if (start === undefined) return;
  const end = slotOrReply(context, 4);
  if (end === undefined) return;
  if (start > end) return context.reply.error(`ERR Start slot number ${start} is greater than end slot number ${end}`);
  replySlots(context, slotsOfShard(cluster, start, end));
}

function replyOrdered(context: CommandContext, cluster: ClusterPort): void {
  const metric = metricNamed(context.ports, context.argString(3).toLowerCase());
  if (metric === undefined) return context.reply.error('ERR Unrecognized sort metric for ORDERBY.');
  const order = readOrder(context);
  if (order === undefined) return;
  const slots = slotsOfShard(cluster, 0, SLOT_COUNT - 1);
  const values = new Map(slots.map(slot => [slot, metric(slot)] as const));
  const sign = order.descending ? -1 : 1;
  const compare = (a: number, b: number): number => sign * ((values.get(a) ?? 0) - (values.get(b) ?? 0)) || a - b;
  replySlots(context, slots.sort(compare).slice(0, order.limit));
}

/** [LIMIT n] [ASC | DESC], each once at most; undefined after an error reply. */
function readOrder(context: CommandContext): Order | undefined {
  let limit = SLOT_COUNT;
  let limits = 0;
  let descending = true;
  let directions = 0;
  for (let i = 4; i < context.argc; i++) {
    if (context.argIs(i, 'LIMIT') && i + 1 < context.argc) {
      const wanted = context.argInteger(++i);
      if (wanted === undefined || wanted < 1 || wanted > SLOT_COUNT) {
        return refuse(context, 'ERR Limit has to lie in between 1 and 16384 (maximum number of slots).');
      }
      limit = wanted;
      limits++;
    } else if (context.argIs(i, 'ASC') || context.argIs(i, 'DESC')) {
      descending = context.argIs(i, 'DESC');
      directions++;
    } else return refuse(context, SYNTAX_ERROR);
    if (limits > 1 || directions > 1) return refuse(context, 'ERR Multiple filters of the same type are disallowed.');
  }
  return { limit, descending };
}

function refuse({ reply }: CommandContext, error: string): undefined {
  reply.error(error);
  return undefined;
}

function metricNamed(ports: ServerPorts, name: string): Metric | undefined {
  if (name === 'key-count') return slot => keysInSlot(ports.databases, slot);
  const { slotStatistics } = ports;
  if (slotStatistics?.enabled !== true) return undefined;
  switch (name) {
    case 'cpu-usec':
      return slot => Math.round(slotStatistics.cpuMicroseconds[slot]);
    case 'network-bytes-in':
      return slot => slotStatistics.networkBytesIn[slot];
    case 'network-bytes-out':
      return slot => slotStatistics.networkBytesOut[slot];
    default:
      return undefined;
  }
}

function slotsOfShard({ administration }: ClusterPort, start: number, end: number): number[] {
  const slots: number[] = [];
  for (let slot = start; slot <= end; slot++) if (administration.isInMyShard(slot)) slots.push(slot);
  return slots;
}

function replySlots({ ports, reply }: CommandContext, slots: readonly number[]): void {
  const counted = ports.slotStatistics?.enabled === true ? ports.slotStatistics : undefined;
  reply.array(slots.length);
  for (const slot of slots) {
    reply.array(2);
    reply.integer(slot);
    reply.map(counted === undefined ? 1 : 4);
    reply.bulkString('key-count');
    reply.integer(keysInSlot(ports.databases, slot));
    if (counted === undefined) continue;
    reply.bulkString('cpu-usec');
    // As INFO commandstats rounds it.
    reply.integer(Math.round(counted.cpuMicroseconds[slot]));
    reply.bulkString('network-bytes-in');
    reply.integer(counted.networkBytesIn[slot]);
    reply.bulkString('network-bytes-out');
    reply.integer(counted.networkBytesOut[slot]);
  }
}
