/** The conditions of a cluster, one function each. Pure. */
import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import { countSlots } from '../../lib/slot-ranges.ts';
import { findCondition } from '../api/conditions.ts';
import type { Finding } from '../model/action.ts';
import type { Observation } from '../model/observation.ts';
import type { PlanResult } from '../model/plan-result.ts';
import { holdsSlots } from '../model/topology.ts';
import { autoscaling, rebalancing } from './load-conditions.ts';
import { isNodeReady } from './shard-rows.ts';
import type { Verdict } from './verdict.ts';

export function judge(observation: Observation, result: PlanResult): readonly Verdict[] {
  const slots = slotsAssigned(result);
  const formed = clusterFormed(observation, result, slots.status === 'True');
  const served = available(result);
  const worse = degraded(observation, result);
  const going = progressing(result);
  const load = [rebalancing(observation, result), autoscaling(observation, result)];
  const whole = ready(observation, result, { formed, served, worse, going });
  return [whole, served, going, worse, formed, slots, ...load.filter(verdict => verdict !== undefined)];
}

interface Parts {
  readonly formed: Verdict;
  readonly served: Verdict;
  readonly worse: Verdict;
  readonly going: Verdict;
}

/** All that was asked for is there: tools wait for it. */
function ready(observation: Observation, result: PlanResult, { formed, served, worse, going }: Parts): Verdict {
  const cause = [worse, going].find(verdict => verdict.status === 'True') ?? [formed, served].find(verdict => verdict.status !== 'True');
  if (cause !== undefined) return { type: 'Ready', status: 'False', reason: cause.reason, message: cause.message };
  const notReady = observation.wanted.nodes.filter(node => !isNodeReady(result.topology, node.name));
  if (notReady.length > 0)
    return {
      type: 'Ready',
      status: 'False',
      reason: 'NodesNotReady',
      message: `${notReady.map(node => node.name).join(', ')} ${notReady.length === 1 ? 'is' : 'are'} not ready`,
    };
  return { type: 'Ready', status: 'True', reason: 'AllNodesReady', message: `${observation.wanted.nodes.length} nodes are ready` };
}

/** Clients can use every slot. It stays true during routine work. */
function available({ topology, unserved }: PlanResult): Verdict {
  if (unserved.length > 0)
    return {
      type: 'Available',
      status: 'False',
      reason: 'SlotsNotServed',
      message: `Shard ${unserved.join(', ')} has no primary that answers`,
    };
  const blind = topology.shards.find(shard => holdsSlots(shard) && shard.primary?.view.clusterOk === false);
  if (blind !== undefined)
    return {
      type: 'Available',
      status: 'False',
      reason: 'SlotsNotServed',
      message: `${blind.primary?.name ?? ''} says that the cluster is down`,
    };
  return { type: 'Available', status: 'True', reason: 'SlotsServed', message: 'Every slot is served by a primary' };
}

function progressing({ findings }: PlanResult): Verdict {
  const found = findings.find(finding => finding.condition === 'Progressing');
  if (found === undefined) return { type: 'Progressing', status: 'False', reason: 'Steady', message: 'The cluster is as wanted' };
  return { type: 'Progressing', status: 'True', reason: found.reason, message: found.message };
}

function degraded(observation: Observation, { findings }: PlanResult): Verdict {
  const found = findings.filter(finding => finding.condition === 'Degraded');
  if (found.length > 0) return { type: 'Degraded', status: 'True', reason: found[0].reason, message: summarise(found) };
  if (observation.cluster.spec.replicas === 0)
    return {
      type: 'Degraded',
      status: 'False',
      reason: 'NoReplicas',
      message: 'No trouble; with replicas 0 a node that is lost loses the keys of its shard, and its slots are then given to an empty node',
    };
  const note = findings.find(finding => finding.condition === 'Note');
  if (note !== undefined) return { type: 'Degraded', status: 'False', reason: note.reason, message: `No trouble; ${note.message}` };
  return { type: 'Degraded', status: 'False', reason: 'Healthy', message: 'No trouble' };
}

const SHOWN_FINDINGS = 5;

function summarise(findings: readonly Finding[]): string {
  const shown = findings.slice(0, SHOWN_FINDINGS).map(finding => finding.message);
  return findings.length > SHOWN_FINDINGS ? `${shown.join('; ')}; and ${findings.length - SHOWN_FINDINGS} more` : shown.join('; ');
}

/** Once true it stays so until the loss of data is declared: the plan tells a new cluster from a lost one by it. */
function clusterFormed(observation: Observation, result: PlanResult, allAssigned: boolean): Verdict {
  const before = findCondition(observation.cluster.status.conditions, 'ClusterFormed');
  if (result.dataLoss !== undefined)
    return { type: 'ClusterFormed', status: 'False', reason: 'DataLost', message: result.dataLoss.message };
  if (
    before?.status === 'True' ||
    (allAssigned && result.topology.shards.every(shard => !holdsSlots(shard) || shard.primary?.view.clusterOk === true))
  )
    return { type: 'ClusterFormed', status: 'True', reason: 'Formed', message: 'The nodes form one cluster' };
  if (before?.reason === 'DataLost') return { type: 'ClusterFormed', status: 'False', reason: 'DataLost', message: before.message };
  return { type: 'ClusterFormed', status: 'False', reason: 'NotFormed', message: 'The nodes do not form a cluster yet' };
}

function slotsAssigned({ topology }: PlanResult): Verdict {
  const open = topology.shards.reduce((sum, shard) => sum + countSlots(shard.unassigned), 0);
  if (open === 0)
    return { type: 'SlotsAssigned', status: 'True', reason: 'AllSlotsAssigned', message: `All ${SLOT_COUNT} slots have an owner` };
  return { type: 'SlotsAssigned', status: 'False', reason: 'SlotsUnassigned', message: `${open} of ${SLOT_COUNT} slots have no owner` };
}
