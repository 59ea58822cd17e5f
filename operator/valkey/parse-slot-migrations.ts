/**
 * CLUSTER GETSLOTMIGRATIONS: what a node takes and took part in, the newest first. In RESP2 each entry is a flat list of names and values.
 *
 * Terminal states are success, cancelled and failed; all others run. Source: `clusterCommandGetSlotMigrations` in Valkey's cluster_migrateslots.c.
 */
import { parseSlotRanges } from '../../lib/slot-ranges.ts';
import type { SlotMigration } from '../model/observation.ts';
import { NodeError, type Reply } from './node-client.ts';

export function parseSlotMigrations(reply: Reply): readonly SlotMigration[] {
  if (!Array.isArray(reply)) throw protocolError('the answer is no list');
  return (reply as readonly Reply[]).map(parseEntry);
}

function parseEntry(entry: Reply): SlotMigration {
  if (!Array.isArray(entry)) throw protocolError('an entry is no list');
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < entry.length; i += 2) fields.set(String(entry[i]), String(entry[i + 1]));
  const operation = fields.get('operation')?.toLowerCase();
  const [name, state] = [fields.get('name'), fields.get('state')];
  if (name === undefined || state === undefined || (operation !== 'import' && operation !== 'export'))
    throw protocolError(`an entry lacks its name, state or operation: ${JSON.stringify(entry).slice(0, 120)}`);
  const [sourceId, targetId] = [fields.get('source_node'), fields.get('target_node')];
  return {
    name,
    operation,
    ranges: parseSlotRanges(fields.get('slot_ranges') ?? '', ' '),
    ...(sourceId === undefined ? {} : { sourceId }),
    ...(targetId === undefined ? {} : { targetId }),
    state,
    outcome: state === 'success' || state === 'cancelled' || state === 'failed' ? state : 'running',
    message: fields.get('message') ?? '',
  };
}

function protocolError(what: string): NodeError {
  return new NodeError('protocol', 'PROTOCOL', `CLUSTER GETSLOTMIGRATIONS: ${what}`);
}
