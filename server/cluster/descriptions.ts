/**
 * The cluster in words: lines of CLUSTER NODES and nodes.conf, and CLUSTER INFO.
 */

import { PACKET_NAMES } from './bus-packet.ts';
import { type ClusterNode, effectiveEpoch, isFailed, isSuspected, isVotingPrimary } from './cluster-node.ts';
import type { ClusterState } from './cluster-state.ts';
import { FLAG_MYSELF, flagWords } from './node-flags.ts';
import { slotRangesText } from './slot-bitmap.ts';

/** Who reads a line: the nodes file, or a client (which may be given other addresses than nodes are). */
export type Reader = { readonly kind: 'file' } | { readonly kind: 'client'; readonly ipv6: boolean; readonly tls: boolean };

export function clientIp(node: ClusterNode, ipv6: boolean): string {
  const announced = ipv6 ? node.clientIpv6 : node.clientIpv4;
  return announced === '' ? node.ip : announced;
}

export function clientPort(node: ClusterNode, tls: boolean): number {
  if (tls) return node.clientTlsPort || node.tlsPort;
  return node.clientTcpPort || node.tcpPort;
}

/** One node's line, without the line end. */
export function nodeLine(state: ClusterState, node: ClusterNode, reader: Reader): string {
  const link = node.link?.open || node.flags & FLAG_MYSELF ? 'connected' : 'disconnected';
  const address = reader.kind === 'file' ? fileAddress(state, node) : clientAddress(node, reader.ipv6, reader.tls);
  const fields = [
    node.id,
    address,
    flagWords(node.flags),
    node.replicaOf?.id ?? '-',
    node.pingSentAt,
    node.pongReceivedAt,
    effectiveEpoch(node),
    link,
  ];
  return fields.join(' ') + slotRangesText(node.slots) + (node.flags & FLAG_MYSELF ? openSlotsText(state) : '');
}

function clientAddress(node: ClusterNode, ipv6: boolean, tls: boolean): string {
  const hostname = node.hostname === '' ? '' : `,${node.hostname}`;
  return `${clientIp(node, ipv6)}:${clientPort(node, tls)}@${node.busPort}${hostname}`;
}

function fileAddress(state: ClusterState, node: ClusterNode): string {
  const { tlsCluster } = state.environment.settings();
  const aux: readonly (readonly [string, string | number])[] = [
    ['availability-zone', node.availabilityZone],
    ['client-tls-port', node.clientTlsPort || ''],
    ['client-tcp-port', node.clientTcpPort || ''],
    ['client-ipv6', node.clientIpv6],
    ['client-ipv4', node.clientIpv4],
    tlsCluster ? ['tcp-port', node.tcpPort] : ['tls-port', node.tlsPort],
    ['nodename', node.humanName],
    ['shard-id', node.shardId],
  ];
  const told = aux.filter(([, value]) => value !== '').map(([name, value]) => `,${name}=${value}`);
  return `${node.ip}:${tlsCluster ? node.tlsPort : node.tcpPort}@${node.busPort},${node.hostname}${told.join('')}`;
}

function openSlotsText(state: ClusterState): string {
  const { migratingTo, importingFrom } = state.slots;
  const slots = [...new Set([...migratingTo.keys(), ...importingFrom.keys()])].toSorted((a, b) => a - b);
  return slots
    .map(slot => {
      const target = migratingTo.get(slot);
      return target === undefined ? ` [${slot}-<-${importingFrom.get(slot)?.id}]` : ` [${slot}->-${target.id}]`;
    })
    .join('');
}

/** CLUSTER INFO. */
export function infoText(state: ClusterState): string {
  const nodes = state.nodes.all();
  const slots = (select: (node: ClusterNode) => boolean): number => nodes.filter(select).reduce((sum, node) => sum + node.slotCount, 0);
  const count = (select: (node: ClusterNode) => boolean): number => nodes.filter(select).length;
  const { statistics } = state;
  const lines: (readonly [string, string | number | bigint])[] = [
    ['cluster_state', state.ok ? 'ok' : 'fail'],
    ['cluster_slots_assigned', slots(() => true)],
    ['cluster_slots_ok', slots(node => !isFailed(node) && !isSuspected(node))],
    ['cluster_slots_pfail', slots(node => !isFailed(node) && isSuspected(node))],
    ['cluster_slots_fail', slots(isFailed)],
    ['cluster_nodes_pfail', count(isSuspected)],
    ['cluster_nodes_fail', count(isFailed)],
    ['cluster_voting_nodes_pfail', count(node => isSuspected(node) && isVotingPrimary(node))],
    ['cluster_voting_nodes_fail', count(node => isFailed(node) && isVotingPrimary(node))],
    ['cluster_known_nodes', nodes.length],
    ['cluster_size', state.size],
    ['cluster_current_epoch', state.currentEpoch],
    ['cluster_my_epoch', effectiveEpoch(state.myself)],
    ...messageLines(statistics.sent, 'sent'),
    ...messageLines(statistics.received, 'received'),
    ['cluster_stats_bytes_sent', statistics.bytesSent],
    ['cluster_stats_bytes_received', statistics.bytesReceived],
    ['cluster_stats_pubsub_bytes_sent', statistics.pubsubBytesSent],
    ['cluster_stats_pubsub_bytes_received', statistics.pubsubBytesReceived],
    ['cluster_stats_module_bytes_sent', statistics.moduleBytesSent],
    ['cluster_stats_module_bytes_received', statistics.moduleBytesReceived],
    ['total_cluster_links_buffer_limit_exceeded', statistics.linksOverLimit],
  ];
  return lines.map(([name, value]) => `${name}:${value}\r\n`).join('');
}

function messageLines(counts: readonly number[], direction: string): (readonly [string, number])[] {
  const told = counts.flatMap((count, type) =>
    count === 0 ? [] : [[`cluster_stats_messages_${PACKET_NAMES[type]}_${direction}`, count] as const],
  );
  return [...told, [`cluster_stats_messages_${direction}`, counts.reduce((sum, count) => sum + count, 0)]];
}
