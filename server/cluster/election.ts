/**
 * The failover of a replica: when its election starts, who votes, what the winner does.
 *
 * Timing, with d = min(node-timeout / 30, 500 ms):
 *   start = now + d + random(0..d) + rank × 2d + (500 ms if my offset is 0) + failed-primary-rank × d
 * rank counts the siblings with more data (or as much and a smaller id); failed-primary-rank the other failed shards that go first.
 * The best of them all starts at once. An election is valid for T = max(2 × node-timeout, 2 s); the next try comes after 2 T.
 *
 * The decisions are pure functions of plain data; `advanceElection` runs them against the state.
 * Source: clusterHandleReplicaFailover, clusterSendFailoverAuthIfNeeded.
 */

import type { PacketHeader } from './bus-packet.ts';
import { MESSAGE_FORCE_ACK } from './bus-packet.ts';
import { type ClusterNode, effectiveEpoch, isFailed, isPrimary, isVotingPrimary, logName } from './cluster-node.ts';
import {
  type CannotFailover,
  type ClusterState,
  TODO_BROADCAST,
  TODO_FAILOVER,
  TODO_SAVE,
  TODO_STATE,
  TODO_SYNC,
} from './cluster-state.ts';
import { updateHealth } from './health.ts';
import { resetManualFailover } from './manual-failover.ts';
import { FLAG_MY_PRIMARY_FAIL, FLAG_NOFAILOVER } from './node-flags.ts';
import { setAsPrimary } from './roles.ts';
import { slotsOf } from './slot-bitmap.ts';
import { reconcileData } from './slot-ownership.ts';

const LEAST_AUTH_TIMEOUT_MS = 2000;
const MOST_DELAY_MS = 500;
const NEW_REPLICA_DELAY_MS = 500;
const RELOG_MS = 1000;
const RELOG_DATA_AGE_MS = 10_000;

// ── Pure decisions ──

export const electionDelay = (nodeTimeoutMs: number): number => Math.min(Math.floor(nodeTimeoutMs / 30), MOST_DELAY_MS);

export const authTimeout = (nodeTimeoutMs: number): number => Math.max(nodeTimeoutMs * 2, LEAST_AUTH_TIMEOUT_MS);

export interface Candidate {
  readonly id: string;
  readonly offset: number;
  readonly noFailover: boolean;
}

/** How many of the shard's other replicas should win before `me`. */
export function replicaRank(me: Candidate, others: readonly Candidate[]): number {
  return others.filter(other => !other.noFailover && (other.offset > me.offset || (other.offset === me.offset && other.id < me.id))).length;
}

export interface ElectionStart {
  readonly now: number;
  readonly nodeTimeoutMs: number;
  /** [0, 1) */
  readonly random: number;
  readonly rank: number;
  readonly failedPrimaryRank: number;
  readonly offset: number;
}

/** When an automatic election of a replica that is not plainly the best starts. */
export function electionStart({ now, nodeTimeoutMs, random, rank, failedPrimaryRank, offset }: ElectionStart): number {
  const delay = electionDelay(nodeTimeoutMs);
  const newcomer = offset === 0 ? NEW_REPLICA_DELAY_MS : 0;
  return now + delay + Math.floor(random * delay) + rank * delay * 2 + newcomer + failedPrimaryRank * delay;
}

/** Whether data of this age may become the shard's truth. */
export function isDataFresh(
  ageMs: number,
  settings: { readonly nodeTimeout: number; readonly replicaValidityFactor: number; readonly replicaPingPeriodSeconds: number },
): boolean {
  if (settings.replicaValidityFactor === 0) return true;
  // The node timeout itself passed before the primary was FAIL at all.
  const age = ageMs > settings.nodeTimeout ? ageMs - settings.nodeTimeout : ageMs;
  return age <= settings.replicaPingPeriodSeconds * 1000 + settings.nodeTimeout * settings.replicaValidityFactor;
}

