/**
 * The guard against syncing from an empty primary.
 *
 * A primary without persistence that restarts in place comes back blank at the address that its replicas still follow. They would reconnect, do a full sync, and replace their
 * data by nothing, if that came before their election. So every process starts with a delay before a full sync that never ends (`repl-diskless-sync-delay`; diskless is always on),
 * and the operator takes it away once the node is known to hold what its shard holds: it owns the slots, or it follows the owner and has synced, or there are no
 * slots to hold, in a shard that is new or drained. A restart brings it back.
 */
import type { Member } from '../model/topology.ts';
import type { PlanContext } from './context.ts';
import { isFollowing } from './shard-health.ts';

export const SYNC_GUARD_DIRECTIVE = 'repl-diskless-sync-delay';
/** A day: longer than any election or promotion takes. */
export const SYNC_GUARD_SECONDS = 86_400;

export function planSyncGuard(context: PlanContext): void {
  for (const { primary, replicas } of context.topology.shards) {
    if (primary === undefined) continue;
    for (const member of [primary, ...replicas.filter(replica => isFollowing(replica, primary))]) {
      if (isGuarded(member)) context.act({ kind: 'setConfig', node: member.name, values: [[SYNC_GUARD_DIRECTIVE, '0']] });
    }
  }
}

/** It has had a full sync once, be it of an empty data set: the guard was taken away then. */
export function holdsData(replica: Member): boolean {
  return replica.view.offset > 0 || replica.view.keys > 0 || replica.view.liveConfig.get(SYNC_GUARD_DIRECTIVE) === '0';
}

function isGuarded(member: Member): boolean {
  const value = member.view.liveConfig.get(SYNC_GUARD_DIRECTIVE);
  return value !== undefined && value !== '0';
}
