import { describe, expect, test } from 'vitest';
import type { ClusterWorkloads, NodeWorkload } from '../../../model/workload.ts';
import { desiredObjects } from '../desired-objects.ts';
import { buildDisruptionBudgets, buildNetworkPolicy } from './protection.ts';
import { buildAuthFile, buildConnectionSecret, quoteArgument } from './secrets.ts';
import { buildStatefulSet, nodeArguments, servingGate } from './stateful-set.ts';

const node = (shard: number, index: number): NodeWorkload => ({
  name: `shop-${shard}-${index}`,
  shard,
  index,
  image: 'valkey:9.1',
  directives: [
    { name: 'cluster-enabled', args: ['yes'] },
    { name: 'save', args: [''] },
    { name: 'proc-title-template', args: ['$(HOME) {title}'] },
  ],
  revision: 'r1',
});
const wanted: ClusterWorkloads = {
  key: 'default/shop',
  namespace: 'default',
  cluster: 'shop',
  uid: 'uid-1',
  generation: 1,
  nodes: [node(0, 0), node(0, 1), node(1, 0), node(1, 1)],
  shards: 2,
  shardIndexes: [0, 1],
  replicas: 1,
  resources: { requests: { cpu: '250m' }, limits: { memory: '256Mi' } },
  scheduling: {},
  podDisruptionBudget: 'Managed',
  terminationGracePeriodSeconds: 30,
  password: { secretName: 'shop-password', key: 'password', generate: true },
  connectionSecretName: 'shop-connection',
};
const podSpec = (over: Partial<ClusterWorkloads> = {}) => buildStatefulSet({ ...wanted, ...over }, node(0, 1)).spec?.template.spec;

