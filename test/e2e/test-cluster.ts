/**
 * One ValkeyCluster in a namespace of its own, as a user sees it: applied, waited for, looked at through kubectl and through its nodes.
 * The tests run on a machine that reaches the pods by their addresses (the local Kubernetes: the bridge).
 */
import { readFileSync } from 'node:fs';
import { until } from '../cluster/progress.ts';
import { NodeConnection } from '../integration/node-connection.ts';
import type { Doors } from '../../operator/demo/slot-owners.ts';
import type { ApiObject } from './api-object.ts';
import type { Kubernetes } from './kubernetes.ts';

export type PodView = {
  readonly name: string;
  readonly uid: string;
  readonly shard: number;
  readonly ip: string;
  readonly host: string;
  readonly ready: boolean;
  /** A process runs in its container. */
  readonly running: boolean;
  readonly deleting: boolean;
  readonly restarts: number;
  /** Of the container runtime, without its scheme. */
  readonly containerId: string;
  readonly image: string;
};

/** A row of CLUSTER NODES. */
export type NodeRow = {
  readonly id: string;
  readonly host: string;
  readonly flags: readonly string[];
  readonly primaryId: string;
  readonly linked: boolean;
  readonly slots: readonly string[];
};

type Condition = { readonly type: string; readonly status: string; readonly reason: string; readonly message: string };

export class TestCluster {
  readonly kubernetes: Kubernetes;
  readonly namespace: string;
  readonly name: string;
  #spec: Record<string, unknown>;
  #password = '';
  /** Where this machine reaches the pod of an address: its very address, unless the cluster is elsewhere. */
  readonly #reach: (ip: string) => { readonly host: string; readonly port: number };

  constructor(
    kubernetes: Kubernetes,
    namespace: string,
    name: string,
    spec: Record<string, unknown>,
    reach: (ip: string) => { readonly host: string; readonly port: number } = ip => ({ host: ip, port: 6379 }),
  ) {
    this.#reach = reach;
    this.kubernetes = kubernetes;
    this.namespace = namespace;
    this.name = name;
    this.#spec = spec;
  }

  get password(): string {
    return this.#password;
  }

