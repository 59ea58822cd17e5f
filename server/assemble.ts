/**
 * Wires the parts of one server. Everything here is made once for each server: there is no state in modules, so that several servers live in
 * one process.
 */

import { ClusterService } from './cluster/cluster-service.ts';
import { CommandTable } from './commands/table.ts';
import { commandHandlers } from './command-handlers.ts';
import type { ConfigStore } from './config/store.ts';
import type { Clock, ClusterPort, Entropy, KeyspaceEvents, ServerLog, ServerPorts } from './core/ports.ts';
import { SlotStatistics } from './core/slot-statistics.ts';
import { Clients } from './engine/clients.ts';
import { Cron } from './engine/cron.ts';
import { Databases } from './engine/databases.ts';
import { Engine } from './engine/engine.ts';
import { ActiveExpiry, announceExpired } from './engine/expiry.ts';
import { Lifecycle } from './engine/lifecycle.ts';
import { Propagation } from './engine/propagation.ts';
import { ServerStatistics } from './engine/server-statistics.ts';
import { Watches } from './engine/watch.ts';
import { hashKeyFrom } from './keyspace/key-hash.ts';
import { KeyspaceState } from './keyspace/keyspace-state.ts';
import { VALKEY_VERSION } from '../lib/version.ts';
import { Arena } from './memory/arena.ts';
import { ConnectionHost } from './net/connection-host.ts';
import { DefaultUserAuth } from './observe/auth.ts';
import { InfoSections } from './observe/info.ts';
import { MemoryMeter } from './observe/memory-meter.ts';
import type { ProcessFacts } from './observe/process-facts.ts';
import { registerSections } from './observe/sections.ts';
import { RdbFile } from './persistence/rdb-file.ts';
import { type SlotMoves, Snapshots } from './persistence/snapshots.ts';
import { createBusNetwork } from './platform/bus-network.ts';
import { dataFiles } from './platform/data-files.ts';
import { DebugSwitches } from './platform/debug-switches.ts';
import type { NodesFileStore } from './platform/nodes-store.ts';
import { tcpConnector } from './platform/peer-socket.ts';
import type { SystemTimers } from './platform/system.ts';
import { OutputPool } from './protocol/output-chain.ts';
import { Replication } from './replication/replication.ts';
import { replicationInfo } from './replication/replication-info.ts';
import { LIMIT_DIRECTIVES, readLimits } from './values/value-context.ts';
import { Values } from './values/values.ts';

export interface Circumstances {
  readonly config: ConfigStore;
  readonly renames: ReadonlyMap<string, string>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly timers: SystemTimers;
  readonly log: ServerLog;
  readonly facts: ProcessFacts;
  readonly executable: string;
  readonly processId: number;
  /** Only in cluster mode. */
  readonly nodesFile: NodesFileStore | undefined;
  /** SHUTDOWN is done. */
  readonly end: () => void;
  readonly fatal: (message: string) => void;
}

export interface Assembly {
  readonly ports: ServerPorts;
  readonly engine: Engine;
  readonly clients: Clients;
  readonly host: ConnectionHost;
  readonly cluster: ClusterService | undefined;
  readonly persistence: RdbFile;
  readonly cron: Cron;
}

/** Nobody can subscribe yet. */
const NO_EVENTS: KeyspaceEvents = { notify() {}, keyModified() {} };

export function assemble(circumstances: Circumstances): Assembly {
  const { config, clock, entropy, timers, log } = circumstances;
  const arena = new Arena();
  const values = makeValues(arena, config, entropy);
  const stats = new ServerStatistics(clock.now());
  const pool = new OutputPool();
  const clients = new Clients(clock, pool, stats);
  const propagation = new Propagation();
  const watch: Watches = new Watches(
    () => databases,
    () => clock.now(),
  );
  const expiryParts = { propagation, watch: () => watch, events: () => ports.events, stats };
  const state = new KeyspaceState({
    arena,
    hashKey: hashKeyFrom(entropy.hex(24)),
    bySlot: config.flag('cluster-enabled'),
    freeValue: values.freeValue,
    onExpired: (db, entry) => announceExpired(expiryParts, db, entry),
    random: () => entropy.random(),
  });
  followPolicy(config, state, log);
  const databases: Databases = new Databases(state, config.integer(state.bySlot ? 'cluster-databases' : 'databases'), watch);
  const lifecycle = makeLifecycle(circumstances, () => ports);
  const slotMoves = slotMovesOf(() => ports.cluster);
  const ports: Mutable<ServerPorts> = {
    clock,
    entropy,
    timers,
    log,
    config,
    databases,
    values,
    commands: new CommandTable(commandHandlers(values), { renames: circumstances.renames }),
    clients,
    propagation,
    watch,
    events: NO_EVENTS,
    cluster: undefined,
    slotStatistics: state.bySlot ? makeSlotStatistics(config) : undefined,
    auth: new DefaultUserAuth(config),
    info: new InfoSections(),
    stats,
    lifecycle,
    debug: new DebugSwitches({ setPackedThreshold: bytes => values.setPackedThreshold(bytes), panic: circumstances.fatal }),
    snapshots: new Snapshots({ databases, values, clock, timers, config, log, stats, slotMoves, serverVersion: VALKEY_VERSION }),
    // These need the ports themselves, and are put in below before anything runs.
    execution: undefined as unknown as Engine,
    replication: undefined as unknown as Replication,
    persistence: undefined as unknown as RdbFile,
    memory: undefined as unknown as MemoryMeter,
  };
  const engine = new Engine({ ports, clients, databases, propagation });
  ports.execution = engine;
  const replication = new Replication(ports, tcpConnector);
  ports.replication = replication;
  const persistence = makeFile(circumstances, ports);
  ports.persistence = persistence;
  ports.info.section('replication', () => replicationInfo(replication, config, clock));
  const cluster = makeCluster(circumstances, ports);
  ports.cluster = cluster;
  ports.memory = new MemoryMeter(ports, circumstances.facts);
  registerSections(ports, circumstances.facts);
  const host = new ConnectionHost(ports, engine, clients, pool);
  return { ports, engine, clients, host, cluster, persistence, cron: regularWork(ports, engine, clients, databases, values, host) };
}

