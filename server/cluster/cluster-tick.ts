/**
 * What happens ten times a second: links are made and mended, nodes are pinged, silence becomes suspicion, and replicas look whether
 * something is to be taken over. Source: clusterCron.
 */

import {
  type ClusterNode,
  hasAddress,
  inHandshake,
  isFailed,
  isHealthy,
  isPrimary,
  isReplica,
  isSuspected,
  isVotingPrimary,
  logName,
} from './cluster-node.ts';
import type { ClusterState } from './cluster-state.ts';
import { advanceElection } from './election.ts';
import { markFailingIfAgreed } from './failure-detection.ts';
import { updateHealth } from './health.ts';
import { advanceManualFailover, expireManualFailover } from './manual-failover.ts';
import { handshakeTimeout, removeNode } from './membership.ts';
import { FLAG_HANDSHAKE, FLAG_LIGHT_MODULE, FLAG_MEET, FLAG_MYSELF, FLAG_NOADDR, FLAG_PFAIL } from './node-flags.ts';
import { migrateIfNeeded } from './replica-migration.ts';
import { advanceReturn } from './returning.ts';
import { refollow } from './roles.ts';
import { PACKET_MEET, PACKET_PING } from './bus-packet.ts';

export const TICK_MS = 100;
const RETRIES_PER_TIMEOUT = 10;
/** Every tenth tick one of a few random nodes is pinged. */
const RANDOM_PING_TICKS = 10;
const RANDOM_PING_CANDIDATES = 5;

export interface Tick {
  /** Counts from 1. */
  readonly number: number;
  /** This process stood still since the last tick: the silence is its own, nobody is judged by it. */
  readonly stalled: boolean;
  connect(node: ClusterNode): void;
}

export function tickCluster(state: ClusterState, tick: Tick): void {
  let connects = connectBudget(state);
  for (const node of state.nodes.all()) {
    dropOverfullLinks(state, node);
    if (!state.debug.disableReconnection && mendLinks(state, node, tick, connects > 0)) connects--;
  }
  if (tick.number % RANDOM_PING_TICKS === 0 && !state.debug.disableRandomPing) pingSomeNode(state);
  let suspected = false;
  for (const node of state.nodes.all()) if (watchNode(state, node, tick.stalled)) suspected = true;

  const me = state.myself;
  if (
    isReplica(me) &&
    me.replicaOf !== undefined &&
    hasAddress(me.replicaOf) &&
    me.replicaOf.ip !== '' &&
    state.environment.replication.primaryHost === ''
  )
    refollow(state);
  expireManualFailover(state);
  advanceReturn(state);
  if (isReplica(me)) {
    advanceManualFailover(state);
    advanceElection(state);
    migrateIfNeeded(state);
  }
  if (suspected || !state.ok) updateHealth(state);
}

/** Connection attempts in one tick, beyond the back-off of each node: every node is tried ten times in node-timeout / 2. */
function connectBudget(state: ClusterState): number {
  const interval = state.environment.settings().nodeTimeout / 2;
  return interval <= 0 ? 0 : Math.floor((state.nodes.size * TICK_MS) / interval) * RETRIES_PER_TIMEOUT;
}

function dropOverfullLinks(state: ClusterState, node: ClusterNode): void {
  const { linkBufferLimit } = state.environment.settings();
  if (linkBufferLimit === 0) return;
  for (const link of [node.link, node.inboundLink]) {
    if (link === undefined || link.sendBufferBytes <= linkBufferLimit) continue;
    state.environment.log.warning(
      `Freeing cluster link(${link.inbound ? 'from' : 'to'} node ${node.id} (${logName(node)}), used memory: ${link.sendBufferBytes}) due to exceeding send buffer memory limit.`,
    );
    state.messenger.drop(link);
    state.statistics.linksOverLimit++;
  }
}

