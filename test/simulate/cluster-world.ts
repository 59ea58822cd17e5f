/**
 * A cluster of bus machines in one process: virtual time, a network that delays, stalls, breaks and splits, nodes that crash and come
 * back with or without their nodes file, and a replication that is only an offset. All chance comes from one seed.
 */

import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import type { ClusterAdministration } from '../../server/core/cluster-administration.ts';
import { createAdministration } from '../../server/cluster/administration.ts';
import { ClusterBus } from '../../server/cluster/cluster-bus.ts';
import { isPrimary } from '../../server/cluster/cluster-node.ts';
import type { BusSocket, BusSocketEvents, ClusterEnvironment, ClusterSettings } from '../../server/cluster/environment.ts';
import { hasSlot, slotRangesText } from '../../server/cluster/slot-bitmap.ts';
import { seededRandom, VirtualTime } from './virtual-time.ts';

/** Odds of the network and the speed of the cluster. */
export interface WorldOptions {
  readonly seed: number;
  readonly nodeTimeoutMs: number;
  readonly latencyMs: readonly [number, number];
  /** Chance that a message meets a broken connection. */
  readonly breakage: number;
}

interface SimulatedSocket extends BusSocket {
  peer: SimulatedSocket | undefined;
  readonly owner: SimulatedNode;
  events: BusSocketEvents | undefined;
}

export class SimulatedNode {
  readonly port: number;
  readonly world: ClusterWorld;
  alive = false;
  /** Raised with each life: timers of a former one do nothing. */
  life = 0;
  file: string | undefined;
  offset = 0;
  primaryPort = 0;
  lastPrimaryContact = 0;
  writesPaused = false;
  /** It is shutting down. */
  leaving = false;
  /** It came back, and may have less data than its replicas. */
  aside = false;
  readonly sockets = new Set<SimulatedSocket>();
  bus!: ClusterBus;
  administration!: ClusterAdministration;
  readonly log: string[] = [];

  constructor(world: ClusterWorld, port: number) {
    this.world = world;
    this.port = port;
  }

  get id(): string {
    return this.bus.state.myself.id;
  }

  get isPrimary(): boolean {
    return isPrimary(this.bus.state.myself);
  }

  start(): void {
    this.alive = true;
    this.life++;
    // Whoever starts has not been connected yet, however new its file is.
    this.lastPrimaryContact = -Infinity;
    this.primaryPort = 0;
    this.writesPaused = false;
    this.aside = false;
    this.leaving = false;
    this.bus = new ClusterBus(environmentOf(this));
    this.administration = createAdministration(this.bus);
    this.bus.open();
    this.bus.dataLoaded();
    const { life } = this;
    const tick = (): void => {
      if (!this.alive || this.life !== life) return;
      this.replicate();
      this.bus.tick();
      this.world.after(100, tick);
    };
    this.world.after(this.world.random() * 100, tick);
  }

  /** kill -9: what was not in the file is gone, peers see their connections break. */
  crash(): void {
    this.alive = false;
    for (const socket of this.sockets) this.world.breakPair(socket);
    this.sockets.clear();
  }

  /** Takes the offset of its primary, if it can be reached. */
  replicate(): void {
    if (this.isPrimary) {
      if (!this.writesPaused && this.bus.state.ok) this.offset += 1 + Math.floor(this.world.random() * 20);
      return;
    }
    const primary = this.world.nodes.find(node => node.port === this.primaryPort);
    if (primary === undefined || !primary.alive || !this.world.connected(this, primary) || !primary.isPrimary || primary.aside) return;
    this.offset = primary.offset;
    this.lastPrimaryContact = this.world.now;
  }
}

