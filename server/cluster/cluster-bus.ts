/**
 * One node of the cluster: a machine that is driven by bytes, ticks and orders, and acts through its environment.
 *
 * Every entry ends with `settle`, which does what the parts asked for in the one safe order: judge the cluster's state, advance the
 * failover, save the nodes file (synced where a promise depends on it: a vote, an epoch), and only then let packets leave.
 */

import { BusLink, type LinkOwner } from './bus-link.ts';
import { PACKET_MEET, PACKET_MODULE, PACKET_PING, PACKET_PUBLISH, PACKET_PUBLISH_SHARD } from './bus-packet.ts';
import { type ClusterNode, isReplica } from './cluster-node.ts';
import * as todo from './cluster-state.ts';
import { ClusterState } from './cluster-state.ts';
import { TICK_MS, tickCluster } from './cluster-tick.ts';
import { advanceElection } from './election.ts';
import type { BusSocket, BusSocketEvents, ClusterEnvironment } from './environment.ts';
import { updateHealth } from './health.ts';
import { advanceManualFailover } from './manual-failover.ts';
import { createMessenger } from './messenger.ts';
import { createClusterNode } from './cluster-node.ts';
import { announceMyself } from './myself.ts';
import { FLAG_MEET, FLAG_MYSELF, FLAG_PRIMARY } from './node-flags.ts';
import { loadNodesFile, nodesFileText } from './nodes-file.ts';
import { handlePacket } from './packet-handler.ts';
import { refollow } from './roles.ts';
import { beginReturn } from './returning.ts';
import { reconcileData } from './slot-ownership.ts';

const SAVE_ERROR_LOG_MS = 30_000;
/** By the system call that failed. */
const SAVE_FAILURES: Readonly<Record<string, string>> = {
  open: 'Could not open temp cluster config file',
  write: 'Failed after writing to tmp cluster config file',
  fsync: 'Could not sync tmp cluster config file',
  rename: 'Could not rename tmp cluster config file',
};
/** A tick that comes later than this after the last one means that the process stood still. */
const STALL_MS = 500;
/** Turns of `settle`: each may ask for another one, but they come to rest soon. */
const MAX_ROUNDS = 16;

export class ClusterBus {
  readonly state: ClusterState;
  readonly #environment: ClusterEnvironment;
  readonly #owner: LinkOwner;
  #ticks = 0;
  #lastTickAt = 0;
  #stalled = false;
  #settling = false;
  #stopped = false;
  #saveErrorLoggedAt = Number.NEGATIVE_INFINITY;

