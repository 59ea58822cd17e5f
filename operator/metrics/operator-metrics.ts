/** The operator's metrics: the reconcile loop under controller-runtime's names, so that existing dashboards and alerts work, and the clusters under ours. */
import type { MetricsRegistry } from '../../lib/exposition.ts';
import type { ClusterResource } from '../model/cluster.ts';
import { CONDITION_TYPES, findCondition } from '../api/conditions.ts';
import type { ValkeyClusterStatus } from '../api/valkey-cluster.ts';

export type ReconcileResult = 'success' | 'error' | 'requeue' | 'requeue_after';

export interface OperatorMetrics {
  reconciled(result: ReconcileResult, seconds: number): void;
  activeWorkers(count: number): void;
  queueDepth(count: number): void;
  queueAdded(): void;
  queueRetried(): void;
  queueWaited(seconds: number): void;
  acted(kind: string, outcome: 'done' | 'waiting' | 'failed'): void;
  /** An Event was recorded. @param cause the planner's reason behind it */
  decided(decision: string, cause: string): void;
  cluster(cluster: ClusterResource, status: ValkeyClusterStatus): void;
  clusterGone(namespace: string, name: string): void;
}

const CONTROLLER = { controller: 'valkeycluster' } as const;
const QUEUE = { name: 'valkeycluster', controller: 'valkeycluster' } as const;
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createOperatorMetrics(registry: MetricsRegistry): OperatorMetrics {
  const total = registry.counter('controller_runtime_reconcile_total', 'Reconciliations, by result', ['controller', 'result']);
  const errors = registry.counter('controller_runtime_reconcile_errors_total', 'Reconciliations that failed', ['controller']);
  const time = registry.histogram('controller_runtime_reconcile_time_seconds', 'Duration of a reconciliation', ['controller'], SECONDS);
  const active = registry.gauge('controller_runtime_active_workers', 'Workers that reconcile now', ['controller']);
  const depth = registry.gauge('workqueue_depth', 'Keys that wait in the queue', ['name', 'controller']);
  const adds = registry.counter('workqueue_adds_total', 'Keys added to the queue', ['name', 'controller']);
  const retries = registry.counter('workqueue_retries_total', 'Keys added again after a failure', ['name', 'controller']);
  const waits = registry.histogram(
    'workqueue_queue_duration_seconds',
    'How long a key waited in the queue',
    ['name', 'controller'],
    SECONDS,
  );
  const actions = registry.counter('slotkeeper_actions_total', 'Steps taken, by kind and outcome', ['kind', 'outcome']);
  const decisions = registry.counter('slotkeeper_decisions_total', 'Decisions told as Events, by name and by the reason behind them', [
    'decision',
    'reason',
  ]);
  return {
    reconciled: (result, seconds) => {
      total.add({ ...CONTROLLER, result });
      if (result === 'error') errors.add(CONTROLLER);
      time.observe(CONTROLLER, seconds);
    },
    activeWorkers: count => active.set(CONTROLLER, count),
    queueDepth: count => depth.set(QUEUE, count),
    queueAdded: () => adds.add(QUEUE),
    queueRetried: () => retries.add(QUEUE),
    queueWaited: seconds => waits.observe(QUEUE, seconds),
    acted: (kind, outcome) => actions.add({ kind, outcome }),
    decided: (decision, reason) => decisions.add({ decision, reason }),
    ...clusterMetrics(registry),
  };
}

function clusterMetrics(registry: MetricsRegistry): Pick<OperatorMetrics, 'cluster' | 'clusterGone'> {
  const condition = registry.gauge('slotkeeper_cluster_condition', 'Conditions of a cluster: 1 true, 0 false', [
    'namespace',
    'cluster',
    'type',
  ]);
  const slots = registry.gauge('slotkeeper_cluster_assigned_slots', 'Slots that a primary serves', ['namespace', 'cluster']);
  const losses = registry.gauge('slotkeeper_cluster_data_losses', 'How often slots were given to empty nodes', ['namespace', 'cluster']);
  const load = registry.gauge('slotkeeper_cluster_load_max_over_mean', 'Load of the busiest shard over the mean, while any is busy', [
    'namespace',
    'cluster',
  ]);
  const target = registry.gauge('slotkeeper_cluster_target_shards', 'Shards that there should be', ['namespace', 'cluster']);
  return {
    cluster: ({ namespace, name, spec }, status) => {
      const labels = { namespace, cluster: name };
      for (const type of CONDITION_TYPES) {
        const found = findCondition(status.conditions, type);
        if (found === undefined) condition.remove({ ...labels, type });
        else condition.set({ ...labels, type }, found.status === 'True' ? 1 : 0);
      }
      if (status.rebalancing?.maxOverMean === undefined) load.remove(labels);
      else load.set(labels, Number(status.rebalancing.maxOverMean));
      target.set(labels, status.autoscaling?.targetShards ?? spec.shards);
      slots.set(labels, status.assignedSlots ?? 0);
      losses.set(labels, status.dataLossCount ?? 0);
    },
    clusterGone: (namespace, name) => {
      const labels = { namespace, cluster: name };
      for (const type of CONDITION_TYPES) condition.remove({ ...labels, type });
      slots.remove(labels);
      losses.remove(labels);
      load.remove(labels);
      target.remove(labels);
    },
  };
}
