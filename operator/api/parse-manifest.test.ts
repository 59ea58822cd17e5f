import { describe, expect, it } from 'vitest';
import { parseManifest, parseSpec } from './parse-manifest.ts';

function problemsOf(spec: unknown): readonly string[] {
  const parsed = parseSpec(spec);
  return parsed.ok ? [] : parsed.problems;
}

describe('a ValkeyCluster as a user writes it', () => {
  it('gets its defaults', () => {
    expect(parseSpec(undefined)).toEqual({
      ok: true,
      spec: {
        shards: 3,
        replicas: 1,
        nodeTimeoutMilliseconds: 5000,
        podDisruptionBudget: { mode: 'Managed' },
        rebalancing: { mode: 'Observe', thresholdPercent: 10, maxSlotsPerMove: 512, maxBytesPerMove: '1Gi' },
        terminationGracePeriodSeconds: 30,
      },
    });
  });

  it('may follow the load: rebalancing with bounds, autoscaling with bounds and a target', () => {
    expect(problemsOf({ rebalancing: { mode: 'auto', thresholdPercent: 4, maxConcurrentMoves: 51, maxSlotsPerMove: 0 } })).toEqual([
      'spec.rebalancing.mode: "auto" is not valid: must be "Off" or "Observe" or "Auto"',
      'spec.rebalancing.thresholdPercent: 4 is not valid: must be at least 5',
      'spec.rebalancing.maxConcurrentMoves: 51 is not valid: must be at most 50',
      'spec.rebalancing.maxSlotsPerMove: 0 is not valid: must be at least 1',
    ]);
    const autoscaling = { minShards: 3, maxShards: 6, targets: { cpuPercent: 60 } };
    expect(problemsOf({ autoscaling: { ...autoscaling, minShards: 7 } })).toEqual([
      'spec.autoscaling: autoscaling.minShards must not be more than autoscaling.maxShards',
    ]);
    expect(problemsOf({ autoscaling: { ...autoscaling, targets: {} } })).toEqual([
      'spec.autoscaling.targets: autoscaling.targets needs cpuPercent or memoryPercent',
    ]);
    expect(problemsOf({ autoscaling: { ...autoscaling, targets: { cpuPercent: 0 } } })[0]).toContain('must be at least 1');
    const parsed = parseSpec({ autoscaling: { ...autoscaling, behavior: { scaleDown: { selectPolicy: 'Disabled' } } } });
    expect(parsed.ok && parsed.spec.autoscaling).toEqual({
      ...autoscaling,
      maxShardUtilizationPercent: 90,
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 30,
          selectPolicy: 'Max',
          policies: [
            { type: 'Percent', value: 100, periodSeconds: 60 },
            { type: 'Shards', value: 2, periodSeconds: 60 },
          ],
        },
        scaleDown: {
          stabilizationWindowSeconds: 300,
          selectPolicy: 'Disabled',
          policies: [{ type: 'Shards', value: 1, periodSeconds: 60 }],
        },
      },
    });
  });

  it('is refused with the field, the value and a valid one', () => {
    expect(problemsOf({ shards: 0 })).toEqual(['spec.shards: 0 is not valid: must be at least 1']);
    expect(problemsOf({ replicas: 9 })).toEqual(['spec.replicas: 9 is not valid: must be at most 5']);
    expect(problemsOf({ shard: 3 })).toEqual(['spec.shard: there is no such field']);
    expect(problemsOf({ podDisruptionBudget: { mode: 'managed' } })).toEqual([
      'spec.podDisruptionBudget.mode: "managed" is not valid: must be "Managed" or "Disabled"',
    ]);
    expect(problemsOf({ config: { appendfsync: true } })[0]).toContain('quote it ("yes" or "no")');
    expect(problemsOf({ resources: { limits: { memory: 'lots' } } })[0]).toContain('spec.resources.limits.memory: "lots" is not valid');
    expect(problemsOf({ auth: { passwordSecret: {} } })[0]).toContain('spec.auth.passwordSecret.name: is missing');
  });

  it('may not set a directive that the operator owns, and is told which field to use', () => {
    expect(problemsOf({ config: { 'cluster-node-timeout': 100 } })).toEqual([
      'spec.config.cluster-node-timeout: the operator sets this directive; use spec.nodeTimeoutMilliseconds',
    ]);
    expect(problemsOf({ config: { port: 1 } })).toEqual(['spec.config.port: the operator sets this directive itself']);
  });

  it('may only set directives of Valkey, to values that Valkey takes', () => {
    expect(problemsOf({ config: { 'maxmemory-policies': 'x' } })).toEqual([
      'spec.config: "maxmemory-policies" is not a directive of Valkey 9.1; names are lower case, such as maxmemory-policy',
    ]);
    expect(problemsOf({ config: { 'Max Memory': '1' } })[0]).toContain('is not a directive');
    expect(problemsOf({ config: { 'maxmemory-policy': 'sometimes' } })[0]).toContain(
      'spec.config.maxmemory-policy: "sometimes" is not valid: argument(s) must be one of',
    );
    expect(
      problemsOf({ config: { 'maxmemory-policy': 'allkeys-lru', maxclients: 500, 'client-output-buffer-limit': 'pubsub 32mb 8mb 60' } }),
    ).toEqual([]);
  });

  it('keeps data on volumes, and may say when nodes save only then', () => {
    expect(
      problemsOf({ persistence: { size: '10Gi', storageClassName: 'fast', reclaimPolicy: 'Delete' }, config: { save: '60 1' } }),
    ).toEqual([]);
    expect(problemsOf({ config: { save: '60 1' } })).toEqual(['spec.config.save: without spec.persistence there is nowhere to save to']);
    expect(problemsOf({ persistence: {} })[0]).toContain('spec.persistence.size: is missing');
    expect(problemsOf({ persistence: { size: '10Gi' }, config: { save: '60' } })[0]).toContain('Invalid save parameters');
    expect(problemsOf({ persistence: { size: '1Gi' }, config: { appendonly: 'yes', appendfsync: 'always' } })).toEqual([]);
    expect(problemsOf({ config: { appendonly: 'yes' } })).toEqual([
      'spec.config.appendonly: without spec.persistence there is nowhere to save to',
    ]);
  });

  it('needs the right apiVersion and kind and a name that fits into labels', () => {
    const good = { apiVersion: 'slotkeeper.dev/v1alpha1', kind: 'ValkeyCluster', metadata: { name: 'shop' } };
    expect(parseManifest(good)).toMatchObject({ ok: true, name: 'shop', namespace: 'default' });
    expect(parseManifest({ ...good, kind: 'Valkey' })).toEqual({
      ok: false,
      problems: ['kind: "Valkey" is not valid: must be "ValkeyCluster"'],
    });
    expect(parseManifest({ ...good, metadata: { name: 'Shop' } })).toMatchObject({ ok: false });
    expect(parseManifest({ ...good, metadata: { name: 's'.repeat(41) } })).toEqual({
      ok: false,
      problems: [`metadata.name: "${'s'.repeat(41)}" is not valid: must be at most 40`],
    });
    expect(parseManifest('text')).toMatchObject({ ok: false });
  });
});