  /** How a load generator reaches the nodes that are there now. */
  async doors(): Promise<Doors> {
    return { seeds: (await this.pods()).filter(pod => pod.ip !== '').map(pod => this.#reach(pod.ip)), password: this.#password };
  }

  /** Creates the namespace where it is missing and applies the cluster, with `changes` to its spec. */
  async apply(changes: Record<string, unknown> = {}): Promise<void> {
    this.#spec = { ...this.#spec, ...changes };
    await this.kubernetes.kubectl(['create', 'namespace', this.namespace], { allowFailure: true });
    await this.kubernetes.apply(this.manifest());
  }

  manifest(): object {
    return {
      apiVersion: 'slotkeeper.dev/v1alpha1',
      kind: 'ValkeyCluster',
      metadata: { name: this.name, namespace: this.namespace },
      spec: this.#spec,
    };
  }

  resource(): Promise<ApiObject | undefined> {
    return this.kubernetes.get('valkeycluster', this.name, this.namespace);
  }

  async condition(type: string): Promise<Condition | undefined> {
    const status = (await this.resource())?.status as { conditions?: readonly Condition[] } | undefined;
    return status?.conditions?.find(condition => condition.type === type);
  }

  /** Waits until Ready is True for the spec as it stands; the milliseconds it took. Reads the password. */
  async ready(limitMs: number): Promise<number> {
    const begin = performance.now();
    await this.waitUntil('the ValkeyCluster to be Ready', limitMs, async () => {
      const resource = await this.resource();
      const generation = (resource?.metadata as { generation?: number } | undefined)?.generation;
      const status = resource?.status as { observedGeneration?: number; conditions?: readonly Condition[] } | undefined;
      return status?.observedGeneration === generation && status?.conditions?.some(c => c.type === 'Ready' && c.status === 'True') === true;
    });
    this.#password = await this.#readPassword();
    return performance.now() - begin;
  }

  /** Waits for `condition`; the failure tells what the cluster looked like. Exceptions of it count as no. */
  async waitUntil(what: string, limitMs: number, condition: () => Promise<boolean>): Promise<void> {
    try {
      await until(what, limitMs, async () => ((await condition().catch(() => false)) ? true : undefined));
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${await this.describe()}`, { cause: error });
    }
  }

  async describe(): Promise<string> {
    const show = (args: readonly string[]): Promise<string> =>
      this.kubernetes.kubectl([...args, '-n', this.namespace], { allowFailure: true });
    const parts = await Promise.all([
      show(['get', 'valkeycluster', this.name, '-o', 'wide']),
      show([
        'get',
        'valkeycluster',
        this.name,
        '-o',
        'jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\\n"}{end}',
      ]),
      show(['get', 'pods', '-o', 'wide']),
      show(['get', 'events', '--sort-by=.lastTimestamp']).then(text => text.split('\n').slice(-15).join('\n')),
    ]);
    return parts.join('\n');
  }

  async pods(): Promise<readonly PodView[]> {
    const pods = await this.kubernetes.list('pods', this.namespace, `slotkeeper.dev/cluster=${this.name}`);
    return pods.map(podView).toSorted((a, b) => a.name.localeCompare(b.name));
  }

  async podAt(ip: string): Promise<PodView> {
    const pod = (await this.pods()).find(candidate => candidate.ip === ip);
    if (pod === undefined) throw new Error(`no pod of ${this.name} has the address ${ip}`);
    return pod;
  }

  connect(ip: string, timeoutMs = 2_000, connectTimeoutMs = timeoutMs): Promise<NodeConnection> {
    return NodeConnection.open({ ...this.#reach(ip), password: this.#password, timeoutMs, connectTimeoutMs });
  }

  async ask(ip: string, ...command: readonly string[]): Promise<unknown> {
    const connection = await this.connect(ip);
    try {
      return await connection.send(...command);
    } finally {
      connection.close();
    }
  }

  /** CLUSTER NODES of one node. */
  async nodesSeenBy(ip: string): Promise<readonly NodeRow[]> {
    return parseNodes(String(await this.ask(ip, 'CLUSTER', 'NODES')));
  }

  /** The pods that are primaries with slots, in the eyes of the first node that answers. */
  async primaries(): Promise<readonly PodView[]> {
    const pods = await this.pods();
    for (const { ip } of pods) {
      const rows = await this.nodesSeenBy(ip).catch(() => undefined);
      if (rows === undefined) continue;
      const hosts = rows
        .filter(row => row.flags.includes('master') && row.slots.length > 0 && !row.flags.some(f => f.startsWith('fail')))
        .map(row => row.host);
      return pods.filter(pod => hosts.includes(pod.ip));
    }
    throw new Error(`no node of ${this.name} answers`);
  }

  async primaryOf(shard: number): Promise<PodView> {
    const primary = (await this.primaries()).find(pod => pod.shard === shard);
    if (primary === undefined) throw new Error(`shard ${shard} of ${this.name} has no primary`);
    return primary;
  }

  /** Every node sees every node, nobody else, nobody failing, and all slots are served. */
  async isWhole(nodes: number): Promise<boolean> {
    const pods = await this.pods();
    if (pods.length !== nodes) return false;
    const views = await Promise.all(
      pods.map(async pod => ({ rows: await this.nodesSeenBy(pod.ip), info: String(await this.ask(pod.ip, 'CLUSTER', 'INFO')) })),
    );
    return views.every(
      ({ rows, info }) =>
        rows.length === nodes && rows.every(row => !row.flags.some(f => f.startsWith('fail'))) && info.includes('cluster_state:ok'),
    );
  }

  async delete(limitMs: number): Promise<void> {
    await this.kubernetes.kubectl(['delete', 'valkeycluster', this.name, '-n', this.namespace, '--ignore-not-found', '--wait=false']);
    await this.waitUntil('all objects of the cluster to be gone', limitMs, async () => (await this.remains()).length === 0);
  }

  /** What is left that carries the cluster's label. */
  async remains(): Promise<readonly string[]> {
    const kinds =
      'valkeyclusters,statefulsets,pods,services,secrets,poddisruptionbudgets,networkpolicies,configmaps,persistentvolumeclaims';
    const labelled = await this.kubernetes.list(kinds, this.namespace, `slotkeeper.dev/cluster=${this.name}`);
    const resource = await this.resource();
    return [...labelled, ...(resource === undefined ? [] : [resource])].map(object => `${object.kind}/${object.metadata.name}`);
  }

  async #readPassword(): Promise<string> {
    const status = (await this.resource())?.status as { connection?: { secretName?: string } } | undefined;
    const secret = await this.kubernetes.get('secret', status?.connection?.secretName ?? `${this.name}-connection`, this.namespace);
    const data = (secret as unknown as { data?: Record<string, string> } | undefined)?.data ?? {};
    return Buffer.from(data['password'] ?? '', 'base64').toString('utf8');
  }
}

function podView(pod: ApiObject): PodView {
  const status = pod.status as {
    podIP?: string;
    conditions?: readonly { type: string; status: string }[];
    containerStatuses?: readonly { containerID?: string; restartCount: number; image: string; state?: { running?: object } }[];
  };
  const container = status.containerStatuses?.[0];
  const spec = pod.spec as { nodeName?: string; containers: readonly { image: string }[] };
  return {
    name: pod.metadata.name,
    uid: pod.metadata.uid,
    shard: Number(pod.metadata.labels?.['slotkeeper.dev/shard']),
    ip: status.podIP ?? '',
    host: spec.nodeName ?? '',
    ready: status.conditions?.some(condition => condition.type === 'Ready' && condition.status === 'True') ?? false,
    running: container?.state?.running !== undefined,
    deleting: pod.metadata.deletionTimestamp !== undefined,
    restarts: container?.restartCount ?? 0,
    containerId: container?.containerID?.replace(/^\w+:\/\//, '') ?? '',
    image: spec.containers[0].image,
  };
}

export function parseNodes(text: string): readonly NodeRow[] {
  return text
    .trim()
    .split('\n')
    .map(line => {
      const [id, address, flags, primaryId, , , , link, ...slots] = line.split(' ');
      return {
        id,
        host: address.slice(0, address.lastIndexOf(':')),
        flags: flags.split(','),
        primaryId,
        linked: link === 'connected',
        slots,
      };
    });
}

/** The quickstart's spec, with a node image, and requests: without any the nodes stand behind whatever else starts on a small machine, and what is measured is that. */
export const clusterSpec = (image: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  image,
  shards: 3,
  replicas: 1,
  resources: { requests: { cpu: '200m', memory: '128Mi' } },
  ...more,
});

/** The seed of this run's random moments: SLOTKEEPER_SEED repeats one. */
export const SEED = Number(
  process.env['SLOTKEEPER_SEED'] ?? readFileSync('/proc/sys/kernel/random/uuid', 'utf8').replaceAll(/\D/g, '').slice(0, 8),
);

/** Numbers in [0, 1) from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
