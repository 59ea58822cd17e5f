/**
 * The sections of INFO that the server as a whole writes. Replication and cluster write theirs themselves.
 *
 * Every field of Valkey 9.1 stands here, because tools look for them; what this server does not have is truly zero or none.
 */

import { VALKEY_VERSION, REDIS_VERSION } from '../../lib/version.ts';
import type { Command } from '../core/command.ts';
import type { ServerPorts } from '../core/ports.ts';
import { clientsAndKeyspace } from './client-sections.ts';
import { humanBytes, infoLines, type InfoField } from './info.ts';
import { PERSISTENCE_FIELDS, statsFields } from './fixed-fields.ts';
import type { ProcessFacts } from './process-facts.ts';
import { Rate } from './rates.ts';

const SAMPLE_INTERVAL_MS = 100;

/** Registers the sections and starts to measure rates. */
export function registerSections(ports: ServerPorts, facts: ProcessFacts): void {
  const rates = { operations: new Rate(), input: new Rate(), output: new Rate(), replInput: new Rate(), replOutput: new Rate() };
  ports.timers.every(SAMPLE_INTERVAL_MS, () => {
    const { counters } = ports.stats;
    const now = ports.clock.monotonic();
    rates.operations.sample(counters.commandsProcessed, now);
    rates.input.sample(counters.netInputBytes, now);
    rates.output.sample(counters.netOutputBytes, now);
    rates.replInput.sample(counters.netReplInputBytes, now);
    rates.replOutput.sample(counters.netReplOutputBytes, now);
  });
  const { info } = ports;
  info.section('server', () => infoLines(serverFields(ports, facts)));
  clientsAndKeyspace(ports);
  info.section('memory', () => infoLines(memoryFields(ports, facts)));
  info.section('persistence', () => infoLines(persistenceFields(ports)));
  info.section('stats', () => infoLines(statsFields(ports.stats.counters, rates)));
  info.section('cpu', () => infoLines(processorFields(facts)));
  info.section('module_list', () => '');
  info.section('tls', () =>
    infoLines([
      ['tls_server_cert_serial', 'none'],
      ['tls_server_cert_expires_in_seconds', 0],
      ['tls_client_cert_serial', 'none'],
      ['tls_client_cert_expires_in_seconds', 0],
      ['tls_ca_cert_serial', 'none'],
      ['tls_ca_cert_expires_in_seconds', 0],
    ]),
  );
  info.section('commandstats', () => commandStatistics(ports));
  info.section('errorstats', () => infoLines([...ports.stats.errorCounts].map(([code, count]) => [`errorstat_${code}`, `count=${count}`])));
  info.section('latencystats', () => '');
  info.section('cluster', () => infoLines([['cluster_enabled', ports.cluster === undefined ? 0 : 1]]));
  info.section('cluster_info', () => ports.cluster?.infoText() ?? '');
  info.section('scriptingengines', () =>
    infoLines([
      ['engines_count', 0],
      ['engines_total_used_memory', 0],
      ['engines_total_memory_overhead', 0],
    ]),
  );
}

function serverFields({ clock, cluster, config, lifecycle, stats }: ServerPorts, facts: ProcessFacts): readonly InfoField[] {
  const redis = config.flag('extended-redis-compatibility');
  const now = clock.now();
  const uptime = Math.max(0, Math.floor((now - stats.startedAt) / 1000));
  const mode = cluster === undefined ? 'standalone' : 'cluster';
  const port = config.integer('port');
  const fields: InfoField[] = [
    ['redis_version', REDIS_VERSION],
    ['server_name', 'valkey'],
    ['valkey_version', VALKEY_VERSION],
    ['valkey_release_stage', 'ga'],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', 'slotkeeper'],
    [redis ? 'redis_mode' : 'server_mode', mode],
    ['os', facts.operatingSystem],
    ['arch_bits', 64],
    ['monotonic_clock', 'POSIX clock_gettime'],
    ['multiplexing_api', 'epoll'],
    ['gcc_version', facts.runtime],
    ['process_id', lifecycle.processId],
    ['process_supervised', 'no'],
    ['run_id', lifecycle.runId],
    ['tcp_port', port],
    ['server_time_usec', clock.microseconds()],
    ['uptime_in_seconds', uptime],
    ['uptime_in_days', Math.floor(uptime / 86400)],
    ['hz', config.integer('hz')],
    ['configured_hz', config.integer('hz')],
    ['clients_hz', config.integer('hz')],
    ['lru_clock', Math.floor(now / 1000) & 0xffffff],
    ['executable', lifecycle.executable],
    ['config_file', lifecycle.configFile],
    ['io_threads_active', 0],
    ['availability_zone', config.text('availability-zone')],
  ];
  const addresses = config.words('bind').map(address => `bind=${address}`);
  if (port !== 0) fields.push(['listener0', ['name=tcp', ...addresses, `port=${port}`].join(',')]);
  const until = lifecycle.shuttingDownUntil;
  if (until !== undefined) fields.push(['shutdown_in_milliseconds', Math.max(0, until - now)]);
  return fields;
}

