import { describe, expect, it } from 'vitest';
import { type ValkeyClusterSpecInput, valkeyClusterSpecSchema } from '../api/valkey-cluster.ts';
import type { ClusterResource } from '../model/cluster.ts';
import type { ClusterWorkloads } from '../model/workload.ts';
import { maxmemoryOf, wantedWorkloads } from './workloads.ts';

function wanted(spec: ValkeyClusterSpecInput): ClusterWorkloads {
  const cluster: ClusterResource = {
    key: 'default/shop',
    namespace: 'default',
    name: 'shop',
    uid: 'u',
    generation: 1,
    resourceVersion: '1',
    finalizers: [],
    spec: valkeyClusterSpecSchema.parse(spec),
    status: {},
  };
  return wantedWorkloads(cluster, 'image:1');
}

function directive(workloads: ClusterWorkloads, name: string): readonly (readonly string[])[] {
  return workloads.nodes[0].directives.filter(line => line.name === name).map(line => line.args);
}

const revisionOf = (spec: ValkeyClusterSpecInput): string => wanted(spec).nodes[0].revision;

describe('the workloads of a cluster', () => {
  it('are one a node, named by cluster, shard and index', () => {
    expect(wanted({ shards: 2, replicas: 1 }).nodes.map(node => node.name)).toEqual(['shop-0-0', 'shop-0-1', 'shop-1-0', 'shop-1-1']);
    expect(wanted({}).nodes[0].image).toBe('image:1');
    expect(wanted({ image: 'own:2' }).nodes[0].image).toBe('own:2');
  });

  it('set what the operator owns, and announce a name that tells namespaces apart', () => {
    const workloads = wanted({ nodeTimeoutMilliseconds: 1234 });
    expect(directive(workloads, 'cluster-enabled')).toEqual([['yes']]);
    expect(directive(workloads, 'cluster-node-timeout')).toEqual([['1234']]);
    expect(directive(workloads, 'cluster-announce-human-nodename')).toEqual([['shop-0-0.default']]);
    expect(directive(workloads, 'save')).toEqual([['']]);
    expect(directive(workloads, 'shutdown-on-sigterm')).toEqual([['failover']]);
  });

  it('save by themselves where there is a volume, at the points that the user gives or at usual ones', () => {
    const persistence = { size: '1Gi' } as const;
    expect(directive(wanted({ persistence }), 'save')).toEqual([['3600', '1', '300', '100', '60', '10000']]);
    expect(directive(wanted({ persistence, config: { save: '60 1' } }), 'save')).toEqual([['60 1']]);
    expect(wanted({ persistence }).nodes.every(node => node.persistent)).toBe(true);
    expect(wanted({ persistence }).persistence).toEqual({ size: '1Gi', reclaimPolicy: 'Retain' });
    expect(wanted({}).nodes[0]).not.toHaveProperty('persistent');
  });

  it('write an append-only file only where there is a volume and the user asks for it, and are restarted for it', () => {
    const persistence = { size: '1Gi' } as const;
    expect(directive(wanted({}), 'appendonly')).toEqual([['no']]);
    expect(directive(wanted({ persistence }), 'appendonly')).toEqual([['no']]);
    const config = { appendonly: 'yes', appendfsync: 'always' };
    expect(directive(wanted({ persistence, config }), 'appendonly')).toEqual([['yes']]);
    expect(directive(wanted({ persistence, config }), 'appendfsync')).toEqual([['always']]);
    expect(directive(wanted({ persistence }), 'dual-channel-replication-enabled')).toEqual([['yes']]);
    expect(directive(wanted({ persistence, config }), 'dual-channel-replication-enabled')).toEqual([['no']]);
    expect(revisionOf({ persistence, config })).not.toBe(revisionOf({ persistence }));
  });

  it('let the user override a default of ours, once', () => {
    expect(directive(wanted({}), 'cluster-require-full-coverage')).toEqual([['no']]);
    expect(directive(wanted({ config: { 'cluster-require-full-coverage': 'yes' } }), 'cluster-require-full-coverage')).toEqual([['yes']]);
  });

  it('leave room beside the data in the memory limit', () => {
    expect(maxmemoryOf('1Gi')).toBe(768 * 2 ** 20);
    expect(maxmemoryOf('256Mi')).toBe(160 * 2 ** 20);
    expect(maxmemoryOf('64Mi')).toBe(32 * 2 ** 20);
    expect(maxmemoryOf(undefined)).toBeUndefined();
    expect(directive(wanted({ resources: { limits: { memory: '1Gi' } } }), 'maxmemory')).toEqual([[String(768 * 2 ** 20)]]);
    expect(directive(wanted({ resources: { limits: { memory: '1Gi' } }, config: { maxmemory: '100mb' } }), 'maxmemory')).toEqual([
      ['100mb'],
    ]);
  });

  it('let as much of the stream wait for a replica as the room beside the data allows', () => {
    const limits = (memory: string): readonly (readonly string[])[] =>
      directive(wanted({ resources: { limits: { memory } } }), 'client-output-buffer-limit');
    expect(limits('1Gi')).toEqual([['replica', String(128 * 2 ** 20), String(64 * 2 ** 20), '60']]);
    expect(limits('16Gi')).toEqual([['replica', String(2 ** 31), String(2 ** 30), '60']]);
    expect(limits('2Mi')).toEqual([['replica', String(2 ** 20), String(2 ** 19), '60']]);
    expect(directive(wanted({}), 'client-output-buffer-limit')).toEqual([]);
    const own = wanted({ resources: { limits: { memory: '1Gi' } }, config: { 'client-output-buffer-limit': 'replica 1gb 0 0' } });
    expect(directive(own, 'client-output-buffer-limit')).toEqual([['replica 1gb 0 0']]);
  });

  it('have another revision exactly when the process must be restarted', () => {
    const before = revisionOf({ config: { 'maxmemory-policy': 'allkeys-lru', 'tcp-backlog': 100 } });
    expect(revisionOf({ config: { 'tcp-backlog': 100, 'maxmemory-policy': 'allkeys-lru' } })).toBe(before);
    expect(revisionOf({ config: { 'maxmemory-policy': 'volatile-ttl', 'tcp-backlog': 100 } })).toBe(before);
    expect(revisionOf({ replicas: 3, config: { 'maxmemory-policy': 'allkeys-lru', 'tcp-backlog': 100 } })).toBe(before);
    for (const changed of [
      { config: { 'maxmemory-policy': 'allkeys-lru', 'tcp-backlog': 101 } },
      { config: { 'tcp-backlog': 100 } },
      { image: 'other', config: { 'maxmemory-policy': 'allkeys-lru', 'tcp-backlog': 100 } },
      { resources: { limits: { cpu: 1 } }, config: { 'maxmemory-policy': 'allkeys-lru', 'tcp-backlog': 100 } },
    ])
      expect(revisionOf(changed)).not.toBe(before);
  });

  it('take the password from the Secret that the spec names, or have one generated', () => {
    expect(wanted({}).password).toEqual({ secretName: 'shop-password', key: 'password', generate: true });
    expect(wanted({ auth: { passwordSecret: { name: 'mine' } } }).password).toEqual({
      secretName: 'mine',
      key: 'password',
      generate: false,
    });
  });
});
