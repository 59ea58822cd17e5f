/**
 * What is said of the verdicts. Planners judge every ten seconds, and near a bound they waver; a status that did so too would be written for nothing. So a reason that only tells one
 * kind of calm from another has to last before it is said, and figures are taken over once a minute, or with a new reason.
 */
import { type ConditionType, findCondition } from '../api/conditions.ts';
import type { AutoscaleReason, AutoscaleVerdict } from '../model/autoscaling.ts';
import type { ClusterLoad } from '../model/load.ts';
import type { BusyReason, LoadFigures, Said } from '../model/load-report.ts';
import type { RebalanceReason, RebalanceVerdict } from '../model/rebalancing.ts';
import type { PlanContext } from './context.ts';
import { FIGURES_MS, LASTING_REASON_MS } from './limits.ts';
import { FLOOR } from './rebalance/limits.ts';

interface Judgement {
  readonly load: ClusterLoad;
  readonly balance: RebalanceVerdict | undefined;
  readonly busy: BusyReason | undefined;
  readonly count: AutoscaleVerdict | undefined;
  /** Why moves that are wanted do not start. */
  readonly waits: string | undefined;
}

type BalanceReason = RebalanceReason | BusyReason;

const BUSY: Readonly<Record<BusyReason, string>> = {
  ScalingInProgress: 'the number of shards changes, which moves slots by itself',
  RollingUpdate: 'nodes are restarted for a change',
  Repairing: 'the cluster is not whole',
};

/** Nothing is to be done, for one cause or another. */
const CALM: ReadonlySet<string> = new Set([
  'Balanced',
  'BelowFloor',
  'WithinHysteresis',
  'WithinTolerance',
  'AtMinimum',
  'ScaleInTooTight',
  'Stabilizing',
]);
/** Something is wanted and refused; a moment of calm does not end it. */
const REFUSED: ReadonlySet<string> = new Set([
  'NoImprovingMove',
  'NoMemoryHeadroom',
  'SingleHotSlot',
  'AtMaximum',
  'ScaleOutDisabled',
  'ScaleInDisabled',
  'RebalanceFirst',
]);
const WARNINGS: ReadonlySet<string> = new Set(['NoMemoryHeadroom', 'SingleHotSlot', 'AtMaximum']);

export function reportLoad(context: PlanContext, judgement: Judgement): void {
  const { now, memory } = context;
  const { status } = context.observation.cluster;
  const before = memory.loadReport;
  const balance = say(
    before?.rebalancing ?? saidInStatus<BalanceReason>(context, status.rebalancing, 'Rebalancing'),
    balanceOf(judgement),
    now,
  );
  const known = before?.autoscaling ?? saidInStatus<AutoscaleReason>(context, status.autoscaling, 'Autoscaling');
  const { count } = judgement;
  const hasCount = context.observation.cluster.spec.autoscaling !== undefined;
  // While shards come or go, what is said is why.
  const silent = count === undefined || (count.reason === 'ScalingInProgress' && known !== undefined);
  const scale = !hasCount ? undefined : silent ? known : say(known, count, now);
  const changed = balance.reason !== before?.rebalancing.reason || scale?.reason !== before?.autoscaling?.reason;
  const stale = judgement.load.shards.some(shard => shard.stale !== undefined);
  const due = changed || before?.figures === undefined || now - before.figures.at >= FIGURES_MS;
  const figures = due && (!stale || balance.reason === 'StaleStatistics') ? figuresOf(judgement, now) : before?.figures;
  memory.loadReport = { rebalancing: balance, autoscaling: scale, figures };
}

function balanceOf({ load, balance, busy, waits }: Judgement): Pick<Said<BalanceReason>, 'reason' | 'message'> {
  if (balance === undefined) return { reason: busy ?? 'Repairing', message: BUSY[busy ?? 'Repairing'] };
  const { reason, hotSlot } = balance;
  if ((reason === 'Balanced' || reason === 'WithinHysteresis' || reason === 'BelowFloor') && maxUse(load) === undefined)
    return { reason: 'BelowFloor', message: 'no shard has so much load that it matters' };
  const named = hotSlot === undefined || balance.message.includes(`slot ${hotSlot.slot} `);
  const message = named ? balance.message : `slot ${hotSlot.slot} of shard ${hotSlot.shard} cannot be split; ${balance.message}`;
  // What else could move and does not is not what stands in the way.
  const said = hotSlot !== undefined && (reason === 'Resting' || reason === 'NoImprovingMove') ? 'SingleHotSlot' : reason;
  return { reason: said, message: waits === undefined ? message : `${message}; ${waits}` };
}

