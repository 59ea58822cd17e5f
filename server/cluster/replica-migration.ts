/**
 * Replica migration: a replica of a shard that has several moves to a primary that lost all of its own (cluster-allow-replica-migration).
 *
 * Orphan = a working primary with slots that has, had or should have replicas (MIGRATE_TO) and has none that works, for 5 s at least.
 * Of the shards with the most working replicas (two at least) the replica with the smallest id goes, if its primary keeps
 * cluster-migration-barrier of them. Source: clusterHandleReplicaMigration.
 */

import { type ClusterNode, isFailed, isPrimary, isReplica, isSuspected, logName } from './cluster-node.ts';
import { type ClusterState, TODO_BROADCAST, TODO_SAVE, TODO_SYNC } from './cluster-state.ts';
import { FLAG_HANDSHAKE, FLAG_MIGRATE_TO, FLAG_NOADDR } from './node-flags.ts';
import { follow } from './roles.ts';

const ORPHANED_MS = 5000;

const workingReplicas = (node: ClusterNode): number => node.replicas.filter(replica => !isFailed(replica)).length;

/** Runs with each tick of a replica. */
export function migrateIfNeeded(state: ClusterState): void {
  const me = state.myself;
  const myPrimary = me.replicaOf;
  if (!isReplica(me) || myPrimary === undefined || !state.environment.settings().allowReplicaMigration) return;
  const primaries = state.nodes.all().filter(node => isPrimary(node) && !isFailed(node) && !(node.flags & (FLAG_NOADDR | FLAG_HANDSHAKE)));
  const orphans = primaries.filter(node => node.slotCount > 0 && node.flags & FLAG_MIGRATE_TO && workingReplicas(node) === 0);
  noteOrphans(state, orphans);
  const most = Math.max(0, ...primaries.map(workingReplicas));
  if (orphans.length === 0 || most < 2 || !primaries.includes(myPrimary) || workingReplicas(myPrimary) !== most || !state.ok) return;
  const steady = myPrimary.replicas.filter(replica => !isFailed(replica) && !isSuspected(replica)).length;
  if (steady <= state.environment.settings().migrationBarrier) return;
  const richest = primaries.filter(node => workingReplicas(node) === most);
  if (richest.some(node => node.replicas.some(replica => replica.id < me.id))) return;
  const target = orphans.find(node => state.now - node.orphanedSince > ORPHANED_MS);
  if (target === undefined) return;
  state.environment.log.notice(`Migrating to orphaned primary ${target.id} (${logName(target)}) in shard ${target.shardId}`);
  follow(state, target, true, true);
  state.later(TODO_SAVE | TODO_SYNC | TODO_BROADCAST);
}

function noteOrphans(state: ClusterState, orphans: readonly ClusterNode[]): void {
  for (const node of state.nodes.all()) if (!orphans.includes(node)) node.orphanedSince = 0;
  for (const node of orphans) if (node.orphanedSince === 0) node.orphanedSince = state.now;
}