describe('the workload of a node', () => {
  test('meets the restricted pod security standard', () => {
    const spec = podSpec();
    expect(spec?.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(spec?.containers[0].securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
    expect(spec?.volumes?.every(volume => volume.secret !== undefined)).toBe(true);
    expect(spec?.automountServiceAccountToken).toBe(false);
  });

  test('keeps its data in the container, so that a crash cannot bring back an old identity without its data', () => {
    const container = podSpec()?.containers[0];
    expect(container?.volumeMounts?.map(mount => mount.mountPath)).toEqual(['/etc/valkey']);
    expect(container?.securityContext?.readOnlyRootFilesystem).toBeUndefined();
    expect(container?.args).toContain('/data');
  });

  test('with persistence keeps data and identity on a volume of its own, and writes nowhere else', () => {
    const persistence = { size: '10Gi', storageClassName: 'fast', reclaimPolicy: 'Delete' as const };
    const { spec } = buildStatefulSet({ ...wanted, persistence }, node(0, 1));
    expect(spec?.volumeClaimTemplates).toEqual([
      {
        metadata: {
          name: 'data',
          labels: expect.objectContaining({ 'slotkeeper.dev/cluster': 'shop', 'slotkeeper.dev/node': 'shop-0-1' }),
        },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } }, storageClassName: 'fast' },
      },
    ]);
    expect(spec?.persistentVolumeClaimRetentionPolicy).toEqual({ whenDeleted: 'Delete', whenScaled: 'Retain' });
    const container = spec?.template.spec?.containers[0];
    expect(container?.volumeMounts?.map(mount => mount.mountPath)).toEqual(['/etc/valkey', '/data', '/tmp']);
    expect(container?.securityContext?.readOnlyRootFilesystem).toBe(true);
    expect(container?.args).toContain('/data');
    const kept = buildStatefulSet({ ...wanted, persistence: { size: 1024, reclaimPolicy: 'Retain' } }, node(0, 1)).spec;
    expect(kept?.persistentVolumeClaimRetentionPolicy?.whenDeleted).toBe('Retain');
    expect(kept?.volumeClaimTemplates?.[0].spec).not.toHaveProperty('storageClassName');
  });

  test('is restarted by the operator alone, and is ready when the operator says so', () => {
    const { spec } = buildStatefulSet(wanted, node(0, 1));
    expect(spec?.updateStrategy).toEqual({ type: 'OnDelete' });
    expect(spec?.template.spec?.readinessGates).toEqual([{ conditionType: servingGate }]);
    expect(spec?.template.metadata?.labels?.['slotkeeper.dev/revision']).toBe('r1');
    expect(Object.keys(spec?.selector.matchLabels ?? {})).not.toContain('slotkeeper.dev/revision');
  });

  test('keeps members of a shard apart, but lets them share a machine when there is no other', () => {
    const [apart, zones] = podSpec()?.topologySpreadConstraints ?? [];
    expect(apart).toMatchObject({
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'DoNotSchedule',
      maxSkew: 1,
      nodeTaintsPolicy: 'Honor',
      labelSelector: { matchLabels: { 'slotkeeper.dev/cluster': 'shop', 'slotkeeper.dev/shard': '0' } },
    });
    expect(zones).toMatchObject({ topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' });
  });

  test('takes the own rules of the user instead', () => {
    const spec = podSpec({ scheduling: { affinity: { podAntiAffinity: {} }, topologySpreadConstraints: [{ maxSkew: 2 }] } });
    expect(spec?.affinity).toEqual({ podAntiAffinity: {} });
    expect(spec?.topologySpreadConstraints).toEqual([{ maxSkew: 2 }]);
  });

  test('gets arguments that both images take, with nothing secret in them', () => {
    const args = nodeArguments(node(0, 0));
    expect(args.slice(0, 3)).toEqual(['/etc/valkey/auth.conf', '--port', '6379']);
    expect(args.join(' ')).toContain('--cluster-announce-ip $(POD_IP)');
    expect(args.slice(-6)).toEqual(['--cluster-enabled', 'yes', '--save', '', '--proc-title-template', '$$(HOME) {title}']);
    expect(args.join(' ')).not.toContain('requirepass');
  });
});

describe('the objects of a cluster', () => {
  test('belong to it and have names that never meet', () => {
    const objects = desiredObjects(wanted, 'secret').map(({ object }) => object);
    const names = objects.map(object => `${object.kind}/${object.metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(objects.every(object => JSON.stringify(object.metadata).includes('"uid":"uid-1"'))).toBe(true);
    expect(names.filter(name => name.startsWith('StatefulSet/'))).toHaveLength(4);
  });

  test('have a budget for the replicas of a shard and one that holds its primary, never both for one pod; or none when the user has his own', () => {
    const budgets = buildDisruptionBudgets({ ...wanted, replicas: 1 });
    const rows = budgets.map(({ metadata, spec }) => [metadata.name, spec?.maxUnavailable, spec?.selector?.matchExpressions?.[0]]);
    const role = (operator: string): object => ({ key: 'slotkeeper.dev/role', operator, values: ['primary'] });
    expect(rows).toEqual([
      ['shop-0', 1, role('NotIn')],
      ['shop-0-primary', 0, role('In')],
      ['shop-1', 1, role('NotIn')],
      ['shop-1-primary', 0, role('In')],
    ]);
    const alone = buildDisruptionBudgets({ ...wanted, replicas: 0 });
    expect(alone.map(({ metadata, spec }) => [metadata.name, spec?.maxUnavailable])).toEqual([
      ['shop-0', 1],
      ['shop-1', 1],
    ]);
    expect(buildDisruptionBudgets({ ...wanted, podDisruptionBudget: 'Disabled' })).toEqual([]);
  });

  test('open the bus to the own nodes only', () => {
    const [clients, bus] = buildNetworkPolicy(wanted).spec.ingress;
    expect(clients).toEqual({ ports: [{ port: 6379, protocol: 'TCP' }] });
    expect(bus?.from).toEqual([
      { podSelector: { matchLabels: { 'slotkeeper.dev/cluster': 'shop', 'app.kubernetes.io/component': 'node' } } },
    ]);
  });

  test('carry any password unharmed into valkey.conf and the connection string', () => {
    expect(quoteArgument('a "b" \\ ü #')).toBe('"a \\x22b\\x22 \\x5c \\xc3\\xbc #"');
    const text = (data: Record<string, string> | undefined, key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString();
    expect(text(buildAuthFile(wanted, 'p@ss').data, 'auth.conf')).toBe('requirepass "p@ss"\nprimaryauth "p@ss"\n');
    const { data } = buildConnectionSecret(wanted, 'p@ss/1');
    expect(text(data, 'uri')).toBe('redis://default:p%40ss%2F1@shop.default.svc:6379');
    expect(text(data, 'host')).toBe('shop.default.svc');
    expect(text(data, 'password')).toBe('p@ss/1');
  });
});
