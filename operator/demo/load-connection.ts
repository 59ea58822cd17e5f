/**
 * A connection of the load generator: commands are gathered and written together, so that what many users want at once goes out pipelined, and
 * replies are given to those who wait in their order. It opens when it is made and never again: when it ends, everybody who waits is told so.
 */
import { createConnection, type Socket } from 'node:net';
import type { Address } from './slot-owners.ts';
import { encodeCommand } from '../valkey/tcp-node-client.ts';
import { ReplyScanner } from './reply-scanner.ts';

const CONNECT_LIMIT_MS = 1_000;
/** A node that is silent for so long has lost what was sent to it. */
const SILENCE_LIMIT_MS = 3_000;

export interface ReplyListener {
  /** @param error text of an error reply */
  replied(user: number, error: string | undefined): void;
  /** The connection ended before the reply came. */
  lost(user: number): void;
}

/** Stands for nobody: the reply of AUTH. */
const NOBODY = -1;

export class LoadConnection {
  readonly #socket: Socket;
  readonly #listener: ReplyListener;
  /** Who waits for a reply, from `#head` on, in the order of their commands. */
  #waiting: number[] = [];
  #head = 0;
  #unsent = '';
  #open = true;

  constructor({ host, port }: Address, password: string, listener: ReplyListener) {
    this.#listener = listener;
    this.#socket = createConnection({ host, port, noDelay: true });
    this.#socket.setTimeout(CONNECT_LIMIT_MS, () => this.#socket.destroy());
    this.#socket.once('connect', () => this.#socket.setTimeout(SILENCE_LIMIT_MS));
    const scanner = new ReplyScanner(error => this.#replied(error));
    this.#socket.on('data', chunk => scanner.scan(chunk as Buffer));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#closed());
    if (password !== '') this.send(encodeCommand(['AUTH', password]).toString('latin1'), NOBODY);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Written with the next `flush`. */
  send(command: string, user: number): void {
    this.#unsent += command;
    this.#waiting.push(user);
  }

  flush(): void {
    if (this.#unsent === '' || !this.#open) return;
    this.#socket.write(this.#unsent, 'latin1');
    this.#unsent = '';
  }

  close(): void {
    this.#socket.destroy();
  }

  #replied(error: string | undefined): void {
    const user = this.#waiting[this.#head++];
    if (this.#head === this.#waiting.length || this.#head > 4096) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    if (user !== NOBODY) this.#listener.replied(user, error);
    else if (error !== undefined) this.#socket.destroy();
  }

  #closed(): void {
    this.#open = false;
    for (const user of this.#waiting.splice(this.#head)) if (user !== NOBODY) this.#listener.lost(user);
  }
}
