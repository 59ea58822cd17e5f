/** The status of a cluster, from what was observed and planned. Pure; equal pictures give equal statuses, so that a steady cluster causes no write. */
import { countSlots } from '../../lib/slot-ranges.ts';
import { findCondition, withTransitionTime, type Condition } from '../api/conditions.ts';
import type { ValkeyClusterStatus } from '../api/valkey-cluster.ts';
import { nodeSelectorText } from '../api/group.ts';
import type { Decision } from '../model/action.ts';
import type { Observation } from '../model/observation.ts';
import type { PlanResult } from '../model/plan-result.ts';
import { holdsSlots } from '../model/topology.ts';
import { autoscalingStatus, rebalancingStatus } from './load-status.ts';
import { judge } from './conditions.ts';
import { isNodeReady, shardRows } from './shard-rows.ts';
import type { Verdict } from './verdict.ts';

type ScaleStatus = Pick<ValkeyClusterStatus, 'shardCount' | 'selector' | 'scaling' | 'migrations'>;

export function statusOf(observation: Observation, result: PlanResult): ValkeyClusterStatus {
  const { cluster } = observation;
  const before = cluster.status;
  const nowIso = isoSeconds(observation.at);
  const verdicts = judge(observation, result);
  const conditions = verdicts.map(verdict =>
    withTransitionTime(findCondition(before.conditions, verdict.type), { ...verdict, observedGeneration: cluster.generation }, nowIso),
  );
  const readyNodes = observation.wanted.nodes.filter(({ name }) => isNodeReady(result.topology, name)).length;
  const served = result.topology.shards.reduce((sum, shard) => (shard.primary === undefined ? sum : sum + countSlots(shard.slots)), 0);
  const version = versionOf(result) ?? before.version;
  const state = stateOf(observation, verdicts);
  return {
    observedGeneration: cluster.generation,
    state,
    ...(state === 'Ready' ? {} : { reason: verdicts.find(({ type }) => type === 'Ready')?.reason ?? '' }),
    ready: `${readyNodes}/${observation.wanted.nodes.length}`,
    assignedSlots: served,
    ...(version === undefined ? {} : { version }),
    connection: observation.connection,
    ...scaleOf(observation, result, verdicts),
    ...rebalancingStatus(observation, result),
    ...autoscalingStatus(observation, result),
    ...lossOf(before, result, nowIso),
    conditions,
    shards: shardRows(observation, result),
  };
}

/** Same content, whatever the order of keys; `a` may carry fields that are undefined. */
export function sameStatus(a: ValkeyClusterStatus, b: ValkeyClusterStatus): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** What changed for a user between two statuses. */
export function transitions(before: readonly Condition[] | undefined, after: readonly Condition[] | undefined): readonly Decision[] {
  const was = (type: Condition['type']): Condition | undefined => findCondition(before, type);
  const is = (type: Condition['type']): Condition | undefined => findCondition(after, type);
  const told: Decision[] = [];
  if (was('ClusterFormed')?.status !== 'True' && is('ClusterFormed')?.status === 'True')
    told.push({ type: 'Normal', reason: 'ClusterFormed', note: 'The nodes form one cluster, and every slot has an owner' });
  if (was('Ready')?.status !== 'True' && is('Ready')?.status === 'True')
    told.push({ type: 'Normal', reason: 'Ready', note: is('Ready')?.message ?? '' });
  if (was('Available')?.status === 'True' && is('Available')?.status === 'False')
    told.push({ type: 'Warning', reason: 'NotAvailable', note: is('Available')?.message ?? '' });
  if (was('Available')?.status === 'False' && is('Available')?.status === 'True' && was('ClusterFormed')?.status === 'True')
    told.push({ type: 'Normal', reason: 'AvailableAgain', note: is('Available')?.message ?? '' });
  return told;
}

function stateOf({ cluster }: Observation, verdicts: readonly Verdict[]): NonNullable<ValkeyClusterStatus['state']> {
  const is = (type: Verdict['type']): boolean => verdicts.some(verdict => verdict.type === type && verdict.status === 'True');
  if (cluster.deletedAt !== undefined) return 'Deleting';
  if (is('Ready')) return 'Ready';
  if (is('Degraded')) return is('Available') || !is('ClusterFormed') ? 'Degraded' : 'Failed';
  return is('ClusterFormed') ? 'Progressing' : 'Forming';
}

function versionOf({ topology }: PlanResult): string | undefined {
  const versions = new Set([...topology.members.values()].map(member => member.view.version));
  if (versions.size === 0) return undefined;
  return versions.size === 1 ? [...versions][0] : 'mixed';
}

/** What `kubectl scale`, an autoscaler and the next turn want to know of the number of shards. It changes when the change is done. */
function scaleOf(
  { cluster, wanted }: Observation,
  { scaling, migrations, topology }: PlanResult,
  verdicts: readonly Verdict[],
): ScaleStatus {
  const formed = verdicts.some(verdict => verdict.type === 'ClusterFormed' && verdict.status === 'True');
  const before = cluster.status.shardCount ?? topology.shards.filter(holdsSlots).length;
  return {
    shardCount: formed && scaling === undefined ? wanted.shards : before,
    selector: nodeSelectorText(cluster.name),
    ...(scaling === undefined ? {} : { scaling }),
    ...(migrations.length === 0 ? {} : { migrations: [...migrations] }),
  };
}

function lossOf(before: ValkeyClusterStatus, { dataLoss }: PlanResult, nowIso: string): Partial<ValkeyClusterStatus> {
  if (dataLoss !== undefined)
    return { dataLossCount: (before.dataLossCount ?? 0) + 1, lastDataLossTime: nowIso, lastDataLossMessage: dataLoss.message };
  const { dataLossCount, lastDataLossTime, lastDataLossMessage } = before;
  return {
    ...(dataLossCount === undefined ? {} : { dataLossCount }),
    ...(lastDataLossTime === undefined ? {} : { lastDataLossTime }),
    ...(lastDataLossMessage === undefined ? {} : { lastDataLossMessage }),
  };
}

function isoSeconds(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => [key, sorted(field)]));
}
