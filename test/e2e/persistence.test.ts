/**
 * Nodes with volumes: primaries that are killed come back with what they had, or yield to who has more; a cluster whose pods are all deleted, or that is deleted and made
 * again over its volumes, has its data.
 *
 * Nodes of Valkey's own server keep an append-only file: with RDB files alone a primary that is back within the node timeout would go on from an older one. `appendfsync` is
 * `always`, since with `everysec` the server holds writes back while the disk syncs, after it has answered them.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { nodes } from '../cluster/main.ts';
import { prepareVolumes } from '../cluster/volumes.ts';
import type { ValkeyClusterStatus } from '../../operator/api/valkey-cluster.ts';
import { killProcessOf } from './harm.ts';
import { connectKubernetes, FULL, imagesFor, type Kubernetes } from './kubernetes.ts';
import { statusOf } from './load-watch.ts';
import { SteadyLoad } from './shard-writer.ts';
import { clusterSpec, pause, randomFrom, SEED, TestCluster } from './test-cluster.ts';

const kubernetes: Kubernetes = connectKubernetes();
const NAMESPACE = 'e2e-persistence';
const NODE_TIMEOUT_MS = 5_000;
const GAP_LIMIT_MS = NODE_TIMEOUT_MS + 3_000;
/** A primary of upstream's that is back just before its replica would be elected goes on, and takes no writes for two seconds. */
const GAP_LIMIT_OF_UPSTREAM_MS = GAP_LIMIT_MS + 2_000;
const HEAL_LIMIT_MS = 120_000;
const KILLS = FULL ? 50 : 4;
const SIZE = '1Gi';
const APPEND_ONLY = { appendonly: 'yes', appendfsync: 'always' };

