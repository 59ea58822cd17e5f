/**
 * From suspicion to certainty: failure reports of voting primaries, FAIL when a majority agrees, and the way back.
 *
 * A report counts for 2 × node-timeout. FAIL is told to everybody at once, by whoever sees the majority first, replicas included.
 * It is taken back when the node answers again: at once for nodes without a vote, for a primary with slots only when nobody took its
 * place for 2 × node-timeout.
 */

import { type ClusterNode, isFailed, isReplica, isSuspected, isVotingPrimary, logName } from './cluster-node.ts';
import { type ClusterState, TODO_FAILOVER, TODO_SAVE, TODO_STATE } from './cluster-state.ts';
import { FLAG_FAIL, FLAG_MY_PRIMARY_FAIL, FLAG_PFAIL } from './node-flags.ts';

const REPORT_VALIDITY_FACTOR = 2;
const UNDO_FACTOR = 2;

/** A voting primary reports `failing`. True when it had not done so before. */
export function addFailureReport(state: ClusterState, failing: ClusterNode, reporter: ClusterNode): boolean {
  if (isFailed(failing)) return false;
  const isNew = !failing.failureReports.has(reporter.id);
  failing.failureReports.set(reporter.id, Math.floor(state.now / 1000) * 1000 + 1000);
  return isNew;
}

export function countFailureReports(state: ClusterState, node: ClusterNode): number {
  const cutoff = state.now - state.environment.settings().nodeTimeout * REPORT_VALIDITY_FACTOR;
  for (const [reporter, at] of node.failureReports) if (at <= cutoff) node.failureReports.delete(reporter);
  return node.failureReports.size;
}

export function removeFailureReport(state: ClusterState, node: ClusterNode, reporter: ClusterNode): boolean {
  countFailureReports(state, node);
  return node.failureReports.delete(reporter.id);
}

export function markFailing(state: ClusterState, node: ClusterNode): void {
  node.flags |= FLAG_FAIL;
  node.flags &= ~FLAG_PFAIL;
  node.failedAt = state.now;
  if (isReplica(state.myself) && state.myself.replicaOf === node) {
    state.myself.flags |= FLAG_MY_PRIMARY_FAIL;
    state.later(TODO_FAILOVER);
  }
  state.later(TODO_SAVE | TODO_STATE);
}

/** FAIL, if we suspect the node ourselves and a majority of the voters does too. */
export function markFailingIfAgreed(state: ClusterState, node: ClusterNode): void {
  if (!isSuspected(node) || isFailed(node)) return;
  const votes = countFailureReports(state, node) + (isVotingPrimary(state.myself) ? 1 : 0);
  if (votes < state.quorum) return;
  state.environment.log.notice(`Marking node ${node.id} (${logName(node)}) as failing (quorum reached).`);
  markFailing(state, node);
  state.messenger.broadcastFail(node.id);
}

/** A node that is FAIL answered. */
export function clearFailureIfDue(state: ClusterState, node: ClusterNode): void {
  const undoAfter = state.environment.settings().nodeTimeout * UNDO_FACTOR;
  if (!isVotingPrimary(node)) {
    const what = isReplica(node) ? 'replica' : 'primary without slots';
    state.environment.log.notice(`Clear FAIL state for node ${node.id} (${logName(node)}): ${what} is reachable again.`);
    clearFailure(state, node);
  } else if (state.now - node.failedAt > undoAfter) {
    state.environment.log.notice(
      `Clear FAIL state for node ${node.id} (${logName(node)}): is reachable again and nobody is serving its slots after some time.`,
    );
    clearFailure(state, node);
  }
}

function clearFailure(state: ClusterState, node: ClusterNode): void {
  node.flags &= ~FLAG_FAIL;
  if (isReplica(state.myself) && state.myself.replicaOf === node) state.myself.flags &= ~FLAG_MY_PRIMARY_FAIL;
  state.later(TODO_STATE | TODO_SAVE);
}
