/**
 * One turn for one cluster: observe → plan → execute → status.
 *
 * The status is written only when it differs. A loss of data is written before anything is done about it. Events are recorded for decisions whose steps were taken.
 */
import type { Logger } from '../../lib/logger.ts';
import type { Action, Decision } from '../model/action.ts';
import type { ClusterKey, ClusterResource } from '../model/cluster.ts';
import type { Clock } from '../model/clock.ts';
import { EMPTY_MEMORY, type Memory } from '../model/memory.ts';
import type { PlanResult } from '../model/plan-result.ts';
import { execute } from '../execute/execute.ts';
import type { OperatorMetrics } from '../metrics/operator-metrics.ts';
import { observe, type Observed } from '../observe/observe.ts';
import type { SamplePace } from '../observe/sample-pace.ts';
import { plan } from '../plan/plan.ts';
import type { Platform } from '../platform/port.ts';
import { sameStatus, statusOf, transitions } from '../status/status.ts';
import { NodeError, type NodeClients } from '../valkey/node-client.ts';
import type { Witness } from './witness.ts';

export interface ReconcileDependencies {
  readonly platform: Platform;
  readonly clients: NodeClients;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: OperatorMetrics;
  readonly samplePace: SamplePace;
  readonly witness: Witness | undefined;
}

export interface TurnResult {
  readonly memory: Memory;
  /** Undefined: the cluster is gone. */
  readonly recheckAfterMs: number | undefined;
}

/** How long a deletion or another step that has only begun is left alone. */
const WAITING_RECHECK_MS = 250;

/** @throws what the platform or a node refused; `memory` then still counts, see `TurnFailure`. */
export async function reconcile(
  key: ClusterKey,
  memory: Memory,
  dependencies: ReconcileDependencies,
  leading: AbortSignal,
): Promise<TurnResult> {
  const { platform, clients } = dependencies;
  const cluster = platform.cluster(key);
  if (cluster === undefined) {
    clients.keepOnly(key, []);
    return { memory: EMPTY_MEMORY, recheckAfterMs: undefined };
  }
  const observed = await observe(cluster, memory, dependencies);
  const result = plan(observed.observation, memory);
  let waiting = false;
  try {
    waiting = await takeSteps(observed, result, dependencies, leading);
  } catch (error) {
    await writeStatus(cluster, observed, result, dependencies).catch((statusError: unknown) =>
      dependencies.logger.warn('The status was not written', { key, reason: messageOf(statusError) }),
    );
    throw new TurnFailure(messageOf(error), { ...result.memory, told: memory.told, rebalance: memory.rebalance }, error);
  }
  for (const decision of result.decisions) tell(key, decision, dependencies);
  await writeStatus(cluster, observed, result, dependencies);
  return { memory: result.memory, recheckAfterMs: waiting ? WAITING_RECHECK_MS : result.recheckAfterMs };
}

/** A turn that failed on the way: what it learnt is kept, but for the decisions, which were not told, and for moves of slots, which may not have begun. */
export class TurnFailure extends Error {
  override readonly name = 'TurnFailure';
  readonly memory: Memory;
  constructor(message: string, memory: Memory, cause: unknown) {
    super(message, { cause });
    this.memory = memory;
  }
}

/**
 * In order. A node that fails a step gets no further one in this turn, the others do: one that hangs must not keep the rest of a cluster from being repaired.
 * A failure of the platform ends the turn at once.
 */
async function takeSteps(
  { observation, targets }: Observed,
  result: PlanResult,
  dependencies: ReconcileDependencies,
  leading: AbortSignal,
): Promise<boolean> {
  const { logger, metrics } = dependencies;
  const { key } = observation.cluster;
  const failures = new Map<string, unknown>();
  for (const action of result.actions) {
    leading.throwIfAborted();
    if (nodesOf(action).some(node => failures.has(node))) continue;
    try {
      const outcome = await execute(action, observation, targets, dependencies);
      metrics.acted(action.kind, outcome);
      logger.info('Step taken', { key, action, outcome });
      if (outcome === 'waiting') return true;
    } catch (error) {
      metrics.acted(action.kind, 'failed');
      logger.warn('Step failed', { key, action, reason: messageOf(error) });
      if (!(error instanceof NodeError)) throw error;
      for (const node of nodesOf(action)) failures.set(node, error);
    }
  }
  if (failures.size > 0) throw [...failures.values()][0];
  return false;
}

function nodesOf(action: Action): readonly string[] {
  if (action.kind === 'meet') return [action.node, action.peer];
  return 'node' in action ? [action.node] : [];
}

async function writeStatus(
  cluster: ClusterResource,
  { observation }: Observed,
  result: PlanResult,
  dependencies: ReconcileDependencies,
): Promise<void> {
  const { platform, metrics, witness } = dependencies;
  // The finalizer may have gone in this turn, and the cluster with it.
  if (platform.cluster(cluster.key) === undefined) return;
  const status = statusOf(observation, result);
  witness?.turned({ observation, topology: result.topology, status });
  if (cluster.deletedAt !== undefined) return;
  metrics.cluster(cluster, status);
  if (sameStatus(cluster.status, status)) return;
  await platform.writeStatus(cluster.key, status);
  for (const decision of transitions(cluster.status.conditions, status.conditions)) tell(cluster.key, decision, dependencies);
}

function tell(key: ClusterKey, { cause, ...decision }: Decision, { clock, metrics, platform, witness }: ReconcileDependencies): void {
  platform.recordEvent(key, decision);
  metrics.decided(decision.reason, cause ?? decision.reason);
  witness?.decided(key, decision, clock.now());
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
