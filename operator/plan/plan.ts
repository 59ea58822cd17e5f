/**
 * The plan: from what is, what should be and what is remembered, the next steps. Pure; one file per concern, composed here in the order of weight.
 *
 *     deletion → password, workloads → joining → slots or data loss → failover → repair → scaling → (when quiet) surplus, evacuation, live configuration, rollout, spread, load
 *
 * A turn plans all that is safe to do at once; what depends on an effect waits for the next turn, which sees it.
 */
import { CLUSTER_FINALIZER } from '../api/group.ts';
import type { Finding } from '../model/action.ts';
import type { Memory } from '../model/memory.ts';
import type { Observation } from '../model/observation.ts';
import type { MigrationRow, PlanResult } from '../model/plan-result.ts';
import { holdsSlots, type Topology } from '../model/topology.ts';
import { formatSlotRanges } from '../../lib/slot-ranges.ts';
import { PlanContext } from './context.ts';
import { planDataLoss } from './data-loss.ts';
import { planFailover } from './failover.ts';
import { planEvacuation } from './handover.ts';
import { planJoining } from './joining.ts';
import {
  BUSY_FOR_LONG_MS,
  RECHECK_BUSY_MS,
  RECHECK_STEADY_MS,
  RECHECK_WAITING_MS,
  SLOTS_HEARD_MS,
  UNSERVED_DEBOUNCE_MS,
} from './limits.ts';
import { planLiveConfig } from './live-config.ts';
import { planLoad } from './follow-load.ts';
import { MemoryDraft } from './memory-draft.ts';
import { findPodProblems } from './pod-problems.ts';
import { readTopology } from './read-topology.ts';
import { planPingPace } from './ping-pace.ts';
import { planRepair } from './repair.ts';
import { planRollout } from './rollout.ts';
import { hasOnlyToHear, whyUnsettled } from './shard-health.ts';
import { planScaling } from './scaling.ts';
import { runningMigrations } from './slot-migrations.ts';
import { planCancellations, planMigrationLogs, planSlotMoves } from './slot-moves.ts';
import { planSlots } from './slots.ts';
import { planSpread } from './spread.ts';
import { noteStaleReturns } from './stale-returns.ts';
import { planSyncGuard } from './sync-guard.ts';
import { planSurplus } from './surplus.ts';

export function plan(observation: Observation, memory: Memory): PlanResult {
  const topology = readTopology(observation, memory);
  const draft = new MemoryDraft(memory, observation.at);
  const context = new PlanContext(observation, topology, draft);
  const dataLoss = planAll(context);
  const unserved = unservedShards(context);
  const recheckAfterMs = recheckAfter(context, dataLoss !== undefined);
  const runIds = new Set([...topology.members.values()].map(member => member.view.runId));
  return {
    actions: context.actions,
    decisions: draft.decisions,
    findings: byWeight(context.findings),
    memory: draft.finish(topology.processes, runIds),
    topology,
    unserved,
    ...(context.scaling === undefined ? {} : { scaling: context.scaling }),
    migrations: migrationRows(topology),
    ...(draft.loadReport === undefined ? {} : { loadReport: draft.loadReport }),
    ...(context.targetShards === undefined ? {} : { targetShards: context.targetShards }),
    ...(dataLoss === undefined ? {} : { dataLoss }),
    recheckAfterMs,
  };
}

function migrationRows(topology: Topology): readonly MigrationRow[] {
  return runningMigrations(topology)
    .map(({ from, to, ranges, state }) => ({
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      slots: formatSlotRanges(ranges),
      state,
    }))
    .toSorted((a, b) => (a.from ?? -1) - (b.from ?? -1) || (a.to ?? -1) - (b.to ?? -1));
}

function planAll(context: PlanContext): PlanResult['dataLoss'] {
  const { cluster } = context.observation;
  if (cluster.deletedAt !== undefined) {
    planDeletion(context);
    return undefined;
  }
  if (cluster.specProblem !== undefined) {
    context.degraded('InvalidSpec', cluster.specProblem);
    context.tell('invalidSpec', 'Warning', 'InvalidSpec', cluster.specProblem);
    return undefined;
  }
  planWorkloads(context);
  findPodProblems(context);
  return planTopology(context);
}

function planDeletion(context: PlanContext): void {
  const { finalizers } = context.observation.cluster;
  if (!finalizers.includes(CLUSTER_FINALIZER)) return;
  context.progressing('Deleting', `${context.observation.workloads.length} nodes are being removed`);
  context.tell('deleting', 'Normal', 'Deleting', 'The nodes and all that belongs to them are removed');
  context.act({ kind: 'deleteAll' }, { kind: 'removeFinalizer' });
}

