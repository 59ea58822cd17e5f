/**
 * A steady load of writes that remembers what was promised: every SET is followed by WAIT 1 on the same connection, and a write counts
 * as confirmed when SET said OK and WAIT said that at least one replica has it. At the end every confirmed key is read back.
 *
 * One writer a shard: its keys share a hash tag whose slot the shard serves, so that the gaps of each shard are measured apart; and one for each slot that is
 * named, such as those that are about to move. A gap is the time between two writes that a primary accepted (SET said OK): how long clients could not write.
 */
import { slotOfKey } from '../../lib/slot-hash.ts';
import type { NodeConnection } from '../integration/node-connection.ts';
import type { TestCluster } from './test-cluster.ts';

const PACE_MS = 10;
const RETRY_MS = 50;
/** Short, since a pod's address may lead nowhere, and the time spent on it would count as a gap. */
const CONNECT_LIMIT_MS = 400;
const REPLY_LIMIT_MS = 1_500;
/** Short, since a shard whose replica is away accepts writes all the same, and the time spent on WAIT would count as a gap. */
const WAIT_LIMIT_MS = 250;
/** What takes longer is told with its gap. */
const SLOW_MS = 100;
/** Share of a limit. */
const NEAR_LIMIT = 0.8;

export type ShardReport = {
  readonly shard: number;
  readonly accepted: number;
  readonly confirmed: number;
  /** The longest time without an accepted write. */
  readonly longestGapMs: number;
  /** What the writer met in that time: moments since its begin, and errors. */
  readonly trouble: readonly string[];
};

class ShardWriter {
  readonly shard: number;
  readonly #cluster: TestCluster;
  readonly #tag: string;
  readonly #seeds: () => readonly string[];
  readonly #confirmed: number[] = [];
  #accepted = 0;
  #next = 0;
  #lastAcceptedAt = performance.now();
  #longestGapMs = 0;
  #trouble: string[] = [];
  #doing = '';
  #longestTrouble: readonly string[] = [];
  #connection: NodeConnection | undefined;
  #stopped = false;
  #running: Promise<void>;

  constructor(cluster: TestCluster, shard: number, tag: string, seeds: () => readonly string[]) {
    this.shard = shard;
    this.#cluster = cluster;
    this.#tag = tag;
    this.#seeds = seeds;
    this.#running = this.#run();
  }

  get accepted(): number {
    return this.#accepted;
  }

