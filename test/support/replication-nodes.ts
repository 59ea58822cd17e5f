/** Servers as processes, ours and the reference's, for tests that let them replicate from each other. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'iovalkey';

export type Kind = 'ours' | 'reference';

/** Folder of a built Valkey 9.1, undefined when the environment names none. */
export const referenceFolder = process.env['VALKEY_REFERENCE'];

/** A machine that does other things too takes its time. */
const START_LIMIT_MS = 60_000;
const OURS = resolve(import.meta.dirname, '../../bin/valkey-server');

export interface ValkeyNode {
  readonly kind: Kind;
  readonly port: number;
  readonly client: Redis;
  /** What it has logged so far. */
  log(): string;
  readonly process: ChildProcess;
  /** One field of INFO. */
  info(name: string): Promise<string | undefined>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts and ends the nodes of one test file. */
export class Nodes {
  private readonly running: ValkeyNode[] = [];
  private readonly folders: string[] = [];
  private nextPort: number;

  constructor(firstPort: number) {
    this.nextPort = firstPort;
  }

  async start(kind: Kind, directives: Readonly<Record<string, string>> = {}): Promise<ValkeyNode> {
    const port = Number(directives['port'] ?? this.nextPort++);
    const dir = mkdtempSync(join(tmpdir(), 'replication-'));
    this.folders.push(dir);
    const all: Record<string, string> = {
      port: `${port}`,
      dir,
      'repl-diskless-sync-delay': '0',
      'enable-debug-command': 'yes',
      ...directives,
    };
    const binary = kind === 'ours' ? OURS : join(referenceFolder ?? '', 'src', 'valkey-server');
    const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, ...value.split(' ')]);
    // Servers of these tests save only when they are told to.
    if (all['save'] === undefined) args.push('--save', '');
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', chunk => (text += chunk));
    child.stderr.on('data', chunk => (text += chunk));
    const started = (): boolean => child.exitCode !== null || /Ready to accept connections/.test(text);
    await until(started, `the start of ${kind} on ${port}`, START_LIMIT_MS).catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
    if (child.exitCode !== null) throw new Error(`${kind} on ${port} ended:\n${text}`);
    const client = new Redis({
      port,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      enableReadyCheck: false,
      password: directives['requirepass'],
    });
    client.on('error', () => {});
    const node: ValkeyNode = {
      kind,
      port,
      client,
      process: child,
      log: () => text,
      info: async name => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(await client.info())?.[1],
      kill: signal =>
        new Promise(done => {
          if (child.exitCode !== null || child.signalCode !== null) return done();
          child.once('exit', () => done());
          child.kill(signal);
        }),
    };
    this.running.push(node);
    return node;
  }

  async stopAll(): Promise<void> {
    for (const node of this.running.splice(0)) {
      node.client.disconnect();
      await node.kill('SIGKILL');
    }
    for (const folder of this.folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  }
}

/** Waits until `condition` holds; throws with `what` when it does not within the limit. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, limitMs = 15_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${limitMs} ms: ${what}`);
    await new Promise(done => setTimeout(done, 20));
  }
}

export async function follow(replica: ValkeyNode, primary: ValkeyNode): Promise<void> {
  await replica.client.call('REPLICAOF', '127.0.0.1', String(primary.port));
}

export async function linkUp(node: ValkeyNode): Promise<boolean> {
  return (await node.info('master_link_status')) === 'up';
}

/** The link is up and the replica has all of the primary's stream. */
export async function inSync(primary: ValkeyNode, replica: ValkeyNode, limitMs = 20_000): Promise<void> {
  const same = async (): Promise<boolean> =>
    (await linkUp(replica)) && (await replica.info('master_repl_offset')) === (await primary.info('master_repl_offset'));
  try {
    await until(same, 'in sync', limitMs);
  } catch (error) {
    throw new Error(`Replica ${replica.port} is not in sync with ${primary.port}\n${replica.log().slice(-1500)}`, { cause: error });
  }
}

/** All keys of the first databases with type, content and expiry: what must be equal on both sides. */
export async function contentOf(node: ValkeyNode, databases = 3): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  const client = node.client.duplicate();
  for (let db = 0; db < databases; db++) {
    await client.select(db);
    const keys = await client.keys('*');
    keys.sort();
    const types = await Promise.all(keys.map(key => client.type(key)));
    const texts = await Promise.all(keys.map((key, i) => valueText(client, key, types[i])));
    const expiries = await Promise.all(keys.map(key => client.call('PEXPIRETIME', key)));
    keys.forEach((key, i) => content.set(`${db} ${key}`, `${types[i]} ${String(expiries[i])} ${texts[i]}`));
  }
  client.disconnect();
  return content;
}