  constructor(environment: ClusterEnvironment) {
    this.#environment = environment;
    this.state = new ClusterState(environment, createMessenger);
    this.state.wake = () => this.#wake();
    this.#owner = {
      packet: (link, bytes) => handlePacket(this.state, link, bytes),
      garbage: link => this.#garbage(link),
      queued: link => this.state.unsent.add(link),
      sent: (type, bytes) => this.#countSent(type, bytes),
    };
  }

  /** Reads the nodes file or begins a new identity. Throws NodesFileError, or what the system says of the file. */
  open(): void {
    const { state } = this;
    const text = this.#environment.store.read();
    if (text !== undefined && text.trim() !== '') {
      loadNodesFile(state, text);
      this.#environment.log.notice(`Node configuration loaded, I'm ${state.myself.id}`);
    } else {
      const { entropy } = this.#environment;
      const myself = createClusterNode(entropy.hex(40), entropy.hex(40), FLAG_MYSELF | FLAG_PRIMARY, state.now);
      state.nodes.myself = myself;
      state.nodes.add(myself);
      state.nodes.joinShard(myself, myself.shardId);
      this.#environment.log.notice(`No cluster configuration found, I'm ${myself.id}`);
    }
    announceMyself(state);
    this.save(true);
  }

  /** The data was loaded: keys and slots must agree before the first request. */
  dataLoaded(): void {
    if (!beginReturn(this.state)) reconcileData(this.state);
    if (isReplica(this.state.myself) && this.state.myself.replicaOf?.ip) refollow(this.state);
    this.settle();
  }

  /** Settings of what this node tells of itself changed. */
  settingsChanged(): void {
    announceMyself(this.state);
    this.settle();
  }

  /** Ten times a second. */
  tick(): void {
    if (this.#stopped) return;
    const { now } = this.state;
    // What came in meanwhile is read after this tick: only the first one is lenient.
    const late = this.#lastTickAt !== 0 && now - this.#lastTickAt > TICK_MS + STALL_MS;
    const stalled = late && !this.#stalled;
    this.#stalled = stalled;
    this.#lastTickAt = now;
    this.#ticks++;
    tickCluster(this.state, { number: this.#ticks, stalled, connect: node => this.#connect(node) });
    this.settle();
  }

  /** Another node connected. */
  accept(socket: BusSocket): BusSocketEvents {
    this.#environment.log.verbose(`Accepting cluster node connection from ${socket.remoteAddress}:${socket.remotePort}`);
    const link = new BusLink(this.#owner, undefined, true, this.state.now);
    link.attach(socket);
    return this.#events(link);
  }

  /** Does what is due, saves what must be kept, sends what waits. */
  settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    try {
      for (let round = 0; this.state.todo !== 0 && round < MAX_ROUNDS; round++) this.#work();
      for (const link of this.state.unsent) link.flush();
      this.state.unsent.clear();
    } finally {
      this.#settling = false;
    }
  }

  /** CLUSTER SAVECONFIG and the like: undefined, or what went wrong. */
  save(sync: boolean): string | undefined {
    try {
      this.#environment.store.write(nodesFileText(this.state), sync);
      return undefined;
    } catch (error) {
      const { message, syscall } = error as NodeJS.ErrnoException;
      this.#environment.log.warning(`${SAVE_FAILURES[syscall ?? ''] ?? 'Could not write the cluster config file'}: ${message}`);
      return message;
    }
  }

  /** Saves, closes all links and takes part no more. */
  stop(): void {
    if (this.#stopped) return;
    this.save(true);
    this.#stopped = true;
    for (const node of this.state.nodes.all()) {
      this.state.messenger.drop(node.link);
      this.state.messenger.drop(node.inboundLink);
    }
  }

  #work(): void {
    const { state } = this;
    const due = state.todo;
    state.todo = 0;
    if (due & todo.TODO_STATE) updateHealth(state);
    if (isReplica(state.myself)) {
      if (due & todo.TODO_MANUAL_FAILOVER) advanceManualFailover(state);
      if (due & (todo.TODO_MANUAL_FAILOVER | todo.TODO_FAILOVER)) advanceElection(state);
    }
    // What the failover asked for goes into the same save.
    const save = (due | state.todo) & (todo.TODO_SAVE | todo.TODO_SYNC | todo.TODO_BROADCAST);
    state.todo &= ~(todo.TODO_SAVE | todo.TODO_SYNC | todo.TODO_BROADCAST);
    if (save & todo.TODO_SAVE) this.#persist((save & todo.TODO_SYNC) !== 0);
    if (save & todo.TODO_BROADCAST) state.messenger.broadcastPong('all');
  }

  #persist(sync: boolean): void {
    const problem = this.save(sync);
    if (problem === undefined) return;
    const { log } = this.#environment;
    if (this.#environment.settings().saveBehavior === 'sync') {
      log.warning("Fatal: can't update cluster config file.");
      // Nothing of what could not be kept may leave.
      for (const link of this.state.unsent) link.close();
      this.#environment.fatal(problem);
    } else if (this.state.now - this.#saveErrorLoggedAt > SAVE_ERROR_LOG_MS) {
      this.#saveErrorLoggedAt = this.state.now;
      log.warning('Cluster config updated even though writing the cluster config file to disk failed.');
    }
  }

  /** Looks again at a manual failover that waits for the stream. */
  #wake(): void {
    if (this.#stopped) return;
    this.state.later(todo.TODO_MANUAL_FAILOVER);
    this.settle();
  }

  #connect(node: ClusterNode): void {
    const link = new BusLink(this.#owner, node, false, this.state.now);
    node.link = link;
    link.attach(this.#environment.network.connect(node.ip, node.busPort, this.#events(link)));
  }

  #events(link: BusLink): BusSocketEvents {
    return {
      opened: () => {
        if (link.closed || this.#stopped || link.node === undefined) return;
        link.open = true;
        const { node } = link;
        const waitingSince = node.pingSentAt;
        this.state.messenger.ping(link, node.flags & FLAG_MEET ? PACKET_MEET : PACKET_PING);
        // A ping that was not answered on the former link still counts from its own time.
        if (waitingSince !== 0) node.pingSentAt = waitingSince;
        this.settle();
      },
      data: bytes => {
        if (link.closed || this.#stopped) return;
        link.receive(bytes);
        this.settle();
      },
      closed: reason => {
        if (link.closed) return;
        const { node } = link;
        // Without a ping on its way the silence of a node that refuses connections would go unnoticed.
        if (!link.open && node !== undefined && node.pingSentAt === 0) node.pingSentAt = this.state.now;
        if (!link.open && node !== undefined)
          this.#environment.log.verbose(`Connection with Node ${node.id} at ${node.ip}:${node.busPort} failed: ${reason}`);
        this.state.messenger.drop(link);
      },
    };
  }

  #garbage(link: BusLink): void {
    const from = link.remoteAddress === '' ? '' : ` from ${link.remoteAddress}:${link.remotePort}`;
    this.#environment.log.warning(`Bad message length or signature received on the Cluster bus${from === '' ? '.' : from}`);
    this.state.messenger.drop(link);
  }

  #countSent(type: number, bytes: number): void {
    const { statistics } = this.state;
    statistics.bytesSent += bytes;
    if (type === PACKET_PUBLISH || type === PACKET_PUBLISH_SHARD) statistics.pubsubBytesSent += bytes;
    else if (type === PACKET_MODULE) statistics.moduleBytesSent += bytes;
  }
}
