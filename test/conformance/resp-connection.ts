/**
 * A connection that sends requests in batches and gives replies in a form that keeps their RESP types: for comparing two servers.
 *
 * A reply is a string with its type byte (`+OK`, `:1`, `$text`, `,1.5`, `_`), or an array whose first element is the type byte (`*`, `%`, `~`).
 */

import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

/** A request for the message of a failed test: long arguments are cut. */
export function shown(args: readonly string[]): string {
  return JSON.stringify(args.map(arg => (arg.length > 60 ? `${arg.slice(0, 20)}… (${arg.length})` : arg)));
}

export type Resp = string | readonly [string, ...Resp[]];

export class RespConnection {
  private readonly socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private readonly waiting: { readonly count: number; readonly replies: Resp[]; readonly resolve: (replies: Resp[]) => void }[] = [];
  private at = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.take(bytes));
  }

  static async open(port: number): Promise<RespConnection> {
    const socket = createConnection(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RespConnection(socket);
  }

  close(): void {
    this.socket.destroy();
  }

  /** latin1 arguments. */
  async send(requests: readonly (readonly string[])[]): Promise<Resp[]> {
    const text = requests.map(args => `*${args.length}\r\n${args.map(arg => `$${arg.length}\r\n${arg}\r\n`).join('')}`).join('');
    const replies = new Promise<Resp[]>(resolve => this.waiting.push({ count: requests.length, replies: [], resolve }));
    this.socket.write(Buffer.from(text, 'latin1'));
    return replies;
  }

  async call(...args: string[]): Promise<Resp> {
    return (await this.send([args]))[0];
  }

  private take(bytes: Buffer): void {
    this.received = Buffer.concat([this.received.subarray(this.at), bytes]);
    this.at = 0;
    while (this.waiting.length > 0) {
      const start = this.at;
      const reply = this.parse();
      if (reply === undefined) {
        this.at = start;
        return;
      }
      const [first] = this.waiting;
      first.replies.push(reply);
      if (first.replies.length === first.count) {
        this.waiting.shift();
        first.resolve(first.replies);
      }
    }
  }

  /** undefined when the reply is not whole yet. */
  private parse(): Resp | undefined {
    const end = this.received.indexOf('\r\n', this.at);
    if (end < 0) return undefined;
    const line = this.received.toString('latin1', this.at, end);
    this.at = end + 2;
    const length = Number(line.slice(1));
    switch (line[0]) {
      case '$':
      case '=': {
        if (length < 0) return '$-1';
        if (this.received.length < this.at + length + 2) return undefined;
        const text = this.received.toString('latin1', this.at, this.at + length);
        this.at += length + 2;
        return line[0] + text;
      }
      case '*':
      case '~':
      case '>':
      case '%': {
        if (length < 0) return '*-1';
        const items: Resp[] = [];
        for (let left = line[0] === '%' ? length * 2 : length; left > 0; left--) {
          const item = this.parse();
          if (item === undefined) return undefined;
          items.push(item);
        }
        return [line[0], ...items];
      }
      default:
        return line;
    }
  }
}

/** The same for two replies whose elements (or pairs of `step`) may come in any order. */
export function unordered(reply: Resp, step: 1 | 2): Resp {
  if (typeof reply === 'string') return reply;
  const [kind, ...items] = reply;
  const groups: string[] = [];
  for (let i = 0; i < items.length; i += step) groups.push(JSON.stringify(items.slice(i, i + step)));
  return [kind, ...groups.toSorted()];
}
