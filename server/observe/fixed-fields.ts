/** The long sections of INFO as lists: order and names are Valkey's. What has no counter here has nothing to count in this server. */

import type { StatName } from '../core/ports.ts';
import type { InfoField } from './info.ts';
import type { Rate } from './rates.ts';

/** With the values of what this server does not do: fork, and write an append-only file. */
export const PERSISTENCE_FIELDS: readonly InfoField[] = [
  ['loading', 0],
  ['async_loading', 0],
  ['current_cow_peak', 0],
  ['current_cow_size', 0],
  ['current_cow_size_age', 0],
  ['current_fork_perc', '0.00'],
  ['current_save_keys_processed', 0],
  ['current_save_keys_total', 0],
  ['rdb_changes_since_last_save', 0],
  ['rdb_bgsave_in_progress', 0],
  ['rdb_last_save_time', 0],
  ['rdb_last_bgsave_status', 'ok'],
  ['rdb_last_bgsave_time_sec', -1],
  ['rdb_current_bgsave_time_sec', -1],
  ['rdb_saves', 0],
  ['rdb_last_cow_size', 0],
  ['rdb_last_load_keys_expired', 0],
  ['rdb_last_load_keys_loaded', 0],
  ['aof_enabled', 0],
  ['aof_rewrite_in_progress', 0],
  ['aof_rewrite_scheduled', 0],
  ['aof_last_rewrite_time_sec', -1],
  ['aof_current_rewrite_time_sec', -1],
  ['aof_last_bgrewrite_status', 'ok'],
  ['aof_rewrites', 0],
  ['aof_rewrites_consecutive_failures', 0],
  ['aof_last_write_status', 'ok'],
  ['aof_last_cow_size', 0],
  ['module_fork_in_progress', 0],
  ['module_fork_last_cow_size', 0],
  ['slot_migration_fork_in_progress', 0],
];

export interface ServerRates {
  readonly operations: Rate;
  readonly input: Rate;
  readonly output: Rate;
  readonly replInput: Rate;
  readonly replOutput: Rate;
}

/** What INFO's statistics are made of. */
interface StatSources {
  readonly counters: Readonly<Record<StatName, number>>;
  readonly rates: ServerRates;
}

type StatField = readonly [name: string, value: string | number | ((from: StatSources) => string | number)];

const STATS_FIELDS: readonly StatField[] = [
  ['total_connections_received', ({ counters }) => counters.connectionsReceived],
  ['total_commands_processed', ({ counters }) => counters.commandsProcessed],
  ['instantaneous_ops_per_sec', ({ rates }) => Math.round(rates.operations.perSecond())],
  ['total_net_input_bytes', ({ counters }) => counters.netInputBytes + counters.netReplInputBytes],
  ['total_net_output_bytes', ({ counters }) => counters.netOutputBytes + counters.netReplOutputBytes],
  ['total_net_repl_input_bytes', ({ counters }) => counters.netReplInputBytes],
  ['total_net_repl_output_bytes', ({ counters }) => counters.netReplOutputBytes],
  ['total_net_cluster_slot_import_bytes', 0],
  ['total_net_cluster_slot_export_bytes', 0],
  ['instantaneous_input_kbps', ({ rates }) => kilobytes(rates.input)],
  ['instantaneous_output_kbps', ({ rates }) => kilobytes(rates.output)],
  ['instantaneous_input_repl_kbps', ({ rates }) => kilobytes(rates.replInput)],
  ['instantaneous_output_repl_kbps', ({ rates }) => kilobytes(rates.replOutput)],
  ['rejected_connections', ({ counters }) => counters.rejectedConnections],
  ['sync_full', ({ counters }) => counters.syncFull],
  ['sync_partial_ok', ({ counters }) => counters.syncPartialOk],
  ['sync_partial_err', ({ counters }) => counters.syncPartialErr],
  ['expired_keys', ({ counters }) => counters.expiredKeys],
  ['expired_fields', 0],
  ['expired_stale_perc', '0.00'],
  ['expired_keys_with_volatile_items_stale_perc', '0.00'],
  ['expired_time_cap_reached_count', 0],
  ['expire_cycle_cpu_milliseconds', 0],
  ['evicted_keys', ({ counters }) => counters.evictedKeys],
  ['evicted_clients', 0],
  ['evicted_scripts', 0],
  ['total_eviction_exceeded_time', 0],
  ['current_eviction_exceeded_time', 0],
  ['keyspace_hits', ({ counters }) => counters.keyspaceHits],
  ['keyspace_misses', ({ counters }) => counters.keyspaceMisses],
  ['pubsub_channels', 0],
  ['pubsub_patterns', 0],
  ['pubsubshard_channels', 0],
  ['latest_fork_usec', 0],
  ['total_forks', 0],
  ['migrate_cached_sockets', 0],
  ['slave_expires_tracked_keys', 0],
  ['active_defrag_hits', 0],
  ['active_defrag_misses', 0],
  ['active_defrag_key_hits', 0],
  ['active_defrag_key_misses', 0],
  ['total_active_defrag_time', 0],
  ['current_active_defrag_time', 0],
  ['tracking_total_keys', 0],
  ['tracking_total_items', 0],
  ['tracking_total_prefixes', 0],
  ['unexpected_error_replies', ({ counters }) => counters.unexpectedErrorReplies],
  ['total_error_replies', ({ counters }) => counters.errorReplies],
  ['dump_payload_sanitizations', 0],
  ['total_reads_processed', ({ counters }) => counters.readsProcessed],
  ['total_writes_processed', ({ counters }) => counters.writesProcessed],
  ['io_threaded_reads_processed', 0],
  ['io_threaded_writes_processed', 0],
  ['io_threaded_freed_objects', 0],
  ['io_threaded_accept_processed', 0],
  ['io_threaded_poll_processed', 0],
  ['io_threaded_total_prefetch_batches', 0],
  ['io_threaded_total_prefetch_entries', 0],
  ['client_query_buffer_limit_disconnections', ({ counters }) => counters.queryBufferDisconnections],
  ['client_output_buffer_limit_disconnections', ({ counters }) => counters.outputBufferDisconnections],
  ['reply_buffer_shrinks', 0],
  ['reply_buffer_expands', 0],
  ['eventloop_cycles', 0],
  ['eventloop_duration_sum', 0],
  ['eventloop_duration_cmd_sum', 0],
  ['instantaneous_eventloop_cycles_per_sec', 0],
  ['instantaneous_eventloop_duration_usec', 0],
  ['acl_access_denied_auth', ({ counters }) => counters.aclDeniedAuth],
  ['acl_access_denied_cmd', 0],
  ['acl_access_denied_key', 0],
  ['acl_access_denied_channel', 0],
  ['acl_access_denied_tls_cert', 0],
  ['acl_access_denied_db', 0],
];

export function statsFields(counters: Readonly<Record<StatName, number>>, rates: ServerRates): readonly InfoField[] {
  return STATS_FIELDS.map(([name, value]) => [name, typeof value === 'function' ? value({ counters, rates }) : value]);
}

function kilobytes(rate: Rate): string {
  return (rate.perSecond() / 1024).toFixed(2);
}
