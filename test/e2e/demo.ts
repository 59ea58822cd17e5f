/**
 * The main job on a Kubernetes, told step by step: Helm install, kubectl apply, load through a cluster client, a primary killed, hot slots spread.
 *
 *     npm run demo                          on the local Kubernetes, which is started (and on the first run built) for it
 *     npm run demo -- --context kind-kind   on a cluster of your own, that has the image (see docs/kubernetes.md)
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Cluster } from 'iovalkey';
import type { ValkeyClusterStatus } from '../../operator/api/valkey-cluster.ts';
import { DEFAULT_LIMITS, playHotSlotScene } from '../../operator/demo/hot-slot-scene.ts';
import { slotkeeperImage } from '../cluster/images.ts';
import { isUp, up } from '../cluster/main.ts';
import { step, tell } from '../cluster/progress.ts';
import { forceDeletePod } from './harm.ts';
import { Kubernetes, OPERATOR_NAMESPACE } from './kubernetes.ts';
import { clusterSpec, pause, type PodView, TestCluster } from './test-cluster.ts';

const NAMESPACE = 'slotkeeper-demo';
const CALM_MS = 7_000;
const WRITERS = 8;
/** Each node has a quarter of a core: so a small machine shows what moving slots brings. */
const SPEC = { resources: { requests: { cpu: '250m', memory: '128Mi' }, limits: { cpu: '250m' } }, rebalancing: { mode: 'Auto' } };
/** Between two writes of a writer: a demo, no benchmark; the machine has a whole Kubernetes to run beside. */
const PACE_MS = 10;
const READ_BATCH = 500;
const REPORT_MS = 3_000;

const HELP = `npm run demo [-- --context <name>] [--image <image>] [--keep]

  --context  a context of your kubeconfig; left out, the local Kubernetes is used (Linux, root)
  --image    image of the nodes and the operator (default localhost/slotkeeper:dev); the cluster must have it
  --keep     leave the ValkeyCluster and the operator there at the end
`;

/** Writes without pause over all shards and counts what came of it. */
class Load {
  readonly #client: Cluster;
  readonly #acknowledged: number[] = [];
  #next = 0;
  #failed = 0;
  #stopped = false;
  #running: Promise<unknown>;

