/**
 * Whether the cluster serves requests, as this node sees it: are the slots covered, is a majority of the primaries in reach?
 *
 * A primary is careful about turning to ok: not within 2 s of its start and not right after it was in a minority, so that it hears
 * first whether a replica took its place meanwhile; one that came back serves only when it has found that nobody has more of its data
 * (`returning.ts`). Source: clusterUpdateState.
 */

import { isFailed, isPrimary, isSuspected, isVotingPrimary } from './cluster-node.ts';
import { type ClusterState, type FailReason, TODO_STATE } from './cluster-state.ts';

const WRITABLE_DELAY_MS = 2000;
const MIN_REJOIN_DELAY_MS = 500;
const MAX_REJOIN_DELAY_MS = 5000;

const FAIL_SENTENCES: Readonly<Record<Exclude<FailReason, 'none'>, string>> = {
  'not-full-coverage':
    "At least one hash slot is not served by any available node. Please check the 'cluster-require-full-coverage' configuration.",
  'minority-partition': 'I am part of a minority partition.',
};

export function updateHealth(state: ClusterState): void {
  state.todo &= ~TODO_STATE;
  const { now, myself } = state;
  if (state.firstStateUpdateAt === 0) state.firstStateUpdateAt = now;
  if (isPrimary(myself) && !state.ok && now - state.firstStateUpdateAt < WRITABLE_DELAY_MS) {
    state.safeToJoin = false;
    return;
  }
  state.safeToJoin = true;
  const reason = judge(state);
  if (state.returning !== undefined) return;
  if ((reason === 'none') !== state.ok) {
    const rejoinDelay = Math.min(Math.max(state.environment.settings().nodeTimeout, MIN_REJOIN_DELAY_MS), MAX_REJOIN_DELAY_MS);
    if (reason === 'none' && isPrimary(myself) && now - state.inMinorityAt < rejoinDelay) return;
    state.ok = reason === 'none';
    state.version++;
    state.environment.log.write(state.ok ? 'notice' : 'warning', `Cluster state changed: ${state.ok ? 'ok' : 'fail'}`);
  }
  if (reason !== state.failReason && reason !== 'none')
    state.environment.log.warning(`Cluster is currently down: ${FAIL_SENTENCES[reason]}`);
  state.failReason = reason;
}

/** Counts the voters, and says what keeps the cluster from serving. */
function judge(state: ClusterState): FailReason {
  let reason: FailReason = 'none';
  if (state.environment.settings().requireFullCoverage && state.slots.owner.some(owner => owner === undefined || isFailed(owner)))
    reason = 'not-full-coverage';
  const voters = state.nodes.all().filter(isVotingPrimary);
  state.size = voters.length;
  const reachable = voters.filter(node => !isFailed(node) && !isSuspected(node)).length;
  if (reachable < state.quorum) {
    reason = 'minority-partition';
    state.inMinorityAt = state.now;
  }
  return reason;
}
