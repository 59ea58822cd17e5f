/**
 * One node's slot migrations in a model of its surroundings: a formed cluster for its table of nodes, and a network, data and clients that the test
 * plays by hand. What the node does is written to `events`.
 */

import type { SlotRange } from '../../lib/slot-ranges.ts';
import type { Session, Transport } from '../../server/core/session.ts';
import type { RunningWalk, SnapshotSink } from '../../server/core/snapshots.ts';
import type { BusSocket, BusSocketEvents } from '../../server/cluster/environment.ts';
import type { MigrationEnvironment, MigrationSettings } from '../../server/cluster/slot-migration/environment.ts';
import { SlotMigrations } from '../../server/cluster/slot-migration/slot-migrations.ts';
import type { Command } from '../../server/core/command.ts';
import { ClusterWorld } from '../simulate/cluster-world.ts';
import { SILENT_LOG } from './data-world.ts';

export const DEFAULT_SETTINGS: MigrationSettings = {
  timeoutSeconds: 60,
  manualFailoverTimeoutMs: 5000,
  maxFailoverBytes: 0,
  logLength: 1000,
  user: '',
  password: '',
  outputLimit: { hard: 0, soft: 0, softSeconds: 0 },
};

/** A connection of the node under test, as its peer sees it. */
export class PeerSocketModel implements BusSocket {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 1;
  readonly localAddress = '127.0.0.1';
  pendingBytes = 0;
  open = true;
  ended = false;
  readonly events: BusSocketEvents;
  /** The peer takes nothing: what is written stays pending. */
  stuck = false;
  #text = '';
  #taken: (() => void)[] = [];

  constructor(events: BusSocketEvents) {
    this.events = events;
  }

  write(bytes: Uint8Array, taken?: () => void): void {
    this.#text += Buffer.from(bytes).toString('latin1');
    if (taken !== undefined) this.#taken.push(taken);
    if (this.stuck) this.pendingBytes += bytes.length;
  }

  end(): void {
    this.ended = true;
  }

  close(): void {
    this.open = false;
  }

  /** What was written since the last call, requests as words with spaces. */
  heard(): string[] {
    const words = this.#text.split('\r\n');
    this.#text = '';
    const requests: string[] = [];
    for (const word of words) {
      if (word.startsWith('*')) requests.push('');
      else if (word !== '' && !word.startsWith('$')) requests[requests.length - 1] = `${requests.at(-1)} ${word}`.trim();
    }
    return requests;
  }

  /** The peer takes what is pending. */
  drain(): void {
    this.pendingBytes = 0;
    for (const taken of this.#taken.splice(0)) taken();
  }

  line(text: string): void {
    this.events.data(Buffer.from(`${text}\r\n`, 'latin1'));
  }

  says(...words: readonly string[]): void {
    const all = ['CLUSTER', 'SYNCSLOTS', ...words];
    this.events.data(Buffer.from(`*${all.length}\r\n${all.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`, 'latin1'));
  }
}

const KEYED = { firstKey: 1, subcommands: undefined } as unknown as Command;
const KEYLESS = { firstKey: 0, subcommands: undefined } as unknown as Command;

export class MigrationWorld {
  now = 1_000_000;
  settings = DEFAULT_SETTINGS;
  readonly events: string[] = [];
  readonly sockets: PeerSocketModel[] = [];
  readonly cluster: ClusterWorld;
  readonly migrations: SlotMigrations;
  pausedUntil = 0;
  snapshot: (SnapshotSink & { resumed: number; aborted: boolean }) | undefined;
  snapshotsAllowed = true;
  dropped: (() => void) | undefined;
  /** There is a replica that has not all that was written. */
  replicaLags = false;
  /** The wait for it ends. */
  replicated: ((replicated: boolean) => void) | undefined;
  readonly #soon: (() => void)[] = [];