export type Verdict =
  | { readonly kind: 'grant' }
  | { readonly kind: 'abstain' }
  | { readonly kind: 'deny'; readonly reason: string; readonly newerOwner?: ClusterNode };

/** Whether this node votes for `candidate`, which asks with `request`. */
export function judgeVoteRequest(state: ClusterState, candidate: ClusterNode, request: PacketHeader): Verdict {
  const deny = (reason: string): Verdict => ({ kind: 'deny', reason });
  if (!isVotingPrimary(state.myself)) return { kind: 'abstain' };
  if (!state.safeToJoin) return deny(': it is not safe to vote in this moment)');
  if (request.currentEpoch < state.currentEpoch) return deny(`: reqEpoch (${request.currentEpoch}) < curEpoch(${state.currentEpoch})`);
  if (state.lastVoteEpoch === state.currentEpoch) return deny(`: already voted for epoch ${state.currentEpoch}`);
  // One that was met a moment ago is known by its id first and by its role with a later ping; its request says the same as that ping.
  const primary = candidate.replicaOf ?? state.nodes.get(request.primaryId);
  if (isPrimary(candidate)) return deny(` for epoch ${request.currentEpoch}: it is a primary node`);
  if (primary === undefined) return deny(` for epoch ${request.currentEpoch}: I don't know its primary`);
  const yields = primary === state.myself && state.returning !== undefined && state.returning.yieldsTo !== '';
  if (!isFailed(primary) && !yields && !(request.messageFlags & MESSAGE_FORCE_ACK))
    return deny(` for epoch ${request.currentEpoch}: its primary is up`);
  for (const slot of slotsOf(request.slots)) {
    const owner = state.slots.owner[slot];
    if (owner === undefined || state.slots.isUnclaimed(slot) || owner.configEpoch <= request.configEpoch) continue;
    return {
      kind: 'deny',
      reason: `: slot ${slot} epoch (${owner.configEpoch}) > reqConfigEpoch (${request.configEpoch})`,
      newerOwner: owner,
    };
  }
  return { kind: 'grant' };
}

// ── The voter ──

export function answerVoteRequest(state: ClusterState, candidate: ClusterNode, request: PacketHeader): void {
  const { log } = state.environment;
  const verdict = judgeVoteRequest(state, candidate, request);
  switch (verdict.kind) {
    case 'abstain':
      return;
    case 'deny':
      log.warning(`Failover auth denied to ${candidate.id} (${logName(candidate)})${verdict.reason}`);
      if (verdict.newerOwner !== undefined) {
        const { newerOwner } = verdict;
        log.verbose(
          `Node ${candidate.id} (${logName(candidate)}) has old slots configuration, sending an UPDATE message about ${newerOwner.id} (${logName(newerOwner)})`,
        );
        state.messenger.update(candidate.link, newerOwner);
      }
      return;
    case 'grant':
      // The vote leaves after the file with this epoch is on the disk (ClusterBus.settle).
      state.lastVoteEpoch = state.currentEpoch;
      state.later(TODO_SAVE | TODO_SYNC);
      state.messenger.vote(candidate);
      log.notice(`Failover auth granted to ${candidate.id} (${logName(candidate)}) for epoch ${state.currentEpoch}`);
  }
}

// ── The candidate ──

