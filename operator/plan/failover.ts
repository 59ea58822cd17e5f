/**
 * Failover: a shard whose owner does not answer.
 *
 * Where a majority of primaries answers, the vote is the nodes' own affair; only when it has not come for long is the best replica asked to stand again (FORCE: still a vote).
 * Where there is no majority (always so with one or two shards), the replica with the highest offset is promoted, after two proofs: the platform says that the old primary's
 * process has ended, and a debounce has passed. Without the fence the finding is WaitingForFence: a TAKEOVER beside a living primary loses writes.
 */
import type { Member, ShardTopology } from '../model/topology.ts';
import type { PlanContext } from './context.ts';
import { inheritSlots } from './slots.ts';
import { holdsData } from './sync-guard.ts';
import { FORCE_REPEAT_MS, QUORUM_LOST_DEBOUNCE_MS, TAKEOVER_DEBOUNCE_MAX_MS, UNSERVED_REPORT_MS, VOTE_STUCK_MS } from './limits.ts';

export function planFailover(context: PlanContext): void {
  for (const shard of context.topology.shards)
    if (shard.ownerId !== undefined && shard.primary === undefined) planShard(context, shard, shard.ownerId);
}

function planShard(context: PlanContext, shard: ShardTopology, ownerId: string): void {
  const { voters } = context.topology;
  const silentMs = context.memory.heldFor(`ownerDown:${ownerId}`);
  const candidate = bestReplica(shard);
  const lost = context.topology.processes.get(ownerId)?.name ?? `node ${ownerId.slice(0, 8)}`;
  if (candidate === undefined) {
    const successor = successorWithoutSlots(shard);
    if (successor !== undefined && context.isGone(ownerId) && silentMs >= TAKEOVER_DEBOUNCE_MAX_MS) {
      context.progressing('FailingOver', `Shard ${shard.index}: ${successor.name} has taken over without the slots, and gets them`);
      inheritSlots(context, shard, successor);
      return;
    }
    if (silentMs < UNSERVED_REPORT_MS) context.progressing('Repairing', `Shard ${shard.index}: its primary ${lost} does not answer`);
    else context.degraded('SlotsNotServed', `Shard ${shard.index}: its primary ${lost} does not answer, and no replica with data does`);
    return;
  }
  const stranded = `Shard ${shard.index}: its primary ${lost} does not answer`;
  if (voters.alive >= voters.needed) {
    context.progressing('FailingOver', `${stranded}; the nodes elect a replica`);
    const stuck =
      silentMs >= Math.max(VOTE_STUCK_MS, 4 * context.observation.cluster.spec.nodeTimeoutMilliseconds) && context.isGone(ownerId);
    if (stuck) promote(context, shard, candidate, ownerId, 'force', 'the nodes did not elect a replica');
    return;
  }
  if (!context.isGone(ownerId)) {
    context.degraded('WaitingForFence', `${stranded}, and it is not proven that it has stopped: ${context.fenceDetail(ownerId)}`);
    context.tell(
      `fence:${ownerId}`,
      'Warning',
      'WaitingForFence',
      `${stranded}. ${candidate.name} is promoted as soon as it is proven that ${lost} has stopped: ${context.fenceDetail(ownerId)}`,
    );
    return;
  }
  const debounceMs =
    voters.total >= 3
      ? QUORUM_LOST_DEBOUNCE_MS
      : Math.min(TAKEOVER_DEBOUNCE_MAX_MS, context.observation.cluster.spec.nodeTimeoutMilliseconds);
  if (silentMs < debounceMs) {
    if (voters.total >= 3)
      context.degraded('QuorumLost', `${stranded}, and ${voters.alive} of ${voters.total} primaries are too few for a vote`);
    else context.progressing('FailingOver', `${stranded}; ${candidate.name} is about to be promoted`);
    return;
  }
  promote(
    context,
    shard,
    candidate,
    ownerId,
    'takeover',
    `${voters.alive} of ${voters.total} primaries are too few for a vote, and ${lost} has stopped`,
  );
}

function promote(
  context: PlanContext,
  shard: ShardTopology,
  candidate: Member,
  ownerId: string,
  mode: 'force' | 'takeover',
  reason: string,
): void {
  context.progressing('FailingOver', `Shard ${shard.index}: ${candidate.name} is being promoted: ${reason}`);
  if (!context.memory.take(`promote:${ownerId}`, 'failover', FORCE_REPEAT_MS)) return;
  context.act({ kind: 'failover', node: candidate.name, mode, reason });
  context.tell(
    `promote:${ownerId}:${candidate.view.nodeId}`,
    'Warning',
    'PromotingReplica',
    `Shard ${shard.index}: promoting ${candidate.name}: ${reason}`,
  );
}

/** A replica that was elected before it had heard which slots its primary served: it has the data, and the gone primary still counts as the owner. */
function successorWithoutSlots(shard: ShardTopology): Member | undefined {
  const candidates = shard.members.filter(
    member => member.wanted && member.strangers.length === 0 && member.view.role === 'primary' && member.view.keys > 0,
  );
  return candidates.toSorted((a, b) => b.view.keys - a.view.keys).at(0);
}

/** The replica that has most of the primary's writes; one that never had any is none. */
function bestReplica(shard: ShardTopology): Member | undefined {
  return shard.replicas
    .filter(
      replica =>
        replica.strangers.length === 0 && !replica.view.loading && !(replica.view.replication?.syncing ?? false) && holdsData(replica),
    )
    .toSorted((a, b) => b.view.offset - a.view.offset || (a.name < b.name ? -1 : 1))
    .at(0);
}
