/** From helm install to a cluster that serves; what is refused; what a steady cluster does not do. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectKubernetes, imagesFor, type Kubernetes } from './kubernetes.ts';
import { clusterSpec, pause, TestCluster } from './test-cluster.ts';

const kubernetes: Kubernetes = connectKubernetes();
const NAMESPACE = 'e2e-formation';

beforeAll(() => kubernetes.installOperator());
afterAll(() => kubernetes.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']));

describe.each(imagesFor(0))('a ValkeyCluster of $title', image => {
  const cluster = new TestCluster(kubernetes, NAMESPACE, 'shop', clusterSpec(image.current));
  afterAll(() => cluster.delete(60_000));

  test('is Ready within 60 seconds of kubectl apply, its shards spread over the machines', async () => {
    await cluster.apply();
    const tookMs = await cluster.ready(90_000);
    console.log(`Ready after ${(tookMs / 1000).toFixed(1)} s`);
    expect(tookMs).toBeLessThan(60_000);
    expect(await cluster.isWhole(6)).toBe(true);
    const pods = await cluster.pods();
    for (const shard of [0, 1, 2]) {
      const hosts = pods.filter(pod => pod.shard === shard).map(pod => pod.host);
      expect(new Set(hosts).size, `members of shard ${shard} on ${hosts.join(', ')}`).toBe(2);
    }
  });

  test('tells where and with which password applications connect', async () => {
    const secret = await kubernetes.get('secret', 'shop-connection', NAMESPACE);
    const data = (secret as unknown as { data: Record<string, string> }).data;
    const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();
    expect(text('host')).toContain('shop');
    expect(text('port')).toBe('6379');
    expect(text('password').length).toBeGreaterThan(15);
    const { ip } = (await cluster.pods())[0];
    expect(await cluster.ask(ip, 'PING')).toBe('PONG');
  });

  test('shows its state in kubectl get, and its story in Events', async () => {
    const table = await kubernetes.kubectl(['get', 'vkc', 'shop', '-n', NAMESPACE]);
    expect(table).toMatch(/NAME\s+READY\s+STATUS\s+SHARDS\s+SLOTS\s+VERSION\s+AGE/);
    expect(table).toMatch(/shop\s+6\/6\s+Ready\s+3\s+16384\s+9\.1/);
    expect(await kubernetes.kubectl(['describe', 'vkc', 'shop', '-n', NAMESPACE])).toMatch(/Events:\n\s+Type\s+Reason/);
  });

  test('causes no write to the API for 30 seconds when it is steady', async () => {
    const versions = async (): Promise<readonly string[]> => {
      const kinds = 'valkeyclusters,statefulsets,pods,services,secrets,poddisruptionbudgets,networkpolicies,configmaps,events';
      const objects = await kubernetes.list(kinds, NAMESPACE);
      return objects
        .map(object => `${object.kind}/${object.metadata.name}@${object.metadata.resourceVersion}`)
        .toSorted((a, b) => a.localeCompare(b));
    };
    // It takes some windows of statistics until the load is known, and that is said once.
    await cluster.waitUntil('the load to be known', 90_000, async () => {
      const reason = (await cluster.condition('Rebalancing'))?.reason;
      return reason !== undefined && reason !== 'StaleStatistics';
    });
    // What formation set off may still settle: steady means the same twice, five seconds apart.
    await cluster.waitUntil('the objects to settle', 60_000, async () => {
      const before = await versions();
      await pause(5_000);
      return (await versions()).join() === before.join();
    });
    const before = await versions();
    await pause(30_000);
    expect(await versions()).toEqual(before);
  });
});

describe('a manifest that is wrong is refused at apply, with the field and a valid value', () => {
  const refused = async (spec: Record<string, unknown>): Promise<string> => {
    const cluster = new TestCluster(kubernetes, NAMESPACE, 'wrong', spec);
    await kubernetes.kubectl(['create', 'namespace', NAMESPACE], { allowFailure: true });
    return kubernetes.apply(cluster.manifest()).then(
      () => 'it was accepted',
      (error: unknown) => String(error),
    );
  };

  test.each([
    [{ shards: 0 }, /spec\.shards.*greater than or equal to 1/],
    [{ replicas: 9 }, /spec\.replicas.*less than or equal to 5/],
    [{ shards: 'three' }, /spec\.shards.*must be of type integer/],
    [{ podDisruptionBudget: { mode: 'managed' } }, /spec\.podDisruptionBudget\.mode.*"Managed", "Disabled"/],
    [{ config: { 'cluster-enabled': 'no' } }, /spec\.config.*cluster-enabled/],
    [{ resources: { limits: { memory: 'lots' } } }, /spec\.resources\.limits\.memory/],
    [{ shard: 3 }, /unknown field "spec\.shard"/],
  ])('%j', async (spec, message) => {
    expect(await refused(spec)).toMatch(message);
  });
});

describe.each(imagesFor(1))('an image that cannot start, on a cluster of $title', image => {
  const cluster = new TestCluster(kubernetes, NAMESPACE, 'broken', clusterSpec(image.current));
  afterAll(() => cluster.delete(60_000));

  test('shows as Degraded with the pod and the reason, leaves the running nodes alone, and a fixed spec heals it', async () => {
    await cluster.apply();
    await cluster.ready(90_000);
    const before = await cluster.pods();
    await cluster.apply({ image: 'localhost/no-such-image:1' });
    await cluster.waitUntil('the Degraded condition', 90_000, async () => (await cluster.condition('Degraded'))?.status === 'True');
    const degraded = await cluster.condition('Degraded');
    expect(degraded?.reason).toMatch(/ErrImagePull|ImagePullBackOff|ErrImageNeverPull/);
    expect(degraded?.message).toMatch(/broken-\d-\d/);
    const now = await cluster.pods();
    const kept = before.filter(pod => now.some(other => other.uid === pod.uid && other.ready));
    expect(kept.length, 'running nodes that stayed').toBe(5);
    await cluster.apply({ image: image.current });
    await cluster.ready(120_000);
    expect(await cluster.isWhole(6)).toBe(true);
  });
});
