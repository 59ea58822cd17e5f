/**
 * Config epochs: which of two claims to a slot is the newer one. Elections give them out by consensus; these are the other ways.
 */

import { type ClusterNode, isPrimary, logName } from './cluster-node.ts';
import { type ClusterState, TODO_BROADCAST, TODO_SAVE, TODO_SYNC } from './cluster-state.ts';

/** A new epoch without asking anybody (TAKEOVER, the end of an import, BUMPEPOCH). False when mine is the greatest already. */
export function bumpEpoch(state: ClusterState): boolean {
  const known = state.nodes.greatestEpoch();
  const greatest = known > state.currentEpoch ? known : state.currentEpoch;
  if (state.myself.configEpoch !== 0n && state.myself.configEpoch === greatest) return false;
  state.currentEpoch = greatest + 1n;
  state.myself.configEpoch = state.currentEpoch;
  state.later(TODO_SAVE | TODO_SYNC | TODO_BROADCAST);
  state.environment.log.notice(`New configEpoch set to ${state.myself.configEpoch}`);
  return true;
}

/** Two primaries have the same epoch: the one with the smaller id takes a new one. So all end up with different ones. */
export function resolveEpochCollision(state: ClusterState, sender: ClusterNode): void {
  const me = state.myself;
  if (sender.configEpoch !== me.configEpoch || !isPrimary(sender) || !isPrimary(me) || sender.id <= me.id) return;
  state.currentEpoch++;
  me.configEpoch = state.currentEpoch;
  state.later(TODO_SAVE | TODO_SYNC | TODO_BROADCAST);
  state.environment.log.notice(`configEpoch collision with node ${sender.id} (${logName(sender)}). configEpoch set to ${me.configEpoch}`);
}
