import { describe, expect, it } from 'vitest';
import { MetricsRegistry } from '../../lib/exposition.ts';
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
});
