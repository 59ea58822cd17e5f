/**
 * Takes a packet from a link and changes the state accordingly; answers are queued. Source: clusterProcessPacket.
 *
 * Order within a PING, PONG or MEET matters and is kept: who is it → epochs and offsets → answer → handshake → address → liveness →
 * role (role-intake.ts) → slots → epoch collision → gossip → extensions.
 */

import { decodePacket, isLightPacket, packetType } from './bus-codec.ts';
import {
  type Extensions,
  type GossipEntry,
  MESSAGE_EXTENSIONS,
  MESSAGE_PAUSED,
  PACKET_MEET,
  PACKET_MODULE,
  PACKET_NAMES,
  PACKET_PING,
  PACKET_PONG,
  PACKET_PUBLISH,
  PACKET_PUBLISH_SHARD,
  type PacketBody,
  type PacketHeader,
  packetName,
} from './bus-packet.ts';
import {
  type ClusterNode,
  inHandshake,
  isFailed,
  isNodeId,
  isPrimary,
  isReplica,
  isSuspected,
  isVotingPrimary,
  logName,
  type NodeLink,
} from './cluster-node.ts';
import { type ClusterState, TODO_FAILOVER, TODO_SAVE, TODO_STATE, TODO_SYNC } from './cluster-state.ts';
import { answerVoteRequest } from './election.ts';
import { clearFailureIfDue, markFailing } from './failure-detection.ts';
import { takeExtensions, takeGossip } from './gossip-intake.ts';
import { learnPrimaryOffset, pauseForFailover } from './manual-failover.ts';
import { acceptMeet, bindInbound, handshakeTimeout, removeNode, updateAddress } from './membership.ts';
import * as flags from './node-flags.ts';
import { takeConfiguration, takeRole } from './role-intake.ts';
import { setAsPrimary } from './roles.ts';
import { applyClaim } from './slot-ownership.ts';

type PingBody = Extract<PacketBody, { kind: 'ping' }>;

/** Handles one whole packet. The link may be closed afterwards. Never throws because of what the packet holds. */
export function handlePacket(state: ClusterState, link: NodeLink, bytes: Uint8Array): void {
  const type = packetType(bytes);
  count(state, type, bytes.length);
  const { debug, environment } = state;
  if (debug.dropPacketType === type || debug.dropPacketType === -2) {
    environment.log.warning(`Dropping packet of type ${packetName(type)} that matches debug drop filter`);
    if (!debug.closeLinkOnDrop) return;
    state.messenger.drop(link);
    environment.log.warning(`Closing link for matching packet type ${packetName(type)}`);
    return;
  }
  const decoded = decodePacket(bytes);
  if (!decoded.ok) {
    if (decoded.report !== undefined) environment.log.write(isLightPacket(bytes) ? 'notice' : 'warning', decoded.report);
    return;
  }
  const { header, body } = decoded.packet;
  if (header === undefined) handleLight(state, link, body);
  else handleFull(state, link, header, body);
}

function count(state: ClusterState, type: number, bytes: number): void {
  const { statistics } = state;
  if (type >= PACKET_NAMES.length) return;
  statistics.received[type]++;
  statistics.bytesReceived += bytes;
  if (type === PACKET_PUBLISH || type === PACKET_PUBLISH_SHARD) statistics.pubsubBytesReceived += bytes;
  else if (type === PACKET_MODULE) statistics.moduleBytesReceived += bytes;
}

function handleLight(state: ClusterState, link: NodeLink, body: PacketBody): void {
  const { node } = link;
  if (node === undefined || inHandshake(node)) {
    state.environment.log.notice(
      `Closing link for node ${node?.id ?? '<unknown>'} (${node === undefined ? '<unknown>' : logName(node)}) that sent a lightweight message of type ${packetName(body.type)} as its first message on the link`,
    );
    state.messenger.drop(link);
    return;
  }
  node.dataReceivedAt = state.now;
  if (body.kind === 'publish') state.environment.clients.deliver(body.channel, body.message, body.type === PACKET_PUBLISH_SHARD);
}

