/**
 * Valkey servers as processes on loopback, ours and the reference's alike, and clusters made of them: for tests that need real nodes.
 *
 * Ports are given by the test; the bus port is 10000 above. Each node has a folder of its own, which survives `kill` and `start`.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { NodeConnection } from '../integration/node-connection.ts';

const ROOT = normalize(join(import.meta.dirname, '../..'));
const OURS = join(ROOT, 'bin/valkey-server');
const HOST = '127.0.0.1';

/** Folder of the reference server, from VALKEY_REFERENCE. */
export const REFERENCE = process.env['VALKEY_REFERENCE'];
/** For `describe.skipIf`: with the reason in the title. */
export const WITHOUT_REFERENCE = REFERENCE === undefined;
export const NEEDS_REFERENCE = WITHOUT_REFERENCE ? ' (skipped: VALKEY_REFERENCE is not set)' : '';

export type ServerKind = 'ours' | 'reference';

export class ValkeyNode {
  readonly kind: ServerKind;
  readonly port: number;
  readonly folder = mkdtempSync(join(tmpdir(), 'slotkeeper-node-'));
  readonly #directives: readonly string[];
  #child: ChildProcess | undefined;
  #connection: NodeConnection | undefined;

  constructor(kind: ServerKind, port: number, directives: Readonly<Record<string, string>>) {
    this.kind = kind;
    this.port = port;
    this.#directives = Object.entries({ port: String(port), dir: this.folder, save: '', bind: HOST, ...directives }).flatMap(
      ([name, value]) => [`--${name}`, value],
    );
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }

  /** Starts the process and waits until it answers. */
  async start(): Promise<void> {
    const binary = this.kind === 'ours' ? OURS : join(REFERENCE ?? '', 'src/valkey-server');
    const log = openSync(join(this.folder, 'log'), 'a');
    this.#child = spawn(binary, this.#directives, { stdio: ['ignore', log, log] });
    closeSync(log);
    await waitFor(
      async () => !this.running || (await this.ask('PING')) === 'PONG',
      15_000,
      () => `${this.kind} server on port ${this.port} to answer; its log:\n${this.log.slice(-2000)}`,
    );
    if (!this.running) throw new Error(`The ${this.kind} server on port ${this.port} ended at once; its log:\n${this.log.slice(-2000)}`);
  }

  /** Sends a signal and waits for the end of the process. The exit code or signal. */
  async end(signal: NodeJS.Signals): Promise<number | string | null> {
    const child = this.#child;
    this.#connection?.close();
    this.#connection = undefined;
    if (child === undefined || !this.running) return null;
    const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
    child.kill(signal);
    const [code, by] = await ended;
    return code ?? by;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** A command over the node's own connection; rejects with error replies. */
  async ask(...command: readonly string[]): Promise<unknown> {
    try {
      this.#connection ??= await NodeConnection.open({ host: HOST, port: this.port, timeoutMs: 3000 });
      return await this.#connection.send(...command);
    } catch (error) {
      // An error reply leaves the connection as it is; anything else ends it.
      if (!(error instanceof Error && error.name === 'ReplyError')) {
        this.#connection?.close();
        this.#connection = undefined;
      }
      throw error;
    }
  }

  async text(...command: readonly string[]): Promise<string> {
    return String(await this.ask(...command));
  }

  /** A field of INFO or CLUSTER INFO. */
  async field(name: string, ...command: readonly string[]): Promise<string | undefined> {
    return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(await this.text(...command))?.[1];
  }

  async dispose(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

export interface TestClusterOptions {
  readonly firstPort: number;
  /** One entry a shard: the primary's kind, then those of its replicas. */
  readonly shards: readonly (readonly ServerKind[])[];
  readonly nodeTimeoutMs?: number;
  readonly directives?: Readonly<Record<string, string>>;
}

export class TestCluster {
  readonly nodes: readonly ValkeyNode[];
  /** By shard: the first primary and its replicas. */
  readonly shards: readonly (readonly ValkeyNode[])[];
  readonly nodeTimeoutMs: number;

  constructor(options: TestClusterOptions) {
    this.nodeTimeoutMs = options.nodeTimeoutMs ?? 2000;
    let port = options.firstPort;
    const directives = {
      'cluster-enabled': 'yes',
      'cluster-node-timeout': String(this.nodeTimeoutMs),
      'repl-diskless-sync-delay': '0',
      'repl-ping-replica-period': '1',
      'cluster-allow-replica-migration': 'no',
      ...options.directives,
    };
    this.shards = options.shards.map(kinds => kinds.map(kind => new ValkeyNode(kind, port++, directives)));
    this.nodes = this.shards.flat();
  }

  /** Starts all nodes and joins them with the CLUSTER commands. Resolves when all are ok and the replicas have synced. */
  async form(): Promise<void> {
    await Promise.all(this.nodes.map(node => node.start()));
    const [first, ...others] = this.nodes;
    for (const [index, node] of this.nodes.entries()) await node.ask('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    for (const node of others) await first.ask('CLUSTER', 'MEET', HOST, String(node.port));
    await waitFor(
      async () =>
        (await Promise.all(this.nodes.map(node => node.text('CLUSTER', 'NODES')))).every(
          text => text.trim().split('\n').length === this.nodes.length && !text.includes('handshake'),
        ),
      20_000,
      () => 'all nodes to know each other',
    );
    const share = 16_384 / this.shards.length;
    for (const [index, [primary]] of this.shards.entries())
      await primary.ask('CLUSTER', 'ADDSLOTSRANGE', String(Math.floor(share * index)), String(Math.floor(share * (index + 1)) - 1));
    for (const [primary, ...replicas] of this.shards) {
      const id = await primary.text('CLUSTER', 'MYID');
      for (const replica of replicas) await replica.ask('CLUSTER', 'REPLICATE', id);
    }
    await this.whole();
  }

  /** Waits until all running nodes agree that the cluster is ok, and all replicas among them are in sync. */
  async whole(limitMs = 40_000): Promise<void> {
    const well = async (node: ValkeyNode): Promise<boolean> => {
      if ((await node.field('cluster_state', 'CLUSTER', 'INFO')) !== 'ok') return false;
      const isReplica = !(await this.isPrimary(node));
      return !isReplica || (await node.field('master_link_status', 'INFO', 'replication')) === 'up';
    };
    await waitFor(
      async () => {
        const running = this.nodes.filter(node => node.running);
        if (!(await Promise.all(running.map(well))).every(Boolean)) return false;
        return new Set(await Promise.all(running.map(slotOwners))).size === 1;
      },
      limitMs,
      () => `the cluster to be whole:\n${this.nodes.map(node => `${node.kind} ${node.port}\n${node.log.slice(-1500)}`).join('\n')}`,
    );
  }

  async isPrimary(node: ValkeyNode): Promise<boolean> {
    return (await node.text('CLUSTER', 'NODES')).includes('myself,master');
  }

  /** Waits until `node` is primary and the other running nodes say so too. Milliseconds that it took. */
  async takesOver(node: ValkeyNode, limitMs: number): Promise<number> {
    const start = performance.now();
    const id = await node.text('CLUSTER', 'MYID');
    await waitFor(
      async () => {
        if (!(await this.isPrimary(node))) return false;
        const views = await Promise.all(this.nodes.filter(other => other.running).map(other => other.text('CLUSTER', 'NODES')));
        return views.every(view => new RegExp(`^${id} \\S+ (myself,)?master .* \\d+-\\d+`, 'm').test(view));
      },
      limitMs,
      () => `${node.kind} node on port ${node.port} to take over; its log:\n${node.log.slice(-2500)}`,
    );
    return performance.now() - start;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.nodes.map(node => node.dispose()));
  }
}

/** Who owns which slots in a node's view, in a form that can be compared. */
async function slotOwners(node: ValkeyNode): Promise<string> {
  const lines = (await node.text('CLUSTER', 'NODES'))
    .trim()
    .split('\n')
    .map(line => line.split(' '));
  return lines
    .filter(fields => fields.length > 8)
    .map(fields => `${fields[0]} ${fields.slice(8).join(' ')}`)
    .toSorted()
    .join('|');
}

/** valkey-cli of the reference. Its output. */
export async function cli(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(join(REFERENCE ?? '', 'src/valkey-cli'), args as string[], { timeout: 60_000 });
  return stdout;
}

/** Asks every 20 ms; an exception counts as no. */
export async function waitFor(condition: () => boolean | Promise<boolean>, limitMs: number, what: () => string): Promise<void> {
  const deadline = performance.now() + limitMs;
  let last: unknown;
  for (;;) {
    try {
      if (await condition()) return;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`Waited ${limitMs} ms for ${what()}${last instanceof Error ? `\nlast error: ${last.message}` : ''}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

/** Writes to one slot's keys all the time, wherever they are served, and remembers what was confirmed. */
export class SteadyWriter {
  readonly #cluster: TestCluster;
  readonly #tag: string;
  readonly confirmed = new Map<string, string>();
  longestGapMs = 0;
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(cluster: TestCluster, tag: string) {
    this.#cluster = cluster;
    this.#tag = tag;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  /** Keys whose confirmed value is not there. */
  async lost(): Promise<readonly string[]> {
    const lost: string[] = [];
    for (const [key, value] of this.confirmed) if ((await this.#anywhere('GET', key)) !== value) lost.push(key);
    return lost;
  }

  async #run(): Promise<void> {
    let last = performance.now();
    for (let n = 0; !this.#stopped; n++) {
      const key = `{${this.#tag}}:${n % 500}`;
      const reply = await this.#anywhere('SET', key, String(n)).catch(() => undefined);
      if (reply !== 'OK') {
        await new Promise(resolve => setTimeout(resolve, 5));
        continue;
      }
      this.confirmed.set(key, String(n));
      this.longestGapMs = Math.max(this.longestGapMs, performance.now() - last);
      last = performance.now();
    }
  }

  /** Tries the node that served last, then the others. */
  #server = 0;
  async #anywhere(...command: readonly string[]): Promise<unknown> {
    const { nodes } = this.#cluster;
    for (let tries = 0; tries < nodes.length; tries++) {
      const node = nodes[this.#server];
      if (node.running) {
        try {
          return await node.ask(...command);
        } catch {
          // Moved, down or gone: the next one.
        }
      }
      this.#server = (this.#server + 1) % nodes.length;
    }
    return undefined;
  }
}