/** Runs with each tick, and at once when something may have changed. */
export function advanceElection(state: ClusterState): void {
  state.todo &= ~TODO_FAILOVER;
  const { election, myself, now } = state;
  const settings = state.environment.settings();
  const manual = state.manualFailover.until !== 0 && state.manualFailover.canStart;
  const primary = myself.replicaOf;
  if (
    state.environment.leaving() ||
    isPrimary(myself) ||
    primary === undefined ||
    (!isFailed(primary) && !manual) ||
    (settings.replicaNoFailover && !manual)
  ) {
    election.cannot = 'none';
    return;
  }
  const isFresh = isDataFresh(state.environment.replication.millisecondsSincePrimary(), settings) || isYieldedTo(state, primary);
  if (!manual && !isFresh) return logCannot(state, 'data-age');
  const timeout = authTimeout(settings.nodeTimeout);
  let age = now - election.at;
  if (age > timeout * 2) {
    plan(state, primary);
    age = now - election.at;
    if (now < election.at) return;
  }
  if (!election.requested && state.manualFailover.until === 0 && election.at !== now) replan(state, primary);
  if (now < election.at) return logCannot(state, 'waiting-delay');
  if (age > timeout) return logCannot(state, 'expired');
  if (!election.requested) return request(state);
  if (election.votes.size >= state.quorum) win(state);
  else logCannot(state, 'waiting-votes');
}

/**
 * The primary itself says that it came back with less than this replica has. Then the age of the data does not matter: where both were started
 * again, from files, this replica has never been connected, and the primary would yield in vain for ever.
 */
function isYieldedTo(state: ClusterState, primary: ClusterNode): boolean {
  const { environment, now } = state;
  if (primary.yieldedAt === 0 || now - primary.yieldedAt > environment.settings().nodeTimeout) return false;
  return environment.replication.offset > primary.replicationOffset;
}

function plan(state: ClusterState, primary: ClusterNode): void {
  const { election, now, environment } = state;
  const { nodeTimeout } = environment.settings();
  const { offset } = environment.replication;
  const manual = state.manualFailover.until !== 0;
  election.votes.clear();
  election.requested = false;
  election.rank = manual ? 0 : rankAmongReplicas(state, primary);
  election.failedPrimaryRank = manual ? 0 : failedPrimaryRank(state);
  const { rank, failedPrimaryRank: primaryRank } = election;
  election.at = manual
    ? now
    : electionStart({
        now,
        nodeTimeoutMs: nodeTimeout,
        random: environment.entropy.random(),
        rank,
        failedPrimaryRank: primaryRank,
        offset,
      });
  if (isPlainlyBest(state, primary)) {
    election.at = now;
    environment.log.notice('This is the best ranked replica and can initiate the election immediately.');
  }
  environment.log.notice(
    `Start of election delayed for ${election.at - now} milliseconds (rank #${rank}, primary rank #${primaryRank}, offset ${offset}).`,
  );
  // The siblings learn our offset, and rank themselves anew.
  state.messenger.broadcastPong('siblings');
}

/** Siblings told newer offsets, or other shards came back: the start moves. */
function replan(state: ClusterState, primary: ClusterNode): void {
  const { election, environment } = state;
  const delay = electionDelay(environment.settings().nodeTimeout);
  const rank = rankAmongReplicas(state, primary);
  if (rank !== election.rank) {
    const added = (rank - election.rank) * delay * 2;
    election.at += added;
    election.rank = rank;
    environment.log.notice(`Replica rank updated to #${rank}, added ${added} milliseconds of delay.`);
  }
  const primaryRank = failedPrimaryRank(state);
  if (primaryRank !== election.failedPrimaryRank) {
    const added = (primaryRank - election.failedPrimaryRank) * delay;
    election.at += added;
    election.failedPrimaryRank = primaryRank;
    environment.log.notice(`Failed primary rank updated to #${primaryRank}, added ${added} milliseconds of delay.`);
  }
  if (election.at > state.now && isPlainlyBest(state, primary)) {
    election.at = state.now;
    environment.log.notice('Myself become the best ranked replica, initiate the election immediately.');
  }
}

function request(state: ClusterState): void {
  const { election } = state;
  state.currentEpoch++;
  election.epoch = state.currentEpoch;
  state.environment.log.notice(
    `Starting a failover election for epoch ${state.currentEpoch}, node config epoch is ${effectiveEpoch(state.myself)}`,
  );
  const primary = state.myself.replicaOf;
  const force = state.manualFailover.until !== 0 || (primary !== undefined && isPlainlyBest(state, primary));
  state.messenger.requestVotes(force);
  election.requested = true;
  state.later(TODO_SAVE | TODO_STATE | TODO_SYNC);
}

