/**
 * Replication of one server: which role it plays, and how stream, replicas and the link to the primary work together.
 *
 *     primary   what is propagated ─▶ stream ─▶ replicas
 *     replica   link ─▶ applied, and unchanged ─▶ stream ─▶ replicas of the replica
 *
 * A promotion keeps the stream's past under its second id, so that the other replicas, and the old primary when it comes back, go on without
 * a full sync. A data set that is being replaced is never served: from the first byte of the new one until it is whole the node is LOADING,
 * and when that breaks off it has nothing to serve (`dataWhole`).
 */

import type { PropagationSink, ServerPorts } from '../core/ports.ts';
import type { AcknowledgementWait, LinkState, ReplicaProfile, ReplicationPort, Role, SyncRequest } from '../core/replication.ts';
import type { Session } from '../core/session.ts';
import type { StreamPosition } from '../core/snapshots.ts';
import { waitingOf } from '../core/waiting.ts';
import { AckRequests } from './ack-requests.ts';
import { AcknowledgementWaits } from './acknowledgement-waits.ts';
import { IncomingStream } from './incoming-stream.ts';
import type { PeerConnector } from './peer-socket.ts';
import { PrimaryFeed } from './primary-feed.ts';
import type { ReplicaConnection } from './replica-connection.ts';
import { ReplicaLink } from './replica-link.ts';
import { ReplicationStream } from './replication-stream.ts';
import { StandingAside } from './standing-aside.ts';
import { standstill } from './standstill.ts';

const PROFILE = Symbol('replica profile');

export type ReplicationNeeds = Pick<
  ServerPorts,
  | 'clock'
  | 'entropy'
  | 'timers'
  | 'log'
  | 'config'
  | 'databases'
  | 'watch'
  | 'clients'
  | 'execution'
  | 'propagation'
  | 'snapshots'
  | 'lifecycle'
  | 'stats'
  | 'cluster'
  | 'debug'
>;

export class Replication implements ReplicationPort, PropagationSink {
  readonly stream: ReplicationStream;
  readonly primaryFeed: PrimaryFeed;
  readonly link: ReplicaLink;
  role: Role = 'primary';
  primaryHost = '';
  primaryPort = 0;
  mayServeData = true;
  tooFewGoodReplicas = false;
  private readonly ports: ReplicationNeeds;
  private readonly waits: AcknowledgementWaits;
  private readonly ackRequests: AckRequests;
  private readonly roleListeners: (() => void)[] = [];
  private readonly incoming: IncomingStream;
  private readonly aside: StandingAside;
  /** Database that the readers of the stream have selected. */
  private streamDb = 0;
  /** See `ReplicationPort.rest`. */
  private resting = false;
  private configVersion = -1;
  private readOnly = true;

  constructor(ports: ReplicationNeeds, connector: PeerConnector) {
    this.ports = ports;
    const { clock, timers, log, stats, snapshots } = ports;
    const config = ports.config;
    const newId = (): string => ports.entropy.hex(40);
    this.aside = new StandingAside(timers, log);
    this.stream = new ReplicationStream(newId());
    this.primaryFeed = new PrimaryFeed({
      stream: this.stream,
      snapshots,
      clock,
      timers,
      config,
      log,
      stats,
      newId,
      refusal: () => this.syncRefusal(),
      isPrimary: () => this.role === 'primary',
      streamDb: () => (this.role === 'primary' ? this.streamDb : this.incoming.dbIndex),
      forceSelect: () => ports.propagation.forceSelect(),
      propagate: args => ports.propagation.propagate(-1, args),
      joined: () => {
        if (this.waits.any) this.ackRequests.requestOfNewcomer();
      },
      mainChannelGraceMs: () => ports.debug.rdbClientGraceSeconds * 1000,
      pauseAfterSnapshot: () => standstill(ports),
      quiet: () => ports.clients.isPausedFor('failover') || ports.clients.isPausedFor('shutdown'),
    });
    this.incoming = new IncomingStream(ports, this.stream, {
      grew: () => this.primaryFeed.streamGrew(),
      acknowledge: () => this.link.acknowledge(this.offset),
      openBacklog: () => this.primaryFeed.openBacklog(),
      disconnectReplicas: () => this.disconnectReplicas(),
      changed: linkIsUp => {
        this.readConfig();
        if (linkIsUp) for (const listener of this.roleListeners) listener();
      },
    });
    const beforeMainPsync = (): void => {
      if (ports.debug.pauseAfterSnapshot) ports.debug.pauseProcess();
    };
    this.link = new ReplicaLink({ connector, snapshots, clock, timers, config, log, host: this.incoming, beforeMainPsync });
    this.waits = new AcknowledgementWaits(timers, (offset, inAof) => this.primaryFeed.acknowledged(offset, inAof));
    this.primaryFeed.onAck(() => this.waits.look());
    this.ackRequests = new AckRequests({
      timers,
      hasReplicas: () => this.role === 'primary' && this.primaryFeed.count > 0,
      writesPaused: () => ports.clients.pausedWrites,
      offset: () => this.offset,
      send: () => ports.propagation.propagate(-1, ['REPLCONF', 'GETACK', '*']),
    });
    ports.propagation.subscribe(this);
    ports.clients.onWritesResumed(() => this.ackRequests.writesResumed());
    ports.clients.onClose(session => {
      this.primaryFeed.sessionClosed(session);
      // Nobody is left to be answered; the wait must not stay behind.
      session.closing = true;
      waitingOf(session)?.timeOut();
    });
    timers.every(1000, () => this.tick());
  }

