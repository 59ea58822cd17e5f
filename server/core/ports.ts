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
import type { KeptRequest, Session } from './session.ts';

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
  readonly snapshots: SnapshotPort;
  readonly auth: AuthPort;
  readonly info: InfoPort;
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
  /** `timeout_milliseconds`, actions and reasons for INFO. */
  pauseState(): { readonly reason: string; readonly actions: 'none' | 'write' | 'all'; readonly timeoutMs: number };
  /** Closes clients whose user or rights changed, of a kind, … : all that `select` picks. */
  closeWhere(select: (session: Session) => boolean, reason: string): number;
  /** Runs `action` when a client is gone; its session is still whole then. */
  onClose(action: (session: Session) => void): void;
  /** A session without a socket, for a command stream that is applied (replication, files). */
  createObeying(kind: 'primary', name: string): Session;
}

export type PausePurpose = 'client-pause' | 'shutdown' | 'failover' | 'slot-migration';

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

export type Role = 'primary' | 'replica';

export interface ReplicationPort {
  readonly role: Role;
  readonly primaryHost: string;
  readonly primaryPort: number;
  readonly linkUp: boolean;
  /** Offset of the stream that this node has produced or applied. */
  readonly offset: number;
  readonly replicationId: string;
  /** Milliseconds since the link to the primary last brought data or went down; Infinity when it never was up. */
  millisecondsSincePrimary(): number;
  /** REPLICAOF host port. `keepHistory`: a partial resync from the new primary is possible (same shard). */
  follow(host: string, port: number, keepHistory: boolean): void;
  /** REPLICAOF NO ONE. */
  promote(): void;
  /** Online replicas that acknowledged `offset`. */
  acknowledged(offset: number): number;
  readonly onlineReplicas: number;
  /** Memory of the backlog. */
  readonly backlogBytes: number;
  /** Replicas that answered within min-replicas-max-lag. */
  goodReplicas(): number;
  /** Asks all replicas for an acknowledgement now. */
  requestAcks(): void;
  /** Runs `action` at each acknowledgement. */
  onAck(action: () => void): void;
  /** ROLE and INFO replication. */
  replicas(): readonly ReplicaView[];
  onRoleChange(action: () => void): void;
  /** Writes are refused because too few replicas are good (NOREPLICAS). */
  readonly tooFewGoodReplicas: boolean;
  /** Drops all replica connections (they resync). */
  disconnectReplicas(): void;
  /** A new replication id: replicas need a full sync (DEBUG CHANGE-REPL-ID). */
  changeId(): void;
  /** The server closes: the link to the primary is closed too. */
  stop(): void;
  readonly linkState: LinkState;
  /**
   * False on a replica from the moment that its old data set is dropped for a full sync until the new one is whole. Such a node answers LOADING while
   * the sync runs and, when that broke off, MASTERDOWN whatever replica-serve-stale-data says; it should not be elected.
   */
  readonly dataWhole: boolean;
  /** Dispatch's check for commands without the `stale` flag: a primary, a replica with its link up, or one that may serve what it has. Hot path. */
  readonly mayServeData: boolean;
  /** Error line when writes are refused here because of replication (READONLY, NOREPLICAS); undefined when they may go on. Hot path: two compares. */
  refuseWrite(): string | undefined;

  /** Calls `wait.done` once, later; what comes back ends the wait without it. */
  whenAcknowledged(wait: AcknowledgementWait): () => void;
  /** The same as `acknowledged` for what is fsynced in a replica's AOF. */
  acknowledgedInAof(offset: number): number;

  // ── The commands of the replication family ──
  /** What the peer said of itself with REPLCONF; made when first asked for. */
  profile(session: Session): ReplicaProfile;
  /** SYNC and PSYNC: from here on the session is a replica. An error line when it is refused; else all that is answered goes out by the port. */
  serveSync(session: Session, request: SyncRequest): string | undefined;
  /** REPLCONF ACK of a replica; ignored from anybody else. */
  takeAck(session: Session, offset: number, aofOffset: number): void;
  /** REPLCONF GETACK in the stream of our primary: acknowledge as soon as it is counted itself. */
  sendAck(): void;
}

export interface AcknowledgementWait {
  readonly offset: number;
  /** How many are enough. */
  readonly replicas: number;
  /** In the replicas' AOF (WAITAOF). */
  readonly inAof: boolean;
  /** 0 = no limit. */
  readonly timeoutMs: number;
  /** With how many acknowledged it in the end; undefined when the node became a replica. */
  readonly done: (acknowledged: number | undefined) => void;
}

export type LinkState = 'none' | 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected';

/** What a replica tells before it asks to sync. */
export interface ReplicaProfile {
  listeningPort: number;
  /** '' = the address it connects from. */
  announcedIp: string;
  eof: boolean;
  psync2: boolean;
  /** 0x090102 for 9.1.2, 0 = not told. */
  version: number;
  /** Told with SET-CLUSTER-NODE-ID. */
  nodeId: string;
  /** Only the snapshot is wanted, no stream after it. */
  rdbOnly: boolean;
  /** Of the snapshot only the functions are wanted. */
  withoutKeys: boolean;
}

export type SyncRequest =
  | { readonly kind: 'sync' }
  | { readonly kind: 'psync'; readonly id: string; readonly offset: number; readonly failover: boolean };

export interface ReplicaView {
  readonly session: Session | undefined;
  readonly host: string;
  readonly port: number;
  readonly state: 'wait_bgsave' | 'send_bulk' | 'online' | 'bg_transfer' | 'rdb_transmitted';
  readonly ackedOffset: number;
  readonly lagSeconds: number;
  /** Node id that the replica told with REPLCONF SET-CLUSTER-NODE-ID, '' when it did not. */
  readonly nodeId: string;
  readonly version: string;
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
  readonly connectionsCount: number;
}

/** Snapshots of the data at one point in time, made in slices. */
export interface SnapshotPort {
  /** Streams an RDB. `write` takes ownership of nothing: bytes are valid during the call; it returns false to ask for a rest until `resume`. */
  stream(sink: SnapshotSink, options: SnapshotOptions): RunningSnapshot;
  /** Loads an RDB that arrives in pieces into the (emptied) databases. */
  load(options: LoadOptions): SnapshotLoader;
  readonly running: number;
}

export interface SnapshotOptions {
  /** 80, or 11 for replicas older than 9.0. */
  readonly rdbVersion: 80 | 11;
  readonly replication: { readonly id: string; readonly offset: number; readonly dbIndex: number } | undefined;
  readonly checksum: boolean;
  /** No keys: what is asked for is the rest (functions). */
  readonly withoutKeys?: boolean;
}

export interface SnapshotSink {
  write(bytes: Uint8Array, start: number, end: number): boolean;
  done(): void;
  failed(error: Error): void;
}

export interface RunningSnapshot {
  resume(): void;
  abort(): void;
  readonly keysDone: number;
  readonly keysTotal: number;
}

export interface LoadOptions {
  /** Drop keys that are expired already (a primary's file). */
  readonly dropExpired: boolean;
}

export interface SnapshotLoader {
  /** Takes the next bytes; throws a typed error when they are no RDB. Returns how many of them were used; fewer than given = the end was reached. */
  push(bytes: Uint8Array, start: number, end: number): number;
  readonly finished: boolean;
  /** Frees a value that was half read; the keys loaded so far stay. */
  abort(): void;
  /** AUX fields seen so far. */
  readonly aux: ReadonlyMap<string, string>;
  readonly keysLoaded: number;
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
