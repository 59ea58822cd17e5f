/** One TCP connection a node process, kept between turns and shared by observation and actions. */
import type { NodeClient, NodeClients, NodeTarget } from './node-client.ts';
import { DEFAULT_LIMITS, type NodeClientLimits, TcpNodeClient } from './tcp-node-client.ts';

export class TcpNodeClients implements NodeClients {
  readonly #limits: NodeClientLimits;
  readonly #clients = new Map<string, TcpNodeClient>();
  /** Keys of connections by the cluster that uses them. */
  readonly #owned = new Map<string, readonly string[]>();

  constructor(limits: NodeClientLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  client(target: NodeTarget): NodeClient {
    const key = keyOf(target);
    const existing = this.#clients.get(key);
    if (existing !== undefined) return existing;
    const created = new TcpNodeClient(target, this.#limits);
    this.#clients.set(key, created);
    return created;
  }

  keepOnly(owner: string, targets: readonly NodeTarget[]): void {
    const wanted = targets.map(keyOf);
    for (const key of this.#owned.get(owner) ?? []) {
      if (wanted.includes(key)) continue;
      this.#clients.get(key)?.close();
      this.#clients.delete(key);
    }
    if (wanted.length === 0) this.#owned.delete(owner);
    else this.#owned.set(owner, wanted);
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
    this.#owned.clear();
  }
}

function keyOf({ name, address, process, password }: NodeTarget): string {
  return [name, address.host, address.port, process, password ?? ''].join('\0');
}
