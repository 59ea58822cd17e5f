/**
 * The cluster follows its load: samples become load, load becomes moves of slots and a number of shards.
 *
 * Rebalancing comes first and autoscaling second: what moving slots can mend calls for no shard. Both decide on fresh statistics of a whole cluster that is about nothing else.
 * A move starts in the turn that decided it or is dropped, so that nothing is done on a load of the past.
 */
import type { ClusterLoad } from '../model/load.ts';
import type { BusyReason } from '../model/load-report.ts';
import type { RebalanceVerdict } from '../model/rebalancing.ts';
import { planShardCount } from './autoscaling.ts';
import type { PlanContext } from './context.ts';
import { coresOfQuantity } from './quantity.ts';
import { STALE_AFTER_MS } from './load/limits.ts';
import { readLoad } from './load/read-load.ts';
import { emptyLoadMemory, takeSamples } from './load/take-samples.ts';
import { reportLoad, tellReport } from './report-load.ts';
import { judgeBalance, moveByLoad } from './rebalancing.ts';
import { watchFailures } from './slot-moves.ts';

export interface ClusterCalm {
  /** Pods are replaced for a change. */
  readonly rolling: boolean;
  /** Every slot is served, and nothing is repaired. */
  readonly whole: boolean;
}

export function planLoad(context: PlanContext, calm: ClusterCalm): void {
  if (!context.formed) return;
  const { rebalancing } = context.observation.cluster.spec;
  if (rebalancing.mode === 'Auto' && context.scaling === undefined) watchFailures(context);
  if (hasNews(context)) decide(context, whyBusy(context, calm));
  tellReport(context);
}

/** Takes in this turn's samples. Without any there is news only in that there are none. */
function hasNews(context: PlanContext): boolean {
  const { memory, observation, topology } = context;
  // A node that was asked while it was primary, and is none any more, counts what its successor counts.
  const samples = topology.shards.flatMap(({ primary }) => {
    const sample = primary === undefined ? undefined : observation.samples.get(primary.name);
    return sample === undefined || sample.nodeId !== primary?.view.nodeId ? [] : [sample];
  });
  if (samples.length > 0) {
    memory.load = takeSamples(memory.load ?? emptyLoadMemory(), samples, context.now);
    return true;
  }
  return memory.heldFor('unsampled') >= STALE_AFTER_MS;
}

function whyBusy(context: PlanContext, { rolling, whole }: ClusterCalm): BusyReason | undefined {
  if (context.scaling !== undefined) return 'ScalingInProgress';
  if (rolling) return 'RollingUpdate';
  const disturbing = context.actions.some(({ kind }) => kind === 'failover' || kind === 'restartNode' || kind === 'deleteWorkload');
  const leaving = context.topology.shards.some(
    ({ primary }) => primary?.pod.hostUnschedulable === true || primary?.pod.deletingSince !== undefined,
  );
  return whole && !disturbing && !leaving ? undefined : 'Repairing';
}

function decide(context: PlanContext, busy: BusyReason | undefined): void {
  const load = loadNow(context);
  const balance = busy === undefined ? judgeBalance(context, load) : undefined;
  const count = planShardCount(context, load, balance?.reason, busy);
  const changes = count !== undefined && count.target !== context.observation.wanted.shards;
  const waits = balance === undefined || changes ? undefined : act(context, balance);
  reportLoad(context, { load, balance, busy, count, waits });
}

/** @returns why moves that are wanted do not start, if so. */
function act(context: PlanContext, balance: RebalanceVerdict): string | undefined {
  const { mode } = context.observation.cluster.spec.rebalancing;
  const fresh = context.observation.samples.size > 0;
  if (mode === 'Auto' && fresh) return moveByLoad(context, balance);
  context.memory.rebalance = balance.memory;
  return balance.moves.length > 0 ? `nothing moves in mode ${mode}` : undefined;
}

function loadNow(context: PlanContext): ClusterLoad {
  const { memory, observation, topology, now } = context;
  const limit = observation.cluster.spec.resources?.limits?.cpu;
  const owners = topology.shards
    .filter(shard => !shard.leaving)
    .map(({ index, primary, slots }) => ({ shard: index, slots, ...(primary === undefined ? {} : { primaryId: primary.view.nodeId }) }));
  return readLoad(memory.load ?? emptyLoadMemory(), owners, limit === undefined ? undefined : coresOfQuantity(limit), now);
}
