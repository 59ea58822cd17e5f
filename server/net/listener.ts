/** The listening sockets: several addresses, IPv4 and IPv6, and a unix socket; admission of clients (maxclients, protected mode). */

import { chmodSync, rmSync } from 'node:fs';
import net from 'node:net';
import * as errors from '../protocol/reply-errors.ts';
import { Connection } from './connection.ts';
import type { ConnectionHost } from './connection-host.ts';

export interface ListenOptions {
  /** As in `bind`: `-` before an address makes its absence no error, `*` is any IPv4 and `::*` any IPv6 address. */
  readonly addresses: readonly string[];
  /** 0: the system chooses; -1: no TCP. */
  readonly port: number;
  readonly backlog: number;
  readonly unixPath: string;
  /** Octal text, '' = as the umask says. */
  readonly unixPermissions: string;
}

/** Binding failed: the address, and why. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: string;

  constructor(where: string, cause: NodeJS.ErrnoException) {
    super(`Could not create server TCP listening socket ${where}: ${cause.message}`, { cause });
    this.code = cause.code ?? 'EUNKNOWN';
  }
}

export class Listener {
  private readonly host: ConnectionHost;
  private readonly servers: net.Server[] = [];
  private boundPort = 0;

  constructor(host: ConnectionHost) {
    this.host = host;
  }

  /** The TCP port that is listened on, 0 = none. */
  get port(): number {
    return this.boundPort;
  }

  async listen(options: ListenOptions): Promise<void> {
    try {
      if (options.port >= 0) for (const address of options.addresses) await this.listenOn(address, options);
      if (options.unixPath !== '') await this.listenUnix(options);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** No new connections; the open ones stay. */
  close(): void {
    for (const server of this.servers) server.close();
    this.servers.length = 0;
    if (this.host.unixPath !== '') rmSync(this.host.unixPath, { force: true });
    this.host.unixPath = '';
    this.boundPort = 0;
  }

  private async listenOn(address: string, options: ListenOptions): Promise<void> {
    const optional = address.startsWith('-');
    const plain = optional ? address.slice(1) : address;
    const host = plain === '*' ? '0.0.0.0' : plain === '::*' ? '::' : plain;
    const port = options.port === 0 ? this.boundPort : options.port;
    try {
      const server = await this.start({ host, port, backlog: options.backlog, ipv6Only: true }, false);
      const bound = server.address();
      if (bound !== null && typeof bound === 'object') this.boundPort = bound.port;
    } catch (error) {
      const cause = error as NodeJS.ErrnoException;
      if (optional && (cause.code === 'EADDRNOTAVAIL' || cause.code === 'EAFNOSUPPORT' || cause.code === 'EINVAL')) return;
      throw new ListenError(`${plain}:${port}`, cause);
    }
  }

  private async listenUnix(options: ListenOptions): Promise<void> {
    rmSync(options.unixPath, { force: true });
    try {
      await this.start({ path: options.unixPath, backlog: options.backlog }, true);
    } catch (error) {
      throw new ListenError(options.unixPath, error as NodeJS.ErrnoException);
    }
    if (options.unixPermissions !== '' && options.unixPermissions !== '0')
      chmodSync(options.unixPath, Number.parseInt(options.unixPermissions, 8));
    this.host.unixPath = options.unixPath;
  }

  private async start(where: net.ListenOptions, isUnixSocket: boolean): Promise<net.Server> {
    const server = net.createServer({ pauseOnConnect: true, noDelay: !isUnixSocket }, socket => this.admit(socket, isUnixSocket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, () => {
        server.off('error', reject);
        resolve();
      });
    });
    // An accept that fails (too many files) must not end the process.
    server.on('error', error => this.host.ports.log.warning(`Accepting client connection: ${error.message}`));
    this.servers.push(server);
    return server;
  }

  private admit(socket: net.Socket, isUnixSocket: boolean): void {
    const { host } = this;
    const { stats, config, auth } = host.ports;
    const refusal = this.refusal(socket, isUnixSocket, config.integer('maxclients'), config.flag('protected-mode') && auth.open);
    if (refusal !== undefined) {
      stats.counters.rejectedConnections++;
      socket.on('error', () => {});
      socket.end(`-${refusal}\r\n`, () => socket.destroy());
      return;
    }
    stats.counters.connectionsReceived++;
    host.connections.add(new Connection(host, socket, isUnixSocket));
  }

  private refusal(socket: net.Socket, isUnixSocket: boolean, maxClients: number, isProtected: boolean): string | undefined {
    const { cluster } = this.host.ports;
    if (this.host.clients.count + (cluster?.connectionsCount ?? 0) >= maxClients) {
      return cluster === undefined ? errors.MAX_CLIENTS : errors.MAX_CLIENTS_WITH_CLUSTER;
    }
    const isLoopback = isUnixSocket || /^(127\.|::1$|::ffff:127\.)/.test(socket.remoteAddress ?? '');
    return isProtected && !isLoopback ? errors.PROTECTED_MODE : undefined;
  }
}