async function valueText(client: Redis, key: string, type: string): Promise<string> {
  switch (type) {
    case 'string':
      return (await client.getBuffer(key))?.toString('latin1') ?? '';
    case 'list':
      return JSON.stringify(await client.lrange(key, 0, -1));
    case 'set':
      return JSON.stringify((await client.smembers(key)).toSorted());
    case 'hash':
      return JSON.stringify(Object.entries(await client.hgetall(key)).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    case 'zset':
      return JSON.stringify(await client.zrange(key, 0, -1, 'WITHSCORES'));
    default:
      return type;
  }
}

/** Random writes of all types to the databases of a node, until it is told to stop. */
export class WriteLoad {
  writes = 0;
  private readonly client: Redis;
  private readonly random: (limit: number) => number;
  private stopping = false;
  private readonly finished: Promise<void>;

  constructor(node: ValkeyNode, seed: number) {
    let state = seed | 1;
    this.random = limit => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >> 8) % limit;
    };
    this.client = node.client.duplicate();
    this.client.on('error', () => {});
    this.finished = this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.finished;
    this.client.disconnect();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      const batch: Promise<unknown>[] = [];
      for (let i = 0; i < 20; i++) batch.push(this.write());
      const outcomes = await Promise.allSettled(batch);
      this.writes += outcomes.filter(outcome => outcome.status === 'fulfilled').length;
      await new Promise(done => setTimeout(done, 2));
    }
  }

  private async write(): Promise<unknown> {
    const { client, random } = this;
    const n = random(200);
    const word = `w${random(1000)}`.repeat(1 + random(6));
    switch (random(16)) {
      case 0:
        return client.select(random(3));
      case 1:
        return client.set(`string:${n}`, word);
      case 2:
        return client.set(`volatile:${n}`, word, 'EX', 1000 + random(1000));
      case 3:
        return client.incrby(`counter:${n}`, random(1000));
      case 4:
        return client.append(`grows:${n}`, word);
      case 5:
        return client.rpush(`list:${n}`, word, String(random(100_000)));
      case 6:
        return client.lpop(`list:${n}`);
      case 7:
        return client.sadd(`set:${n}`, String(random(1000)), ...(n % 2 === 0 ? [word] : []));
      case 8:
        return client.srem(`set:${n}`, String(random(1000)));
      case 9:
        return client.hset(`hash:${n}`, word, String(random(1000)), 'f', String(random(10)));
      case 10:
        return client.hdel(`hash:${n}`, word);
      case 11:
        return client.zadd(`zset:${n}`, random(1000) / 8, word, -random(100), `m${random(50)}`);
      case 12:
        return client.zrem(`zset:${n}`, `m${random(50)}`);
      case 13:
        return client.multi().set(`string:${n}`, word).rpush(`list:${n}`, 'in a transaction').exec();
      case 14:
        return client.del(`list:${n}`, `grows:${n}`);
      default:
        return client.expire(`string:${n}`, 500 + random(500));
    }
  }
}

/** Keys of every type and encoding, large ones too. */
export async function fillWith(node: ValkeyNode, keys: number): Promise<void> {
  const { client } = node;
  for (let from = 0; from < keys; from += 1000) {
    const pipeline = client.pipeline();
    for (let i = from; i < Math.min(keys, from + 1000); i++) pipeline.set(`fill:${i}`, `value of ${i} `.repeat(1 + (i % 5)));
    await pipeline.exec();
  }
  const members = Array.from({ length: 3000 }, (_, i) => `member-${i}`);
  await client.rpush('large:list', ...members);
  await client.sadd('large:set', ...members);
  await client.hset('large:hash', ...members.flatMap(member => [member, `${member} value`]));
  await client.zadd('large:zset', ...members.flatMap((member, i) => [i / 4, member]));
  await client.sadd('ints', 1, 2, 70_000, -5_000_000_000);
  await client.rpush('small:list', 'a', 1, -5, 300, 'b'.repeat(200));
  await client.hset('small:hash', 'f', 1, 'g', 'word');
  await client.zadd('small:zset', 1, 'a', 2.5, 'b', 'inf', 'c', '-inf', 'd', 1e300, 'e');
  await client.set('large:string', 'large '.repeat(200_000));
  await client.set('integer', '-12345678901234');
  await client.set('binary', Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
}