/** Ends handshakes that lead nowhere, asks nodes that do not know us to meet us, connects. True when a connection was begun. */
function mendLinks(state: ClusterState, node: ClusterNode, tick: Tick, budgetLeft: boolean): boolean {
  const { now } = state;
  if (node.flags & (FLAG_MYSELF | FLAG_NOADDR)) return false;
  const patience = handshakeTimeout(state);
  if (inHandshake(node) && now - node.createdAt > patience) {
    state.environment.log.warning(`Clusterbus handshake timeout ${node.ip}:${node.busPort}`);
    removeNode(state, node);
    return false;
  }
  const strangerToIt = isHealthy(node) && node.link?.open === true && node.inboundLink === undefined;
  if (
    strangerToIt &&
    node.link !== undefined &&
    now - node.inboundLinkFreedAt > patience &&
    now - node.meetSentAt > patience &&
    node.flags & FLAG_LIGHT_MODULE
  ) {
    node.flags |= FLAG_MEET;
    state.environment.log.notice(`Sending MEET packet to node ${node.id} (${logName(node)}) because there is no inbound link for it`);
    state.messenger.ping(node.link, PACKET_MEET);
  }
  if (node.link !== undefined) return false;
  const backOff = state.environment.settings().nodeTimeout / 2 / RETRIES_PER_TIMEOUT;
  if (node.inboundLink === undefined && now - node.connectAttemptAt < backOff && !budgetLeft) return false;
  node.connectAttemptAt = now;
  tick.connect(node);
  return true;
}

function pingSomeNode(state: ClusterState): void {
  const all = state.nodes.all();
  let oldest: ClusterNode | undefined;
  for (let i = 0; i < RANDOM_PING_CANDIDATES; i++) {
    const node = all[Math.floor(state.environment.entropy.random() * all.length)];
    if (node.link?.open !== true || node.pingSentAt !== 0 || node.flags & (FLAG_MYSELF | FLAG_HANDSHAKE)) continue;
    if (oldest === undefined || node.pongReceivedAt < oldest.pongReceivedAt) oldest = node;
  }
  if (oldest?.link !== undefined) state.messenger.ping(oldest.link, PACKET_PING);
}

/** Pings `node` in time and judges its silence. True when it became suspected. */
function watchNode(state: ClusterState, node: ClusterNode, stalled: boolean): boolean {
  if (node.flags & (FLAG_MYSELF | FLAG_NOADDR | FLAG_HANDSHAKE)) return false;
  const { now } = state;
  const { nodeTimeout, pingInterval } = state.environment.settings();
  const half = nodeTimeout / 2;
  // A connection that nothing answers: the silence counts from its beginning. Else nobody would notice it, nor try again.
  if (node.pingSentAt === 0 && node.link?.open === false && now - node.link.createdAt > half) {
    node.pingSentAt = node.link.createdAt;
  }
  const pingDelay = now - node.pingSentAt;
  const dataDelay = now - node.dataReceivedAt;
  if (
    node.link !== undefined &&
    !stalled &&
    now - node.link.createdAt > nodeTimeout &&
    node.pingSentAt !== 0 &&
    pingDelay > half &&
    dataDelay > half
  )
    state.messenger.drop(node.link);
  if (node.link?.open && node.pingSentAt === 0 && now - node.pongReceivedAt > (pingInterval > 0 ? pingInterval : half)) {
    state.messenger.ping(node.link, PACKET_PING);
    return false;
  }
  if (node.link?.open && state.manualFailover.until !== 0 && isPrimary(state.myself) && state.manualFailover.replica === node) {
    // It waits for our offset.
    state.messenger.ping(node.link, PACKET_PING);
    return false;
  }
  if (node.pingSentAt === 0 || stalled || Math.min(pingDelay, dataDelay) <= nodeTimeout) return false;
  if (isSuspected(node) || isFailed(node)) return false;
  node.flags |= FLAG_PFAIL;
  state.version++;
  if (isVotingPrimary(state.myself)) markFailingIfAgreed(state, node);
  else state.environment.log.notice(`NODE ${node.id} (${logName(node)}) possibly failing.`);
  return true;
}
