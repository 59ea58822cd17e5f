/**
 * Where siblings meet: what commands, persistence, replication, cluster, config and observe need of each other and of the engine.
 *
 * They never import each other; `server.ts` makes each of them, puts them into one `ServerPorts` and hands it around.
 * What only one sibling needs of the outside (a socket to a peer, a file) it declares in its own folder.
 */

import type { Database } from '../keyspace/database.ts';
import type { Ref } from '../memory/arena.ts';
import type { ValueAccess } from '../values/value-access.ts';
import type { ClusterAdministration } from './cluster-administration.ts';
import type { Command } from './command.ts';
import type { DebugPort } from './debug.ts';
import type { MemoryPort } from './memory-figures.ts';
import type { PersistencePort } from './persistence.ts';
import type { ReplicationPort } from './replication.ts';
import type { KeptRequest, Session, SessionKind, Transport } from './session.ts';
import type { SlotMigrationPort } from './slot-migration.ts';
import type { SlotStatistics } from './slot-statistics.ts';
import type { SnapshotPort } from './snapshots.ts';

export interface ServerPorts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly timers: Timers;
  readonly log: ServerLog;
  readonly config: ConfigPort;
  readonly databases: DatabasesPort;
  /** Reading, building, copying and freeing of whole values. */
  readonly values: ValueAccess;
  readonly commands: CommandsPort;
  readonly clients: ClientsPort;
  readonly execution: ExecutionPort;
  readonly propagation: PropagationPort;
  readonly watch: WatchPort;
  readonly events: KeyspaceEvents;
  readonly replication: ReplicationPort;
  /** undefined unless cluster-enabled. */
  readonly cluster: ClusterPort | undefined;
  /** undefined unless cluster-enabled. */
  readonly slotStatistics: SlotStatistics | undefined;
  readonly snapshots: SnapshotPort;
  readonly persistence: PersistencePort;
  readonly auth: AuthPort;
  readonly info: InfoPort;
  readonly memory: MemoryPort;
  readonly stats: ServerStats;
  readonly lifecycle: LifecyclePort;
  readonly debug: DebugPort;
}

export interface Clock {
  /** Unix milliseconds. Inside a command use `context.now`. */
  now(): number;
  /** Unix microseconds. */
  microseconds(): number;
  /** Milliseconds that never go back, for intervals and timeouts. */
  monotonic(): number;
}

export interface Entropy {
  /** [0, 1) */
  random(): number;
  /** `length` lower-case hex characters, unpredictable. */
  hex(length: number): string;
}

/** Timers of the engine thread; callbacks run between batches. */
export interface Timers {
  /** Runs `action` every `intervalMs`; the function that comes back stops it. */
  every(intervalMs: number, action: () => void): () => void;
  after(delayMs: number, action: () => void): () => void;
  /** Runs `action` as soon as other work had its turn (background jobs in slices). */
  soon(action: () => void): void;
}

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

/** The server's log in upstream's format. */
export interface ServerLog {
  write(level: LogLevel, message: string): void;
  debug(message: string): void;
  verbose(message: string): void;
  notice(message: string): void;
  warning(message: string): void;
}

/** The directive table with its current values. Typed getters throw (a bug) for a name of another type. */
export interface ConfigPort {
  integer(name: string): number;
  flag(name: string): boolean;
  text(name: string): string;
  /** Multi-argument and special directives: the words. */
  words(name: string): readonly string[];
  /** Current value as CONFIG GET shows it, undefined for an unknown name. */
  show(name: string): string | undefined;
  /** Sets as CONFIG SET would; the error text's reason, or undefined when it was set. */
  set(name: string, value: string): string | undefined;
  /** Sets several as one CONFIG SET: all or none. The whole error line, or undefined when all were set. */
  setAll(changes: readonly ConfigChange[], circumstances: ConfigCircumstances): string | undefined;
  /** The server itself changes a directive (REPLICAOF); nobody is told. */
  adopt(name: string, words: readonly string[]): void;
  /** Names and values that CONFIG GET shows for these patterns. */
  matching(patterns: readonly string[]): readonly (readonly [name: string, value: string])[];
  /** CONFIG REWRITE: the error line, or undefined when the file was written. */
  rewrite(): string | undefined;
  /** Runs `action` after a CONFIG SET changed one of `names`. A reason that comes back undoes the change. */
  onChange(names: readonly string[], action: () => string | void): void;
  /** Raised by one at each change: hot paths compare it and keep their own copies of values. */
  readonly version: number;
}

