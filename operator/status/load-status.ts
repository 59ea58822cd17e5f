/**
 * The load in the status: shards' rows, what rebalancing and autoscaling make of it. Pure.
 *
 * Figures are rounded, and a rounded one stays as it is until the real one has left its step: load that only wavers causes no write.
 */
import type { ShardStatus, ValkeyClusterStatus } from '../api/valkey-cluster.ts';
import type { LoadFigures } from '../model/load-report.ts';
import type { Observation } from '../model/observation.ts';
import type { PlanResult } from '../model/plan-result.ts';

const PERCENT_STEP = 5;
const RATIO_STEP = 0.05;
/** Bytes a second of commands that are shown. */
const LEAST_NETWORK = 10_000;

export function loadRow({ cluster }: Observation, { loadReport }: PlanResult, shard: number): ShardStatus['load'] {
  const before = cluster.status.shards?.find(row => row.index === shard)?.load;
  const figures = loadReport?.figures;
  if (figures === undefined) return before;
  const use = figures.shards.find(row => row.shard === shard);
  if (use === undefined) return undefined;
  const networkBytesPerSecond = roundedNetwork(before?.networkBytesPerSecond, use.network);
  return {
    cpuPercent: rounded(before?.cpuPercent, 100 * use.cpu, PERCENT_STEP),
    ...(use.memory === undefined ? {} : { memoryPercent: rounded(before?.memoryPercent, 100 * use.memory, PERCENT_STEP) }),
    ...(networkBytesPerSecond === undefined ? {} : { networkBytesPerSecond }),
  };
}

export function rebalancingStatus({ cluster }: Observation, { loadReport }: PlanResult): Pick<ValkeyClusterStatus, 'rebalancing'> {
  const before = cluster.status.rebalancing;
  if (cluster.spec.rebalancing.mode === 'Off') return {};
  // So from the first write on: a condition that came later would be a write of its own.
  if (loadReport === undefined) return { rebalancing: before ?? { reason: 'StaleStatistics' } };
  const { rebalancing, figures } = loadReport;
  const shown =
    figures === undefined ? { maxOverMean: before?.maxOverMean, hotSlot: before?.hotSlot } : shownBalance(figures, before?.maxOverMean);
  return {
    rebalancing: {
      reason: rebalancing.reason,
      ...(shown.maxOverMean === undefined ? {} : { maxOverMean: shown.maxOverMean }),
      ...(shown.hotSlot === undefined ? {} : { hotSlot: shown.hotSlot }),
    },
  };
}

function shownBalance(
  { maxOverMean, hotSlot }: LoadFigures,
  before: string | undefined,
): { readonly maxOverMean: string | undefined; readonly hotSlot: LoadFigures['hotSlot'] } {
  const last = before === undefined ? undefined : Number(before);
  return { hotSlot, maxOverMean: maxOverMean === undefined ? undefined : rounded(last, maxOverMean, RATIO_STEP).toFixed(2) };
}

/** Without autoscaling there is none. */
export function autoscalingStatus({ cluster, wanted }: Observation, result: PlanResult): Pick<ValkeyClusterStatus, 'autoscaling'> {
  if (cluster.spec.autoscaling === undefined) return {};
  const before = cluster.status.autoscaling;
  const targetShards = result.targetShards ?? wanted.shards;
  return {
    autoscaling: {
      targetShards,
      wantedShards: result.loadReport?.figures?.wantedShards ?? before?.wantedShards ?? targetShards,
      reason: result.loadReport?.autoscaling?.reason ?? before?.reason ?? 'StaleStatistics',
    },
  };
}

/** To the nearest step, unless `before` is one and still near enough. */
function rounded(before: number | undefined, value: number, step: number): number {
  if (before !== undefined && Math.abs(value - before) < step) return before;
  return Math.round(value / step) * step;
}

/** To two figures, in steps of a fifth. */
function roundedNetwork(before: number | undefined, value: number): number | undefined {
  if (value < LEAST_NETWORK) return before !== undefined && value > LEAST_NETWORK / 2 ? before : undefined;
  if (before !== undefined && Math.abs(value - before) < before / 5) return before;
  return Number(value.toPrecision(2));
}