  report(): ShardReport {
    const openGapMs = this.#stopped ? 0 : performance.now() - this.#lastAcceptedAt;
    const isOpen = openGapMs > this.#longestGapMs;
    return {
      shard: this.shard,
      accepted: this.#accepted,
      confirmed: this.#confirmed.length,
      longestGapMs: Math.max(this.#longestGapMs, openGapMs),
      trouble: isOpen ? [...this.#trouble, `the gap goes on: ${this.#doing}`] : this.#longestTrouble,
    };
  }

  /** Forgets the gaps so far: what is measured next begins now. */
  resetGaps(): void {
    this.#longestGapMs = 0;
    this.#longestTrouble = [];
    this.#lastAcceptedAt = Math.max(this.#lastAcceptedAt, performance.now() - PACE_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.#connection?.close();
  }

  /** Numbers of confirmed writes that the cluster does not have, as ranges; undefined when it has all. */
  async lost(): Promise<string | undefined> {
    const connection = await this.#open();
    try {
      const replies = await Promise.all(this.#confirmed.map(n => connection.send('GET', this.#key(n))));
      const lost = this.#confirmed.filter((n, at) => replies[at] !== String(n));
      if (lost.length === 0) return undefined;
      return `shard ${this.shard} lost ${lost.length} of ${this.#confirmed.length} confirmed writes: numbers ${formatRanges(lost)}`;
    } finally {
      connection.close();
    }
  }

  #key(n: number): string {
    return `{${this.#tag}}:${n}`;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        if (this.#connection === undefined) this.#note('connects');
        this.#connection ??= await this.#open();
        await this.#write(this.#connection);
        await sleep(PACE_MS);
      } catch (error) {
        this.#note(`${error instanceof Error ? error.message : String(error)} (${this.#doing})`);
        this.#connection?.close();
        this.#connection = await this.#redirected(error);
        if (this.#connection === undefined) await sleep(RETRY_MS);
      }
    }
  }

  async #write(connection: NodeConnection): Promise<void> {
    const n = this.#next++;
    const set = connection.send('SET', this.#key(n), String(n));
    const wait = connection.send('WAIT', '1', String(WAIT_LIMIT_MS));
    wait.catch(() => {});
    const sentAt = performance.now();
    this.#doing = `SET ${n} was sent to ${connection.host}`;
    await set;
    const now = performance.now();
    if (now - sentAt > SLOW_MS) this.#note(`SET ${n} was answered by ${connection.host} after ${Math.round(now - sentAt)} ms`);
    if (now - this.#lastAcceptedAt > this.#longestGapMs) {
      this.#longestGapMs = now - this.#lastAcceptedAt;
      this.#longestTrouble = this.#trouble;
    }
    this.#trouble = [];
    this.#lastAcceptedAt = now;
    this.#accepted++;
    this.#doing = `WAIT after SET ${n} was sent to ${connection.host}`;
    if (Number(await wait) >= 1) this.#confirmed.push(n);
    if (performance.now() - now > SLOW_MS) this.#note(`WAIT after SET ${n} took ${Math.round(performance.now() - now)} ms`);
  }

  /** Remembers what was met since the last accepted write. */
  #note(what: string): void {
    this.#doing = what;
    this.#trouble.push(`${new Date().toISOString()}, after ${Math.round(performance.now() - this.#lastAcceptedAt)} ms: ${what}`);
  }

  /** A connection to the node that serves the tag's slot, found from whichever node answers first by following MOVED. */
  async #open(): Promise<NodeConnection> {
    // All at once, since an address whose pod is gone leads nowhere and says nothing, and waiting for it would count as a gap.
    const attempts = this.#seeds().map(seed => this.#connect(seed));
    const first = await Promise.any(attempts);
    for (const attempt of attempts)
      attempt.then(
        connection => connection === first || connection.close(),
        () => {},
      );
    return this.#follow(first, 0);
  }

  async #follow(connection: NodeConnection, hops: number): Promise<NodeConnection> {
    try {
      await connection.send('GET', this.#key(0));
      return connection;
    } catch (error) {
      connection.close();
      const target = movedTo(error);
      if (target === undefined || hops === 3) throw error;
      return this.#follow(await this.#connect(target), hops + 1);
    }
  }

  /** A connection to where MOVED points, if that is what `error` says and the node is there. */
  async #redirected(error: unknown): Promise<NodeConnection | undefined> {
    const target = movedTo(error);
    return target === undefined ? undefined : this.#connect(target).catch(() => undefined);
  }

  #connect(ip: string): Promise<NodeConnection> {
    return this.#cluster.connect(ip, REPLY_LIMIT_MS, CONNECT_LIMIT_MS);
  }
}

/** The writers of all shards of a cluster. */
export class SteadyLoad {
  readonly #cluster: TestCluster;
  readonly #writers: readonly ShardWriter[];
  readonly #refresh: NodeJS.Timeout;

  private constructor(cluster: TestCluster, writers: readonly ShardWriter[], refresh: NodeJS.Timeout) {
    this.#cluster = cluster;
    this.#writers = writers;
    this.#refresh = refresh;
  }

