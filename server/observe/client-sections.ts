/** INFO's sections on clients and on the keyspace. */

import type { ServerPorts } from '../core/ports.ts';
import { waitingOf } from '../core/waiting.ts';
import { infoLines, type InfoField } from './info.ts';

export function clientsAndKeyspace(ports: ServerPorts): void {
  ports.info.section('clients', () => infoLines(clientFields(ports)));
  ports.info.section('keyspace', () => infoLines(keyspaceFields(ports)));
}

function clientFields({ clients, cluster, config, watch }: ServerPorts): readonly InfoField[] {
  const count = { connected: 0, blocked: 0, pubsub: 0, input: 0, output: 0 };
  clients.each(session => {
    if (session.kind !== 'replica' && session.kind !== 'primary') count.connected++;
    if (session.kind === 'pubsub') count.pubsub++;
    if (waitingOf(session) !== undefined) count.blocked++;
    count.input = Math.max(count.input, session.transport.inputBufferBytes);
    count.output = Math.max(count.output, session.transport.pendingOutputBytes);
  });
  const pause = clients.pauseState();
  return [
    ['connected_clients', count.connected],
    ['cluster_connections', cluster?.connectionsCount ?? 0],
    ['maxclients', config.integer('maxclients')],
    ['client_recent_max_input_buffer', count.input],
    ['client_recent_max_output_buffer', count.output],
    ['blocked_clients', count.blocked],
    ['tracking_clients', 0],
    ['pubsub_clients', count.pubsub],
    ['watching_clients', watch.watchingClients],
    ['clients_in_timeout_table', 0],
    ['total_watched_keys', watch.watchedKeys],
    ['total_blocking_keys', 0],
    ['total_blocking_keys_on_nokey', 0],
    ['paused_reason', pause.reason],
    ['paused_actions', pause.actions],
    ['paused_timeout_milliseconds', pause.timeoutMs],
  ];
}

/** One line for each database that holds keys. */
function keyspaceFields({ databases }: ServerPorts): readonly InfoField[] {
  const fields: InfoField[] = [];
  for (let index = 0; index < databases.count; index++) {
    const { expiring, size } = databases.get(index).visible();
    if (size > 0) fields.push([`db${index}`, `keys=${size},expires=${expiring},avg_ttl=0,keys_with_volatile_items=0`]);
  }
  return fields;
}
