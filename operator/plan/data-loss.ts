/**
 * Loss of data: every copy of some slots is gone. The cluster is made whole again with empty nodes, but never in silence and never in haste.
 *
 * Three views must agree, and stay so for a debounce: the platform's (every process that ever held the slots is over), the nodes' (nobody that answers holds a key of them), and
 * our own record (the cluster was whole once). Where nodes have volumes, a process that is over proves nothing: as long as a node of the shard has not come back, its volume
 * may hold the data. Then this turn does nothing but say so: the status takes ClusterFormed back and counts the loss; what follows is formation, as
 * for new nodes (slots.ts). So an operator that dies in between finds its decision in the status.
 */
import { countSlots } from '../../lib/slot-ranges.ts';
import { holdsSlots, type ShardTopology, slotsOf } from '../model/topology.ts';
import { trusted, type PlanContext } from './context.ts';
import { holdsData } from './sync-guard.ts';
import { ALL_BLANK_DEBOUNCE_MS, SHARD_LOST_DEBOUNCE_MS, SHARD_LOST_REPORT_MS } from './limits.ts';

export function planDataLoss(context: PlanContext): { readonly message: string } | undefined {
  if (!context.formed) return undefined;
  return wholeClusterLost(context) ?? shardsLost(context);
}

function wholeClusterLost(context: PlanContext): { readonly message: string } | undefined {
  const { topology, observation } = context;
  const members = [...topology.members.values()];
  const allBlank =
    context.allWantedAnswer &&
    members.length === observation.workloads.length &&
    members.every(member => member.empty) &&
    topology.voters.total === 0;
  if (!allBlank) return undefined;
  const held = context.memory.heldFor('allBlank');
  context.degraded('DataLost', 'Every node has started again without data: all keys are lost; the cluster is formed anew');
  if (held < ALL_BLANK_DEBOUNCE_MS) return undefined;
  return { message: 'Every node had started again without data at once: all keys were lost, and the cluster was formed anew' };
}

function shardsLost(context: PlanContext): { readonly message: string } | undefined {
  const lost = context.topology.shards.filter(shard => isLost(context, shard));
  if (lost.length === 0) return undefined;
  const list = lost.map(shard => shard.index).join(', ');
  const held = context.memory.heldFor(`shardsLost:${list}`);
  if (held < SHARD_LOST_REPORT_MS) return undefined;
  const slots = lost.reduce((sum, shard) => sum + countSlots(shard.primary === undefined ? slotsOf(shard) : shard.unassigned), 0);
  context.degraded('DataLost', `Shard ${list}: every copy of its ${slots} slots is gone; they are given to empty nodes`);
  if (held < SHARD_LOST_DEBOUNCE_MS) return undefined;
  return { message: `Every copy of shard ${list} was gone: the keys of ${slots} slots were lost, and the slots were given to empty nodes` };
}

function isLost(context: PlanContext, shard: ShardTopology): boolean {
  const { topology } = context;
  if (!holdsSlots(shard)) return false;
  const heirs = trusted(topology).filter(member => member.shard === shard.index && member.wanted);
  if (shard.primary !== undefined) return shard.unassigned.length > 0 && topology.known.size > 0;
  if (heirs.length === 0 || mayComeBack(context, shard)) return false;
  if (shard.replicas.some(replica => holdsData(replica) || replica.view.loading)) return false;
  const mayHoldData = [...topology.processes].filter(
    ([id, process]) => !topology.byId.has(id) && belongsTo(context, shard, id, process.name),
  );
  if (shard.ownerId !== undefined && !context.isGone(shard.ownerId)) return false;
  return mayHoldData.every(([id]) => context.isGone(id)) && shard.members.every(member => member.empty || shard.replicas.includes(member));
}

/** A node of the shard that has a volume does not answer now. */
function mayComeBack({ observation, topology }: PlanContext, shard: ShardTopology): boolean {
  if (observation.wanted.persistence === undefined) return false;
  return observation.workloads.some(({ name, shard: index }) => index === shard.index && !topology.members.has(name));
}

function belongsTo(context: PlanContext, shard: ShardTopology, nodeId: string, name: string): boolean {
  if (nodeId === shard.ownerId || context.topology.known.get(nodeId)?.primaryId === shard.ownerId) return true;
  return context.observation.workloads.some(workload => workload.name === name && workload.shard === shard.index);
}
