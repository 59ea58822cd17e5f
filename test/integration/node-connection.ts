/** A plain RESP2 connection to one node, for tests that must know which node they talk to: no redirection, no retry, no pool. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import RedisParser from 'redis-parser';

export type NodeConnectionOptions = {
  readonly host: string;
  readonly port: number;
  readonly password?: string;
  /** For each reply. */
  readonly timeoutMs?: number;
  /** For the connection; the same as for a reply when it is not given. */
  readonly connectTimeoutMs?: number;
};

type Waiting = { readonly resolve: (reply: unknown) => void; readonly reject: (error: Error) => void };

export class NodeConnection {
  readonly host: string;
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #failure: Error | undefined;

  private constructor(host: string, socket: Socket, timeoutMs: number) {
    this.host = host;
    this.#socket = socket;
    const parser = new RedisParser({
      returnReply: reply => this.#waiting.shift()?.resolve(reply),
      returnError: error => this.#waiting.shift()?.reject(error),
      returnFatalError: error => this.#fail(error),
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => parser.execute(chunk));
    socket.on('error', error => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection was closed')));
    socket.setTimeout(timeoutMs, () => {
      if (this.#waiting.length > 0) this.#fail(new Error(`no reply within ${timeoutMs} ms`));
    });
  }

  static async open({
    host,
    port,
    password,
    timeoutMs = 5_000,
    connectTimeoutMs = timeoutMs,
  }: NodeConnectionOptions): Promise<NodeConnection> {
    const socket = connect({ host, port });
    const late = setTimeout(
      () => socket.destroy(new Error(`no connection to ${host}:${port} within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    );
    try {
      await once(socket, 'connect');
    } finally {
      clearTimeout(late);
    }
    const connection = new NodeConnection(host, socket, timeoutMs);
    if (password !== undefined && password !== '') await connection.send('AUTH', password);
    return connection;
  }

  /** Rejects with the server's error reply, or when the connection fails. Commands may be sent without waiting: replies keep their order. */
  send(...command: readonly string[]): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.push({ resolve, reject });
    this.#socket.write(`*${command.length}\r\n${command.map(part => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`);
    return promise;
  }

  close(): void {
    this.#fail(new Error('the connection was closed by this side'));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
