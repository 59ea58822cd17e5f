/**
 * What a replica takes from its primary: the stream, and before it, when needed, a whole new data set.
 *
 * The data set is replaced, never mixed: with the first byte of the new one the old one is dropped, the node says LOADING, and until the
 * new one is whole there is nothing to serve (`dataWhole` false). When it breaks off, what came of it is dropped too, and stays unserved.
 */

import { VALKEY_VERSION } from '../../lib/version.ts';
import type { ServerPorts } from '../core/ports.ts';
import type { Transport } from '../core/session.ts';
import type { HandshakeFacts } from './handshake.ts';
import type { LinkHost } from './link-parts.ts';
import type { ReplicationStream } from './replication-stream.ts';
import { StreamApplier } from './stream-applier.ts';

export type IncomingNeeds = Pick<
  ServerPorts,
  'clock' | 'entropy' | 'log' | 'config' | 'databases' | 'watch' | 'clients' | 'execution' | 'lifecycle' | 'stats' | 'cluster'
>;

/** What the node does besides. */
export interface IncomingHost {
  /** The stream has grown. */
  readonly grew: () => void;
  readonly acknowledge: () => void;
  readonly openBacklog: () => void;
  readonly disconnectReplicas: () => void;
  /** The link went up or down, or the data became whole or not. */
  readonly changed: (linkIsUp: boolean) => void;
}

export class IncomingStream implements LinkHost {
  /** See `ReplicationPort.dataWhole`. */
  dataWhole = true;
  /** A partial resync may be asked for: the data belong to the stream's history. */
  mayResume = false;
  private readonly ports: IncomingNeeds;
  private readonly stream: ReplicationStream;
  private readonly host: IncomingHost;
  private streamApplier: StreamApplier | undefined;
  /** Our primary asks: acknowledge when its request is counted too. */
  private ackWanted = false;

  constructor(ports: IncomingNeeds, stream: ReplicationStream, host: IncomingHost) {
    this.ports = ports;
    this.stream = stream;
    this.host = host;
  }

  /** Database that the primary's stream has selected. */
  get dbIndex(): number {
    return this.streamApplier?.session.dbIndex ?? 0;
  }

  acknowledgeSoon(): void {
    this.ackWanted = true;
  }

  /** What was loaded of a data set that broke off is no data set: the node goes on without data. */
  giveUpData(): void {
    this.ports.databases.flushAll(true);
    this.dataWhole = true;
    this.stream.beginAnew(this.ports.entropy.hex(40), 0);
  }

  /** The data are a file's, which ends where the primary's stream stood in this database. */
  restore(dbIndex: number): void {
    this.applier().session.dbIndex = dbIndex;
    this.mayResume = true;
  }

  // ── LinkHost ──

  facts(): HandshakeFacts {
    const { config } = this.ports;
    const announced = config.integer('replica-announce-port');
    const port = config.flag('tls-replication') ? config.integer('tls-port') : config.integer('port');
    return {
      user: config.text('primaryuser'),
      password: config.text('primaryauth'),
      listeningPort: announced > 0 ? announced : port,
      announcedIp: config.text('replica-announce-ip'),
      version: VALKEY_VERSION,
      dualChannel: config.flag('dual-channel-replication-enabled'),
      nodeId: this.ports.cluster?.myId,
    };
  }

  resumePoint(): { readonly id: string; readonly offset: number } | undefined {
    return this.mayResume ? { id: this.stream.id, offset: this.stream.offset } : undefined;
  }

  offset(): number {
    return this.stream.offset;
  }

  countInput(bytes: number): void {
    this.ports.stats.counters.netReplInputBytes += bytes;
    const session = this.streamApplier?.session;
    if (session === undefined) return;
    session.netInputBytes += bytes;
    session.lastInteractionAt = this.ports.clock.now();
  }

  applier(): StreamApplier {
    this.streamApplier ??= new StreamApplier(this.ports.clients.createObeying('primary'), {
      execution: this.ports.execution,
      applied: (bytes, start, end) => {
        this.stream.append(bytes, start, end);
        this.host.grew();
        if (!this.ackWanted) return;
        this.ackWanted = false;
        this.host.acknowledge();
      },
      failed: (command, error) => {
        this.ports.log.warning(
          `== CRITICAL == This replica is sending an error to its primary: '${error}' after processing the command '${command}'`,
        );
      },
    });
    return this.streamApplier;
  }

  /** From here until the link is down its connection is a client, and a new one each time; only the database goes on. */
  linkUp(transport: Transport): void {
    const applier = this.applier();
    const session = this.ports.clients.openPeer(transport, 'primary');
    session.dbIndex = applier.session.dbIndex;
    applier.session = session;
    this.host.changed(true);
  }

  linkDown(): void {
    this.streamApplier?.reset();
    if (this.streamApplier !== undefined) this.ports.clients.closePeer(this.streamApplier.session);
    this.host.changed(false);
  }

  continued(id: string | undefined): void {
    this.host.openBacklog();
    this.applier().reset();
    if (id === undefined || id === this.stream.id) return;
    this.ports.log.notice(`Primary replication ID changed to ${id}`);
    this.stream.continueAs(id);
    this.host.disconnectReplicas();
  }

  loadStarted(): void {
    const { config, databases, entropy, lifecycle, watch } = this.ports;
    this.dataWhole = false;
    this.mayResume = false;
    this.host.disconnectReplicas();
    this.stream.beginAnew(entropy.hex(40), 0);
    lifecycle.setLoading(true);
    for (let index = 0; index < databases.count; index++) watch.touchDatabase(index);
    databases.flushAll(config.flag('replica-lazy-flush'));
    this.host.changed(false);
  }

  loadEnded(id: string, offset: number, dbIndex: number): void {
    const { config, lifecycle } = this.ports;
    this.stream.beginAnew(id, offset);
    this.stream.openBacklog(config.integer('repl-backlog-size'));
    const applier = this.applier();
    applier.reset();
    applier.session.dbIndex = dbIndex;
    this.dataWhole = true;
    this.mayResume = true;
    lifecycle.setLoading(false);
  }

  /** The data stay refused, but the node hears commands again: it may be given another role. */
  loadFailed(): void {
    this.ports.databases.flushAll(true);
    this.ports.lifecycle.setLoading(false);
    this.host.changed(false);
  }
}
