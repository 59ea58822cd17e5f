/** A TCP relay that a test can slow, stop and cut: a network between a primary and a replica. */

import { connect, createServer, type Server, type Socket } from 'node:net';

export class TcpProxy {
  /** Bytes that went from the target to those who connect, over all connections. */
  delivered = 0;
  /** More is not delivered: what comes stays in the target's socket. */
  deliverLimit = Infinity;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly stopped = new Set<Socket>();
  private refusing = false;

  private constructor(server: Server) {
    this.server = server;
  }

  static async open(port: number, targetPort: number): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server);
    server.on('connection', socket => proxy.relay(socket, targetPort));
    await new Promise<void>(done => server.listen(port, '127.0.0.1', done));
    return proxy;
  }

  /** Lets everything through again. */
  release(): void {
    this.deliverLimit = Infinity;
    this.refusing = false;
    for (const socket of this.stopped) socket.resume();
    this.stopped.clear();
  }

  /** Breaks all connections; `refuse`: and the ones that come, until `release`. */
  cut(refuse = false): void {
    this.refusing = refuse;
    for (const socket of this.sockets) socket.destroy();
    this.stopped.clear();
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  private relay(incoming: Socket, targetPort: number): void {
    if (this.refusing) {
      incoming.destroy();
      return;
    }
    const outgoing = connect(targetPort, '127.0.0.1');
    for (const socket of [incoming, outgoing]) {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.sockets.delete(socket);
        incoming.destroy();
        outgoing.destroy();
      });
    }
    incoming.on('data', bytes => outgoing.write(bytes));
    outgoing.on('data', bytes => {
      incoming.write(bytes);
      this.delivered += bytes.length;
      if (this.delivered < this.deliverLimit) return;
      outgoing.pause();
      this.stopped.add(outgoing);
    });
  }
}

/** The proxies of a test, on ports of their own from `port` on. */
export class TcpProxies {
  private port: number;
  private readonly opened: TcpProxy[] = [];

  constructor(port: number) {
    this.port = port;
  }

  async to(target: { readonly port: number }): Promise<{ readonly proxy: TcpProxy; readonly port: number }> {
    const port = this.port++;
    const proxy = await TcpProxy.open(port, target.port);
    this.opened.push(proxy);
    return { proxy, port };
  }

  closeAll(): void {
    for (const proxy of this.opened.splice(0)) proxy.close();
  }
}
