/**
 * TCP sockets for what talks to other servers (cluster bus, replica link): a small event surface over node:net, by the ports that those declare.
 * Clients have a transport of their own (`net/`), since theirs is the hot path.
 */

import { type Server, Socket, createServer } from 'node:net';
import type { BusNetwork, BusSocket, BusSocketEvents } from '../cluster/environment.ts';

class TcpSocket implements BusSocket {
  private readonly socket: Socket;
  private finished = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
  }

  /** Begins to tell `events`; the socket must not have been read before. */
  follow(events: BusSocketEvents): void {
    let reason = 'closed by the peer';
    this.socket.on('connect', () => {
      if (!this.finished) events.opened();
    });
    this.socket.on('data', bytes => {
      if (!this.finished) events.data(bytes);
    });
    this.socket.on('error', error => {
      reason = error.message;
    });
    this.socket.on('close', () => {
      if (this.finished) return;
      this.finished = true;
      events.closed(reason);
    });
  }

  get remoteAddress(): string {
    return plainAddress(this.socket.remoteAddress);
  }
  get remotePort(): number {
    return this.socket.remotePort ?? 0;
  }
  get localAddress(): string {
    return plainAddress(this.socket.localAddress);
  }
  get pendingBytes(): number {
    return this.socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (!this.finished && !this.socket.destroyed) this.socket.write(bytes);
  }

  close(): void {
    this.finished = true;
    this.socket.destroy();
  }
}

/** IPv4 addresses that arrive on an IPv6 socket, as IPv4. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/** Outgoing connections, bound to `sourceAddress` when it is not empty (bind-source-addr). */
export function tcpNetwork(sourceAddress: () => string): BusNetwork {
  return {
    connect(host, port, events) {
      const socket = new Socket();
      const wrapped = new TcpSocket(socket);
      wrapped.follow(events);
      const localAddress = sourceAddress();
      try {
        socket.connect(localAddress === '' ? { host, port } : { host, port, localAddress });
      } catch (error) {
        socket.destroy(error as Error);
      }
      return wrapped;
    },
  };
}

export interface TcpListener {
  close(): void;
}

/** Accepts connections on all `addresses`; rejects with the system's error when one of them cannot be bound. `accept` gives the events of the new socket. */
export async function listenTcp(
  addresses: readonly string[],
  port: number,
  accept: (socket: BusSocket) => BusSocketEvents,
): Promise<TcpListener> {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const close = (): void => {
    for (const server of servers) server.close();
    for (const socket of sockets) socket.destroy();
  };
  for (const address of addresses) {
    const server = createServer(socket => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      const wrapped = new TcpSocket(socket);
      wrapped.follow(accept(wrapped));
    });
    servers.push(server);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: address, port, ipv6Only: address.includes(':') }, () => {
          server.off('error', reject);
          resolve();
        });
      });
    } catch (error) {
      close();
      throw error;
    }
  }
  return { close };
}