  /** @param slots of the writers beside those of the shards; for reports they belong to the shard that served them at the start. */
  static async start(cluster: TestCluster, slots: readonly number[] = []): Promise<SteadyLoad> {
    const state = { seeds: (await cluster.pods()).map(pod => pod.ip) };
    // Pods come back with other addresses: the seeds follow them.
    const refresh = setInterval(() => {
      const keep = (seeds: readonly string[]): void => {
        if (seeds.length > 0) state.seeds = [...seeds];
      };
      cluster.pods().then(
        pods => keep(pods.map(pod => pod.ip).filter(ip => ip !== '')),
        () => {},
      );
    }, 1_000);
    const rows = await cluster.nodesSeenBy(state.seeds[0]);
    const pods = await cluster.pods();
    const shards = rows
      .filter(row => row.flags.includes('master') && row.slots.length > 0)
      .map(row => ({ ranges: row.slots, shard: pods.find(pod => pod.ip === row.host)?.shard ?? -1 }));
    const named = slots.map(slot => ({
      ranges: [String(slot)],
      shard: shards.find(({ ranges }) => boundsOf(ranges).some(([start, end = start]) => slot >= start && slot <= end))?.shard ?? -1,
    }));
    const writers = [...shards, ...named].map(({ shard, ranges }) => new ShardWriter(cluster, shard, tagIn(ranges), () => state.seeds));
    const load = new SteadyLoad(cluster, writers, refresh);
    await cluster.waitUntil('every shard to accept writes', 15_000, async () => writers.every(writer => writer.accepted > 10));
    load.resetGaps();
    return load;
  }

  resetGaps(): void {
    for (const writer of this.#writers) writer.resetGaps();
  }

  report(): readonly ShardReport[] {
    return this.#writers.map(writer => writer.report()).toSorted((a, b) => a.shard - b.shard);
  }

  /** The longest gap over all shards since the last reset. */
  longestGapMs(): number {
    return Math.max(...this.report().map(report => report.longestGapMs));
  }

  /** The longest gap, printed; where it comes near its limit, with what its writer met. */
  tellGap(after: string, limitMs: number): number {
    const gapMs = this.longestGapMs();
    const why = gapMs < NEAR_LIMIT * limitMs ? '' : `: ${this.trouble()}`;
    console.log(`${after}: no writes for ${(gapMs / 1000).toFixed(1)} s${why}`);
    return gapMs;
  }

  /** What the writer of the longest gap met, for the message of a failed test. */
  trouble(): string {
    const worst = this.report().toSorted((a, b) => b.longestGapMs - a.longestGapMs)[0];
    return `shard ${worst.shard} without writes for ${Math.round(worst.longestGapMs)} ms:\n${worst.trouble.slice(0, 40).join('\n')}`;
  }

  /** Waits until every shard accepts writes again, after something happened. */
  async resumed(limitMs: number): Promise<void> {
    const before = this.#writers.map(writer => writer.accepted);
    const moved = async (): Promise<boolean> => this.#writers.every((writer, at) => writer.accepted > before[at] + 5);
    await this.#cluster.waitUntil('every shard to accept writes again', limitMs, moved);
  }

  /** Ends the load and reads every confirmed write back; `lost` says what is gone, one sentence a shard. */
  async finish(): Promise<{ readonly reports: readonly ShardReport[]; readonly lost: readonly string[] }> {
    await this.stop();
    const reports = this.report();
    const lost = await Promise.all(this.#writers.map(writer => writer.lost()));
    return { reports, lost: lost.filter(sentence => sentence !== undefined) };
  }

  async stop(): Promise<void> {
    clearInterval(this.#refresh);
    await Promise.all(this.#writers.map(writer => writer.stop()));
  }
}

/** The address in an error reply such as `MOVED 3999 127.0.0.1:6381`. */
const movedTo = (error: unknown): string | undefined => /MOVED \d+ ([\d.]+):/.exec(String(error))?.[1];

/** "3-7, 9": rising numbers, shortened. */
function formatRanges(numbers: readonly number[]): string {
  const starts = numbers.filter((n, at) => numbers[at - 1] !== n - 1);
  const ends = numbers.filter((n, at) => numbers[at + 1] !== n + 1);
  return starts.map((start, at) => (start === ends[at] ? String(start) : `${start}-${ends[at]}`)).join(', ');
}

/** A hash tag whose slot lies in one of `ranges` ("0-5460", "7"). */
function tagIn(ranges: readonly string[]): string {
  const bounds = boundsOf(ranges);
  for (let n = 0; ; n++) {
    const tag = `t${n}`;
    const slot = slotOfKey(Buffer.from(tag), 0, tag.length);
    if (bounds.some(([start, end = start]) => slot >= start && slot <= end)) return tag;
  }
}

const boundsOf = (ranges: readonly string[]): readonly (readonly number[])[] =>
  ranges.filter(range => !range.startsWith('[')).map(range => range.split('-').map(Number));

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
