/**
 * Handing over a primary's role in peace: CLUSTER FAILOVER to a replica that has caught up. It loses nothing and pauses writes for less than a second.
 *
 * Wanted when the primary's machine is being drained, when its pod is on its way down and did not hand over by itself, and before the primary is restarted or removed.
 */
import { holdsSlots, type Member, type ShardTopology } from '../model/topology.ts';
import type { PlanContext } from './context.ts';
import { FAILOVER_REPEAT_MS, TERMINATING_HANDOVER_MS } from './limits.ts';
import { isElectable, successorOf } from './shard-health.ts';
import { migrationsOf } from './slot-migrations.ts';

/** Asks `successor` to take over, as soon as the others would vote for it; not again before the first request has run out. */
export function handOver(context: PlanContext, shard: ShardTopology, primary: Member, successor: Member, reason: string): void {
  if (!isElectable(context.topology, successor, primary)) {
    context.progressing('Repairing', `${successor.name} cannot take over yet: too few primaries know it as a replica of ${primary.name}`);
    return;
  }
  if (!context.memory.take(`handover:${primary.view.nodeId}`, 'failover', FAILOVER_REPEAT_MS)) return;
  context.act({ kind: 'failover', node: successor.name, mode: 'graceful', reason });
  context.tell(
    `handover:${primary.view.nodeId}:${successor.view.nodeId}`,
    'Normal',
    'HandingOver',
    `Shard ${shard.index}: ${primary.name} hands over to ${successor.name}: ${reason}`,
  );
}

export function planEvacuation(context: PlanContext): void {
  for (const shard of context.topology.shards) {
    const { primary } = shard;
    if (primary === undefined || primary.strangers.length > 0) continue;
    if (!holdsSlots(shard)) {
      leaveMachine(context, shard, primary);
      continue;
    }
    const stays = (replica: Member): boolean => !replica.pod.hostUnschedulable && replica.wanted;
    const stoppingMs = primary.pod.deletingSince === undefined ? 0 : context.now - primary.pod.deletingSince;
    const reason = primary.pod.hostUnschedulable
      ? `its machine ${primary.pod.hostNode ?? ''} is being drained`
      : stoppingMs >= TERMINATING_HANDOVER_MS
        ? 'its pod is stopping'
        : undefined;
    if (reason === undefined) continue;
    const successor = successorOf(shard, stays);
    if (successor !== undefined) handOver(context, shard, primary, successor, reason);
  }
}

/** No vote makes a successor of a primary without slots, and there is nothing to hand over: its pod is made anew elsewhere. */
function leaveMachine(context: PlanContext, shard: ShardTopology, { name, pod }: Member): void {
  if (!pod.hostUnschedulable || pod.deletingSince !== undefined || migrationsOf(context.topology, shard.index).length > 0) return;
  if (!context.memory.take(`leave:${pod.uid}`, 'restartNode', FAILOVER_REPEAT_MS)) return;
  context.act({ kind: 'restartNode', node: name, podUid: pod.uid });
  context.tell(
    `leave:${pod.uid}`,
    'Normal',
    'RestartingNode',
    `Restarting ${name}, which serves no slots: its machine ${pod.hostNode ?? ''} is being drained`,
  );
}
