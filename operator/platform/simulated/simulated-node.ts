/**
 * A Valkey node as far as the operator can tell: answers the commands that the operator sends, knows its peers, follows a primary. What goes on between nodes (gossip, failure
 * detection, votes, replication) is done by the network, in steps of virtual time.
 *
 * Replies are texts as Valkey prints them, so that parsing is part of every simulation.
 */
import { formatSlotRanges, normaliseSlotRanges, subtractSlotRanges, type SlotRange } from '../../../lib/slot-ranges.ts';
import type { NodeAddress } from '../../model/workload.ts';
import type { SlotCounters } from './simulated-load.ts';
import { beginMigrations, cancelMigrations, listMigrations, slotOf, type SimulatedMigration } from './simulated-migrations.ts';
import { replyError, type Reply } from '../../valkey/node-client.ts';

/** What a process uses without data. */
const BARE_BYTES = 2 ** 20;

/** What a node holds about another one. */
export interface Peer {
  nodeId: string;
  address: NodeAddress | undefined;
  configEpoch: number;
  slots: readonly SlotRange[];
  primaryId: string | undefined;
  failed: boolean;
  silentSince: number | undefined;
}

export class SimulatedNode {
  readonly nodeId: string;
  readonly announcedName: string;
  readonly address: NodeAddress;
  readonly peers = new Map<string, Peer>();
  readonly config: Map<string, string>;
  /** Ids that were forgotten, and until when gossip does not bring them back. */
  readonly banned = new Map<string, number>();
  configEpoch = 0;
  currentEpoch = 0;
  slots: readonly SlotRange[] = [];
  primaryId: string | undefined;
  /** Values by key; a replica's are a copy. */
  data = new Map<string, string>();
  /** A replica: has its primary's data and gets what comes. */
  synced = false;
  offset = 0;
  /** Addresses that it was told to meet. */
  readonly meeting = new Set<string>();
  migrations: SimulatedMigration[] = [];
  /** It is Slotkeeper's own server, not Valkey's. */
  ownServer = false;
  /** False: a server that is older than slot migrations. */
  knowsMigrations = true;
  /** Undefined: it counts nothing, like a server that is older than slot statistics. */
  counters: SlotCounters | undefined;
  promotion: 'graceful' | 'force' | 'takeover' | undefined;

  constructor(nodeId: string, announcedName: string, address: NodeAddress, config: ReadonlyMap<string, string>) {
    this.nodeId = nodeId;
    this.announcedName = announcedName;
    this.address = address;
    this.config = new Map([['cluster-ping-interval', '0'], ...config]);
  }

  /** What an earlier process of this node had on its volume: all but who is silent, and what it was about to do. */
  restore(from: SimulatedNode): void {
    for (const [id, peer] of from.peers) this.peers.set(id, { ...peer, silentSince: undefined });
    this.configEpoch = from.configEpoch;
    this.currentEpoch = from.currentEpoch;
    this.slots = from.slots;
    this.primaryId = from.primaryId;
    this.data = new Map(from.data);
    this.offset = from.offset;
    this.synced = from.synced;
  }

  get isPrimary(): boolean {
    return this.primaryId === undefined;
  }

  /** @param now virtual time, for what is remembered with a limit. */
  answer(command: readonly string[], now: number): Reply {
    const [name, sub, ...args] = command.map((word, i) => (i < 2 ? word.toUpperCase() : word));
    if (name === 'INFO') return this.#info();
    if (name === 'CONFIG' && sub === 'GET') return this.#configGet(command.slice(2));
    if (name === 'CONFIG' && sub === 'SET') return this.#configSet(args);
    if (name === 'CLUSTER') return this.#cluster(sub, args, now);
    throw this.#error(`ERR unknown command '${name}'`);
  }

