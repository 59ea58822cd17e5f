/** Writers and questions for tests that move slots between real nodes. */

import { NodeConnection } from '../integration/node-connection.ts';
import type { ValkeyNode } from './cluster-nodes.ts';

const REPLY_LIMIT_MS = 30_000;

export interface ListWriterOptions {
  /** Unique among the writers. */
  readonly name: string;
  /** Hash tags to write to in turn, such as `{a}`. */
  readonly tags: readonly string[];
  readonly ports: readonly number[];
  /** Replicas that must have a write for it to count: nodes are killed. */
  readonly replicas?: number;
}

/** Appends numbers to lists, each number once, and follows MOVED. What was confirmed must be there, and nothing twice. */
export class ListWriter {
  readonly confirmed = new Map<string, string[]>();
  readonly #options: ListWriterOptions;
  readonly #connections = new Map<number, NodeConnection>();
  readonly #owner = new Map<string, number>();
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(options: ListWriterOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  get confirmedCount(): number {
    return [...this.confirmed.values()].reduce((sum, items) => sum + items.length, 0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    for (const connection of this.#connections.values()) connection.close();
  }

  async #run(): Promise<void> {
    const { name, tags } = this.#options;
    for (let count = 0; !this.#stopped; count++) {
      const tag = tags[count % tags.length];
      const key = `${tag}list${count % 50}`;
      const item = `${name}-${count}`;
      if (await this.#append(tag, key, item)) this.confirmed.set(key, [...(this.confirmed.get(key) ?? []), item]);
      else await new Promise(resolve => setTimeout(resolve, 5));
    }
  }

  /** True when it was confirmed. After an answer that is no redirection nobody knows: the item is not sent again. */
  async #append(tag: string, key: string, item: string): Promise<boolean> {
    const { ports, replicas = 0 } = this.#options;
    for (let hops = 0; hops < 20; hops++) {
      const port = this.#owner.get(tag) ?? ports[0];
      try {
        const connection = await this.#connectionTo(port);
        await connection.send('RPUSH', key, item);
        return replicas === 0 || Number(await connection.send('WAIT', String(replicas), '2000')) >= replicas;
      } catch (error) {
        const moved = /^MOVED \d+ \S*:(\d+)$/.exec((error as Error).message);
        if (moved !== null) {
          this.#owner.set(tag, Number(moved[1]));
          continue;
        }
        if (!(error instanceof Error && error.name === 'ReplyError')) this.#connections.delete(port);
        // Perhaps another node knows more.
        this.#owner.set(tag, ports[(ports.indexOf(port) + 1) % ports.length]);
        return false;
      }
    }
    return false;
  }

  async #connectionTo(port: number): Promise<NodeConnection> {
    const open = this.#connections.get(port);
    if (open !== undefined) return open;
    const connection = await NodeConnection.open({ host: '127.0.0.1', port, timeoutMs: REPLY_LIMIT_MS });
    this.#connections.set(port, connection);
    return connection;
  }
}

export interface MigrationOfNode {
  readonly name: string;
  readonly state: string;
  readonly message: string;
}

/** The newest first. */
export async function jobs(node: ValkeyNode): Promise<readonly MigrationOfNode[]> {
  const replies = (await node.ask('CLUSTER', 'GETSLOTMIGRATIONS')) as string[][];
  return replies.map(fields => {
    const field = (name: string): string => String(fields[fields.indexOf(name) + 1]);
    return { name: field('name'), state: field('state'), message: field('message') };
  });
}

export const isOver = (state: string): boolean => ['success', 'failed', 'cancelled'].includes(state);