beforeAll(async () => {
  if (kubernetes.isLocal) await prepareVolumes(nodes);
  await kubernetes.installOperator();
});
afterAll(() => kubernetes.kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']));

describe.each(imagesFor(0))('a cluster of $title with volumes', image => {
  const config = image.ours ? {} : { config: APPEND_ONLY };
  const cluster = new TestCluster(kubernetes, NAMESPACE, 'kept', clusterSpec(image.current, { persistence: { size: SIZE }, ...config }));
  const random = randomFrom(SEED);
  const limitMs = image.ours ? GAP_LIMIT_MS : GAP_LIMIT_OF_UPSTREAM_MS;
  let load: SteadyLoad;
  let keysBefore = 0;

  beforeAll(async () => {
    console.log(`random moments of seed ${SEED} (SLOTKEEPER_SEED=${SEED} repeats them)`);
    await cluster.apply();
    await cluster.ready(90_000);
    load = await SteadyLoad.start(cluster);
  });
  afterEach(context => {
    if (context.task.result?.state !== 'fail') return;
    return cluster.describe().then(text => console.log(text));
  });
  afterAll(async () => {
    await load?.stop();
    // What a failed test has left would be found by the next cluster of this name.
    if ((await cluster.resource()) !== undefined) await cluster.apply({ persistence: { size: SIZE, reclaimPolicy: 'Delete' } });
    await kubernetes.kubectl(['delete', 'persistentvolumeclaims', '-n', NAMESPACE, '--all', '--wait=false']);
    await cluster.delete(60_000);
  });

  const identities = async (): Promise<readonly string[]> => {
    const pods = await cluster.pods();
    return Promise.all(pods.map(async pod => `${pod.name} ${String(await cluster.ask(pod.ip, 'CLUSTER', 'MYID'))}`));
  };
  const keys = async (): Promise<number> => {
    const counts = await Promise.all((await cluster.primaries()).map(async pod => Number(await cluster.ask(pod.ip, 'DBSIZE'))));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  /** The nodes of a cluster get their append-only file one by one, and its data stay. */
  const takeTheWayOut = async (other: TestCluster): Promise<void> => {
    await other.ready(60_000);
    const primary = async (): Promise<string> => (await other.primaries())[0].ip;
    await other.ask(await primary(), 'MSET', ...Array.from({ length: 100 }, (_, n) => [`{t}${n}`, String(n)]).flat());
    await other.apply({ config: APPEND_ONLY });
    await other.ready(HEAL_LIMIT_MS);
    expect((await other.condition('Degraded'))?.reason).toBe('Healthy');
    expect(await other.ask(await primary(), 'DBSIZE')).toBe(100);
    expect(await other.ask(await primary(), 'CONFIG', 'GET', 'appendonly')).toEqual(['appendonly', 'yes']);
  };
  const loss = async (): Promise<Partial<ValkeyClusterStatus>> => {
    const { dataLossCount, lastDataLossMessage } = await statusOf(cluster);
    return { dataLossCount, lastDataLossMessage };
  };
  const healed = async (): Promise<void> => {
    await cluster.waitUntil('the cluster to be whole again', HEAL_LIMIT_MS, () => cluster.isWhole(6));
    await cluster.ready(HEAL_LIMIT_MS);
  };

  test.skipIf(!kubernetes.isLocal)(
    `writes again soon when a primary's process is killed with SIGKILL, ${KILLS} times at random moments`,
    async () => {
      const before = await identities();
      for (let n = 0; n < KILLS; n++) {
        await pause(random() * 2_000);
        load.resetGaps();
        await killProcessOf(await cluster.primaryOf(Math.floor(random() * 3)));
        await load.resumed(60_000);
        await healed();
        const gapMs = load.tellGap(`${image.title} with volumes: SIGKILL ${n + 1} of ${KILLS}`, limitMs);
        expect(gapMs, load.trouble()).toBeLessThan(limitMs);
      }
      expect(await identities()).toEqual(before);
    },
    FULL ? 3_600_000 : 600_000,
  );

  test('is itself again with all of its data when all of its pods are deleted at once', async () => {
    const [before, pods] = [await identities(), new Set((await cluster.pods()).map(pod => pod.uid))];
    await kubernetes.kubectl(['delete', 'pods', '-n', NAMESPACE, '-l', `slotkeeper.dev/cluster=${cluster.name}`, '--wait=false']);
    await cluster.waitUntil('other pods', HEAL_LIMIT_MS, async () => {
      const now = await cluster.pods();
      return now.length === 6 && now.every(pod => !pods.has(pod.uid));
    });
    await healed();
    await cluster.waitUntil('the nodes to know the new addresses', HEAL_LIMIT_MS, async () => {
      const addresses = (await cluster.pods()).map(pod => pod.ip);
      const rows = await Promise.all(addresses.map(ip => cluster.nodesSeenBy(ip)));
      return rows.flat().every(row => addresses.includes(row.host));
    });
    await load.resumed(60_000);
    const { reports, lost } = await load.finish();
    console.log(`${image.title}: ${reports.map(r => `shard ${r.shard}: ${r.accepted} accepted, ${r.confirmed} confirmed`).join('; ')}`);
    expect(reports.every(report => report.confirmed > 50)).toBe(true);
    expect(lost, lost.join('\n')).toEqual([]);
    expect(await identities()).toEqual(before);
    expect(await loss()).toEqual({});
    keysBefore = await keys();
  });

  test('refuses another size, and to go on without volumes', async () => {
    const patch = (spec: object): Promise<string> =>
      kubernetes.kubectl(['patch', 'valkeycluster', cluster.name, '-n', NAMESPACE, '--type=merge', '-p', JSON.stringify({ spec })]);
    await expect(patch({ persistence: { size: '2Gi' } })).rejects.toThrow('persistence.size cannot be changed');
    await expect(patch({ persistence: null, config: null })).rejects.toThrow('persistence cannot be added to or taken from a cluster');
    const other = { replicas: 0, config: image.ours ? APPEND_ONLY : null };
    await expect(patch(other)).rejects.toThrow('config.appendonly cannot be changed without replicas');
  });

  test(`${image.ours ? 'names the reason when it does not start with' : 'says what it can lose without'} an append-only file`, async () => {
    const lone = {
      shards: 1,
      persistence: { size: SIZE, reclaimPolicy: 'Delete' },
      ...(image.ours && { config: { appendonly: 'yes' } }),
    };
    const other = new TestCluster(kubernetes, NAMESPACE, 'other', clusterSpec(image.current, lone));
    const [status, reason, message] = image.ours
      ? ['True', 'CrashLoopBackOff', 'writes no append-only file yet']
      : ['False', 'ConfirmedWritesAtRisk', 'Set appendonly to "yes"'];
    await other.apply();
    await other.waitUntil('the status to say so', 60_000, async () => {
      const degraded = await other.condition('Degraded');
      return degraded?.status === status && degraded.reason === reason && degraded.message.includes(message);
    });
    const told = async (): Promise<boolean> => {
      const events = await kubernetes.kubectl(['get', 'events', '-n', NAMESPACE, '--field-selector', `type=Warning,reason=${reason}`]);
      return events.includes(`valkeycluster/${other.name}`);
    };
    await other.waitUntil('an Event of it', 10_000, told);
    if (!image.ours) await takeTheWayOut(other);
    await other.delete(60_000);
    expect((await cluster.condition('Degraded'))?.reason).toBe('Healthy');
  });

  test('leaves its claims when it is deleted, and another one of its name has the data', async () => {
    const before = await identities();
    await kubernetes.kubectl(['delete', 'valkeycluster', cluster.name, '-n', NAMESPACE, '--wait=false']);
    await cluster.waitUntil('all but the claims to be gone', HEAL_LIMIT_MS, async () =>
      (await cluster.remains()).every(object => object.startsWith('PersistentVolumeClaim/')),
    );
    expect(await cluster.remains()).toHaveLength(6);
    await cluster.apply({ persistence: { size: SIZE, reclaimPolicy: 'Delete' } });
    await cluster.ready(HEAL_LIMIT_MS);
    expect(await keys()).toBe(keysBefore);
    expect(await identities()).toEqual(before);
    expect(await loss()).toEqual({});
  });

  test('takes its claims with it where the reclaim policy is Delete', async () => {
    await cluster.delete(60_000);
    expect(await cluster.remains()).toEqual([]);
  });
});
