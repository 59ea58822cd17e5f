/** A connection that sends commands and takes each reply, a line or a bulk string, for the next one that waits. */

import net from 'node:net';

export class Line {
  private readonly socket: net.Socket;
  private text = '';
  private readonly waiting: ((reply: string) => void)[] = [];

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', chunk => this.read(chunk.toString('latin1')));
    this.socket.on('error', () => {});
  }

  /** One command whose reply is a line or a bulk string. */
  ask(...words: readonly string[]): Promise<string> {
    return new Promise(resolveReply => {
      this.waiting.push(resolveReply);
      this.socket.write(`*${words.length}\r\n${words.map(word => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private read(chunk: string): void {
    this.text += chunk;
    for (;;) {
      const end = this.text.indexOf('\r\n');
      if (end < 0) return;
      const length = this.text.startsWith('$') ? Number(this.text.slice(1, end)) : -1;
      const last = length >= 0 ? end + 2 + length + 2 : end + 2;
      if (this.text.length < last) return;
      const reply = this.text.slice(length >= 0 ? end + 2 : 0, last - 2);
      this.text = this.text.slice(last);
      this.waiting.shift()?.(reply);
    }
  }
}
