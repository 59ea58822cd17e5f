/** Writes to one shard of a local cluster, each followed by WAIT 1, and remembers which were confirmed and how long writes were not accepted. */
import { NodeConnection } from './node-connection.ts';

const RETRY_MS = 20;

export class ConfirmedWriter {
  readonly confirmed: number[] = [];
  longestGapMs = 0;
  readonly #tag: string;
  readonly #ports: () => readonly number[];
  readonly #running: Promise<void>;
  #connection: NodeConnection | undefined;
  #stopped = false;
  #next = 0;
  #acceptedAt = performance.now();

  /** @param tag a hash tag of the shard's slots. */
  constructor(tag: string, ports: () => readonly number[]) {
    this.#tag = tag;
    this.#ports = ports;
    this.#running = this.#run();
  }

  /** Ends the writes. @returns confirmed keys that are not there any more. */
  async finish(): Promise<readonly number[]> {
    this.#stopped = true;
    await this.#running;
    const connection = await this.#open();
    const values = await Promise.all(this.confirmed.map(n => connection.send('GET', this.#key(n))));
    connection.close();
    return this.confirmed.filter((n, i) => values[i] !== String(n));
  }

  #key(n: number): string {
    return `{${this.#tag}}:${n}`;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        this.#connection ??= await this.#open();
        await this.#write(this.#connection);
        await pause(2);
      } catch {
        this.#connection?.close();
        this.#connection = undefined;
        await pause(RETRY_MS);
      }
    }
    this.#connection?.close();
  }

  async #write(connection: NodeConnection): Promise<void> {
    const n = this.#next++;
    await connection.send('SET', this.#key(n), String(n));
    const now = performance.now();
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#acceptedAt);
    this.#acceptedAt = now;
    if (Number(await connection.send('WAIT', '1', '200')) >= 1) this.confirmed.push(n);
  }

  /** A connection to the node that serves the tag, by MOVED from the first that answers. */
  async #open(): Promise<NodeConnection> {
    for (const port of this.#ports()) {
      const connection = await NodeConnection.open({ host: '127.0.0.1', port, timeoutMs: 1500 }).catch(() => undefined);
      if (connection === undefined) continue;
      const moved = await connection.send('GET', this.#key(0)).then(
        () => undefined,
        error => /MOVED \d+ [\d.]+:(\d+)/.exec(String(error))?.[1] ?? '',
      );
      if (moved === undefined) return connection;
      connection.close();
      if (moved !== '') return NodeConnection.open({ host: '127.0.0.1', port: Number(moved), timeoutMs: 1500 });
    }
    throw new Error('no node answers');
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
