/**
 * A server: opened, listening, closed. This is the embeddable entry; `main.ts` makes a process of it.
 *
 *     const server = await createServer({ directives: { port: '0' } });
 *     … connect to server.port …
 *     await server.close();
 */

import { resolve } from 'node:path';
import { loadAtStart } from './engine/startup-load.ts';
import { assemble } from './assemble.ts';
import type { Assembly } from './assemble.ts';
import { loadConfiguration } from './config/load.ts';
import { quoteArgument } from './config/quoting.ts';
import { ConfigStore } from './config/store.ts';
import type { ServerLog, ServerPorts } from './core/ports.ts';
import { Listener } from './net/listener.ts';
import { listenOnBus } from './platform/bus-network.ts';
import type { BusListener } from './platform/bus-network.ts';
import { configFiles } from './platform/config-files.ts';
import { NodesFileStore } from './platform/nodes-store.ts';
import { processFacts } from './platform/process-facts.ts';
import { systemClock, systemEntropy, SystemTimers } from './platform/system.ts';

/** Directives as in valkey.conf; several words as an array. */
export type Directives = Readonly<Record<string, string | number | readonly string[]>>;

export interface ServerOptions {
  /**
   * `port: 0` takes any free port. Default: port 0, bound to 127.0.0.1, protected mode as upstream has it, and nothing is saved or loaded: with
   * `dir` the server loads what lies there, with `save` it saves by itself.
   */
  readonly directives?: Directives;
  /** Default: nothing is logged. */
  readonly log?: ServerLog;
}

/** For `main.ts`, which has read files and arguments itself. */
export interface ProcessOptions {
  readonly config: ConfigStore;
  readonly renames: ReadonlyMap<string, string>;
  readonly log: ServerLog;
  readonly executable: string;
  /** Load the data's file at the start. */
  readonly load: boolean;
  /** Before anything is loaded or listens: who wants to end the server while it starts. */
  readonly assembled?: (ports: ServerPorts) => void;
  /** SHUTDOWN: all is closed, the process may end. */
  readonly ended: () => void;
  /** Nothing can be promised any more: the process must end now, as a failure. */
  readonly fatal: (message: string) => void;
}

export interface RunningServer {
  readonly port: number;
  readonly ports: ServerPorts;
  /** Closes listeners and connections and frees what belongs to the server. Clients are not waited for. */
  close(): Promise<void>;
}

const SILENT: ServerLog = { write() {}, debug() {}, verbose() {}, notice() {}, warning() {} };
const EMBEDDED: Directives = { port: 0, bind: '127.0.0.1', save: [''] };

/** Starts a server inside this process. Rejects when a directive is wrong or an address cannot be bound. */
export async function createServer(options: ServerOptions = {}): Promise<RunningServer> {
  const files = configFiles(false);
  const config = new ConfigStore(files);
  const lines = Object.entries({ ...EMBEDDED, ...options.directives }).map(([name, value]) => {
    const words = typeof value === 'object' ? value : String(value).split(/\s+/);
    return `${name} ${words.map(quoteArgument).join(' ')}`;
  });
  const { renames } = loadConfiguration(lines.join('\n'), config, files);
  const log = options.log ?? SILENT;
  const fatal = (message: string): void => log.warning(message);
  const load = options.directives?.['dir'] !== undefined;
  return startServer({ config, renames, log, load, executable: process.execPath, ended: () => {}, fatal });
}

export async function startServer(options: ProcessOptions): Promise<RunningServer> {
  const server = new Server(options);
  try {
    await server.open();
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

class Server implements RunningServer {
  private readonly options: ProcessOptions;
  private readonly timers = new SystemTimers();
  private readonly nodesFile: NodesFileStore | undefined;
  private readonly assembly: Assembly;
  private readonly listener: Listener;
  private busListener: BusListener | undefined;
  private clusterStarted = false;
  private closed = false;

  constructor(options: ProcessOptions) {
    this.options = options;
    const { config, renames, log, executable, fatal } = options;
    this.nodesFile = config.flag('cluster-enabled')
      ? new NodesFileStore(resolve(config.words('dir')[0], config.text('cluster-config-file')))
      : undefined;
    this.assembly = assemble({
      config,
      renames,
      log,
      executable,
      fatal,
      clock: systemClock,
      entropy: systemEntropy,
      timers: this.timers,
      facts: processFacts,
      processId: process.pid,
      nodesFile: this.nodesFile,
      end: () => void this.close().then(options.ended),
    });
    this.listener = new Listener(this.assembly.host);
    options.assembled?.(this.assembly.ports);
  }

  get port(): number {
    return this.listener.port;
  }

  get ports(): ServerPorts {
    return this.assembly.ports;
  }

  async open(): Promise<void> {
    const { config } = this.options;
    const { cluster, cron, ports } = this.assembly;
    this.nodesFile?.hold();
    cluster?.open();
    const port = config.integer('port');
    // Whoever connects from now on finds the data, or hears that they are being loaded.
    ports.lifecycle.setLoading(this.options.load);
    await this.listener.listen({
      addresses: config.words('bind'),
      // Port 0 switches TCP off in a configuration file; for an embedded server it means any.
      port,
      backlog: config.integer('tcp-backlog'),
      unixPath: config.text('unixsocket'),
      unixPermissions: config.show('unixsocketperm') ?? '',
    });
    this.options.log.notice('Server initialized');
    const restored = this.options.load && (await this.load());
    if (this.closed) return;
    ports.lifecycle.setLoading(false);
    cron.start();
    if (cluster !== undefined) {
      cluster.start();
      this.clusterStarted = true;
      this.busListener = await listenOnBus(cluster.busPort, config.words('bind'), socket => cluster.accept(socket));
    }
    const replicaof = config.words('replicaof');
    if (replicaof.length === 2) ports.replication.follow(replicaof[0], Number(replicaof[1]), restored);
    this.options.log.notice('Ready to accept connections tcp');
  }

  /** Clients are answered meanwhile, with LOADING. True: the data belong to a known point of a stream of replication. */
  private async load(): Promise<boolean> {
    const { cluster, persistence, ports } = this.assembly;
    const follows = cluster === undefined ? this.options.config.words('replicaof').length === 2 : !cluster.isPrimary || cluster.returns;
    await persistence.tidy();
    return loadAtStart(ports, follows ? 'replica' : 'primary');
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const { host, cluster, ports, persistence } = this.assembly;
    await persistence.stop();
    this.listener.close();
    ports.replication.stop();
    this.busListener?.close();
    if (this.clusterStarted) cluster?.stop();
    for (const connection of Array.from(host.connections)) {
      connection.flush();
      connection.close('server closes');
    }
    this.timers.stopAll();
    this.nodesFile?.release();
  }
}
