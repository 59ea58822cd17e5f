/**
 * `slotkeeper up` as a user starts it, for tests: a process of its own, in a folder of its own, whose output is watched.
 *
 * The server is Slotkeeper's own; the environment variable SLOTKEEPER_SERVER_BINARY puts another one in its place.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { NodeConnection } from './node-connection.ts';

const ROOT = normalize(join(import.meta.dirname, '../..'));
export const QUICKSTART = join(ROOT, 'examples/quickstart.yaml');
const PROGRAM = join(ROOT, 'bin/slotkeeper');

export class LocalCluster {
  readonly child: ChildProcess;
  readonly startedAtMs = performance.now();
  output = '';
  readonly #exit: Promise<readonly [number | null, string | null]>;

  constructor(args: readonly string[]) {
    this.child = spawn(PROGRAM, ['up', ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.#exit = once(this.child, 'exit').then(([code, signal]) => [code as number | null, signal as string | null] as const);
  }

  /** Resolves with the milliseconds from the start to the first Ready. */
  async ready(limitMs: number): Promise<number> {
    await this.waitFor(() => /\bReady [\d.]+ s after the start/.test(this.output), limitMs, 'the cluster to be ready');
    return performance.now() - this.startedAtMs;
  }

  async waitFor(condition: () => boolean | Promise<boolean>, limitMs: number, what: string): Promise<void> {
    await until(condition, limitMs, () => `${what}; slotkeeper up said:\n${this.output}`);
  }

  /** Waits for the end of the program; the exit code, or the signal that ended it. */
  async ended(limitMs: number): Promise<number | string | null> {
    const late = AbortSignal.timeout(limitMs);
    const onLate = once(late, 'abort').then(() => {
      throw new Error(`slotkeeper up did not end within ${limitMs} ms; it said:\n${this.output}`);
    });
    const [code, signal] = await Promise.race([this.#exit, onLate]);
    return code ?? signal;
  }

  /** Ctrl-C. Resolves with the exit code. */
  async interrupt(): Promise<number | string | null> {
    this.child.kill('SIGINT');
    return this.ended(15_000);
  }

  /** Ends what is left, whatever state it is in: for the end of a test. */
  async dispose(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    await this.interrupt().catch(() => this.child.kill('SIGKILL'));
  }
}

export class Workspace {
  readonly path = mkdtempSync(join(tmpdir(), 'slotkeeper-test-'));
  readonly stateFolder = join(this.path, 'state');
  readonly #clusters: LocalCluster[] = [];

  /** Writes a manifest into the workspace and gives its path. */
  manifest(name: string, text: string): string {
    const file = join(this.path, name);
    writeFileSync(file, text);
    return file;
  }

  up(...args: readonly string[]): LocalCluster {
    const cluster = new LocalCluster(args);
    this.#clusters.push(cluster);
    return cluster;
  }

  log(node: string): string {
    return readFileSync(join(this.stateFolder, 'logs', `${node}.log`), 'utf8');
  }

  async dispose(): Promise<void> {
    for (const cluster of this.#clusters) await cluster.dispose();
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Waits for `condition` by asking every 50 ms; an exception of it counts as no. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs: number, what: () => string): Promise<void> {
  const deadline = performance.now() + limitMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    try {
      if (await condition()) return;
    } catch (error) {
      lastError = error;
    }
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error(`Waited ${limitMs} ms for ${what()}${lastError instanceof Error ? `\nlast error: ${lastError.message}` : ''}`);
}

/** One command to the node on `port` of loopback, over a connection of its own. */
export async function ask(port: number, ...command: readonly string[]): Promise<unknown> {
  const connection = await NodeConnection.open({ host: '127.0.0.1', port });
  try {
    return await connection.send(...command);
  } finally {
    connection.close();
  }
}
