/**
 * How nodes come and go: the handshake that MEET begins, addresses that change, nodes that are forgotten.
 */

import type { PacketHeader } from './bus-packet.ts';
import { isIpv4, isIpv6, isSafeAddress } from './bus-text.ts';
import { type ClusterNode, createClusterNode, inHandshake, logName, type NodeLink } from './cluster-node.ts';
import { type ClusterState, TODO_SAVE, TODO_STATE } from './cluster-state.ts';
import { FLAG_EXTENSIONS, FLAG_HANDSHAKE, FLAG_MEET, FLAG_NOADDR } from './node-flags.ts';
import { refollow } from './roles.ts';

const LEAST_HANDSHAKE_MS = 1000;

export const handshakeTimeout = (state: ClusterState): number => Math.max(state.environment.settings().nodeTimeout, LEAST_HANDSHAKE_MS);

export function createNode(state: ClusterState, id: string, flags: number): ClusterNode {
  return createClusterNode(id, state.environment.entropy.hex(40), flags, state.now);
}

/** CLUSTER MEET: false when the address is none. A handshake with this address that runs already is enough. */
export function startHandshake(state: ClusterState, ip: string, port: number, busPort: number): boolean {
  if (!isIpv4(ip) && !isIpv6(ip)) return false;
  const { tlsCluster } = state.environment.settings();
  const running = state.nodes.all().some(node => {
    const known = tlsCluster ? node.tlsPort : node.tcpPort;
    return inHandshake(node) && node.ip.toLowerCase() === ip.toLowerCase() && known === port && node.busPort === busPort;
  });
  if (running) return true;
  const node = createNode(state, state.environment.entropy.hex(40), FLAG_HANDSHAKE | FLAG_MEET);
  node.ip = ip.toLowerCase();
  if (tlsCluster) node.tlsPort = port;
  else node.tcpPort = port;
  node.busPort = busPort;
  state.nodes.add(node);
  return true;
}

/** A MEET of a node that we do not know: we shake its hand in turn, over a link of our own. False when it has no address. */
export function acceptMeet(state: ClusterState, link: NodeLink, header: PacketHeader): boolean {
  const ip = peerAddress(link, header);
  if (ip === '') return false;
  const node = createNode(state, state.environment.entropy.hex(40), FLAG_HANDSHAKE | (link.knowsExtensions ? FLAG_EXTENSIONS : 0));
  setAddress(state, node, ip, header);
  state.nodes.add(node);
  bindInbound(state, node, link);
  state.later(TODO_SAVE);
  return true;
}

/** The announced address, or where the packet came from. '' = neither can be used. */
function peerAddress(link: NodeLink, header: PacketHeader): string {
  const ip = header.ip === '' ? link.remoteAddress : header.ip;
  return isSafeAddress(ip) ? ip : '';
}

function setAddress(state: ClusterState, node: ClusterNode, ip: string, ports: Pick<PacketHeader, 'port' | 'otherPort' | 'busPort'>): void {
  const { tlsCluster } = state.environment.settings();
  node.ip = ip;
  node.tcpPort = tlsCluster ? ports.otherPort : ports.port;
  node.tlsPort = tlsCluster ? ports.port : ports.otherPort;
  node.busPort = ports.busPort;
}

/** The link on which `node` talks to us. An older one is closed: it is most likely dead already. */
export function bindInbound(state: ClusterState, node: ClusterNode, link: NodeLink): void {
  state.messenger.drop(node.inboundLink);
  node.inboundLink = link;
  link.node = node;
  state.environment.log.verbose(
    `Bound cluster node ${node.id} (${logName(node)}) to connection of client ${link.remoteAddress}:${link.remotePort}`,
  );
}

/** Takes over an address that a node tells of itself. True when it changed: then our link to it is made anew. */
export function updateAddress(state: ClusterState, node: ClusterNode, link: NodeLink, header: PacketHeader): boolean {
  if (link === node.link) return false;
  const ip = peerAddress(link, header);
  return ip !== '' && moveTo(state, node, ip, header);
}

/** The same for an address that a third node tells. */
export function moveTo(
  state: ClusterState,
  node: ClusterNode,
  ip: string,
  ports: Pick<PacketHeader, 'port' | 'otherPort' | 'busPort'>,
): boolean {
  const before = `${node.ip} ${node.tcpPort} ${node.tlsPort} ${node.busPort}`;
  setAddress(state, node, ip, ports);
  if (before === `${node.ip} ${node.tcpPort} ${node.tlsPort} ${node.busPort}`) return false;
  state.messenger.drop(node.link);
  node.flags &= ~FLAG_NOADDR;
  const { tlsCluster } = state.environment.settings();
  state.environment.log.notice(
    `Address updated for node ${node.id} (${logName(node)}), now ${node.ip}:${tlsCluster ? node.tlsPort : node.tcpPort}`,
  );
  if (state.myself.replicaOf === node) refollow(state);
  state.later(TODO_SAVE | TODO_STATE);
  return true;
}

/** Takes a node out of the table, with its links, slots and reports. */
export function removeNode(state: ClusterState, node: ClusterNode): void {
  state.slots.removeNode(node);
  state.nodes.remove(node);
  state.messenger.drop(node.link);
  state.messenger.drop(node.inboundLink);
  if (state.manualFailover.replica === node) state.manualFailover.replica = undefined;
  state.later(TODO_STATE | TODO_SAVE);
}

/** CLUSTER FORGET, here or told by another node: it must not come back by gossip for a while. */
export function forgetNode(state: ClusterState, node: ClusterNode, ttlSeconds: number): void {
  state.nodes.forget(node.id, Math.floor(state.now / 1000) + ttlSeconds);
  removeNode(state, node);
}