  /** Node 0 of three primaries, or the replica of the first one. */
  constructor(options: { readonly replica?: boolean } = {}) {
    this.cluster = new ClusterWorld({ seed: 7, nodeTimeoutMs: 2000, latencyMs: [1, 5], breakage: 0 });
    this.cluster.form(3, 1);
    this.cluster.run(3000);
    const { bus } = this.node(options.replica === true ? 3 : 0);
    const commands = {
      lookup: (name: string) => (['SET', 'UNLINK'].includes(name) ? KEYED : KEYLESS),
      resolve: () => undefined,
      keysOf: () => undefined,
    };
    this.migrations = new SlotMigrations(this.#environment(), bus.state, commands, () => bus.settle());
    bus.state.migrations = this.migrations;
  }

  node(index: number): ClusterWorld['nodes'][number] {
    return this.cluster.nodes[index];
  }

  get socket(): PeerSocketModel {
    const last = this.sockets.at(-1);
    if (last === undefined) throw new Error('The node has made no connection');
    return last;
  }

  /** Runs what was put off to the end of the turn. */
  turn(): void {
    for (let round = 0; round < 20 && this.#soon.length > 0; round++) for (const action of this.#soon.splice(0)) action();
  }

  /** Time goes by, with a tick every 100 ms. The nodes talk, unless `silently`. */
  pass(milliseconds: number, silently = false): void {
    for (let left = milliseconds; left > 0; left -= 100) {
      this.now += 100;
      if (!silently) this.cluster.run(100);
      this.migrations.tick();
      this.turn();
    }
  }

  state(index = 0): string {
    const job = this.migrations.list()[index];
    return job === undefined ? '' : job.message === '' ? job.state : `${job.state}: ${job.message}`;
  }

  took(): string[] {
    return this.events.splice(0);
  }

  /** A client's session, and what is written to it. */
  client(): { readonly session: Session; readonly written: string[] } {
    const written: string[] = [];
    const transport = {
      write: (bytes: Uint8Array) => written.push(Buffer.from(bytes).toString('latin1').split('\r\n').at(-2) ?? ''),
      close: () => this.events.push('closed'),
    };
    const session = { transport, attachments: new Map(), kind: 'normal', replyMode: 'on', closing: false, lastInteractionAt: this.now };
    return { session: session as unknown as Session, written };
  }

  #environment(): MigrationEnvironment {
    const writesPaused = (): boolean => this.pausedUntil > this.now;
    const note = (what: string, ranges: readonly SlotRange[]): void => {
      this.events.push(`${what} ${ranges.map(({ start, end }) => `${start}-${end}`).join(' ')}`);
    };
    let names = 0;
    return {
      clock: { now: () => this.now },
      entropy: { hex: length => String(++names).padStart(length, '0') },
      timers: {
        soon: action => this.#soon.push(action),
        after: (_ms, action) => {
          this.#soon.push(action);
          return () => {};
        },
      },
      log: SILENT_LOG,
      network: {
        connect: (_host, _port, events) => {
          const socket = new PeerSocketModel(events);
          this.sockets.push(socket);
          return socket;
        },
      },
      slots: {
        clear() {},
        hide: ranges => note('hide', ranges),
        show: ranges => note('show', ranges),
        drop: (slots, done) => {
          this.events.push(`drop ${slots.join(' ')}`);
          this.dropped = done;
        },
      },
      settings: () => this.settings,
      snapshot: sink => this.#begin(sink),
      propagate: args => this.events.push(args.join(' ')),
      awaitReplica: (limitMs, done) => {
        if (!this.replicaLags) return false;
        this.events.push(`await a replica for ${limitMs} ms`);
        this.replicated = done;
        return true;
      },
      pauseWrites: until => {
        this.pausedUntil = Math.max(until, this.pausedUntil);
        this.events.push('pause');
      },
      unpauseWrites: () => {
        this.pausedUntil = 0;
        this.events.push('unpause');
      },
      get writesPaused() {
        return writesPaused();
      },
      openSession: (transport: Transport) => ({ transport }) as unknown as Session,
      closeSession() {},
    };
  }

  #begin(sink: SnapshotSink): RunningWalk | undefined {
    if (!this.snapshotsAllowed) return undefined;
    const snapshot = { ...sink, resumed: 0, aborted: false };
    this.snapshot = snapshot;
    return {
      keysDone: 0,
      keysTotal: 0,
      resume: () => {
        snapshot.resumed++;
      },
      abort: () => {
        snapshot.aborted = true;
      },
    };
  }
}
