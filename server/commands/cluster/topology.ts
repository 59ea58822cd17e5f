/** CLUSTER SLOTS, SHARDS and LINKS: the cluster as nested replies. */

import type { ClusterNodeView, ShardView } from '../../core/cluster-administration.ts';
import type { CommandContext } from '../../core/context.ts';
import { clientOf, withCluster } from './arguments.ts';

type Field = readonly [name: string, value: string | number];

/** CLUSTER SLOTS: start, end, primary, replicas. */
export const slots = withCluster((context, cluster) => {
  const ranges = cluster.administration.slots(clientOf(context));
  context.reply.array(ranges.length);
  for (const range of ranges) {
    context.reply.array(2 + range.nodes.length);
    context.reply.integer(range.start);
    context.reply.integer(range.end);
    for (const node of range.nodes) replySlotNode(context, node);
  }
});

/** Preferred endpoint, port, id, and what else is known of the way to the node. */
function replySlotNode(context: CommandContext, node: ClusterNodeView): void {
  const { reply } = context;
  const preferred = context.ports.config.text('cluster-preferred-endpoint-type');
  reply.array(4);
  if (preferred === 'unknown-endpoint') reply.nil();
  else if (preferred === 'hostname') reply.bulkString(node.hostname === '' ? '?' : node.hostname);
  else reply.bulkString(node.ip);
  reply.integer(node.port);
  reply.bulkString(node.id);
  const metadata: Field[] = [];
  if (preferred === 'hostname' || preferred === 'unknown-endpoint') metadata.push(['ip', node.ip]);
  if (preferred !== 'hostname' && node.hostname !== '') metadata.push(['hostname', node.hostname]);
  if (node.availabilityZone !== '') metadata.push(['availability-zone', node.availabilityZone]);
  replyMap(context, metadata);
}

export const shards = withCluster((context, cluster) => {
  const all = cluster.administration.shards(clientOf(context));
  context.reply.array(all.length);
  for (const shard of all) replyShard(context, shard);
});

function replyShard(context: CommandContext, shard: ShardView): void {
  const { reply } = context;
  reply.map(3);
  reply.bulkString('slots');
  reply.array(shard.slots.length);
  for (const slot of shard.slots) reply.integer(slot);
  reply.bulkString('nodes');
  reply.array(shard.nodes.length);
  for (const node of shard.nodes) replyShardNode(context, node);
  reply.bulkString('id');
  reply.bulkString(shard.id);
}

function replyShardNode(context: CommandContext, node: ClusterNodeView): void {
  const preferred = context.ports.config.text('cluster-preferred-endpoint-type');
  const known = preferred === 'hostname' ? node.hostname || '?' : node.ip;
  const fields: Field[] = [['id', node.id]];
  if (node.tcpPort > 0) fields.push(['port', node.tcpPort]);
  if (node.tlsPort > 0) fields.push(['tls-port', node.tlsPort]);
  fields.push(['ip', node.ip], ['endpoint', preferred === 'unknown-endpoint' ? '' : known]);
  if (node.hostname !== '') fields.push(['hostname', node.hostname]);
  fields.push(['role', node.role], ['replication-offset', node.replicationOffset], ['health', node.health]);
  if (node.availabilityZone !== '') fields.push(['availability-zone', node.availabilityZone]);
  replyMap(context, fields);
}

export const links = withCluster((context, cluster) => {
  const all = cluster.administration.links();
  context.reply.array(all.length);
  for (const link of all) {
    replyMap(context, [
      ['direction', link.direction],
      ['node', link.nodeId],
      ['create-time', link.createdAt],
      ['events', link.events],
      ['send-buffer-allocated', link.sendBufferBytes],
      ['send-buffer-used', link.sendBufferBytes],
    ]);
  }
});

function replyMap({ reply }: CommandContext, fields: readonly Field[]): void {
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkString(name);
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkString(value);
  }
}