function planWorkloads(context: PlanContext): void {
  const { cluster, drift, passwordAvailable, wanted } = context.observation;
  if (!cluster.finalizers.includes(CLUSTER_FINALIZER)) context.act({ kind: 'addFinalizer' });
  if (drift.length > 0) context.act({ kind: 'applyWorkloads' });
  if (passwordAvailable) return;
  const { secretName, key, generate } = wanted.password;
  if (generate) context.progressing('Creating', `The Secret ${secretName} with the password is being made`);
  else {
    const note = `The Secret ${secretName} with the password in its key "${key}" is missing`;
    context.degraded('PasswordSecretMissing', note);
    context.tell('password', 'Warning', 'PasswordSecretMissing', note);
  }
}

function planTopology(context: PlanContext): PlanResult['dataLoss'] {
  const before = context.actions.length;
  const dataLoss = planDataLoss(context);
  if (dataLoss !== undefined) {
    context.tell('dataLoss', 'Warning', 'DataLost', dataLoss.message);
    return dataLoss;
  }
  planJoining(context);
  planSlots(context);
  planFailover(context);
  planRepair(context);
  const acted = context.actions.length > before;
  if (acted)
    context.progressing(
      context.formed ? 'Repairing' : 'Forming',
      context.formed ? 'Nodes are joined, given their part or forgotten' : 'Nodes meet and are given slots',
    );
  planSyncGuard(context);
  planPingPace(context);
  planMoves(context);
  const whole = context.topology.shards.every(shard => shard.primary !== undefined || !holdsSlots(shard));
  if (!acted && whole && context.formed) {
    planSurplus(context);
    planEvacuation(context);
    planLiveConfig(context);
  }
  planRollout(context, !acted && whole);
  const rolling = isRolling(context);
  if (context.formed && context.actions.length === before && !rolling) planSpread(context);
  planLoad(context, { rolling, whole: !acted && whole });
  noteStaleReturns(context);
  reportUnsettled(context);
  return undefined;
}

function planMoves(context: PlanContext): void {
  const { progress, moves } = planScaling(context);
  context.scaling = progress;
  planCancellations(context);
  planSlotMoves(context, moves);
  planMigrationLogs(context);
}

/** Some pod has not the wanted revision: the rollout moves the primaries now. */
function isRolling({ observation: { wanted, workloads } }: PlanContext): boolean {
  const revisions = new Map(wanted.nodes.map(node => [node.name, node.revision]));
  return workloads.some(({ name, pod }) => revisions.has(name) && pod?.revision !== revisions.get(name));
}

/** What still has to come about without a step of ours, such as a full sync. */
function reportUnsettled(context: PlanContext): void {
  if (!context.formed) return;
  for (const shard of context.topology.shards) {
    const why = whyUnsettled(context, shard);
    if (why === undefined) continue;
    if (hasOnlyToHear(context, shard) && context.memory.heldFor(`slotsUnheard:${shard.index}`) < SLOTS_HEARD_MS) continue;
    context.progressing('Repairing', why);
    return;
  }
}

/** Findings that say most about what clients suffer and what is waited for; the others follow in the order of their discovery. */
const WEIGHTY: readonly string[] = ['DataLost', 'WaitingForFence', 'QuorumLost', 'FailingOver', 'ScalingIn', 'ScalingOut'];

function byWeight(findings: readonly Finding[]): readonly Finding[] {
  return [...findings.filter(({ reason }) => WEIGHTY.includes(reason)), ...findings.filter(({ reason }) => !WEIGHTY.includes(reason))];
}

function unservedShards(context: PlanContext): readonly number[] {
  return context.topology.shards
    .filter(shard => holdsSlots(shard) && (shard.primary === undefined || shard.unassigned.length > 0))
    .filter(shard => context.memory.heldFor(`unserved:${shard.index}`) >= UNSERVED_DEBOUNCE_MS || !context.formed)
    .map(shard => shard.index);
}

function recheckAfter(context: PlanContext, dataLoss: boolean): number {
  const { findings, actions } = context;
  const busy = actions.length > 0 || dataLoss || !context.formed || findings.some(finding => finding.condition === 'Progressing');
  if (busy) return context.memory.heldFor('busy') < BUSY_FOR_LONG_MS ? RECHECK_BUSY_MS : RECHECK_WAITING_MS;
  return findings.some(finding => finding.condition !== 'Note') || runningMigrations(context.topology).length > 0
    ? RECHECK_WAITING_MS
    : RECHECK_STEADY_MS;
}
