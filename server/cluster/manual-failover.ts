/**
 * CLUSTER FAILOVER: a replica takes over from a primary that is well, without losing a write.
 *
 * replica ─ MFSTART → primary: pauses writes, marks its packets PAUSED (they carry its offset)
 * replica: waits until it has applied up to that offset → `canStart` → an election that voters grant although the primary is up.
 * FORCE skips the talk with the primary, TAKEOVER the election too. All of it ends at `until`.
 */

import { isReplica } from './cluster-node.ts';
import { type ClusterState, TODO_FAILOVER, TODO_MANUAL_FAILOVER } from './cluster-state.ts';

/** A primary pauses for this many times the limit: the replica may still be electing when the limit is over. */
const PAUSE_FACTOR = 2;
/** How often the replica looks whether it caught up. */
const CATCH_UP_POLL_MS = 2;

export function resetManualFailover(state: ClusterState): void {
  const { manualFailover } = state;
  if (manualFailover.replica !== undefined) state.environment.clients.unpauseWrites();
  manualFailover.until = 0;
  manualFailover.replica = undefined;
  manualFailover.primaryOffset = -1;
  manualFailover.canStart = false;
}

/** On the primary: `replica` asked for its place. */
export function pauseForFailover(state: ClusterState, replica: NonNullable<ClusterState['manualFailover']['replica']>): void {
  resetManualFailover(state);
  const limit = state.environment.settings().manualFailoverTimeout;
  state.manualFailover.until = state.now + limit;
  state.manualFailover.replica = replica;
  state.environment.clients.pauseWrites(state.now + limit * PAUSE_FACTOR);
}

/** On the replica: the election may start. An election that runs or ran for another reason is dropped. */
export function allowStart(state: ClusterState): void {
  if (state.election.at !== 0) {
    state.election.at = 0;
    state.environment.log.warning(
      `Failover election in progress for epoch ${state.election.epoch}, but received a new manual failover. Resetting the election.`,
    );
  }
  state.manualFailover.canStart = true;
}

/** On the replica: has it caught up with the paused primary? */
export function advanceManualFailover(state: ClusterState): void {
  const { manualFailover } = state;
  if (manualFailover.until === 0 || manualFailover.canStart || manualFailover.primaryOffset === -1) return;
  if (manualFailover.primaryOffset === state.environment.replication.offset) {
    allowStart(state);
    state.environment.log.notice('All primary replication stream processed, manual failover can start.');
    state.later(TODO_FAILOVER);
  } else {
    state.environment.timers.after(CATCH_UP_POLL_MS, state.wake);
  }
}

export function expireManualFailover(state: ClusterState): void {
  const { until } = state.manualFailover;
  if (until === 0 || until >= state.now) return;
  state.environment.log.warning('Manual failover timed out.');
  resetManualFailover(state);
}

/** The paused primary told its offset in a packet. */
export function learnPrimaryOffset(state: ClusterState, offset: number): void {
  const { manualFailover } = state;
  if (manualFailover.until === 0 || manualFailover.primaryOffset !== -1 || !isReplica(state.myself)) return;
  manualFailover.primaryOffset = offset;
  state.later(TODO_MANUAL_FAILOVER);
  state.environment.log.notice(`Received replication offset for paused primary manual failover: ${offset}`);
}