/** The world as one node's machine sees it, for as long as its present life lasts. */
function environmentOf(node: SimulatedNode): ClusterEnvironment {
  const { world, life } = node;
  const note = (message: string): void => {
    node.log.push(`${world.now} ${message}`);
  };
  return {
    clock: { now: () => Math.floor(world.now) },
    entropy: { random: world.random, hex: length => Array.from({ length }, () => Math.floor(world.random() * 16).toString(16)).join('') },
    timers: {
      after: (delayMs, action) => {
        world.after(delayMs, () => {
          if (node.alive && node.life === life) action();
        });
        return () => {};
      },
    },
    log: { write: (_level, message) => note(message), debug() {}, verbose: note, notice: note, warning: note },
    network: { connect: (_host, port, events) => world.connect(node, port, events) },
    store: {
      read: () => node.file,
      write: content => {
        node.file = content;
      },
    },
    data: { keysInSlot: () => 0, empty: true, dropSlot() {}, ownerChanged() {}, flushAll() {} },
    replication: {
      get offset() {
        return node.offset;
      },
      get primaryHost() {
        return node.primaryPort === 0 ? '' : '127.0.0.1';
      },
      millisecondsSincePrimary: () => world.now - node.lastPrimaryContact,
      follow: (_host, port) => {
        node.primaryPort = port;
      },
      promote: () => {
        node.primaryPort = 0;
      },
      standAside: on => {
        node.aside = on;
      },
      // Replicas here are ours: they hear on the bus that they are yielded to.
      yieldTo() {},
    },
    clients: {
      pauseWrites: () => {
        node.writesPaused = true;
      },
      unpauseWrites: () => {
        node.writesPaused = false;
      },
      deliver() {},
    },
    settings: () => world.settings(node),
    leaving: () => node.leaving,
    fatal: message => {
      throw new Error(message);
    },
  };
}

export class ClusterWorld {
  readonly #time = new VirtualTime(1_000_000);
  readonly random: () => number;
  readonly nodes: SimulatedNode[] = [];
  readonly options: WorldOptions;
  /** Ports that are cut off from the rest (and joined among each other). */
  #island = new Set<number>();
  breakage: number;
  /** Broken rules, as sentences. */
  readonly violations: string[] = [];

  constructor(options: WorldOptions) {
    this.options = options;
    this.random = seededRandom(options.seed);
    this.breakage = options.breakage;
  }

  /** 3 primaries and 3 replicas (`shards` × (1 + `replicas`)), joined, with all slots. Runs until the cluster is ok. */
  form(shards: number, replicas: number): void {
    for (let i = 0; i < shards * (1 + replicas); i++) {
      const node = new SimulatedNode(this, 7001 + i);
      this.nodes.push(node);
      node.start();
      node.administration.setConfigEpoch(i + 1);
    }
    for (const node of this.nodes.slice(1)) this.nodes[0].administration.meet('127.0.0.1', node.port, node.port + 10_000, 'test');
    this.runUntil(
      'all nodes know each other',
      () =>
        this.nodes.every(
          node => node.bus.state.nodes.all().filter(known => known.link?.open || known.id === node.id).length === this.nodes.length,
        ),
      30_000,
    );
    for (let shard = 0; shard < shards; shard++) {
      const start = Math.floor((SLOT_COUNT * shard) / shards);
      const end = Math.floor((SLOT_COUNT * (shard + 1)) / shards);
      this.nodes[shard].administration.addSlots(Array.from({ length: end - start }, (_, i) => start + i));
      for (let replica = 0; replica < replicas; replica++)
        this.nodes[shards + shard * replicas + replica].administration.replicate(this.nodes[shard].id);
    }
    this.runUntil('the cluster is whole', () => this.whole(), 60_000);
  }

  settings(node: SimulatedNode): ClusterSettings {
    return {
      nodeTimeout: this.options.nodeTimeoutMs,
      pingInterval: 0,
      gossipPercent: 10,
      blacklistTtlSeconds: 60,
      replicaValidityFactor: 10,
      replicaPingPeriodSeconds: 10,
      replicaNoFailover: false,
      allowReplicaMigration: false,
      migrationBarrier: 1,
      requireFullCoverage: true,
      manualFailoverTimeout: 5000,
      linkBufferLimit: 0,
      saveBehavior: 'sync',
      tlsCluster: false,
      announce: {
        ip: '127.0.0.1',
        tcpPort: node.port,
        tlsPort: 0,
        busPort: node.port + 10_000,
        clientIpv4: '',
        clientIpv6: '',
        clientTcpPort: 0,
        clientTlsPort: 0,
        hostname: '',
        humanName: `n${node.port}`,
        availabilityZone: '',
      },
    };
  }

  // ── Time ──

  get now(): number {
    return this.#time.now;
  }

  after(delayMs: number, run: () => void): void {
    this.#time.after(delayMs, run);
  }

  run(ms: number): void {
    this.#time.run(ms, () => this.#checkRules());
  }

  runUntil(what: string, condition: () => boolean, limitMs: number): number {
    const start = this.now;
    while (!condition()) {
      if (this.now - start > limitMs)
        throw new Error(`Waited ${limitMs} ms (seed ${this.options.seed}) until ${what}, and it is not so:\n${this.describe()}`);
      this.run(50);
    }
    return this.now - start;
  }

  // ── Network ──

  /** Cuts `ports` off from all others. */
  partition(ports: readonly number[]): void {
    this.#island = new Set(ports);
  }