  // ── The stream of a primary ──

  get wanted(): boolean {
    return this.role === 'primary' && this.stream.backlog !== undefined;
  }

  /** Hot path: copies into the backlog; replicas get it at the end of the turn. */
  feed(bytes: Uint8Array, start: number, end: number, dbIndex: number): void {
    this.stream.append(bytes, start, end);
    if (dbIndex >= 0) this.streamDb = dbIndex;
    this.primaryFeed.streamGrew();
  }

  // ── What others ask ──

  get dataWhole(): boolean {
    return this.incoming.dataWhole;
  }

  get linkUp(): boolean {
    return this.link.up;
  }

  get linkState(): LinkState {
    return this.link.state;
  }

  get offset(): number {
    return this.stream.offset;
  }

  get replicationId(): string {
    return this.stream.id;
  }

  position(): StreamPosition | undefined {
    const { id, offset, backlog } = this.stream;
    if (this.role === 'primary') return backlog === undefined ? undefined : { id, offset, dbIndex: this.streamDb };
    return this.incoming.mayResume && this.dataWhole ? { id, offset, dbIndex: this.incoming.dbIndex } : undefined;
  }

  restore({ id, offset, dbIndex }: StreamPosition, as: Role): void {
    this.stream.beginAnew(id, offset);
    if (as === 'replica') this.incoming.restore(dbIndex);
    else this.stream.continueAs(this.ports.entropy.hex(40));
    this.stream.openBacklog(this.ports.config.integer('repl-backlog-size'));
  }

  standAside(on: boolean): void {
    if (on) this.aside.begin(this.offset);
    else this.aside.end();
    // What is written from here on is a stream of its own: nobody may take it for the one that the data come from.
    if (!on && this.role === 'primary' && this.stream.backlog !== undefined) this.stream.continueAs(this.ports.entropy.hex(40));
  }

  yieldTo(offset: number): void {
    this.aside.yieldTo(offset);
  }

  get backlogBytes(): number {
    return this.stream.backlog?.memoryBytes ?? 0;
  }

  get attachedReplicas(): number {
    return this.primaryFeed.count;
  }

  get onlineReplicas(): number {
    return this.primaryFeed.online;
  }

  goodReplicas(): number {
    return this.primaryFeed.goodReplicas;
  }

  replicas(): readonly ReplicaConnection[] {
    return [...this.primaryFeed.replicas];
  }

  millisecondsSincePrimary(): number {
    const now = this.ports.clock.monotonic();
    if (this.link.up) return now - this.link.lastIoAt;
    return this.link.downSince === undefined ? Infinity : now - this.link.downSince;
  }

  refuseWrite(): string | undefined {
    if (this.configVersion !== this.ports.config.version) this.readConfig();
    if (this.role === 'replica') return this.readOnly ? "READONLY You can't write against a read only replica." : undefined;
    return this.tooFewGoodReplicas ? 'NOREPLICAS Not enough good replicas to write.' : undefined;
  }

  acknowledged(offset: number): number {
    return this.primaryFeed.acknowledged(offset);
  }

  acknowledgedInAof(offset: number): number {
    return this.primaryFeed.acknowledged(offset, true);
  }

  whenAcknowledged(wait: AcknowledgementWait): () => void {
    return this.waits.add(wait);
  }

  requestAcks(): void {
    this.ackRequests.request();
  }

  requestAcksAtOnce(): void {
    this.ackRequests.requestAtOnce();
  }

  onAck(action: () => void): void {
    this.primaryFeed.onAck(action);
  }

  onRoleChange(action: () => void): void {
    this.roleListeners.push(action);
  }

  disconnectReplicas(): void {
    this.primaryFeed.disconnectAll('replicas are disconnected');
  }