function win(state: ClusterState): void {
  const { myself, election } = state;
  state.environment.log.notice("Failover election won: I'm the new primary.");
  if (myself.configEpoch < election.epoch) {
    myself.configEpoch = election.epoch;
    state.environment.log.notice(`configEpoch set to ${myself.configEpoch} after successful failover`);
  }
  replaceMyPrimary(state);
}

/** The end of each kind of failover: this node has its new epoch and takes role and slots of its primary. */
export function replaceMyPrimary(state: ClusterState): void {
  const { myself, environment } = state;
  const old = myself.replicaOf;
  if (isPrimary(myself) || old === undefined) return;
  environment.log.notice(
    `Setting myself to primary in shard ${myself.shardId} after failover; my old primary is ${old.id} (${logName(old)})`,
  );
  setAsPrimary(state, myself);
  for (const slot of slotsOf(old.slots)) state.slots.reassign(myself, slot);
  updateHealth(state);
  state.later(TODO_SAVE | TODO_SYNC | TODO_BROADCAST);
  resetManualFailover(state);
  reconcileData(state);
  state.election.at = 0;
}

function rankAmongReplicas(state: ClusterState, primary: ClusterNode): number {
  const candidate = (node: ClusterNode): Candidate => ({
    id: node.id,
    offset: state.replicationOffsetOf(node),
    noFailover: (node.flags & FLAG_NOFAILOVER) !== 0,
  });
  const others = primary.replicas.filter(node => node !== state.myself);
  return replicaRank(candidate(state.myself), others.map(candidate));
}

/** Failed shards that hold their elections before ours, so that votes do not split. */
function failedPrimaryRank(state: ClusterState): number {
  const { nodeTimeout, replicaValidityFactor } = state.environment.settings();
  return state.nodes.all().filter(node => {
    if (!isFailed(node) || !isVotingPrimary(node) || node.replicas.length === 0) return false;
    if (replicaValidityFactor > 0 && state.now - node.failedAt > nodeTimeout * replicaValidityFactor) return false;
    return node.shardId < state.myself.shardId;
  }).length;
}

/** Nobody can have more data, and all siblings know that the primary is gone: waiting would gain nothing. */
function isPlainlyBest(state: ClusterState, primary: ClusterNode): boolean {
  const { election, environment } = state;
  return (
    state.manualFailover.until === 0 &&
    environment.replication.offset !== 0 &&
    election.rank === 0 &&
    election.failedPrimaryRank === 0 &&
    primary.replicas.every(replica => replica.flags & FLAG_MY_PRIMARY_FAIL)
  );
}

const CANNOT_SENTENCES: Readonly<Record<Exclude<CannotFailover, 'none'>, string>> = {
  'data-age': "Disconnected from primary for longer than allowed. Please check the 'cluster-replica-validity-factor' configuration option.",
  'waiting-delay': 'Waiting the delay before I can start a new failover.',
  expired: 'Failover attempt expired.',
  'waiting-votes': 'Waiting for votes, but majority still not reached.',
};

/** Says why there is no failover; the same reason not more often than once a second. */
function logCannot(state: ClusterState, reason: Exclude<CannotFailover, 'none'>): void {
  const { election, now } = state;
  if (reason === election.cannot && now - election.cannotLoggedAt < (reason === 'data-age' ? RELOG_DATA_AGE_MS : RELOG_MS)) return;
  election.cannot = reason;
  election.cannotLoggedAt = now;
  state.environment.log.notice(`Currently unable to failover: ${CANNOT_SENTENCES[reason]}`);
  if (reason === 'waiting-votes' || reason === 'expired')
    state.environment.log.notice(`Needed quorum: ${state.quorum}. Number of votes received so far: ${election.votes.size}`);
}
