/**
 * Surplus: nodes that are left over after the number of replicas or of shards was lowered. One that is primary of slots hands over first; then its workload goes, and
 * repair.ts forgets its id. Of a shard that leaves, all nodes go, once it has neither slots nor keys: what it had is elsewhere.
 */
import { holdsSlots, type Member, type ShardTopology } from '../model/topology.ts';
import type { WorkloadObservation } from '../model/workload.ts';
import type { PlanContext } from './context.ts';
import { handOver } from './handover.ts';
import { isSettled, successorOf } from './shard-health.ts';
import { KEYS_LEFT_MS } from './limits.ts';
import { migrationsOf } from './slot-migrations.ts';

export function planSurplus(context: PlanContext): void {
  const wanted = new Set(context.observation.wanted.nodes.map(node => node.name));
  const surplus = context.observation.workloads.filter(workload => !wanted.has(workload.name) && !workload.deleting);
  if (surplus.length === 0) return;
  for (const workload of surplus) {
    const home = context.shard(workload.shard);
    if (home?.leaving === true) removeDrained(context, workload, home);
    else removeReplica(context, workload);
  }
}

function removeDrained(context: PlanContext, { name }: WorkloadObservation, shard: ShardTopology): void {
  if (holdsSlots(shard) || migrationsOf(context.topology, shard.index).length > 0 || !context.formed) return;
  const full = shard.members.find(member => member.view.role === 'primary' && member.view.keys > 0);
  if (full !== undefined && !areLeftovers(context, full)) return;
  context.act({ kind: 'deleteWorkload', node: name });
  context.tell(`remove:${name}`, 'Normal', 'RemovingNode', `Removing ${name}: shard ${shard.index} has given all its slots away`);
}

/**
 * Keys on a primary that serves no slots. The server deletes them when the slots have moved; a replica that was promoted just then may keep some. When every slot has been served
 * by others for long, nobody can read them any more.
 */
function areLeftovers(context: PlanContext, { name, view }: Member): boolean {
  context.progressing('ScalingIn', `${name} has no slots left to serve, and still holds ${view.keys} keys`);
  const served = context.topology.shards.every(
    ({ primary, slots, unassigned }) => unassigned.length === 0 && (primary !== undefined || slots.length === 0),
  );
  return served && context.memory.heldFor(`keysLeft:${view.nodeId}`) >= KEYS_LEFT_MS;
}

function removeReplica(context: PlanContext, workload: WorkloadObservation): void {
  const { topology } = context;
  context.progressing('ChangingReplicas', `${workload.name} is being removed`);
  const member = topology.members.get(workload.name);
  const shard = topology.shards.find(candidate => candidate.primary?.name === workload.name);
  if (shard !== undefined && member !== undefined) {
    const successor = successorOf(shard, replica => replica.wanted);
    if (successor !== undefined) handOver(context, shard, member, successor, 'it is removed next');
    return;
  }
  const home = context.shard(workload.shard);
  const ownsNothing = !topology.shards.some(
    candidate => candidate.ownerId !== undefined && topology.processes.get(candidate.ownerId)?.name === workload.name,
  );
  if (context.formed && ownsNothing && (home === undefined || isSettled(context, home, workload.name))) {
    context.act({ kind: 'deleteWorkload', node: workload.name });
    context.tell(`remove:${workload.name}`, 'Normal', 'RemovingNode', `Removing ${workload.name}: fewer replicas are wanted`);
  }
}