function memoryFields(ports: ServerPorts, facts: ProcessFacts): readonly InfoField[] {
  const { config, values } = ports;
  const figures = ports.memory.measure();
  const { backlog, peak, replicasBuffer, resident, startup, used } = figures;
  const limit = config.integer('maxmemory');
  return [
    ['used_memory', used],
    ['used_memory_human', humanBytes(used)],
    ['used_memory_rss', resident],
    ['used_memory_rss_human', humanBytes(resident)],
    ['used_memory_peak', peak],
    ['used_memory_peak_human', humanBytes(peak)],
    ['used_memory_peak_perc', `${((used / Math.max(1, peak)) * 100).toFixed(2)}%`],
    ['used_memory_overhead', Math.min(used, startup)],
    ['used_memory_startup', startup],
    ['used_memory_dataset', Math.max(0, used - startup)],
    ['used_memory_dataset_perc', used > startup ? '100.00%' : '0.00%'],
    ['allocator_allocated', used],
    ['allocator_active', used],
    ['allocator_resident', resident],
    ['allocator_muzzy', 0],
    ['total_system_memory', facts.machineMemoryBytes],
    ['total_system_memory_human', humanBytes(facts.machineMemoryBytes)],
    ...NO_SCRIPTS,
    ['maxmemory', limit],
    ['maxmemory_human', humanBytes(limit)],
    ['maxmemory_policy', config.text('maxmemory-policy')],
    ['allocator_frag_ratio', '1.00'],
    ['allocator_frag_bytes', 0],
    ['allocator_rss_ratio', (resident / Math.max(1, used)).toFixed(2)],
    ['allocator_rss_bytes', resident - used],
    ['rss_overhead_ratio', '1.00'],
    ['rss_overhead_bytes', 0],
    ['mem_fragmentation_ratio', (resident / Math.max(1, used)).toFixed(2)],
    ['mem_fragmentation_bytes', resident - used],
    ['mem_not_counted_for_evict', 0],
    ['mem_replication_backlog', backlog],
    ['mem_total_replication_buffers', backlog + replicasBuffer],
    ['mem_replicas_repl_buffer', replicasBuffer],
    ['mem_clients_slaves', figures.replicaClients],
    ['mem_clients_normal', figures.otherClients],
    ['mem_cluster_links', 0],
    ['mem_cluster_slot_import', 0],
    ['mem_cluster_slot_export', figures.slotExports],
    ['mem_aof_buffer', 0],
    ['mem_allocator', 'arena'],
    ['mem_javascript_heap', figures.javaScriptHeap],
    ['mem_overhead_db_hashtable_rehashing', 0],
    ['active_defrag_running', 0],
    ['lazyfree_pending_objects', values.pendingFree],
    ['lazyfreed_objects', 0],
  ];
}

const NO_SCRIPTS: readonly InfoField[] = [
  ['used_memory_lua', 0],
  ['used_memory_vm_eval', 0],
  ['used_memory_lua_human', '0B'],
  ['used_memory_scripts_eval', 0],
  ['number_of_cached_scripts', 0],
  ['number_of_functions', 0],
  ['number_of_libraries', 0],
  ['used_memory_vm_functions', 0],
  ['used_memory_vm_total', 0],
  ['used_memory_vm_total_human', '0B'],
  ['used_memory_functions', 0],
  ['used_memory_scripts', 0],
  ['used_memory_scripts_human', '0B'],
];

function persistenceFields({ persistence, snapshots }: ServerPorts): readonly InfoField[] {
  const { values, whileLoading } = persistence.facts();
  const known = new Map(values).set('slot_migration_fork_in_progress', snapshots.runningOfSlots > 0 ? 1 : 0);
  return [...PERSISTENCE_FIELDS.map(([name, value]): InfoField => [name, known.get(name) ?? value]), ...whileLoading];
}

function processorFields(facts: ProcessFacts): readonly InfoField[] {
  const { user, system } = facts.processorSeconds();
  return [
    ['used_cpu_sys', system.toFixed(6)],
    ['used_cpu_user', user.toFixed(6)],
    ['used_cpu_sys_children', '0.000000'],
    ['used_cpu_user_children', '0.000000'],
    ['used_cpu_sys_main_thread', system.toFixed(6)],
    ['used_cpu_user_main_thread', user.toFixed(6)],
    ['used_active_time_main_thread', (user + system).toFixed(6)],
  ];
}

function commandStatistics(ports: ServerPorts): string {
  const fields: InfoField[] = [];
  for (const command of ports.commands.all.values()) {
    for (const each of [command, ...(command.subcommands?.values() ?? [])]) {
      const field = commandField(each);
      if (field !== undefined) fields.push(field);
    }
  }
  return infoLines(fields);
}

function commandField({ fullName, stats }: Command): InfoField | undefined {
  const { calls, failed, microseconds, rejected } = stats;
  if (calls === 0 && failed === 0 && rejected === 0) return undefined;
  const mean = calls === 0 ? '0.00' : (microseconds / calls).toFixed(2);
  return [
    `cmdstat_${fullName}`,
    `calls=${calls},usec=${Math.round(microseconds)},usec_per_call=${mean},rejected_calls=${rejected},failed_calls=${failed}`,
  ];
}
