/**
 * What a cluster should have in the place it runs in: pure, from the spec alone.
 *
 * The command line of a node has three parts, the later winning: our defaults, the user's `config`, and what the operator owns.
 * The revision is a hash of all that a process must be restarted for. Values of live directives are not in it, only their names (see live-directives.ts).
 */
import { stableHash } from '../../lib/stable-hash.ts';
import { announcedName, connectionSecretName, generatedPasswordSecretName, nodeName } from '../api/group.ts';
import type { ClusterResource } from '../model/cluster.ts';
import type { ClusterWorkloads, DirectiveLine, NodeWorkload } from '../model/workload.ts';
import { isLiveDirective } from './live-directives.ts';
import { SYNC_GUARD_DIRECTIVE, SYNC_GUARD_SECONDS } from './sync-guard.ts';
import { bytesOfQuantity } from './quantity.ts';

const MEBIBYTE = 2 ** 20;
/** As Valkey does by itself: seconds and changes. */
const SAVE_POINTS = ['3600', '1', '300', '100', '60', '10000'];

/** @param defaultImage of nodes whose spec names none. */
export function wantedWorkloads(cluster: ClusterResource, defaultImage: string): ClusterWorkloads {
  const { spec, namespace, name } = cluster;
  const secret = spec.auth?.passwordSecret;
  const nodes: NodeWorkload[] = [];
  const shardIndexes = wantedShards(cluster);
  for (const shard of shardIndexes)
    for (let index = 0; index <= spec.replicas; index++) nodes.push(nodeWorkload(cluster, shard, index, spec.image ?? defaultImage));
  return {
    key: cluster.key,
    namespace,
    cluster: name,
    uid: cluster.uid,
    generation: cluster.generation,
    nodes,
    shards: targetShards(cluster),
    shardIndexes,
    replicas: spec.replicas,
    resources: spec.resources ?? {},
    scheduling: spec.scheduling ?? {},
    podDisruptionBudget: spec.podDisruptionBudget.mode,
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds,
    password:
      secret === undefined
        ? { secretName: generatedPasswordSecretName(name), key: 'password', generate: true }
        : { secretName: secret.name, key: secret.key, generate: false },
    connectionSecretName: connectionSecretName(name),
    ...(spec.persistence !== undefined && { persistence: spec.persistence }),
  };
}

/** How many shards there should be. Everything else asks `ClusterWorkloads.shards`. Where they follow the load, the last decision stands in the status. */
function targetShards({ spec, status }: ClusterResource): number {
  const { autoscaling, shards } = spec;
  if (autoscaling === undefined) return shards;
  return status.autoscaling?.targetShards ?? Math.min(autoscaling.maxShards, Math.max(autoscaling.minShards, shards));
}

/** The shards that should be, and those beyond that have slots by the last record: their nodes stay until the slots have moved. */
function wantedShards(cluster: ClusterResource): readonly number[] {
  const target = targetShards(cluster);
  const draining = (cluster.status.shards ?? []).filter(row => row.index >= target && row.slots !== '').map(row => row.index);
  return [...Array.from({ length: target }, (_, shard) => shard), ...draining.toSorted((a, b) => a - b)];
}

function nodeWorkload(cluster: ClusterResource, shard: number, index: number, image: string): NodeWorkload {
  const name = nodeName(cluster.name, shard, index);
  const directives = nodeDirectives(cluster, name);
  const { spec } = cluster;
  const restarts = directives
    .filter(line => line.name !== 'cluster-announce-human-nodename')
    .map(line => (isLiveDirective(line.name) ? [line.name] : [line.name, ...line.args]));
  const revision = stableHash([
    image,
    restarts,
    spec.resources,
    spec.scheduling,
    spec.auth?.passwordSecret,
    spec.terminationGracePeriodSeconds,
  ]);
  return { name, shard, index, image, directives, revision, ...(spec.persistence !== undefined && { persistent: true as const }) };
}

function nodeDirectives(cluster: ClusterResource, name: string): readonly DirectiveLine[] {
  const { spec, namespace } = cluster;
  const maxmemory = maxmemoryOf(spec.resources?.limits?.memory);
  const defaults: DirectiveLine[] = [
    line('cluster-require-full-coverage', 'no'),
    line('cluster-slot-stats-enabled', 'yes'),
    line('dual-channel-replication-enabled', writesAppendOnlyFile(spec.config) ? 'no' : 'yes'),
    ...(maxmemory === undefined ? [] : [line('maxmemory', String(maxmemory))]),
    ...replicaBuffers(spec.resources?.limits?.memory, maxmemory),
    ...(spec.persistence === undefined ? [] : [line('save', ...SAVE_POINTS), line('appendonly', 'no')]),
  ];
  const owned: DirectiveLine[] = [
    line('cluster-enabled', 'yes'),
    line('cluster-config-file', 'nodes.conf'),
    line('cluster-node-timeout', String(spec.nodeTimeoutMilliseconds)),
    line('cluster-announce-human-nodename', announcedName(namespace, name)),
    line('cluster-allow-replica-migration', 'no'),
    ...(spec.persistence === undefined ? [line('save', ''), line('appendonly', 'no')] : []),
    line('shutdown-on-sigterm', 'failover'),
    line('repl-diskless-sync', 'yes'),
    line('repl-diskless-sync-max-replicas', '0'),
    line(SYNC_GUARD_DIRECTIVE, String(SYNC_GUARD_SECONDS)),
  ];
  const user = Object.entries(spec.config ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([directive, value]) => line(directive, String(value)));
  const set = new Set(user.map(directive => directive.name));
  return [...defaults.filter(directive => !set.has(directive.name)), ...user, ...owned];
}

/**
 * Valkey 9.1 takes the snapshot of a full sync for the base of its append-only file, and does not write there what came over the second connection beside it:
 * after the next start those writes would be missing.
 */
function writesAppendOnlyFile(config: ClusterResource['spec']['config']): boolean {
  return String(config?.['appendonly'] ?? 'no').toLowerCase() === 'yes';
}

function line(name: string, ...args: readonly string[]): DirectiveLine {
  return { name, args };
}

/**
 * What of the stream may wait for a replica that takes a full sync, at the primary or held back by the replica itself: half of the room beside
 * the data, and a quarter of it for a minute. Without a memory limit it is Valkey's default.
 */
function replicaBuffers(limit: string | number | undefined, maxmemory: number | undefined): readonly DirectiveLine[] {
  const bytes = limit === undefined ? undefined : bytesOfQuantity(limit);
  if (bytes === undefined || maxmemory === undefined) return [];
  const room = Math.max(0, bytes - maxmemory);
  const hard = Math.floor(room / 2 / MEBIBYTE) * MEBIBYTE || MEBIBYTE;
  return [line('client-output-buffer-limit', 'replica', String(hard), String(Math.floor(hard / 2)), '60')];
}

/** The memory limit less room for the process, its buffers and a full sync: a quarter of it, at least 96 MiB, at most half. */
export function maxmemoryOf(limit: string | number | undefined): number | undefined {
  const bytes = limit === undefined ? undefined : bytesOfQuantity(limit);
  if (bytes === undefined || bytes === 0) return undefined;
  const reserve = Math.min(Math.max(bytes / 4, 96 * MEBIBYTE), bytes / 2);
  return Math.floor((bytes - reserve) / MEBIBYTE) * MEBIBYTE || MEBIBYTE;
}
