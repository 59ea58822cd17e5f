/**
 * A closed loop over chosen slots: so many users, each with a small batch of commands on its way, on keys of a hot slot or of any slot. The next batch begins when
 * all replies are there, so that the slowest shard sets the pace, as with real clients.
 *
 * Users share a few connections a node, on which their commands gather: little CPU for much load. MOVED is followed for the one slot; after a lost connection the
 * owners of all slots are asked for again. A command that fails is sent again until it succeeds, and its latency counts from the first time.
 */
import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import { encodeCommand } from '../valkey/tcp-node-client.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { LoadConnection, type ReplyListener } from './load-connection.ts';
import { hashTags } from './slot-keys.ts';
import { type Address, type Doors, reached, readSlotOwners, showAddress, type SlotOwners } from './slot-owners.ts';

export interface LoadSettings {
  /** Batches on their way at any time. */
  readonly users: number;
  /** Commands of a batch; all are on one slot. */
  readonly batch: number;
  readonly connectionsPerNode: number;
  /** [0, 1]: of all batches. The others are spread over all slots. */
  readonly hotShare: number;
  readonly hotSlots: readonly number[];
  /** [0, 1]: SET; the others are GET. */
  readonly writeShare: number;
  readonly valueBytes: number;
  readonly keysPerSlot: number;
  /** Length of a list in each hot slot, through which every GET there looks instead (LPOS): much work for a node and little for this side; 0 = none. */
  readonly scanLength: number;
  /** Between the last reply and the next batch of the same user; 0 = none. */
  readonly thinkMs: number;
}

/** What happened since the last one was taken. */
export interface LoadCounts {
  readonly completed: number;
  /** Tried again since. */
  readonly failed: number;
  readonly redirected: number;
  readonly lastError: string;
  readonly latencies: LatencyHistogram;
}

const RETRY_MS = 20;
const REFRESH_MS = 250;

interface User {
  slot: number;
  /** Of the batch that is on its way: what was not answered well yet. */
  commands: readonly string[];
  answered: number;
  /** Those that must be sent again. */
  again: string[];
  /** Wait before that: the reason was not only that the slot has moved. */
  troubled: boolean;
  sinceMs: number;
}

export class SlotLoad implements ReplyListener {
  readonly #doors: Doors;
  readonly #settings: LoadSettings;
  readonly #random: () => number;
  readonly #tags = hashTags();
  readonly #value: string;
  readonly #users: readonly User[];
  readonly #connections = new Map<string, LoadConnection[]>();
  readonly #owners: (Address | undefined)[];
  /** Batches that come first: they make the lists. */
  readonly #first: { readonly slot: number; readonly commands: readonly string[] }[];
  readonly #timers = new Set<NodeJS.Timeout>();
  #unflushed = new Set<LoadConnection>();
  #refreshing = false;
  #stopped = false;
  #counts = emptyCounts();

