/**
 * CLUSTER NODES: one line a node, as the asked node sees it.
 *
 *     <id> <ip:port@bus[,hostname[,aux=value…]]> <flags> <primary-id or -> <ping-sent> <pong-received> <config-epoch> <link-state> <slot> …
 *
 * A slot is `n`, `n-m`, or of a migration `[n->-id]` and `[n-<-id]`. Flags: myself, master, slave, fail?, fail, handshake, noaddr, nofailover, noflags.
 * Source: `clusterGenNodeDescription` in Valkey's cluster_legacy.c.
 */
import { parseSlotRange, type SlotRange } from '../../lib/slot-ranges.ts';
import type { PeerView } from '../model/observation.ts';
import { NodeError } from './node-client.ts';

export function parseClusterNodes(text: string): readonly PeerView[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .map(parseLine);
}

function parseLine(line: string): PeerView {
  const [nodeId, address, flagWord, primaryId, , , configEpoch, linkState, ...slotWords] = line.split(' ');
  if (linkState === undefined) throw new NodeError('protocol', 'PROTOCOL', `A line of CLUSTER NODES has too few fields: "${line}"`);
  const flags = new Set(flagWord.split(','));
  const slots: SlotRange[] = [];
  for (const word of slotWords) {
    const range = parseSlotRange(word);
    if (range !== undefined) slots.push(range);
  }
  return {
    nodeId,
    ...parseAddress(address),
    myself: flags.has('myself'),
    role: flags.has('master') || flags.has('primary') ? 'primary' : flags.has('slave') || flags.has('replica') ? 'replica' : 'unknown',
    health: flags.has('fail') ? 'fail' : flags.has('fail?') ? 'pfail' : 'ok',
    handshake: flags.has('handshake'),
    noAddress: flags.has('noaddr'),
    ...(primaryId === '-' ? {} : { primaryId }),
    configEpoch: Number(configEpoch),
    linkConnected: linkState === 'connected' || flags.has('myself'),
    slots,
    migrating: slotWords.some(word => word.startsWith('[')),
  };
}

/** `10.0.0.7:6379@16379,host-name`: an IPv6 address holds colons itself. */
function parseAddress(field: string): Pick<PeerView, 'host' | 'port' | 'busPort' | 'hostname'> {
  const [endpoint, hostname] = field.split(',');
  const at = endpoint.lastIndexOf('@');
  const busPort = at < 0 ? 0 : Number(endpoint.slice(at + 1));
  const client = at < 0 ? endpoint : endpoint.slice(0, at);
  const colon = client.lastIndexOf(':');
  const address = { host: client.slice(0, colon), port: Number(client.slice(colon + 1)), busPort };
  return hostname === undefined || hostname === '' ? address : { ...address, hostname };
}