  constructor(client: Cluster) {
    this.#client = client;
    this.#running = Promise.all(Array.from({ length: WRITERS }, () => this.#write()));
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Tells every few seconds what was written since, until `until` resolves. */
  async tellWhile<T>(until: Promise<T>): Promise<T> {
    let [written, failed] = [this.acknowledged, this.#failed];
    const timer = setInterval(() => {
      const errors = this.#failed - failed;
      tell(
        `    ${String(Math.round((this.acknowledged - written) / (REPORT_MS / 1_000))).padStart(6)} writes/s${errors > 0 ? `, ${errors} failed and are tried again` : ''}`,
      );
      [written, failed] = [this.acknowledged, this.#failed];
    }, REPORT_MS);
    try {
      return await until;
    } finally {
      clearInterval(timer);
    }
  }

  /** How many of the acknowledged writes the cluster does not have. */
  async missing(): Promise<number> {
    let missing = 0;
    for (let at = 0; at < this.#acknowledged.length; at += READ_BATCH) {
      const batch = this.#acknowledged.slice(at, at + READ_BATCH);
      const values = await Promise.all(batch.map(n => this.#client.get(`demo:${n}`)));
      missing += values.filter((value, index) => value !== String(batch[index])).length;
    }
    return missing;
  }

  async #write(): Promise<void> {
    while (!this.#stopped) {
      const n = this.#next++;
      try {
        await this.#client.set(`demo:${n}`, String(n));
        this.#acknowledged.push(n);
        await pause(PACE_MS);
      } catch {
        this.#failed++;
        await pause(20);
      }
    }
  }
}

type Address = { readonly host: string; readonly port: number };

/** How this machine reaches the pods of a cluster elsewhere: one `kubectl port-forward` for each. The local Kubernetes needs none. */
class Forwards {
  readonly #kubernetes: Kubernetes;
  readonly #children: ChildProcess[] = [];
  /** By address of the pod and port, as the cluster announces them. */
  readonly natMap: Record<string, Address> = {};

  constructor(kubernetes: Kubernetes) {
    this.#kubernetes = kubernetes;
  }

  reach(ip: string): Address {
    return this.natMap[`${ip}:6379`] ?? { host: ip, port: 6379 };
  }

  /** Opens what is missing for these pods. */
  async follow(pods: readonly PodView[]): Promise<void> {
    if (this.#kubernetes.isLocal) return;
    for (const pod of pods) if (pod.ready && this.natMap[`${pod.ip}:6379`] === undefined) await this.#add(pod);
  }

  close(): void {
    for (const child of this.#children) child.kill();
  }

  async #add(pod: PodView): Promise<void> {
    const context = this.#kubernetes.context ?? '';
    const child = spawn('kubectl', ['--context', context, 'port-forward', '-n', NAMESPACE, `pod/${pod.name}`, ':6379'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.push(child);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    this.natMap[`${pod.ip}:6379`] = { host: '127.0.0.1', port: Number(/127\.0\.0\.1:(\d+)/.exec(line.toString())?.[1]) };
  }
}

async function tellTable(kubernetes: Kubernetes): Promise<void> {
  const table = await kubernetes.kubectl(['get', 'valkeyclusters', '-n', NAMESPACE]);
  tell(table.trimEnd().replaceAll(/^/gm, '    '));
}

async function openClient(cluster: TestCluster, forwards: Forwards): Promise<Cluster> {
  const pods = await cluster.pods();
  await forwards.follow(pods);
  const seeds = pods.map(pod => forwards.reach(pod.ip));
  const options = { password: cluster.password, connectTimeout: 1_000, commandTimeout: 5_000 };
  const client = new Cluster(seeds, {
    redisOptions: options,
    natMap: forwards.natMap,
    clusterRetryStrategy: () => 100,
    slotsRefreshInterval: 1_000,
  });
  client.on('error', () => {});
  await client.ping();
  return client;
}

async function killPrimary(cluster: TestCluster, load: Load, forwards: Forwards): Promise<void> {
  const victim = await cluster.primaryOf(0);
  tell(`- the pod of ${victim.name}, primary of shard 0, is deleted by force`);
  await load.tellWhile(
    (async () => {
      const begin = performance.now();
      await forceDeletePod(cluster, victim);
      await cluster.waitUntil('another primary of shard 0', 60_000, async () => (await cluster.primaryOf(0)).ip !== victim.ip);
      tell(`  ${(await cluster.primaryOf(0)).name} is primary of shard 0 after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
      await cluster.waitUntil('the cluster to be whole again', 120_000, async () => {
        await forwards.follow(await cluster.pods());
        return cluster.isWhole(6);
      });
      await cluster.ready(120_000);
      tell(`  the replacement has joined as its replica: whole again after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    })(),
  );
}

async function spreadHotSlots(cluster: TestCluster, forwards: Forwards): Promise<void> {
  tell('- nine hot slots on one shard');
  await forwards.follow(await cluster.pods());
  const seeds = (await cluster.pods()).map(({ ip }) => ({ host: ip, port: 6379 }));
  const stage = {
    doors: { seeds, password: cluster.password, reachedAt: forwards.natMap },
    wanted: 2.5,
    status: async () => ((await cluster.resource())?.status ?? {}) as ValkeyClusterStatus,
    tell: (line: string) => tell(`  ${line}`),
  };
  await playHotSlotScene(stage, DEFAULT_LIMITS, new AbortController().signal);
}

async function demo(kubernetes: Kubernetes, image: string | undefined, keep: boolean): Promise<void> {
  if (kubernetes.isLocal && !isUp()) await up();
  if (image !== undefined) process.env['SLOTKEEPER_IMAGE'] = image;
  await step('helm install slotkeeper', () => kubernetes.installOperator());
  const forwards = new Forwards(kubernetes);
  const spec = clusterSpec(image ?? process.env['SLOTKEEPER_IMAGE'] ?? slotkeeperImage, SPEC);
  const cluster = new TestCluster(kubernetes, NAMESPACE, 'demo', spec, ip => forwards.reach(ip));
  await step('kubectl apply: a ValkeyCluster of three shards with a replica each, a quarter of a core for each node', async () => {
    await cluster.apply();
    await cluster.ready(180_000);
  });
  await tellTable(kubernetes);
  const client = await openClient(cluster, forwards);
  try {
    tell(`- ${WRITERS} writers through a cluster client, for ${CALM_MS / 1000} s`);
    const load = new Load(client);
    await load.tellWhile(pause(CALM_MS));
    await killPrimary(cluster, load, forwards);
    await load.tellWhile(pause(CALM_MS / 2));
    await load.stop();
    await tellTable(kubernetes);
    const missing = await load.missing();
    tell(
      `- every one of ${load.acknowledged} acknowledged writes was read back: ${missing === 0 ? 'all there' : `${missing} missing (written to the old primary just before it died, not yet replicated; WAIT rules that out)`}`,
    );
    client.disconnect();
    await spreadHotSlots(cluster, forwards);
    await tellTable(kubernetes);
  } finally {
    client.disconnect();
    forwards.close();
  }
  if (keep) return;
  await step('cleaning up', async () => {
    await cluster.delete(60_000);
    await kubernetes.kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
    await kubernetes.uninstallOperator();
  });
  if (kubernetes.isLocal) tell('The local Kubernetes is still there for another run; stop it with: node test/cluster/main.ts down');
}

const { values } = parseArgs({
  options: { context: { type: 'string' }, image: { type: 'string' }, keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
});
if (values.help === true) process.stdout.write(HELP);
else
  demo(new Kubernetes(values.context), values.image, values.keep ?? false).catch((error: unknown) => {
    tell(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
    tell(`What it made is left for a look in the namespaces ${NAMESPACE} and ${OPERATOR_NAMESPACE}.`);
    process.exit(1);
  });