  #cluster(sub: string, args: readonly string[], now: number): Reply {
    switch (sub) {
      case 'MYID':
        return this.nodeId;
      case 'NODES':
        return this.#nodes();
      case 'INFO':
        return `cluster_state:${this.seesWholeCluster() ? 'ok' : 'fail'}\r\ncluster_my_epoch:${this.configEpoch}\r\ncluster_current_epoch:${this.currentEpoch}\r\n`;
      case 'SET-CONFIG-EPOCH':
        if (this.peers.size > 0)
          throw this.#error('ERR The user can assign a config epoch only when the node does not know any other node.');
        if (this.configEpoch !== 0) throw this.#error('ERR Node config epoch is already non-zero');
        this.configEpoch = Number(args[0]);
        this.currentEpoch = Math.max(this.currentEpoch, this.configEpoch);
        return 'OK';
      case 'BUMPEPOCH':
        this.configEpoch = ++this.currentEpoch;
        return `BUMPED ${this.configEpoch}`;
      case 'MEET':
        this.meeting.add(`${args[0]}:${args[1]}`);
        return 'OK';
      case 'ADDSLOTSRANGE':
        return this.#addSlots(args.map(Number));
      case 'FORGET':
        return this.#forget(args[0], now);
      case 'REPLICATE':
        return this.#replicate(args[0]);
      case 'FAILOVER':
        if (this.isPrimary) throw this.#error('ERR You should send CLUSTER FAILOVER to a replica');
        this.promotion = args[0]?.toLowerCase() === 'takeover' ? 'takeover' : args[0]?.toLowerCase() === 'force' ? 'force' : 'graceful';
        return 'OK';
      case 'SLOT-STATS':
        return this.#slotStats();
      case 'MIGRATESLOTS':
      case 'GETSLOTMIGRATIONS':
      case 'CANCELSLOTMIGRATIONS':
        return this.#migrations(sub, args);
      default:
        throw this.#error(`ERR unknown subcommand '${sub}'`);
    }
  }

  #migrations(sub: 'MIGRATESLOTS' | 'GETSLOTMIGRATIONS' | 'CANCELSLOTMIGRATIONS', args: readonly string[]): Reply {
    if (!this.knowsMigrations) throw this.#error(`ERR unknown subcommand '${sub}'. Try CLUSTER HELP.`);
    if (sub === 'GETSLOTMIGRATIONS') return listMigrations(this);
    if (sub === 'CANCELSLOTMIGRATIONS') {
      if (!cancelMigrations(this)) throw this.#error('ERR No migrations ongoing');
      return 'OK';
    }
    const refused = beginMigrations(this, args);
    if (refused !== undefined) throw this.#error(refused);
    return 'OK';
  }

  #slotStats(): Reply {
    if (this.counters === undefined) throw this.#error("ERR unknown subcommand 'SLOT-STATS'. Try CLUSTER HELP.");
    const keys = new Map<number, number>();
    for (const key of this.data.keys()) keys.set(slotOf(key), (keys.get(slotOf(key)) ?? 0) + 1);
    return this.counters.answer(this.isPrimary ? this.slots : [], slot => keys.get(slot) ?? 0);
  }

  #addSlots(numbers: readonly number[]): Reply {
    const ranges = Array.from({ length: numbers.length / 2 }, (_, i) => ({ start: numbers[2 * i], end: numbers[2 * i + 1] }));
    const owned = [...this.peers.values()].flatMap(peer => peer.slots).concat(this.slots);
    for (const { start, end } of ranges) {
      const free = subtractSlotRanges([{ start, end }], owned);
      if (free.length !== 1 || free[0].start !== start || free[0].end !== end) throw this.#error(`ERR Slot ${start} is already busy`);
    }
    this.slots = normaliseSlotRanges([...this.slots, ...ranges]);
    return 'OK';
  }

  #forget(nodeId: string, now: number): Reply {
    if (nodeId === this.nodeId) throw this.#error("ERR I tried hard but I can't forget myself...");
    if (this.primaryId === nodeId) throw this.#error("ERR Can't forget my master!");
    if (!this.peers.delete(nodeId)) throw this.#error(`ERR Unknown node ${nodeId}`);
    this.banned.set(nodeId, now + 60_000);
    return 'OK';
  }

  #replicate(primaryId: string): Reply {
    const peer = this.peers.get(primaryId);
    if (peer === undefined) throw this.#error(`ERR Unknown node ${primaryId}`);
    if (peer.primaryId !== undefined) throw this.#error('ERR I can only replicate a master, not a replica.');
    if (this.isPrimary && (this.slots.length > 0 || this.data.size > 0))
      throw this.#error('ERR To set a master the node must be empty and without assigned slots.');
    this.primaryId = primaryId;
    this.synced = false;
    return 'OK';
  }

  seesWholeCluster(): boolean {
    const served = [...this.peers.values()].filter(peer => !peer.failed).flatMap(peer => peer.slots);
    const voters = [...this.peers.values()].filter(peer => peer.slots.length > 0);
    const alive = voters.filter(peer => !peer.failed && peer.silentSince === undefined).length + (this.slots.length > 0 ? 1 : 0);
    const total = voters.length + (this.slots.length > 0 ? 1 : 0);
    return total > 0 && alive > total / 2 && served.length + this.slots.length > 0;
  }

  #nodes(): string {
    const own = this.#line(
      this.nodeId,
      this.address,
      `myself,${this.isPrimary ? 'master' : 'slave'}`,
      this.primaryId,
      this.configEpoch,
      'connected',
      this.slots,
    );
    const others = [...this.peers.values()].map(peer => {
      const health = peer.failed ? ',fail' : peer.silentSince === undefined ? '' : ',fail?';
      const flags = `${peer.primaryId === undefined ? 'master' : 'slave'}${health}${peer.address === undefined ? ',noaddr' : ''}`;
      const link = peer.silentSince === undefined && peer.address !== undefined ? 'connected' : 'disconnected';
      return this.#line(peer.nodeId, peer.address, flags, peer.primaryId, peer.configEpoch, link, peer.slots);
    });
    return [own, ...others].join('\n');
  }

  #line(
    id: string,
    address: NodeAddress | undefined,
    flags: string,
    primaryId: string | undefined,
    epoch: number,
    link: string,
    slots: readonly SlotRange[],
  ): string {
    const at = address === undefined ? ':0@0' : `${address.host}:${address.port}@${address.busPort}`;
    const owned = slots.length === 0 ? '' : ` ${formatSlotRanges(slots, ' ')}`;
    return `${id} ${at} ${flags} ${primaryId ?? '-'} 0 0 ${epoch} ${link}${owned}`;
  }

  #info(): string {
    const role = this.isPrimary
      ? ['role:master', `master_repl_offset:${this.offset}`]
      : [
          'role:slave',
          'master_host:x',
          'master_port:1',
          `master_link_status:${this.synced ? 'up' : 'down'}`,
          'master_sync_in_progress:0',
          `slave_repl_offset:${this.offset}`,
        ];
    const used = BARE_BYTES + [...this.data].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
    const cpu = ['used_cpu_sys:0', `used_cpu_user:${this.counters?.cpuSeconds ?? 0}`, `used_memory_dataset:${used - BARE_BYTES}`];
    const memory = [`used_memory:${used}`, `used_memory_startup:${BARE_BYTES}`, `maxmemory:${this.config.get('maxmemory') ?? 0}`];
    const keys = this.data.size === 0 ? [] : [`db0:keys=${this.data.size},expires=0,avg_ttl=0`];
    const server = ['valkey_version:9.1.2', `redis_build_id:${this.ownServer ? 'slotkeeper' : 'a1b2c3'}`, `run_id:${this.nodeId}`];
    const aof = `aof_enabled:${this.config.get('appendonly') === 'yes' ? 1 : 0}`;
    return [...server, 'loading:0', aof, ...role, ...cpu, ...memory, ...keys].join('\r\n');
  }

  #configGet(names: readonly string[]): Reply {
    return names.flatMap(name => {
      const value = name === 'cluster-announce-human-nodename' ? this.announcedName : this.config.get(name);
      return value === undefined ? [] : [name, value];
    });
  }

  #configSet(words: readonly string[]): Reply {
    for (let i = 0; i + 1 < words.length; i += 2) this.config.set(words[i], words[i + 1]);
    return 'OK';
  }

  #error(text: string): Error {
    return replyError(this.announcedName, text);
  }
}