function makeLifecycle({ config, entropy, executable, processId, end }: Circumstances, ports: () => ServerPorts): Lifecycle {
  return new Lifecycle({ ports, runId: entropy.hex(40), executable, configFile: config.file, processId, end });
}

/** What files know of slots on the move. */
function slotMovesOf(cluster: () => ClusterPort | undefined): SlotMoves {
  return {
    openSlots: () => cluster()?.openSlots() ?? '',
    openSlotsFound: text => cluster()?.adoptOpenSlots(text),
    unfinished: () => cluster()?.slotMigrations.unfinishedImports() ?? [],
    found: record => cluster()?.slotMigrations.importFound(record),
    replaced: () => cluster()?.slotMigrations.dataReplaced(),
  };
}

function makeValues(arena: Arena, config: ConfigStore, entropy: Entropy): Values {
  const secret = (): number => Number.parseInt(entropy.hex(8), 16) | 0;
  const values = new Values(arena, [secret(), secret()]);
  values.setLimits(readLimits(config));
  config.onChange(LIMIT_DIRECTIVES, () => values.setLimits(readLimits(config)));
  return values;
}

/** Before the cluster and the engine: both keep them. */
function makeSlotStatistics(config: ConfigStore): SlotStatistics {
  const statistics = new SlotStatistics();
  const follow = (): void => {
    statistics.enabled = config.flag('cluster-slot-stats-enabled');
  };
  follow();
  config.onChange(['cluster-slot-stats-enabled'], follow);
  return statistics;
}

function makeFile({ processId }: Circumstances, ports: ServerPorts): RdbFile {
  const { replication } = ports;
  const streamPosition = () => replication.position();
  return new RdbFile({ ports, files: dataFiles, processId, streamPosition, dataWhole: () => replication.dataWhole });
}

function makeCluster({ config, nodesFile, fatal }: Circumstances, ports: ServerPorts): ClusterService | undefined {
  if (nodesFile === undefined) return undefined;
  return new ClusterService({ ports, network: createBusNetwork(config.text('bind-source-addr')), store: nodesFile, fatal });
}

const NO_EVICTION_YET = 'this server cannot evict keys yet: with maxmemory the only policy is noeviction';

/** maxmemory-policy: the keyspace keeps the access bits in the form that the policy reads. Keys are not evicted yet, and nobody shall believe so. */
function followPolicy(config: ConfigStore, state: KeyspaceState, log: ServerLog): void {
  const follow = (): string | undefined => {
    const policy = config.text('maxmemory-policy');
    if (policy !== 'noeviction' && config.integer('maxmemory') > 0) return NO_EVICTION_YET;
    state.lfu = policy.includes('lfu');
    state.lfuLogFactor = config.integer('lfu-log-factor');
    state.lfuDecayMinutes = config.integer('lfu-decay-time');
    return undefined;
  };
  const problem = follow();
  if (problem !== undefined) log.warning(`WARNING: maxmemory-policy is ignored: ${problem}`);
  config.onChange(['maxmemory', 'maxmemory-policy', 'lfu-log-factor', 'lfu-decay-time'], follow);
}

function regularWork(
  ports: ServerPorts,
  engine: Engine,
  clients: Clients,
  databases: Databases,
  values: Values,
  host: ConnectionHost,
): Cron {
  return new Cron({
    ports,
    engine,
    clients,
    databases,
    values,
    expiry: new ActiveExpiry(
      databases,
      () => ports.replication,
      () => ports.clock.monotonic(),
    ),
    checkOutput: () => {
      for (const connection of host.connections) connection.checkOutputLimit();
    },
  });
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