/** A directive's name and its new value as one text. */
export type ConfigChange = readonly [name: string, value: string];

export interface ConfigCircumstances {
  /** `enable-protected-configs` lets this client set protected directives. */
  readonly allowsProtected: boolean;
  readonly loading: boolean;
}

export interface DatabasesPort {
  readonly count: number;
  get(index: number): Database;
  swap(first: number, second: number): void;
  /** Removes all keys of all databases (before a full sync is loaded, FLUSHALL). */
  flushAll(lazily: boolean): number;
  /** Keys may be deleted because they are expired: false on a replica, while loading and while paused. */
  mayExpire(): boolean;
  /** The keys of a slot are nobody's business: not counted, listed or expired. */
  hideSlot(slot: number, on: boolean): void;
  isHidden(slot: number): boolean;
  /** rdb_changes_since_last_save */
  dirty: number;
  /** Bytes of live data, and what MEMORY and INFO count. */
  usedMemory(): number;
}

export interface CommandsPort {
  readonly all: ReadonlyMap<string, Command>;
  /** By name in any case: `get`, `config|get`. */
  lookup(name: string): Command | undefined;
  /** Command (or subcommand) that the words begin. */
  resolve(words: readonly string[]): Command | undefined;
  /** Argument indexes of the keys of a request. */
  keysOf(command: Command, argc: number, argString: (index: number) => string): number[] | undefined;
  resetStats(): void;
}

export interface ClientsPort {
  each(visit: (session: Session) => void): void;
  get(id: number): Session | undefined;
  readonly count: number;
  /** CLIENT PAUSE and other pauses. `purpose` keeps them apart; the longest of all counts. */
  pause(purpose: PausePurpose, untilMs: number, writesOnly: boolean): void;
  unpause(purpose: PausePurpose): void;
  readonly pausedWrites: boolean;
  isPausedFor(purpose: PausePurpose): boolean;
  /** Runs `action` each time that writes are accepted again after a pause. */
  onWritesResumed(action: () => void): void;
  /** `timeout_milliseconds`, actions and reasons for INFO. */
  pauseState(): { readonly reason: string; readonly actions: 'none' | 'write' | 'all'; readonly timeoutMs: number };
  /** Closes clients whose user or rights changed, of a kind, … : all that `select` picks. */
  closeWhere(select: (session: Session) => boolean, reason: string): number;
  /** Runs `action` when a client is gone; its session is still whole then. */
  onClose(action: (session: Session) => void): void;
  /** A session without a socket, for a command stream that is applied (replication, files). */
  createObeying(kind: 'primary'): Session;
  /** Shows a connection that this node made itself among the clients; `closePeer` when it is gone. */
  openPeer(transport: Transport, kind: SessionKind): Session;
  closePeer(session: Session): void;
}

export type PausePurpose = 'client-pause' | 'shutdown' | 'failover' | 'slot-migration' | 'save' | 'returning' | 'standstill';

export interface ExecutionPort {
  /** Applies one request as the primary's stream demands: no checks, replies dropped. The reply's bytes come back when it was an error. */
  apply(session: Session, bytes: Uint8Array, start: Int32Array, end: Int32Array, first: number, argc: number): string | undefined;
  /** Runs a kept request (EXEC) with the client's own reply. */
  runKept(session: Session, request: KeptRequest): void;
  /** Between `begin` and `end` all that is propagated is one transaction. */
  beginTransaction(): void;
  endTransaction(): void;
}

/** Takes each write once, as bytes of the replication stream; feeds backlog, replicas and (later) the AOF. */
export interface PropagationPort {
  /** Arguments as latin1 strings or bytes. SELECT is put before it when the database changed. */
  propagate(dbIndex: number, args: readonly (string | Uint8Array)[]): void;
  /** Hears all that is propagated, in order, after SELECT and MULTI/EXEC were added: whole RESP requests. */
  subscribe(sink: PropagationSink): void;
  /** The next command is preceded by SELECT. */
  forceSelect(): void;
}

export interface PropagationSink {
  /** `dbIndex` is the database the command ran in, -1 for the likes of PING. */
  feed(bytes: Uint8Array, start: number, end: number, dbIndex: number): void;
  /** False: nobody listens, propagation may skip the work. */
  readonly wanted: boolean;
}

