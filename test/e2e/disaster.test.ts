/** All is gone, addresses are mixed up, all is taken away: what is left, and whether it is told. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectKubernetes, imagesFor, type Kubernetes } from './kubernetes.ts';
import { clusterSpec, TestCluster } from './test-cluster.ts';

const kubernetes: Kubernetes = connectKubernetes();
const NAMESPACE = 'e2e-disaster';
const HEAL_LIMIT_MS = 180_000;

beforeAll(() => kubernetes.installOperator());
afterAll(async () => {
  await kubernetes.installOperator();
  await kubernetes.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']);
});

describe.each(imagesFor(1))('clusters of $title', image => {
  const left = new TestCluster(kubernetes, NAMESPACE, 'left', clusterSpec(image.current));
  const right = new TestCluster(kubernetes, NAMESPACE, 'right', clusterSpec(image.current));

  const dataLossCount = async (): Promise<number> =>
    ((await left.resource())?.status as { dataLossCount?: number } | undefined)?.dataLossCount ?? 0;
  const idsOf = async (cluster: TestCluster): Promise<readonly string[]> =>
    (await cluster.nodesSeenBy((await cluster.pods())[0].ip)).map(row => row.id);

  test('whose pods are all deleted at once are whole again, and the status says that the data was lost', async () => {
    await Promise.all([left.apply(), right.apply()]);
    await Promise.all([left.ready(120_000), right.ready(120_000)]);
    const before = new Set([...(await left.pods()), ...(await right.pods())].map(pod => pod.uid));
    await kubernetes.kubectl([
      'delete',
      'pods',
      '-n',
      NAMESPACE,
      '-l',
      'slotkeeper.dev/cluster in (left,right)',
      '--grace-period=0',
      '--force',
      '--wait=false',
    ]);
    for (const cluster of [left, right]) {
      await cluster.waitUntil('new pods, and the cluster whole with them', HEAL_LIMIT_MS, async () => {
        const pods = await cluster.pods();
        return pods.every(pod => !before.has(pod.uid)) && (await cluster.isWhole(6));
      });
      await cluster.ready(HEAL_LIMIT_MS);
    }
    expect(await dataLossCount()).toBeGreaterThan(0);
    const status = (await left.resource())?.status as { lastDataLossMessage?: string } | undefined;
    expect(status?.lastDataLossMessage).toMatch(/lost|gone|data/i);
  });

  test('whose pods were given addresses anew are still two', async () => {
    const [leftIds, rightIds] = [await idsOf(left), await idsOf(right)];
    expect([leftIds.length, rightIds.length]).toEqual([6, 6]);
    expect(leftIds.filter(id => rightIds.includes(id))).toEqual([]);
  });

  test('leave nothing behind when they are deleted', async () => {
    await right.delete(90_000);
    expect(await right.remains()).toEqual([]);
    expect(await left.isWhole(6)).toBe(true);
  });

  test('stay as they are while the operator is uninstalled, and are kept again after a second install', async () => {
    const before = (await left.pods()).map(pod => pod.containerId);
    await kubernetes.uninstallOperator();
    expect(await left.isWhole(6)).toBe(true);
    await kubernetes.installOperator();
    await left.ready(120_000);
    expect((await left.pods()).map(pod => pod.containerId)).toEqual(before);
    await left.delete(90_000);
  });
});
