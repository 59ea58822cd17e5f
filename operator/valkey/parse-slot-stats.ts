/**
 * CLUSTER SLOT-STATS over RESP2: an array of [slot, [name, value, name, value …]], one for each slot of the shard, up to 16384 of them.
 *
 * The statistics are there only where cluster-slot-stats-enabled is on: without them a slot has its number of keys alone.
 * Names are read by name, so that a later version may add some. Source: addReplySlotStat in Valkey's cluster_slot_stats.c.
 */
import type { SlotCounters } from '../model/node-sample.ts';
import { NodeError, type Reply } from './node-client.ts';

/** The counters of each slot; undefined when the node keeps no statistics. */
export function parseSlotStats(reply: Reply): readonly SlotCounters[] | undefined {
  if (!Array.isArray(reply)) throw malformed(reply);
  const slots: SlotCounters[] = [];
  for (const row of reply as readonly Reply[]) {
    const counters = parseRow(row);
    if (counters === undefined) return undefined;
    slots.push(counters);
  }
  return slots;
}

function parseRow(row: Reply): SlotCounters | undefined {
  if (!Array.isArray(row)) throw malformed(row);
  const [slot, fields] = row as readonly Reply[];
  if (typeof slot !== 'number' || !Array.isArray(fields)) throw malformed(row);
  let keys = 0;
  let cpuMicroseconds = 0;
  let networkBytesIn = 0;
  let networkBytesOut = 0;
  let found = 0;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const value = Number(fields[i + 1]);
    switch (fields[i]) {
      case 'key-count':
        keys = value;
        break;
      case 'cpu-usec':
        cpuMicroseconds = value;
        found++;
        break;
      case 'network-bytes-in':
        networkBytesIn = value;
        found++;
        break;
      case 'network-bytes-out':
        networkBytesOut = value;
        found++;
        break;
      default:
    }
  }
  return found < 3 ? undefined : { slot, keys, cpuMicroseconds, networkBytesIn, networkBytesOut };
}

function malformed(reply: Reply): NodeError {
  return new NodeError('protocol', 'PROTOCOL', `CLUSTER SLOT-STATS answered with what is not one: ${JSON.stringify(reply)?.slice(0, 80)}`);
}
