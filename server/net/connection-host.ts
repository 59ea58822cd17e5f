/** What all connections of one server share: the read buffer, the tables of the reader, the output pool, the limits from the configuration. */

import type { ServerPorts } from '../core/ports.ts';
import type { Clients } from '../engine/clients.ts';
import type { ClientSession } from '../engine/client-session.ts';
import type { Engine } from '../engine/engine.ts';
import { ArgumentTable } from '../protocol/argument-table.ts';
import type { OutputPool } from '../protocol/output-chain.ts';
import { ReadState } from '../protocol/request-reader.ts';
import type { ReadLimits } from '../protocol/request-reader.ts';
import { streamBinding } from './channel.ts';
import { parseOutputLimits } from './output-limits.ts';
import type { OutputLimits } from './output-limits.ts';

const SHARED_BYTES = 128 * 1024;
const REQUESTS_PER_BATCH = 512;
/** The replies of so many clients are sent together: few clients are woken up alone, and the replies are still in the processor's cache. */
const MANY_CLIENTS = 16;

/** A connection with replies that came out of turn. */
interface Flushable {
  flush(): void;
}

export class ConnectionHost {
  readonly ports: ServerPorts;
  readonly engine: Engine;
  readonly clients: Clients;
  readonly pool: OutputPool;
  readonly binding: ReturnType<typeof streamBinding>;
  readonly shared: Buffer;
  readonly sharedBytes: Uint8Array;
  readonly sharedView: DataView;
  readonly readState = new ReadState();
  readonly table = new ArgumentTable();
  unixPath = '';
  /** All that are open, in the order of their coming. */
  readonly connections = new Set<Flushable & { checkOutputLimit(): void; close(reason: string): void }>();
  private flushList: Flushable[] = [];
  private flushScheduled = false;
  private configVersion = -1;
  private limits: OutputLimits = parseOutputLimits([]);
  private authenticatedLimits: ReadLimits = { maxBulkBytes: 0, authenticated: true, maxRequests: REQUESTS_PER_BATCH };
  private strangerLimits: ReadLimits = { maxBulkBytes: 0, authenticated: false, maxRequests: 1 };
  private inputLimit = 0;
  private keepAlive = 0;

  constructor(ports: ServerPorts, engine: Engine, clients: Clients, pool: OutputPool) {
    this.ports = ports;
    this.engine = engine;
    this.clients = clients;
    this.pool = pool;
    this.binding = streamBinding();
    const buffer = new ArrayBuffer(SHARED_BYTES);
    this.shared = Buffer.from(buffer);
    this.sharedBytes = new Uint8Array(buffer);
    this.sharedView = new DataView(buffer);
  }

  limitsFor(session: ClientSession): ReadLimits {
    this.renew();
    return session.authenticated || this.ports.auth.open ? this.authenticatedLimits : this.strangerLimits;
  }

  outputLimits(): OutputLimits {
    this.renew();
    return this.limits;
  }

  queryBufferLimit(): number {
    this.renew();
    return this.inputLimit;
  }

  keepAliveSeconds(): number {
    this.renew();
    return this.keepAlive;
  }

  /** Sends what this connection holds, or will hold, at the end of the loop turn. */
  flushSoon(connection: Flushable): void {
    this.flushList.push(connection);
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    this.ports.timers.soon(() => {
      this.flushScheduled = false;
      this.flushAll();
    });
  }

  /** No request runs: sends what waits for the end of the loop turn if it waits for many clients. */
  flushIfMany(): void {
    if (this.flushList.length >= MANY_CLIENTS) this.flushAll();
  }

  closed(connection: Flushable & { checkOutputLimit(): void; close(reason: string): void }): void {
    this.connections.delete(connection);
  }

  private flushAll(): void {
    const list = this.flushList;
    this.flushList = [];
    for (const connection of list) connection.flush();
  }

  private renew(): void {
    const { config } = this.ports;
    if (config.version === this.configVersion) return;
    this.configVersion = config.version;
    const maxBulkBytes = config.integer('proto-max-bulk-len');
    this.authenticatedLimits = { maxBulkBytes, authenticated: true, maxRequests: REQUESTS_PER_BATCH };
    this.strangerLimits = { maxBulkBytes, authenticated: false, maxRequests: 1 };
    this.limits = parseOutputLimits(config.words('client-output-buffer-limit'));
    this.inputLimit = config.integer('client-query-buffer-limit');
    this.keepAlive = config.integer('tcp-keepalive');
  }
}
