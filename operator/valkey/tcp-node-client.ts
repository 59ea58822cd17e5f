/**
 * A connection to one node over TCP: RESP2, one AUTH when it opens, commands in order, each with a time limit.
 *
 * It opens on the first command and again after a failure. A command that runs into its limit closes the connection, since the replies after it could not be told apart;
 * every command that waits then fails with the same error. At most `MAX_WAITING` commands wait at once.
 */
import { createConnection, type Socket } from 'node:net';
import RedisParser from 'redis-parser';
import { replyError, NodeError, type NodeClient, type NodeTarget, type Reply } from './node-client.ts';

export interface NodeClientLimits {
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
}

export const DEFAULT_LIMITS: NodeClientLimits = { connectTimeoutMs: 1000, commandTimeoutMs: 2000 };
const MAX_WAITING = 256;

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

interface Connection {
  readonly socket: Socket;
  readonly waiting: Waiting[];
}

export class TcpNodeClient implements NodeClient {
  readonly #target: NodeTarget;
  readonly #limits: NodeClientLimits;
  #opening: Promise<Connection> | undefined;
  #connection: Connection | undefined;
  #closed = false;

  constructor(target: NodeTarget, limits: NodeClientLimits = DEFAULT_LIMITS) {
    this.#target = target;
    this.#limits = limits;
  }

  async send(command: readonly string[]): Promise<Reply> {
    if (this.#closed) throw new NodeError('closed', 'CLOSED', `The connection to ${this.#target.name} was closed by the operator`);
    this.#opening ??= this.#open();
    const connection = await this.#opening;
    return this.#write(connection, command);
  }

  close(): void {
    this.#closed = true;
    this.#fail(new NodeError('closed', 'CLOSED', `The connection to ${this.#target.name} was closed by the operator`));
  }

  async #open(): Promise<Connection> {
    try {
      const socket = await this.#connect();
      const connection: Connection = { socket, waiting: [] };
      this.#connection = connection;
      this.#follow(connection);
      const { password } = this.#target;
      if (password !== undefined && password !== '') await this.#write(connection, ['AUTH', password]);
      return connection;
    } catch (error) {
      this.#fail(error instanceof NodeError ? error : this.#socketError(error));
      throw error;
    }
  }

  #connect(): Promise<Socket> {
    const { host, port } = this.#target.address;
    return new Promise((resolve, reject) => {
      const socket = createConnection({ host, port, noDelay: true });
      const timer = setTimeout(() => {
        socket.destroy();
        reject(
          new NodeError(
            'timeout',
            'TIMEOUT',
            `${this.#target.name} at ${host}:${port} did not accept a connection within ${this.#limits.connectTimeoutMs} ms`,
          ),
        );
      }, this.#limits.connectTimeoutMs);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error');
        resolve(socket);
      });
      socket.once('error', error => {
        clearTimeout(timer);
        socket.destroy();
        reject(this.#socketError(error));
      });
    });
  }

  #follow(connection: Connection): void {
    const parser = new RedisParser({
      // The parser yields exactly the shapes of Reply: strings, integers, null and arrays of them.
      returnReply: reply => this.#settle(connection, waiting => waiting.resolve(reply as Reply)),
      returnError: error => this.#settle(connection, waiting => waiting.reject(replyError(this.#target.name, error.message))),
      returnFatalError: error =>
        this.#fail(
          new NodeError('protocol', 'PROTOCOL', `${this.#target.name} sent what is not RESP: ${error.message}`, { cause: error }),
          connection,
        ),
    });
    connection.socket.on('data', bytes => parser.execute(bytes as Buffer));
    connection.socket.on('error', error => this.#fail(this.#socketError(error), connection));
    connection.socket.on('close', () =>
      this.#fail(new NodeError('closed', 'CLOSED', `${this.#target.name} closed the connection`), connection),
    );
  }

  #write(connection: Connection, command: readonly string[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (connection !== this.#connection) return reject(new NodeError('closed', 'CLOSED', `${this.#target.name} closed the connection`));
      if (connection.waiting.length >= MAX_WAITING)
        return reject(new NodeError('timeout', 'BUSY', `${this.#target.name} has ${MAX_WAITING} commands to answer already`));
      const timer = setTimeout(() => {
        this.#fail(
          new NodeError(
            'timeout',
            'TIMEOUT',
            `${this.#target.name} did not answer ${command[0]} within ${this.#limits.commandTimeoutMs} ms`,
          ),
          connection,
        );
      }, this.#limits.commandTimeoutMs);
      connection.waiting.push({ resolve, reject, timer });
      connection.socket.write(encodeCommand(command));
    });
  }

  #settle(connection: Connection, settle: (waiting: Waiting) => void): void {
    const waiting = connection.waiting.shift();
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    settle(waiting);
  }

  /** Ends the current connection, or `only` that one if it still is; the next command opens another. */
  #fail(error: Error, only?: Connection): void {
    if (only !== undefined && only !== this.#connection) return;
    const connection = this.#connection;
    this.#connection = undefined;
    this.#opening = undefined;
    if (connection === undefined) return;
    connection.socket.removeAllListeners();
    connection.socket.on('error', () => {});
    connection.socket.destroy();
    for (const waiting of connection.waiting.splice(0)) {
      clearTimeout(waiting.timer);
      waiting.reject(error);
    }
  }

  #socketError(error: unknown): NodeError {
    if (error instanceof NodeError) return error;
    const { host, port } = this.#target.address;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'SOCKET';
    const problem = code === 'ECONNREFUSED' ? 'refused' : code === 'ETIMEDOUT' ? 'timeout' : 'closed';
    const text = code === 'ECONNREFUSED' ? 'refuses connections' : `cannot be reached (${code})`;
    return new NodeError(problem, code, `${this.#target.name} at ${host}:${port} ${text}`, { cause: error });
  }
}

/** A command as RESP array of bulk strings. */
export function encodeCommand(command: readonly string[]): Buffer {
  const parts = [`*${command.length}\r\n`, ...command.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)];
  return Buffer.from(parts.join(''));
}
