/** The conditions `Rebalancing` and `Autoscaling`: true while slots move by load, and while another number of shards is wanted than is there. Pure. */
import { findCondition, type ConditionType } from '../api/conditions.ts';
import type { Observation } from '../model/observation.ts';
import type { PlanResult } from '../model/plan-result.ts';
import { autoscalingStatus, loadRow, rebalancingStatus } from './load-status.ts';
import type { Verdict } from './verdict.ts';

/** Undefined: it is off. */
export function rebalancing(observation: Observation, result: PlanResult): Verdict | undefined {
  const { cluster } = observation;
  const status = rebalancingStatus(observation, result).rebalancing;
  if (status === undefined) return undefined;
  const type = 'Rebalancing';
  const moving = cluster.spec.rebalancing.mode === 'Auto' && result.scaling === undefined ? result.migrations.length : 0;
  const message = calmMessage(observation, result, type, status.reason, result.loadReport?.rebalancing.message);
  if (moving === 0) return { type, status: 'False', reason: status.reason, message };
  const planned = status.reason === 'Imbalanced' || status.reason === 'MovesPending';
  if (planned) return { type, status: 'True', reason: status.reason, message };
  return { type, status: 'True', reason: 'MovesPending', message: 'Slots move by load' };
}

/** Undefined: the number of shards does not follow the load. */
export function autoscaling(observation: Observation, result: PlanResult): Verdict | undefined {
  const status = autoscalingStatus(observation, result).autoscaling;
  if (status === undefined) return undefined;
  const type = 'Autoscaling';
  const { shardCount } = observation.cluster.status;
  const changes = result.scaling !== undefined || (shardCount !== undefined && shardCount !== status.targetShards);
  const message = calmMessage(observation, result, type, status.reason, result.loadReport?.autoscaling?.message);
  return { type, status: changes ? 'True' : 'False', reason: status.reason, message };
}

/** A sentence that stands there already and differs in its figures alone stays, as long as the figures of the status stay. */
function calmMessage(observation: Observation, result: PlanResult, type: ConditionType, reason: string, text: string | undefined): string {
  const before = findCondition(observation.cluster.status.conditions, type);
  if (text === undefined) return before?.message ?? 'The load is not known yet';
  const message = text.charAt(0).toUpperCase() + text.slice(1);
  const kept = before?.reason === reason && sentence(before.message) === sentence(message) && sameFigures(observation, result);
  return kept ? before.message : message;
}

const sentence = (message: string): string => message.replaceAll(/\d+(\.\d+)?/g, '#');

function sameFigures(observation: Observation, result: PlanResult): boolean {
  const { status } = observation.cluster;
  const rows = status.shards ?? [];
  return (
    rebalancingStatus(observation, result).rebalancing?.maxOverMean === status.rebalancing?.maxOverMean &&
    autoscalingStatus(observation, result).autoscaling?.wantedShards === status.autoscaling?.wantedShards &&
    rows.every(row => loadRow(observation, result, row.index)?.cpuPercent === row.load?.cpuPercent)
  );
}
