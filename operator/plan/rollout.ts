/**
 * Rolling change: every pod gets to the wanted revision without losing a key.
 *
 * One node of a shard at a time and few shards at a time; replicas first; the next step only when the shard is whole again and its replicas have caught up; a primary is
 * restarted only after it has handed over. A pod that does not run at all is replaced at once: it has nothing to lose, and a fixed spec must heal it.
 */
import type { WorkloadObservation } from '../model/workload.ts';
import { holdsSlots, type Member, type ShardTopology } from '../model/topology.ts';
import type { PlanContext } from './context.ts';
import { handOver } from './handover.ts';
import { isSettled, successorOf, whyUnsettled } from './shard-health.ts';
import { migrationsOf } from './slot-migrations.ts';

/** @param quiet no other concern changes the cluster in this turn. */
export function planRollout(context: PlanContext, quiet: boolean): void {
  const { wanted } = context.observation;
  const behind = workloadsBehind(context);
  if (behind.length === 0) return;
  context.progressing('RollingUpdate', `${wanted.nodes.length - behind.length} of ${wanted.nodes.length} nodes run the wanted revision`);
  // A pod is made by its workload's template: a template that is still to be written comes first.
  const outdated = behind.filter(({ name, templateRevision }) =>
    wanted.nodes.some(node => node.name === name && node.revision === templateRevision),
  );
  if (outdated.length === 0) return;
  context.tell(
    'rollout',
    'Normal',
    'RollingUpdate',
    `${outdated.length} of ${wanted.nodes.length} nodes are restarted for a change of image, resources or configuration, one node of a shard at a time`,
  );
  const broken = outdated.filter(isBroken);
  for (const workload of broken) restart(context, workload, 'it does not run');
  if (broken.length > 0 || !quiet || !context.formed) return;
  rollShards(context, outdated);
}

/** Workloads whose pod does not have the wanted revision. */
function workloadsBehind(context: PlanContext): readonly WorkloadObservation[] {
  const revisions = new Map(context.observation.wanted.nodes.map(node => [node.name, node.revision]));
  return context.observation.workloads.filter(({ name, pod }) => {
    const revision = revisions.get(name);
    return revision !== undefined && pod !== undefined && pod.revision !== revision && pod.deletingSince === undefined;
  });
}

/** Its process never came up, or dies over and over. */
function isBroken({ pod }: WorkloadObservation): boolean {
  if (pod === undefined || pod.ready) return false;
  return pod.process.kind !== 'running';
}

function rollShards(context: PlanContext, outdated: readonly WorkloadObservation[]): void {
  const { shards } = context.topology;
  const atOnce = Math.max(1, Math.floor(shards.length / 10));
  const unsettled = shards.filter(shard => !isSettled(context, shard));
  // A shard without slots that cannot start does not hold the others up.
  const inUse = unsettled.filter(holdsSlots);
  if (inUse.length >= atOnce) {
    context.progressing('RollingUpdate', `Waiting: ${whyUnsettled(context, inUse[0]) ?? ''}`);
    return;
  }
  let room = atOnce - inUse.length;
  for (const shard of shards) {
    if (room === 0) return;
    const pending = outdated.filter(workload => workload.shard === shard.index);
    if (pending.length === 0 || unsettled.includes(shard) || migrationsOf(context.topology, shard.index).length > 0) continue;
    rollOne(context, shard, pending);
    room--;
  }
}

/** The next step in a settled shard. */
function rollOne(context: PlanContext, shard: ShardTopology, pending: readonly WorkloadObservation[]): void {
  const { primary } = shard;
  if (primary === undefined) return;
  const replica = pending.find(workload => workload.name !== primary.name);
  if (replica !== undefined) {
    restart(context, replica, `it is a replica of shard ${shard.index}`);
    return;
  }
  if (!holdsSlots(shard)) {
    restart(context, pending[0], 'it serves no slots');
    return;
  }
  const outdatedNames = new Set(pending.map(workload => workload.name));
  const successor =
    successorOf(shard, candidate => candidate.wanted && !outdatedNames.has(candidate.name) && !candidate.pod.hostUnschedulable) ??
    successorOf(shard, candidate => candidate.wanted);
  if (successor !== undefined) handOver(context, shard, primary, successor, 'it is restarted next');
  else if (context.observation.wanted.replicas === 0) refuseLoneRestart(context, shard, primary);
}

function refuseLoneRestart(context: PlanContext, shard: ShardTopology, primary: Member): void {
  context.degraded(
    'NoReplicas',
    `${primary.name} holds the only copy of shard ${shard.index}: a restart for the change would lose it; set replicas to 1 for the change`,
  );
}

function restart(context: PlanContext, { name, pod }: WorkloadObservation, why: string): void {
  if (pod === undefined) return;
  context.act({ kind: 'restartNode', node: name, podUid: pod.uid });
  context.tell(`restart:${pod.uid}`, 'Normal', 'RestartingNode', `Restarting ${name} for the change: ${why}`);
}