  changeId(): void {
    this.stream.changeId(this.ports.entropy.hex(40));
  }

  rest(on: boolean): void {
    this.resting = on;
    if (this.role !== 'replica') return;
    if (on) this.link.stop();
    else this.link.follow(this.primaryHost, this.primaryPort);
  }

  stop(): void {
    this.link.stop();
  }

  // ── Roles ──

  follow(host: string, port: number, keepHistory: boolean): void {
    const wasPrimary = this.role === 'primary';
    if (!wasPrimary && host === this.primaryHost && port === this.primaryPort && keepHistory) return;
    if (!keepHistory || this.aside.hasStrayed(this.offset)) this.incoming.mayResume = false;
    else if (wasPrimary) {
      this.primaryFeed.openBacklog();
      this.incoming.mayResume = true;
    }
    this.link.stop();
    this.role = 'replica';
    this.primaryHost = host;
    this.primaryPort = port;
    if (!this.resting) this.link.follow(host, port);
    this.roleChanged();
  }

  promote(): void {
    if (this.role === 'primary') return;
    this.link.stop();
    this.role = 'primary';
    this.primaryHost = '';
    this.primaryPort = 0;
    if (this.dataWhole) this.stream.continueAs(this.ports.entropy.hex(40));
    else this.incoming.giveUpData();
    this.disconnectReplicas();
    this.ports.propagation.forceSelect();
    this.roleChanged();
  }

  // ── The commands of the replication family ──

  profile(session: Session): ReplicaProfile {
    let profile = session.attachments.get(PROFILE) as ReplicaProfile | undefined;
    if (profile === undefined) {
      profile = {
        listeningPort: 0,
        announcedIp: '',
        eof: false,
        psync2: false,
        dualChannel: false,
        version: 0,
        nodeId: '',
        rdbOnly: false,
        rdbChannel: false,
        rdbClientId: 0,
        withoutKeys: false,
      };
      session.attachments.set(PROFILE, profile);
    }
    return profile;
  }

  serveSync(session: Session, request: SyncRequest): string | undefined {
    if (request.kind === 'psync' && request.failover) {
      if (this.role === 'primary') return "ERR PSYNC FAILOVER can't be sent to a master.";
      if (request.id.toLowerCase() !== this.stream.id) return 'ERR PSYNC FAILOVER replid must match my replid.';
      this.promote();
      this.ports.log.notice('PRIMARY MODE enabled (failover request from the primary)');
    }
    const profile = this.profile(session);
    if (this.isStranger(profile)) return 'NOMASTERLINK This node does not know you: it is not the primary that you follow';
    if (this.aside.letIn(session, profile, request)) return undefined;
    return this.primaryFeed.serve(session, profile, request);
  }

  awaitsMainChannel(rdbClientId: number): boolean {
    return this.primaryFeed.channels.waiting(rdbClientId) !== undefined;
  }

  get pendingStreamBytes(): number {
    return this.link.pendingStream.sizeBytes;
  }

  takeAck(session: Session, offset: number, aofOffset: number): void {
    this.primaryFeed.takeAck(session, offset, aofOffset);
  }

  sendAck(): void {
    this.incoming.acknowledgeSoon();
  }

  // ── Inside ──

  private tick(): void {
    this.link.tick();
    this.primaryFeed.tick();
    this.readConfig();
  }

  private readConfig(): void {
    const { config } = this.ports;
    this.configVersion = config.version;
    this.readOnly = config.flag('replica-read-only');
    const needed = config.integer('min-replicas-to-write');
    this.tooFewGoodReplicas = needed > 0 && config.integer('min-replicas-max-lag') > 0 && this.primaryFeed.goodReplicas < needed;
    this.mayServeData = this.role === 'primary' || this.link.up || (this.dataWhole && config.flag('replica-serve-stale-data'));
  }

  private roleChanged(): void {
    this.readConfig();
    if (this.role === 'replica') this.waits.endAll();
    for (const listener of this.roleListeners) listener();
  }

  /**
   * A replica of this cluster whose node is unknown here follows the node that had this address before: a primary that lost its nodes
   * file with its data. It must not be given the empty data set; it tries again, until its shard has elected a successor.
   */
  private isStranger({ nodeId }: ReplicaProfile): boolean {
    const { cluster } = this.ports;
    return cluster !== undefined && nodeId !== '' && cluster.describe(nodeId) === undefined;
  }

  private syncRefusal(): string | undefined {
    const { refusal } = this.aside;
    if (refusal !== undefined) return refusal;
    return this.role === 'replica' && !this.link.up ? "NOMASTERLINK Can't SYNC while not connected with my master" : undefined;
  }
}