  private constructor(doors: Doors, settings: LoadSettings, owners: SlotOwners, random: () => number) {
    this.#doors = doors;
    this.#settings = settings;
    this.#owners = [...owners];
    this.#random = random;
    this.#value = 'v'.repeat(settings.valueBytes);
    this.#first = settings.scanLength === 0 ? [] : settings.hotSlots.map(slot => ({ slot, commands: this.#makeList(slot) }));
    this.#users = Array.from({ length: settings.users }, () => ({
      slot: 0,
      commands: [],
      answered: 0,
      again: [],
      troubled: false,
      sinceMs: 0,
    }));
    for (const number of this.#users.keys()) this.#next(number);
  }

  static async start(doors: Doors, settings: LoadSettings, random: () => number = Math.random): Promise<SlotLoad> {
    return new SlotLoad(doors, settings, await readSlotOwners(doors), random);
  }

  take(): LoadCounts {
    const counts = this.#counts;
    this.#counts = emptyCounts();
    return counts;
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const connection of [...this.#connections.values()].flat()) connection.close();
  }

  replied(number: number, error: string | undefined): void {
    if (error === undefined) {
      this.#counts.completed++;
      this.#counts.latencies.add(performance.now() - this.#users[number].sinceMs);
      this.#users[number].answered++;
    } else this.#refused(this.#users[number], error);
    this.#goOn(number);
  }

  lost(number: number): void {
    const user = this.#users[number];
    this.#refresh();
    this.#failed(user, `the connection to ${this.#ownerOf(user.slot)} was lost`);
    this.#goOn(number);
  }

  #refused(user: User, error: string): void {
    const moved = movedTo(error);
    if (moved === undefined) return this.#failed(user, error);
    this.#counts.redirected++;
    this.#owners[user.slot] = moved;
    user.again.push(user.commands[user.answered++]);
  }

  #failed(user: User, error: string): void {
    this.#counts.failed++;
    this.#counts.lastError = error;
    user.again.push(user.commands[user.answered++]);
    user.troubled = true;
  }

  /** After the last reply of a batch: what failed again, or the next. */
  #goOn(number: number): void {
    const user = this.#users[number];
    if (user.answered < user.commands.length) return;
    if (user.again.length === 0) {
      if (this.#settings.thinkMs === 0) this.#next(number);
      else this.#later(this.#settings.thinkMs, () => this.#next(number));
      return;
    }
    const { troubled } = user;
    Object.assign(user, { commands: user.again, answered: 0, again: [], troubled: false });
    if (troubled) this.#later(RETRY_MS, () => this.#send(number));
    else this.#send(number);
  }

  /** The next batch of a user. */
  #next(number: number): void {
    const { hotShare, hotSlots, batch } = this.#settings;
    const user = this.#users[number];
    const first = this.#first.pop();
    const hot = this.#random() < hotShare;
    const slot = hot ? hotSlots[Math.floor(this.#random() * hotSlots.length)] : Math.floor(this.#random() * SLOT_COUNT);
    user.slot = first?.slot ?? slot;
    user.commands = first?.commands ?? Array.from({ length: batch }, () => this.#command(slot, hot));
    user.answered = 0;
    user.sinceMs = performance.now();
    this.#send(number);
  }

  #command(slot: number, hot: boolean): string {
    const { writeShare, keysPerSlot, scanLength } = this.#settings;
    const tag = this.#tags[slot];
    const key = `{${tag}}:${Math.floor(this.#random() * keysPerSlot)}`;
    if (this.#random() < writeShare) return `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${this.#value.length}\r\n${this.#value}\r\n`;
    if (hot && scanLength > 0) return `*3\r\n$4\r\nLPOS\r\n$${tag.length + 7}\r\n{${tag}}:list\r\n$4\r\nnone\r\n`;
    return `*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`;
  }

  #makeList(slot: number): readonly string[] {
    const key = `{${this.#tags[slot]}}:list`;
    const elements = Array.from({ length: this.#settings.scanLength }, (_, n) => `e${n}`);
    return [
      ['DEL', key],
      ['RPUSH', key, ...elements],
    ].map(words => encodeCommand(words).toString('latin1'));
  }

  #send(number: number): void {
    if (this.#stopped) return;
    const { slot, commands } = this.#users[number];
    const owner = this.#owners[slot];
    if (owner === undefined) {
      this.#refresh();
      return this.#later(RETRY_MS, () => this.#send(number));
    }
    const connection = this.#connection(owner, number);
    for (const command of commands) connection.send(command, number);
    if (this.#unflushed.size === 0) setImmediate(() => this.#flush());
    this.#unflushed.add(connection);
  }

  #flush(): void {
    const unflushed = this.#unflushed;
    this.#unflushed = new Set();
    for (const connection of unflushed) connection.flush();
  }

  #connection(address: Address, number: number): LoadConnection {
    const name = showAddress(address);
    const place = number % this.#settings.connectionsPerNode;
    let connections = this.#connections.get(name);
    if (connections === undefined) this.#connections.set(name, (connections = []));
    const existing = connections[place];
    if (existing?.isOpen === true) return existing;
    return (connections[place] = new LoadConnection(reached(this.#doors, address), this.#doors.password, this));
  }

  /** Asks who serves what; at most one question at a time, and some time between two. */
  #refresh(): void {
    if (this.#refreshing || this.#stopped) return;
    this.#refreshing = true;
    const seeds = [...this.#doors.seeds, ...new Set(this.#owners.filter(owner => owner !== undefined))];
    readSlotOwners({ ...this.#doors, seeds })
      .then(owners => {
        for (const [slot, owner] of owners.entries()) this.#owners[slot] = owner;
      })
      .catch(() => {})
      .finally(() => this.#later(REFRESH_MS, () => (this.#refreshing = false)));
  }

  #later(ms: number, work: () => void): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }

  #ownerOf(slot: number): string {
    const owner = this.#owners[slot];
    return owner === undefined ? `the owner of slot ${slot}` : showAddress(owner);
  }
}

const emptyCounts = () => ({ completed: 0, failed: 0, redirected: 0, lastError: '', latencies: new LatencyHistogram() });

/** The address in an error reply such as `MOVED 3999 127.0.0.1:6381`. */
function movedTo(error: string): Address | undefined {
  const match = /^MOVED \d+ (.+):(\d+)$/.exec(error);
  return match === null ? undefined : { host: match[1], port: Number(match[2]) };
}