function handleFull(state: ClusterState, link: NodeLink, header: PacketHeader, body: PacketBody): void {
  if (!isNodeId(header.senderId) || (header.primaryId !== '' && !isNodeId(header.primaryId))) return;
  if (link.node !== undefined && !inHandshake(link.node) && link.node.id !== header.senderId) {
    if (!link.inbound) {
      if (body.kind === 'ping') cutOffStranger(state, link, link.node);
      return;
    }
    // The node at the other end changed its id (CLUSTER RESET HARD): whose link is it now?
    link.node.inboundLink = undefined;
    link.node.inboundLinkFreedAt = state.now;
    link.node = undefined;
  }
  const sender = identify(state, link, header);
  if (sender === state.myself && body.kind !== 'ping') return;
  if (header.messageFlags & MESSAGE_EXTENSIONS) link.knowsExtensions = true;
  if (sender !== undefined) noteSender(state, link, sender, header);
  switch (body.kind) {
    case 'ping':
      return handlePing(state, link, sender, header, body);
    case 'fail':
      return handleFail(state, sender, header, body.nodeId);
    case 'publish':
      if (sender !== undefined) state.environment.clients.deliver(body.channel, body.message, body.type === PACKET_PUBLISH_SHARD);
      return;
    case 'auth-request':
      if (sender !== undefined) answerVoteRequest(state, sender, header);
      return;
    case 'auth-ack':
      if (sender === undefined || !isVotingPrimary(sender) || header.currentEpoch < state.election.epoch) return;
      state.election.votes.add(sender.id);
      return state.later(TODO_FAILOVER);
    case 'mfstart':
      if (sender === undefined || sender.replicaOf !== state.myself) return;
      pauseForFailover(state, sender);
      state.environment.log.notice(`Manual failover requested by replica ${sender.id} (${logName(sender)}).`);
      return state.messenger.ping(link, PACKET_PING);
    case 'update':
      return handleUpdate(state, sender, body);
    case 'module':
      return;
    case 'unknown':
      state.environment.log.warning(`Received unknown packet type: ${body.type}`);
  }
}

/** The node that sent the packet, if we know it; an inbound link is bound to it. */
function identify(state: ClusterState, link: NodeLink, header: PacketHeader): ClusterNode | undefined {
  if (link.node !== undefined && !inHandshake(link.node)) return link.node;
  const sender = state.nodes.get(header.senderId);
  // Our own id comes back when the address leads to ourselves.
  if (sender !== undefined && sender !== state.myself && link.node === undefined && link.inbound) bindInbound(state, sender, link);
  return sender;
}

function noteSender(state: ClusterState, link: NodeLink, sender: ClusterNode, header: PacketHeader): void {
  if (sender === state.myself) return;
  if (link.knowsExtensions) sender.flags |= flags.FLAG_EXTENSIONS;
  sender.flags = (sender.flags & ~flags.FLAGS_FROM_EVERY_PACKET) | (header.flags & flags.FLAGS_FROM_EVERY_PACKET);
  sender.dataReceivedAt = state.now;
  if (inHandshake(sender)) return;
  if (header.currentEpoch > state.currentEpoch) state.currentEpoch = header.currentEpoch;
  if (header.primaryId === '' && header.configEpoch > sender.configEpoch) {
    sender.configEpoch = header.configEpoch;
    state.later(TODO_SAVE | TODO_SYNC);
    resetLostElection(state, sender);
  }
  sender.replicationOffset = header.replicationOffset;
  if (state.myself.replicaOf === sender && header.messageFlags & MESSAGE_PAUSED) learnPrimaryOffset(state, header.replicationOffset);
}

