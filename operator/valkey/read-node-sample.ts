/** Asks a primary what it has counted: two commands in one round trip. */
import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import type { NodeSample } from '../model/node-sample.ts';
import { NodeError, type NodeClient } from './node-client.ts';
import { infoNumber, keysInAllDatabases, parseInfo } from './parse-info.ts';
import { parseSlotStats } from './parse-slot-stats.ts';

/**
 * @param now read when the replies are there.
 * @returns undefined when the node has no such statistics: an older version, or they are switched off.
 * @throws NodeError when it could not be asked.
 */
export async function readNodeSample(client: NodeClient, nodeId: string, now: () => number): Promise<NodeSample | undefined> {
  const [stats, info] = await Promise.all([
    client.send(['CLUSTER', 'SLOT-STATS', 'SLOTSRANGE', '0', String(SLOT_COUNT - 1)]).catch(withoutStatistics),
    client.send(['INFO', 'server', 'cpu', 'memory', 'keyspace']),
  ]);
  const slots = stats === null ? undefined : parseSlotStats(stats);
  if (slots === undefined) return undefined;
  const fields = parseInfo(String(info));
  return {
    nodeId,
    runId: fields.get('run_id') ?? '',
    atMs: now(),
    cpuSeconds: infoNumber(fields, 'used_cpu_sys') + infoNumber(fields, 'used_cpu_user'),
    usedMemoryBytes: infoNumber(fields, 'used_memory'),
    maxMemoryBytes: infoNumber(fields, 'maxmemory'),
    datasetBytes: infoNumber(fields, 'used_memory_dataset'),
    keys: keysInAllDatabases(fields),
    slots,
  };
}

/** A version that has no such command refuses it. */
function withoutStatistics(error: unknown): null {
  if (error instanceof NodeError && error.problem === 'error') return null;
  throw error;
}
