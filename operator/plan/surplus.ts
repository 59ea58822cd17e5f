/** Surplus: nodes that are left over after the number of replicas was lowered. One that is primary hands over first; then its workload goes, and repair.ts forgets its id. */
import type { WorkloadObservation } from '../model/workload.ts';
import type { PlanContext } from './context.ts';
import { handOver } from './handover.ts';
import { isSettled, successorOf } from './shard-health.ts';

export function planSurplus(context: PlanContext): void {
  const wanted = new Set(context.observation.wanted.nodes.map(node => node.name));
  const surplus = context.observation.workloads.filter(workload => !wanted.has(workload.name) && !workload.deleting);
  if (surplus.length === 0) return;
  context.progressing('ChangingReplicas', `${surplus.length} nodes are being removed`);
  for (const workload of surplus) remove(context, workload);
}

function remove(context: PlanContext, workload: WorkloadObservation): void {
  const { topology } = context;
  const member = topology.members.get(workload.name);
  const shard = topology.shards.find(candidate => candidate.primary?.name === workload.name);
  if (shard !== undefined && member !== undefined) {
    const successor = successorOf(shard, replica => replica.wanted);
    if (successor !== undefined) handOver(context, shard, member, successor, 'it is removed next');
    return;
  }
  const home = topology.shards.at(workload.shard);
  const ownsNothing = !topology.shards.some(
    candidate => candidate.ownerId !== undefined && topology.processes.get(candidate.ownerId)?.name === workload.name,
  );
  if (context.formed && ownsNothing && (home === undefined || isSettled(context, home, workload.name))) {
    context.act({ kind: 'deleteWorkload', node: workload.name });
    context.tell(`remove:${workload.name}`, 'Normal', 'RemovingNode', `Removing ${workload.name}: fewer replicas are wanted`);
  }
}
