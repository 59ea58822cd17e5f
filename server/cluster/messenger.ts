/**
 * Builds the packets that this node sends, from the state, and queues them on links.
 */

import { encodeBare, encodeFail, encodeLightPublish, encodePing, encodePublish, encodeUpdate, packetType } from './bus-codec.ts';
import {
  type Extensions,
  type GossipEntry,
  MESSAGE_FORCE_ACK,
  MESSAGE_PAUSED,
  PACKET_AUTH_ACK,
  PACKET_AUTH_REQUEST,
  PACKET_MEET,
  PACKET_MFSTART,
  PACKET_PING,
  PACKET_PONG,
  PACKET_PUBLISH,
  PACKET_PUBLISH_SHARD,
  type PacketHeader,
  packetName,
} from './bus-packet.ts';
import { type ClusterNode, inHandshake, isPrimary, isReplica, logName, type NodeLink } from './cluster-node.ts';
import type { ClusterState, Messenger } from './cluster-state.ts';
import { chooseGossip } from './gossip.ts';
import { FLAG_EXTENSIONS, FLAG_HANDSHAKE, FLAG_LIGHT_PUBLISH, FLAG_MYSELF } from './node-flags.ts';

export function createMessenger(state: ClusterState): Messenger {
  const { nodes } = state;

  const queue = (link: NodeLink | undefined, packet: Uint8Array): void => {
    if (link === undefined || link.closed) return;
    state.statistics.sent[packetType(packet)]++;
    link.send(packet);
  };

  const broadcast = (packet: Uint8Array): void => {
    for (const node of nodes.all()) if (!(node.flags & (FLAG_MYSELF | FLAG_HANDSHAKE))) queue(node.link, packet);
  };

  const ping = (link: NodeLink, type: 0 | 1 | 2): void => {
    const peer = link.node === undefined ? '<unknown> (<unknown>)' : `${link.node.id} (${logName(link.node)})`;
    state.environment.log.debug(`Sending ${packetName(type)} packet to node ${peer} on ${link.inbound ? 'inbound' : 'outbound'} link`);
    if (!link.inbound && link.node !== undefined) {
      if (type === PACKET_PING) link.node.pingSentAt = state.now;
      else if (type === PACKET_MEET) link.node.meetSentAt = state.now;
    }
    const { gossipPercent } = state.environment.settings();
    const gossip = chooseGossip(nodes.all(), nodes.myself, link.node, gossipPercent, state.environment.entropy);
    const extended = link.knowsExtensions || ((link.node?.flags ?? 0) & FLAG_EXTENSIONS) !== 0;
    queue(
      link,
      encodePing(
        header(state),
        type,
        gossip.map(node => gossipEntry(state, node)),
        extended ? extensions(state) : undefined,
      ),
    );
  };

  return {
    ping,
    broadcastPong(to) {
      const me = nodes.myself;
      for (const node of nodes.all()) {
        if (node.link === undefined || node === me || inHandshake(node)) continue;
        const sibling = isReplica(node) && node.replicaOf !== undefined && (node.replicaOf === me || node.replicaOf === me.replicaOf);
        if (to === 'all' || sibling) ping(node.link, PACKET_PONG);
      }
    },
    broadcastFail: nodeId => broadcast(encodeFail(header(state), nodeId)),
    update(link, about) {
      const claimed = about.slots.map((byte, i) => byte & ~state.slots.notClaimed[i]);
      queue(link, encodeUpdate(header(state), about.id, about.configEpoch, claimed));
    },
    requestVotes: force => broadcast(encodeBare(header(state, force ? MESSAGE_FORCE_ACK : 0), PACKET_AUTH_REQUEST)),
    vote: node => queue(node.link, encodeBare(header(state), PACKET_AUTH_ACK)),
    startManualFailover: primary => queue(primary.link, encodeBare(header(state), PACKET_MFSTART)),
    publish: (channel, message, sharded) => publish(state, queue, channel, message, sharded),
    drop: link => drop(state, link),
  };
}