  heal(): void {
    this.#island = new Set();
  }

  connected(one: SimulatedNode, other: SimulatedNode): boolean {
    return this.#island.has(one.port) === this.#island.has(other.port);
  }

  connect(from: SimulatedNode, busPort: number, events: BusSocketEvents): BusSocket {
    const socket = createSocket(this, from, busPort);
    socket.events = events;
    this.after(this.#latency(), () => {
      if (socket.events === undefined || !from.alive) return;
      const to = this.nodes.find(node => node.port + 10_000 === busPort);
      if (to === undefined || !to.alive) return this.breakPair(socket);
      // A split swallows the packets: nothing is refused, nothing answers.
      if (!this.connected(from, to)) return;
      const peer = createSocket(this, to, from.port);
      socket.peer = peer;
      peer.peer = socket;
      peer.events = to.bus.accept(peer);
      socket.events.opened();
    });
    return socket;
  }

  breakPair(socket: SimulatedSocket): void {
    for (const end of [socket, socket.peer]) {
      if (end === undefined) continue;
      const { events } = end;
      end.events = undefined;
      end.owner.sockets.delete(end);
      if (events !== undefined && end.owner.alive) this.after(this.#latency(), () => end.owner.alive && events.closed('connection broken'));
    }
  }

  #latency(): number {
    const [least, most] = this.options.latencyMs;
    return least + this.random() * (most - least);
  }

  // ── Rules ──

  /** No two nodes that take themselves for primaries of one slot have the same epoch. */
  #checkRules(): void {
    const primaries = this.nodes.filter(node => node.alive && node.isPrimary && node.bus.state.myself.slotCount > 0);
    for (const [index, one] of primaries.entries()) {
      for (const other of primaries.slice(index + 1)) {
        const [mine, theirs] = [one.bus.state.myself, other.bus.state.myself];
        if (mine.configEpoch !== theirs.configEpoch) continue;
        const shared = mine.slots.findIndex((byte, i) => (byte & theirs.slots[i]) !== 0);
        if (shared !== -1)
          this.violations.push(
            `at ${this.now}: ${one.port} and ${other.port} both own slots near ${shared * 8} under epoch ${mine.configEpoch}`,
          );
      }
    }
  }

  /** All live nodes are ok and agree who owns what. */
  whole(): boolean {
    const alive = this.nodes.filter(node => node.alive);
    const views = new Set(alive.map(node => this.#view(node)));
    return views.size === 1 && alive.every(node => node.bus.state.ok);
  }

  /** Owner of a slot, if all live nodes agree. */
  ownerOf(slot: number): SimulatedNode | undefined {
    const owners = this.nodes.filter(node => node.alive && hasSlot(node.bus.state.myself.slots, slot) && node.isPrimary);
    return owners.length === 1 ? owners[0] : undefined;
  }

  #view(node: SimulatedNode): string {
    const owners = node.bus.state.nodes.all().filter(known => known.slotCount > 0);
    return owners
      .map(owner => `${owner.id}${slotRangesText(owner.slots)}`)
      .toSorted()
      .join('|');
  }

  describe(): string {
    return this.nodes
      .map(
        node =>
          `── ${node.port} ${node.alive ? 'up' : 'down'} ok=${node.bus.state.ok} offset=${node.offset}\n${node.administration.nodesText({ ipv6: false, tls: false, localIp: '' })}${node.log.slice(-8).join('\n')}`,
      )
      .join('\n');
  }
}

/** One end of a connection. */
function createSocket(world: ClusterWorld, owner: SimulatedNode, remotePort: number): SimulatedSocket {
  const { life } = owner;
  const socket: SimulatedSocket = {
    owner,
    peer: undefined,
    events: undefined,
    remoteAddress: '127.0.0.1',
    remotePort,
    localAddress: '127.0.0.1',
    pendingBytes: 0,
    end() {},
    write(bytes) {
      if (world.random() < world.breakage) return world.breakPair(socket);
      const deliver = (): void => {
        const { peer } = socket;
        if (socket.events === undefined || peer?.events === undefined || !peer.owner.alive || owner.life !== life) return;
        // What a split holds back comes when it heals, if the connection lives as long.
        if (!world.connected(owner, peer.owner)) world.after(50, deliver);
        else peer.events.data(bytes);
      };
      world.after(world.options.latencyMs[0], deliver);
    },
    close() {
      socket.events = undefined;
      owner.sockets.delete(socket);
      if (socket.peer?.events !== undefined) world.breakPair(socket.peer);
    },
  };
  owner.sockets.add(socket);
  return socket;
}
