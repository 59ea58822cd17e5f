/**
 * What this node learns from the gossip section and the extensions of a PING, PONG or MEET.
 */

import type { Extensions, GossipEntry } from './bus-packet.ts';
import { isSafeAddress } from './bus-text.ts';
import { type ClusterNode, isFailed, isHealthy, isReplica, isSuspected, isVotingPrimary, logName, primaryOf } from './cluster-node.ts';
import { type ClusterState, TODO_SAVE, TODO_STATE } from './cluster-state.ts';
import { addFailureReport, countFailureReports, markFailingIfAgreed, removeFailureReport } from './failure-detection.ts';
import { createNode, forgetNode, moveTo } from './membership.ts';
import { FLAG_FAIL, FLAG_NOADDR, FLAG_PFAIL, FLAG_PRIMARY, FLAG_REPLICA, FLAGS_FROM_GOSSIP } from './node-flags.ts';
import { updateShardId } from './roles.ts';

/** How far a pong that somebody saw may lie in our future. */
const CLOCK_TOLERANCE_MS = 500;

/** `sender`: a member, or the node in handshake whose MEET this is. */
export function takeGossip(state: ClusterState, sender: ClusterNode, entries: readonly GossipEntry[]): void {
  for (const entry of entries) {
    const node = state.nodes.get(entry.id);
    if (node === undefined) learnNode(state, entry);
    else if (node !== state.myself) {
      takeReport(state, sender, node, entry);
      takeLiveness(state, node, entry);
      takeAddress(state, node, entry);
    }
  }
}

/** A node that we hear of for the first time, from a member: a member too, unless it was forgotten. */
function learnNode(state: ClusterState, entry: GossipEntry): void {
  if (entry.flags & FLAG_NOADDR || state.nodes.isForgotten(entry.id, Math.floor(state.now / 1000)) || !isSafeAddress(entry.ip)) return;
  const role = entry.flags & FLAG_REPLICA ? FLAG_PRIMARY : 0;
  const node = createNode(state, entry.id, entry.flags & FLAGS_FROM_GOSSIP & ~role);
  node.ip = entry.ip;
  const { tlsCluster } = state.environment.settings();
  node.tcpPort = tlsCluster ? entry.otherPort : entry.port;
  node.tlsPort = tlsCluster ? entry.port : entry.otherPort;
  node.busPort = entry.busPort;
  if (isFailed(node)) node.failedAt = state.now;
  state.nodes.add(node);
  state.nodes.joinShard(node, node.shardId);
  state.later(TODO_SAVE);
}

function takeReport(state: ClusterState, sender: ClusterNode, node: ClusterNode, entry: GossipEntry): void {
  const { log } = state.environment;
  const about = `Node ${sender.id} (${logName(sender)}) reported node ${node.id} (${logName(node)})`;
  if (entry.flags & (FLAG_FAIL | FLAG_PFAIL)) {
    if (isVotingPrimary(sender) && addFailureReport(state, node, sender)) log.verbose(`${about} as not reachable.`);
    markFailingIfAgreed(state, node);
  } else if (removeFailureReport(state, node, sender)) log.verbose(`${about} is back online.`);
}

/** Others saw it alive more recently than we did: no need to ping it so soon. */
function takeLiveness(state: ClusterState, node: ClusterNode, entry: GossipEntry): void {
  if (entry.flags & (FLAG_FAIL | FLAG_PFAIL) || !isHealthy(node) || node.pingSentAt !== 0) return;
  const pongAt = entry.pongReceivedSeconds * 1000;
  if (pongAt <= state.now + CLOCK_TOLERANCE_MS && pongAt > node.pongReceivedAt && countFailureReports(state, node) === 0)
    node.pongReceivedAt = pongAt;
}

/** We cannot reach it, the sender can, and at another address. */
function takeAddress(state: ClusterState, node: ClusterNode, entry: GossipEntry): void {
  if (!isFailed(node) && !isSuspected(node)) return;
  if (entry.flags & (FLAG_NOADDR | FLAG_FAIL | FLAG_PFAIL) || !isSafeAddress(entry.ip)) return;
  moveTo(state, node, entry.ip, entry);
}

/** What the sender says of itself; a value that is not told is unset. */
export function takeExtensions(state: ClusterState, sender: ClusterNode, extensions: Extensions): void {
  for (const { id, ttlSeconds } of extensions.forgotten) {
    const node = state.nodes.get(id);
    const mine = node === state.myself || (isReplica(state.myself) && state.myself.replicaOf === node);
    if (node !== undefined && !mine && node !== sender) forgetNode(state, node, ttlSeconds);
  }
  const told = {
    hostname: extensions.hostname,
    humanName: extensions.humanName,
    availabilityZone: extensions.availabilityZone,
    clientIpv4: extensions.clientIpv4,
    clientIpv6: extensions.clientIpv6,
    clientTcpPort: extensions.clientPort,
    clientTlsPort: extensions.clientTlsPort,
  } as const;
  for (const key of Object.keys(told) as (keyof typeof told)[]) {
    if (sender[key] === told[key]) continue;
    Object.assign(sender, { [key]: told[key] });
    state.later(TODO_SAVE | TODO_STATE);
  }
  updateShardId(state, sender, extensions.shardId === '' ? primaryOf(sender).shardId : extensions.shardId);
}
