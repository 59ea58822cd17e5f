/**
 * Observes one cluster: the platform's workloads and every node's own view, at one moment, into one Observation.
 *
 * Nodes are asked at the same time, each under its connection's limits, so that a silent one delays the picture by its limit and no more.
 */
import type { ClusterResource } from '../model/cluster.ts';
import type { Clock } from '../model/clock.ts';
import type { Memory, NodeProcess } from '../model/memory.ts';
import type { NodeObservation, Observation, SyncProgress } from '../model/observation.ts';
import type { ClusterWorkloads, FenceEvidence, WorkloadObservation } from '../model/workload.ts';
import { liveDirectiveNames } from '../plan/live-config.ts';
import { PING_INTERVAL_DIRECTIVE } from '../plan/ping-pace.ts';
import { SYNC_GUARD_DIRECTIVE } from '../plan/sync-guard.ts';
import { readTopology } from '../plan/read-topology.ts';
import { wantedWorkloads } from '../plan/workloads.ts';
import type { Platform } from '../platform/port.ts';
import { type NodeClient, NodeError, type NodeClients, type NodeTarget } from '../valkey/node-client.ts';
import { readNodeView, readSyncProgress } from '../valkey/read-node-view.ts';
import { nodesToSample, sampleNodes } from './sample-nodes.ts';
import type { SamplePace } from './sample-pace.ts';

export interface ObserveDependencies {
  readonly platform: Platform;
  readonly clients: NodeClients;
  readonly clock: Clock;
  readonly samplePace: SamplePace;
}

export interface Observed {
  readonly observation: Observation;
  /** How to reach each node that has an address; `execute` talks to the same processes. */
  readonly targets: ReadonlyMap<string, NodeTarget>;
}

export async function observe(
  cluster: ClusterResource,
  memory: Memory,
  { platform, clients, clock, samplePace }: ObserveDependencies,
): Promise<Observed> {
  const wanted = wantedWorkloads(cluster, platform.defaultImage);
  const acting = cluster.deletedAt === undefined && cluster.specProblem === undefined;
  const [workloads, drift, password] = await Promise.all([
    platform.observeWorkloads(cluster.key),
    acting ? platform.drift(wanted) : [],
    cluster.deletedAt === undefined ? platform.password(wanted) : undefined,
  ]);
  const targets =
    cluster.deletedAt === undefined && password !== undefined ? nodeTargets(workloads, password) : new Map<string, NodeTarget>();
  clients.keepOnly(cluster.key, [...targets.values()]);
  const nodes = await askNodes(targets, clients, [
    SYNC_GUARD_DIRECTIVE,
    PING_INTERVAL_DIRECTIVE,
    ...liveDirectiveNames(cluster.spec.config),
  ]);
  const sampled = acting ? nodesToSample(nodes, targets) : [];
  const due = sampled.length > 0 && samplePace.take(cluster.key, clock.now());
  const observation: Observation = {
    at: clock.now(),
    cluster,
    wanted,
    workloads,
    drift,
    passwordAvailable: password !== undefined,
    connection: platform.connection(wanted),
    nodes,
    samples: due ? await sampleNodes(sampled, clients, () => clock.now()) : new Map(),
    fences: new Map(),
  };
  return { observation: { ...observation, fences: await askFences(observation, wanted, memory, platform) }, targets };
}

function nodeTargets(workloads: readonly WorkloadObservation[], password: string): ReadonlyMap<string, NodeTarget> {
  const targets = new Map<string, NodeTarget>();
  for (const { name, pod } of workloads) {
    if (pod?.address === undefined || pod.process.kind !== 'running') continue;
    targets.set(name, { name, address: pod.address, process: `${pod.uid}/${pod.containerId ?? ''}`, password });
  }
  return targets;
}

async function askNodes(
  targets: ReadonlyMap<string, NodeTarget>,
  clients: NodeClients,
  liveDirectives: readonly string[],
): Promise<ReadonlyMap<string, NodeObservation>> {
  const answers = await Promise.all(
    [...targets].map(async ([name, target]): Promise<readonly [string, NodeObservation]> => {
      try {
        return [name, { reachable: true, view: await readNodeView(clients.client(target), liveDirectives) }];
      } catch (error) {
        const problem = error instanceof NodeError ? error.problem : 'error';
        const message = error instanceof Error ? error.message : String(error);
        const sync = problem === 'loading' ? await syncOf(clients.client(target)) : undefined;
        return [name, { reachable: false, problem, message, ...(sync === undefined ? {} : { sync }) }];
      }
    }),
  );
  return new Map(answers);
}

/** It was there a moment ago; when it does not answer now, the next turn tells. */
async function syncOf(client: NodeClient): Promise<SyncProgress | undefined> {
  try {
    return await readSyncProgress(client);
  } catch {
    return undefined;
  }
}

/** Evidence about every process that once ran a node id of this cluster and does not answer any more. */
async function askFences(
  observation: Observation,
  wanted: ClusterWorkloads,
  memory: Memory,
  platform: Platform,
): Promise<ReadonlyMap<string, FenceEvidence>> {
  const topology = readTopology(observation, memory);
  const silent = [...topology.processes].filter(([id]) => !topology.byId.has(id));
  const evidence = await Promise.all(
    silent.map(async ([id, process]) => [id, await platform.fence(fenceRequest(wanted.key, process))] as const),
  );
  return new Map(evidence);
}

function fenceRequest(key: string, { name, podUid, containerId }: NodeProcess): Parameters<Platform['fence']>[0] {
  return containerId === undefined ? { key, nodeName: name, podUid } : { key, nodeName: name, podUid, containerId };
}
