/**
 * The cluster bus over TCP: the sockets that `cluster/environment.ts` asks for, and the listener of the bus port.
 */

import net from 'node:net';
import type { BusNetwork, BusSocket, BusSocketEvents } from '../cluster/environment.ts';

/** `::ffff:10.0.0.1` is 10.0.0.1: an IPv4 peer on a socket that takes both. */
const plain = (address: string | undefined): string => (address?.startsWith('::ffff:') ? address.slice(7) : (address ?? ''));

class TcpBusSocket implements BusSocket {
  readonly #socket: net.Socket;
  #events: BusSocketEvents | undefined;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 10_000);
  }

  listen(events: BusSocketEvents): void {
    this.#events = events;
    let reason = 'connection closed';
    this.#socket.on('data', (bytes: Buffer) => this.#events?.data(bytes));
    this.#socket.on('error', error => {
      reason = error.message;
    });
    this.#socket.on('close', () => {
      const told = this.#events;
      this.#events = undefined;
      told?.closed(reason);
    });
  }

  get remoteAddress(): string {
    return plain(this.#socket.remoteAddress);
  }

  get remotePort(): number {
    return this.#socket.remotePort ?? 0;
  }

  get localAddress(): string {
    return plain(this.#socket.localAddress);
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array, taken?: () => void): void {
    this.#socket.write(bytes, taken === undefined ? undefined : error => error == null && taken());
  }

  end(): void {
    this.#socket.end();
  }

  close(): void {
    this.#events = undefined;
    this.#socket.destroy();
  }
}

/** Outgoing connections; `bindSourceAddress` '' = any. */
export function createBusNetwork(bindSourceAddress: string): BusNetwork {
  return {
    connect(host, port, events) {
      const options = { host, port: port > 0 && port < 65_536 ? port : 1 };
      const socket = net.connect(bindSourceAddress === '' ? options : { ...options, localAddress: bindSourceAddress });
      const busSocket = new TcpBusSocket(socket);
      socket.on('connect', () => events.opened());
      busSocket.listen(events);
      return busSocket;
    },
  };
}

export interface BusListener {
  close(): void;
}

/**
 * Listens on the bus port. `hosts` are bind addresses ('' or '*' = all); one that starts with `-` may fail. Rejects with the
 * system's error.
 */
export async function listenOnBus(
  port: number,
  hosts: readonly string[],
  accept: (socket: BusSocket) => BusSocketEvents,
): Promise<BusListener> {
  const servers: net.Server[] = [];
  const close = (): void => {
    for (const server of servers) server.close();
  };
  for (const host of hosts) {
    const optional = host.startsWith('-');
    const address = optional ? host.slice(1) : host;
    try {
      servers.push(await listenOn(port, address, accept));
    } catch (error) {
      if (optional) continue;
      close();
      throw error;
    }
  }
  return { close };
}

function listenOn(port: number, address: string, accept: (socket: BusSocket) => BusSocketEvents): Promise<net.Server> {
  const host = address === '*' ? '0.0.0.0' : address === '::*' ? '::' : address;
  return new Promise((resolve, reject) => {
    const server = net.createServer(socket => {
      const busSocket = new TcpBusSocket(socket);
      busSocket.listen(accept(busSocket));
    });
    server.once('error', reject);
    server.listen({ port, ...(host === '' ? {} : { host }), ipv6Only: host.includes(':') }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve(server);
    });
  });
}