function publish(
  state: ClusterState,
  queue: (link: NodeLink | undefined, packet: Uint8Array) => void,
  channel: Uint8Array,
  message: Uint8Array,
  sharded: boolean,
): void {
  const { nodes } = state;
  const type = sharded ? PACKET_PUBLISH_SHARD : PACKET_PUBLISH;
  const full = encodePublish(header(state), type, channel, message);
  const light = encodeLightPublish(type, channel, message);
  const receivers = sharded ? (nodes.shards.get(nodes.myself.shardId) ?? []) : nodes.all();
  for (const node of receivers) {
    if (node.flags & (FLAG_MYSELF | FLAG_HANDSHAKE)) continue;
    // Light only after a pong on this link: then the other side knows whose link it is.
    const known = node.link !== undefined && node.pongReceivedAt > node.link.createdAt;
    queue(node.link, node.flags & FLAG_LIGHT_PUBLISH && known ? light : full);
  }
}

function drop(state: ClusterState, link: NodeLink | undefined): void {
  if (link === undefined) return;
  state.unsent.delete(link);
  link.close();
  const { node } = link;
  if (node !== undefined)
    state.environment.log.debug(`Freeing cluster link for node: ${node.id}:${link.inbound ? 'inbound' : 'outbound'} (${logName(node)})`);
  if (node?.link === link) node.link = undefined;
  else if (node?.inboundLink === link) {
    node.inboundLink = undefined;
    node.inboundLinkFreedAt = state.now;
  }
}

/** What this node says of itself; a replica shows its primary's slots and epoch. */
export function header(state: ClusterState, messageFlags = 0): PacketHeader {
  const me = state.myself;
  const shown = isReplica(me) && me.replicaOf !== undefined ? me.replicaOf : me;
  const { announce, tlsCluster } = state.environment.settings();
  const paused = isPrimary(me) && state.manualFailover.until !== 0 ? MESSAGE_PAUSED : 0;
  return {
    senderId: me.id,
    ip: announce.ip,
    port: tlsCluster ? announce.tlsPort : announce.tcpPort,
    otherPort: tlsCluster ? announce.tcpPort : announce.tlsPort,
    busPort: announce.busPort,
    flags: me.flags,
    messageFlags: messageFlags | paused,
    clusterFailed: !state.ok,
    currentEpoch: state.currentEpoch,
    configEpoch: shown.configEpoch,
    replicationOffset: state.environment.replication.offset,
    slots: shown.slots,
    primaryId: me.replicaOf?.id ?? '',
  };
}

function gossipEntry(state: ClusterState, node: ClusterNode): GossipEntry {
  const { tlsCluster } = state.environment.settings();
  return {
    id: node.id,
    pingSentSeconds: Math.floor(node.pingSentAt / 1000),
    pongReceivedSeconds: Math.floor(node.pongReceivedAt / 1000),
    ip: node.ip,
    port: tlsCluster ? node.tlsPort : node.tcpPort,
    otherPort: tlsCluster ? node.tcpPort : node.tlsPort,
    busPort: node.busPort,
    flags: node.flags,
  };
}

function extensions(state: ClusterState): Extensions {
  const me = state.myself;
  const nowSeconds = Math.floor(state.now / 1000);
  const forgotten = [...state.nodes.forgotten].filter(([, until]) => until >= nowSeconds);
  return {
    hostname: me.hostname,
    humanName: me.humanName,
    availabilityZone: me.availabilityZone,
    clientIpv4: me.clientIpv4,
    clientIpv6: me.clientIpv6,
    clientPort: me.clientTcpPort,
    clientTlsPort: me.clientTlsPort,
    shardId: me.shardId,
    forgotten: forgotten.map(([id, until]) => ({ id, ttlSeconds: until - nowSeconds })),
  };
}