/** Somebody claims an epoch that is not older than our election's: it can no longer be won, so that the next may start at once. */
function resetLostElection(state: ClusterState, sender: ClusterNode): void {
  const { election } = state;
  if (election.at === 0 || !election.requested || sender.configEpoch < election.epoch) return;
  election.at = 0;
  state.environment.log.warning(
    `Failover election in progress for epoch ${election.epoch}, but received a claim from node ${sender.id} (${logName(sender)}) with an equal or higher epoch ${sender.configEpoch}. Resetting the election since we cannot win an election in the past.`,
  );
  state.later(TODO_FAILOVER);
}

function handlePing(state: ClusterState, link: NodeLink, sender: ClusterNode | undefined, header: PacketHeader, body: PingBody): void {
  if (sender === state.myself) {
    // We met ourselves: the handshake node of this link would never get another name.
    if (link.node !== undefined && inHandshake(link.node)) removeNode(state, link.node);
    state.messenger.drop(link);
    return;
  }
  if (body.type !== PACKET_PONG && !answerPing(state, link, sender, header, body)) return;
  const from = link.node === undefined ? '<unknown> (<unknown>)' : `${link.node.id} (${logName(link.node)})`;
  state.environment.log.debug(
    `${packetName(body.type)} packet received from: ${from} from client: ${link.remoteAddress}:${link.remotePort}`,
  );
  if (sender !== undefined && sender.flags & flags.FLAG_MEET) {
    sender.flags &= ~flags.FLAG_MEET;
    state.environment.log.notice(`Successfully completed handshake with ${sender.id} (${logName(sender)})`);
  }
  if (!link.inbound && !finishHandshake(state, link, sender, header)) return;
  if (sender !== undefined) {
    if ((header.flags ^ sender.flags) & flags.FLAG_NOFAILOVER) {
      sender.flags ^= flags.FLAG_NOFAILOVER;
      state.later(TODO_SAVE);
    }
    if (body.type === PACKET_PING && !inHandshake(sender)) updateAddress(state, sender, link, header);
  }
  if (!link.inbound && body.type === PACKET_PONG && link.node !== undefined) notePong(state, link.node);
  if (sender === undefined) return;
  const wasReplica = isReplica(sender);
  if (!takeRole(state, sender, header)) return;
  takeConfiguration(state, sender, header, wasReplica);
  takeDetails(state, sender, body.gossip, body.invalidIds, body.extensions);
}

/** PING and MEET: learn our own address, take in a stranger, answer. False when the link was closed. */
function answerPing(state: ClusterState, link: NodeLink, sender: ClusterNode | undefined, header: PacketHeader, body: PingBody): boolean {
  const meet = body.type === PACKET_MEET;
  learnMyAddress(state, link, meet);
  if (meet && sender === undefined) {
    if (link.node === undefined && !acceptMeet(state, link, header)) {
      state.environment.log.notice(
        'Closing cluster link due to failure to retrieve IP from the connection, possibly caused by a closed connection.',
      );
      state.messenger.drop(link);
      return false;
    }
    // Who sends a MEET is trusted: it brings us into its cluster.
    if (body.invalidIds === 0 && link.node !== undefined) takeGossip(state, link.node, body.gossip);
  } else if (meet && sender?.link !== undefined && sender.link !== link && state.now - sender.createdAt > handshakeTimeout(state)) {
    state.environment.log.notice(
      `Freeing outbound link to node ${sender.id} (${logName(sender)}) after receiving a MEET packet from this known node`,
    );
    state.messenger.drop(sender.link);
  }
  state.messenger.ping(link, PACKET_PONG);
  return true;
}

/** The address that others use to reach us is ours, unless one is announced. */
function learnMyAddress(state: ClusterState, link: NodeLink, meet: boolean): void {
  const me = state.myself;
  if (state.environment.settings().announce.ip !== '' || (!meet && me.ip !== '')) return;
  const ip = link.localAddress;
  if (ip === '' || ip === me.ip) return;
  me.ip = ip;
  state.environment.log.notice(`IP address for this node updated to ${ip}`);
  state.later(TODO_SAVE);
}