/** What is said from now on. */
function say<Reason extends string>(
  before: Said<Reason> | undefined,
  next: Pick<Said<Reason>, 'reason' | 'message'>,
  now: number,
): Said<Reason> {
  const { reason, message } = next;
  if (before === undefined) return { reason, message, at: now };
  if (before.reason === reason) {
    const { waiting: _over, ...kept } = before;
    return now - before.at >= FIGURES_MS ? { reason, message, at: now } : kept;
  }
  if (!mustLast(before.reason, reason)) return { reason, message, at: now };
  const since = before.waiting?.reason === reason ? before.waiting.since : now;
  return now - since >= LASTING_REASON_MS ? { reason, message, at: now } : { ...before, waiting: { reason, since } };
}

function mustLast(before: string, next: string): boolean {
  if (Object.hasOwn(BUSY, before)) return false;
  return next === 'StaleStatistics' || next === 'Repairing' || (CALM.has(next) && (CALM.has(before) || REFUSED.has(before)));
}

/** What the status says: written by an operator, in the words of this enumeration or of an older one. */
function saidInStatus<Reason extends string>(
  { observation: { cluster }, now }: PlanContext,
  row: { readonly reason: string } | undefined,
  condition: ConditionType,
): Said<Reason> | undefined {
  if (row === undefined) return undefined;
  return { reason: row.reason as Reason, message: findCondition(cluster.status.conditions, condition)?.message ?? '', at: now };
}

function figuresOf({ load, balance, count }: Judgement, now: number): LoadFigures {
  const share = (used: number, capacity: number): number | undefined => (capacity > 0 ? used / capacity : undefined);
  return {
    at: now,
    shards: load.shards
      .filter(shard => shard.stale === undefined)
      .map(({ shard, load: used, capacity }) => ({
        shard,
        cpu: share(used.cpu, capacity.cpu) ?? 0,
        memory: share(used.memory, capacity.memory),
        network: used.network,
      })),
    maxOverMean:
      balance === undefined || balance.reason === 'StaleStatistics' || maxUse(load) === undefined ? undefined : balance.maxOverMean,
    hotSlot: balance?.hotSlot === undefined ? undefined : { slot: balance.hotSlot.slot, shard: balance.hotSlot.shard },
    wantedShards: count?.wanted,
  };
}

/** Of the busiest shard in a dimension that is used; undefined where nothing is. */
function maxUse({ shards }: ClusterLoad): number | undefined {
  const uses = shards.flatMap(({ load, capacity }) =>
    (['cpu', 'network', 'memory'] as const).flatMap(dimension => {
      const use = capacity[dimension] > 0 ? load[dimension] / capacity[dimension] : 0;
      return use >= FLOOR[dimension] ? [use] : [];
    }),
  );
  return uses.length === 0 ? undefined : Math.max(...uses);
}

/** What is wanted and not done is told once, for as long as it is so. Moves that begin and a target that changes are told where they are ordered. */
export function tellReport(context: PlanContext): void {
  const { loadReport } = context.memory;
  const { mode } = context.observation.cluster.spec.rebalancing;
  if (loadReport === undefined) return;
  const { rebalancing, autoscaling, figures } = loadReport;
  const hot = rebalancing.reason === 'SingleHotSlot' ? `:${figures?.hotSlot?.slot ?? ''}` : '';
  const wouldMove = mode === 'Observe' && rebalancing.reason === 'Imbalanced';
  if (mode !== 'Off' && (wouldMove || REFUSED.has(rebalancing.reason)))
    tell(context, `rebalancing:${rebalancing.reason}${hot}`, rebalancing);
  if (autoscaling !== undefined && (REFUSED.has(autoscaling.reason) || autoscaling.reason === 'ScaleInTooTight'))
    tell(context, `autoscaling:${autoscaling.reason}`, autoscaling);
}

function tell(context: PlanContext, key: string, { reason, message }: Said<string>): void {
  context.tell(key, WARNINGS.has(reason) ? 'Warning' : 'Normal', reason, message.charAt(0).toUpperCase() + message.slice(1));
}
