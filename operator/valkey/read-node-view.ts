/** Asks one node what it is and what it knows: six commands in one round trip. */
import { NodeError, type NodeClient, type Reply } from './node-client.ts';
import { infoNumber, keysInAllDatabases, parseInfo, type InfoFields } from './parse-info.ts';
import { parseClusterNodes } from './parse-cluster-nodes.ts';
import { parseSlotMigrations } from './parse-slot-migrations.ts';
import type { NodeView, ReplicaLink, SlotMigration, SyncProgress } from '../model/observation.ts';

/** Of our own server; Valkey's has a number in base 16 there. */
const OWN_BUILD_ID = 'slotkeeper';
const ANNOUNCED_NAME = 'cluster-announce-human-nodename';

/** @param liveDirectives names whose values `NodeView.liveConfig` is to hold. */
export async function readNodeView(client: NodeClient, liveDirectives: readonly string[]): Promise<NodeView> {
  const [myId, nodes, clusterInfo, info, config, migrations] = await Promise.all([
    client.send(['CLUSTER', 'MYID']),
    client.send(['CLUSTER', 'NODES']),
    client.send(['CLUSTER', 'INFO']),
    client.send(['INFO', 'server', 'replication', 'keyspace', 'persistence', 'memory']),
    client.send(['CONFIG', 'GET', ANNOUNCED_NAME, ...liveDirectives]),
    slotMigrations(client),
  ]);
  const cluster = parseInfo(text(clusterInfo));
  const server = parseInfo(text(info));
  const values = configValues(config);
  const announcedName = values.get(ANNOUNCED_NAME) ?? '';
  values.delete(ANNOUNCED_NAME);
  const replica = server.get('role') !== 'master';
  return {
    nodeId: text(myId),
    announcedName,
    version: server.get('valkey_version') ?? server.get('redis_version') ?? 'unknown',
    server: server.get('redis_build_id') === OWN_BUILD_ID ? 'slotkeeper' : 'valkey',
    appendOnly: infoNumber(server, 'aof_enabled') !== 0,
    runId: server.get('run_id') ?? '',
    role: replica ? 'replica' : 'primary',
    configEpoch: infoNumber(cluster, 'cluster_my_epoch'),
    currentEpoch: infoNumber(cluster, 'cluster_current_epoch'),
    clusterOk: cluster.get('cluster_state') === 'ok',
    keys: keysInAllDatabases(server),
    offset: replica ? infoNumber(server, 'slave_repl_offset') : infoNumber(server, 'master_repl_offset'),
    ...(replica ? { replication: replicaLink(server) } : {}),
    loading: infoNumber(server, 'loading') !== 0,
    peers: parseClusterNodes(text(nodes)),
    liveConfig: values,
    memory: {
      usedBytes: infoNumber(server, 'used_memory'),
      startupBytes: infoNumber(server, 'used_memory_startup'),
      limitBytes: infoNumber(server, 'maxmemory'),
    },
    ...(migrations === undefined ? {} : { migrations }),
  };
}

/** How far the full sync of a node has come that answers INFO and hardly anything else; undefined when it takes none. */
export async function readSyncProgress(client: NodeClient): Promise<SyncProgress | undefined> {
  return syncProgress(parseInfo(text(await client.send(['INFO', 'replication', 'keyspace']))));
}

function syncProgress(server: InfoFields): SyncProgress | undefined {
  if (infoNumber(server, 'master_sync_in_progress') === 0) return undefined;
  return {
    readBytes: infoNumber(server, 'master_sync_read_bytes'),
    totalBytes: infoNumber(server, 'master_sync_total_bytes'),
    keys: keysInAllDatabases(server),
  };
}

/** Undefined when the server refuses the question: it is older than Valkey 9.0. */
async function slotMigrations(client: NodeClient): Promise<readonly SlotMigration[] | undefined> {
  try {
    return parseSlotMigrations(await client.send(['CLUSTER', 'GETSLOTMIGRATIONS']));
  } catch (error) {
    if (error instanceof NodeError && error.problem === 'error') return undefined;
    throw error;
  }
}

function replicaLink(server: InfoFields): ReplicaLink {
  const sync = syncProgress(server);
  return {
    up: server.get('master_link_status') === 'up',
    syncing: sync !== undefined,
    ...(sync === undefined ? {} : { sync }),
    primaryHost: server.get('master_host') ?? '',
    primaryPort: infoNumber(server, 'master_port'),
    downSeconds: Math.max(0, infoNumber(server, 'master_link_down_since_seconds')),
  };
}

function configValues(reply: Reply): Map<string, string> {
  if (!Array.isArray(reply)) throw new NodeError('protocol', 'PROTOCOL', 'CONFIG GET answered with something else than an array');
  const values = new Map<string, string>();
  for (let i = 0; i + 1 < reply.length; i += 2) values.set(text(reply[i]), text(reply[i + 1]));
  return values;
}

function text(reply: Reply): string {
  if (typeof reply !== 'string')
    throw new NodeError('protocol', 'PROTOCOL', `A string was expected in a reply, not ${JSON.stringify(reply)?.slice(0, 80)}`);
  return reply;
}