export interface WatchPort {
  watch(session: Session, dbIndex: number, key: string): void;
  unwatchAll(session: Session): void;
  /** A key changed: its watchers become dirty. */
  touch(dbIndex: number, bytes: Uint8Array, start: number, end: number): void;
  /** All keys of a database (flush, swap). */
  touchDatabase(dbIndex: number): void;
  /** A watched key of the session expired since WATCH. */
  expiredSinceWatch(session: Session, now: number): boolean;
  readonly watchingClients: number;
  readonly watchedKeys: number;
}

/** Keyspace notifications and tracking; the default port does nothing until pub/sub exists. */
export interface KeyspaceEvents {
  notify(eventClass: string, event: string, dbIndex: number, bytes: Uint8Array, start: number, end: number): void;
  keyModified(dbIndex: number, bytes: Uint8Array, start: number, end: number): void;
}

/** Where a key's slot is served. */
export type Redirect = { readonly kind: 'none' } | { readonly kind: 'error'; readonly text: string };

export interface ClusterPort {
  readonly myId: string;
  readonly shardId: string;
  readonly stateOk: boolean;
  readonly isPrimary: boolean;
  /** Whether this node serves the keys: `slot` -1 when a command has no keys, -2 when they hash to different slots. The error line (MOVED, ASK, CLUSTERDOWN, CROSSSLOT, TRYAGAIN) or undefined. `missingKeys` tells how many of the keys are not here (for slots in migration). Hot path: undefined for an owned stable slot. */
  redirect(session: Session, command: Command, slot: number, missingKeys: () => number, keyCount: number): string | undefined;
  /** Slot `slot` is served by this node (or its primary, on a replica): the hot path's check. */
  ownsStable(slot: number): boolean;
  /** A snapshot of the nodes for INFO, CLIENT and replication. */
  describe(nodeId: string): { readonly host: string; readonly port: number } | undefined;
  /** SHUTDOWN FAILOVER: resolves when a replica took over or the time is up. */
  failoverForShutdown(): Promise<boolean>;
  /** CLUSTER INFO's lines. */
  infoText(): string;
  /** What the CLUSTER and DEBUG commands need. */
  readonly administration: ClusterAdministration;
  readonly slotMigrations: SlotMigrationPort;
  /** Slots that are being moved by hand, as a full sync tells them: `5461<nodeid,` importing, `5461>nodeid,` migrating. */
  openSlots(): string;
  adoptOpenSlots(text: string): void;
  /** The slot went to another node and its keys are being deleted here: nobody sees them. */
  isDropping(slot: number): boolean;
  readonly connectionsCount: number;
}

export interface AuthPort {
  /** True when no password is needed (default user without one). */
  readonly open: boolean;
  check(user: string, password: string): boolean;
}

export interface InfoPort {
  /** Adds the writer of a section; sections are shown in INFO's order. */
  section(name: string, write: () => string): void;
  render(sections: readonly string[]): string;
}

/** Counters for INFO; reset by CONFIG RESETSTAT where upstream does. */
export interface ServerStats {
  readonly startedAt: number;
  readonly counters: Record<StatName, number>;
  errorCounts: Map<string, number>;
  reset(): void;
}

export type StatName =
  | 'connectionsReceived'
  | 'commandsProcessed'
  | 'netInputBytes'
  | 'netOutputBytes'
  | 'netReplInputBytes'
  | 'netReplOutputBytes'
  | 'rejectedConnections'
  | 'syncFull'
  | 'syncPartialOk'
  | 'syncPartialErr'
  | 'expiredKeys'
  | 'evictedKeys'
  | 'keyspaceHits'
  | 'keyspaceMisses'
  | 'errorReplies'
  | 'unexpectedErrorReplies'
  | 'readsProcessed'
  | 'writesProcessed'
  | 'aclDeniedAuth'
  | 'queryBufferDisconnections'
  | 'outputBufferDisconnections';

export interface LifecyclePort {
  readonly loading: boolean;
  setLoading(loading: boolean): void;
  /** SHUTDOWN: resolves to an error text when it was refused; does not resolve when the process ends. */
  shutdown(options: ShutdownOptions): Promise<string | undefined>;
  abortShutdown(): boolean;
  readonly shuttingDownUntil: number | undefined;
  readonly runId: string;
  readonly executable: string;
  readonly configFile: string;
  readonly processId: number;
}

export interface ShutdownOptions {
  readonly save: boolean | undefined;
  readonly now: boolean;
  readonly force: boolean;
  readonly safe: boolean;
  readonly failover: boolean;
}

/** Visits entries of one database; used by those who need all keys of a slot or of everything. */
export type EntryVisitor = (db: Database, entry: Ref) => void;