/** On our own link: the random name of a handshake becomes the true one. False when the link is gone. */
function finishHandshake(state: ClusterState, link: NodeLink, sender: ClusterNode | undefined, header: PacketHeader): boolean {
  const { node } = link;
  if (node === undefined) return false;
  if (inHandshake(node)) {
    if (sender !== undefined) {
      state.environment.log.verbose(`Handshake: we already know node ${sender.id} (${logName(sender)}), updating the address if needed.`);
      updateAddress(state, sender, link, header);
      removeNode(state, node);
      return false;
    }
    state.nodes.rename(node, header.senderId);
    node.flags &= ~flags.FLAG_HANDSHAKE;
    node.flags |= header.flags & (flags.FLAG_PRIMARY | flags.FLAG_REPLICA);
    state.later(TODO_SAVE);
    return true;
  }
  return true;
}

/** Behind the address of `node` answers another one: what we knew of the address is void, and the node is as good as gone. */
function cutOffStranger(state: ClusterState, link: NodeLink, node: ClusterNode): void {
  state.environment.log.notice(
    `PONG contains mismatching sender ID. About node ${node.id} (${logName(node)}) in shard ${node.shardId} added ${state.now - node.createdAt} ms ago, having flags ${node.flags}`,
  );
  node.flags |= flags.FLAG_NOADDR;
  node.ip = '';
  node.tcpPort = 0;
  node.tlsPort = 0;
  node.busPort = 0;
  state.messenger.drop(link);
  if (!isFailed(node)) {
    markFailing(state, node);
    state.messenger.broadcastFail(node.id);
  }
  state.later(TODO_SAVE | TODO_STATE);
}

function notePong(state: ClusterState, node: ClusterNode): void {
  node.pongReceivedAt = state.now;
  node.pingSentAt = 0;
  state.migrations.pongReceived();
  if (isSuspected(node)) {
    node.flags &= ~flags.FLAG_PFAIL;
    state.later(TODO_SAVE | TODO_STATE);
  } else if (isFailed(node)) clearFailureIfDue(state, node);
}

function takeDetails(
  state: ClusterState,
  sender: ClusterNode,
  gossip: readonly GossipEntry[],
  invalidIds: number,
  extensions: Extensions,
): void {
  if (invalidIds > 0)
    state.environment.log.warning(`Node ${sender.id} (${logName(sender)}) gossiped ${invalidIds} nodes with invalid IDs.`);
  else takeGossip(state, sender, gossip);
  takeExtensions(state, sender, extensions);
}

function handleFail(state: ClusterState, sender: ClusterNode | undefined, header: PacketHeader, nodeId: string): void {
  const { log } = state.environment;
  if (sender === undefined) return log.notice(`Ignoring FAIL message from unknown node ${header.senderId} about ${nodeId}`);
  const failing = state.nodes.get(nodeId);
  if (failing === undefined || failing === state.myself) return;
  if (failing === sender) failing.yieldedAt = state.now;
  if (isFailed(failing)) return;
  log.notice(`FAIL message received from ${sender.id} (${logName(sender)}) about ${failing.id} (${logName(failing)})`);
  markFailing(state, failing);
}

function handleUpdate(state: ClusterState, sender: ClusterNode | undefined, body: Extract<PacketBody, { kind: 'update' }>): void {
  const node = state.nodes.get(body.nodeId);
  if (sender === undefined || node === undefined || node.configEpoch >= body.configEpoch) return;
  state.environment.log.notice(
    `Processing UPDATE message received from ${sender.id} (${logName(sender)}) in shard ${sender.shardId} about node ${node.id} (${logName(node)}) in shard ${node.shardId}. old configEpoch ${node.configEpoch}, new configEpoch ${body.configEpoch}`,
  );
  if (node === state.myself) return;
  if (!isPrimary(node)) setAsPrimary(state, node);
  node.configEpoch = body.configEpoch;
  state.later(TODO_SAVE | TODO_SYNC);
  applyClaim(state, node, body.configEpoch, body.slots);
}
