/**
 * Nodes as CLUSTER SLOTS and CLUSTER SHARDS show them to a client.
 */

import type { ClusterClient, ClusterNodeView, ShardView } from '../core/cluster-administration.ts';
import { type ClusterNode, isFailed, isReplica } from './cluster-node.ts';
import type { ClusterState } from './cluster-state.ts';
import { clientIp, clientPort } from './descriptions.ts';
import { slotRanges } from './slot-bitmap.ts';

export function nodeView(state: ClusterState, node: ClusterNode, client: ClusterClient): ClusterNodeView {
  const replicationOffset = state.replicationOffsetOf(node);
  const loading = isReplica(node) && replicationOffset === 0;
  return {
    id: node.id,
    // A node that met nobody yet has not learned its address: an empty endpoint would keep clients from becoming ready.
    ip: clientIp(node, client.ipv6) || (node === state.myself ? client.localIp : ''),
    port: clientPort(node, client.tls),
    tcpPort: node.tcpPort === 0 ? 0 : clientPort(node, false),
    tlsPort: node.tlsPort === 0 ? 0 : clientPort(node, true),
    hostname: node.hostname,
    availabilityZone: node.availabilityZone,
    role: isReplica(node) ? 'replica' : 'master',
    replicationOffset,
    health: isFailed(node) ? 'fail' : loading ? 'loading' : 'online',
  };
}

/** Whether clients may be sent to a replica: not failed, and it has data. */
export const isAvailable = (state: ClusterState, node: ClusterNode): boolean => !isFailed(node) && state.replicationOffsetOf(node) !== 0;

export function shardViews(state: ClusterState, client: ClusterClient): readonly ShardView[] {
  return [...state.nodes.shards].map(([id, members]) => {
    const owner = members.find(node => node.slotCount > 0);
    return {
      id,
      slots: owner === undefined ? [] : slotRanges(owner.slots).flatMap(({ start, end }) => [start, end]),
      nodes: members.map(node => nodeView(state, node, client)),
    };
  });
}
