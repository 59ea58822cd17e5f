import { describe, expect, it } from 'vitest';
import { MetricsRegistry } from '../../lib/exposition.ts';
import type { ClusterResource } from '../model/cluster.ts';
import { createOperatorMetrics } from './operator-metrics.ts';

describe('the metrics of the operator', () => {
  it("stand under controller-runtime's names", async () => {
    const registry = new MetricsRegistry();
    const metrics = createOperatorMetrics(registry);
    metrics.reconciled('error', 0.2);
    metrics.queueDepth(3);
    metrics.acted('meet', 'done');
    const { text, contentType } = await registry.text();
    expect(contentType).toContain('text/plain');
    expect(text).toContain('controller_runtime_reconcile_total{controller="valkeycluster",result="error"} 1');
    expect(text).toContain('controller_runtime_reconcile_errors_total{controller="valkeycluster"} 1');
    expect(text).toContain('controller_runtime_reconcile_time_seconds_bucket{le="0.25",controller="valkeycluster"} 1');
    expect(text).toContain('workqueue_depth{name="valkeycluster",controller="valkeycluster"} 3');
    expect(text).toContain('slotkeeper_actions_total{kind="meet",outcome="done"} 1');
  });

  it('count decisions by their reasons, and show load and target of a cluster until it is gone', async () => {
    const registry = new MetricsRegistry();
    const metrics = createOperatorMetrics(registry);
    metrics.decided('TargetChanged', 'AboveTarget');
    const cluster = { namespace: 'default', name: 'shop', spec: { shards: 3 } } as unknown as ClusterResource;
    metrics.cluster(cluster, {
      rebalancing: { reason: 'Balanced', maxOverMean: '1.15' },
      autoscaling: { targetShards: 5, wantedShards: 5, reason: 'AboveTarget' },
    });
    const shown = (await registry.text()).text;
    expect(shown).toContain('slotkeeper_decisions_total{decision="TargetChanged",reason="AboveTarget"} 1');
    expect(shown).toContain('slotkeeper_cluster_load_max_over_mean{namespace="default",cluster="shop"} 1.15');
    expect(shown).toContain('slotkeeper_cluster_target_shards{namespace="default",cluster="shop"} 5');
    metrics.cluster(cluster, { rebalancing: { reason: 'BelowFloor' } });
    const later = (await registry.text()).text;
    expect(later).not.toContain('max_over_mean{');
    expect(later).toContain('target_shards{namespace="default",cluster="shop"} 3');
    metrics.clusterGone('default', 'shop');
    expect((await registry.text()).text).not.toContain('target_shards{');
  });
});
