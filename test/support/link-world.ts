/** The replica's link to its primary, with the primary played by a test, byte by byte and second by second. */

import type { ConfigPort } from '../../server/core/ports.ts';
import type { Transport } from '../../server/core/session.ts';
import type { SnapshotLoader, SnapshotPort } from '../../server/core/snapshots.ts';
import { malformed } from '../../server/codec/rdb-format.ts';
import type { PeerSocketEvents } from '../../server/replication/peer-socket.ts';
import { ReplicaLink } from '../../server/replication/replica-link.ts';
import type { StreamApplier } from '../../server/replication/stream-applier.ts';
import { ManualTimers, SILENT_LOG } from './data-world.ts';

export const ID = 'a'.repeat(40);
export const OTHER = 'b'.repeat(40);
export const MARK = 'm'.repeat(40);

/** An "RDB" of the test: `RDB<text>;`; an `!` in it is malformed. */
class FakeLoader implements SnapshotLoader {
  text = '';
  aborted = false;
  readonly keysLoaded = 0;
  readonly aux = new Map([['repl-stream-db', '3']]);

  get finished(): boolean {
    return this.text.endsWith(';');
  }

  push(bytes: Uint8Array, start: number, end: number): number {
    for (let i = start; i < end; i++) {
      if (bytes[i] === 0x21) throw malformed('an exclamation mark');
      this.text += String.fromCharCode(bytes[i]);
      if (this.finished) return i + 1 - start;
    }
    return end - start;
  }

  abort(): void {
    this.aborted = true;
  }
}

/** One connection that the link opened: the test plays the primary on it. */
export class LinkPeer {
  paused = false;
  open = true;
  readonly label: string;
  private readonly events: PeerSocketEvents;

  constructor(label: string, events: PeerSocketEvents) {
    this.label = label;
    this.events = events;
  }

  opened(): void {
    this.events.opened();
  }

  says(text: string, piece = text.length): void {
    for (let at = 0; at < text.length; at += piece) this.events.received(Buffer.from(text.slice(at, at + piece), 'latin1'));
  }

  closed(): void {
    this.events.closed('reset by the test');
  }
}

/** A link, its peers played by the test, and a transcript of what happened; what concerns a second connection is marked `rdb`. */
export class LinkWorld {
  readonly story: string[] = [];
  readonly timers = new ManualTimers();
  readonly loaders: FakeLoader[] = [];
  time = 0;
  resume: { readonly id: string; readonly offset: number } | undefined;
  password = '';
  dualChannel = false;
  microsecondsPerLook = 0;
  private looks = 0;
  /** Hard limit of the class replica; 0 = none. */
  limit = 0;
  readonly peers: LinkPeer[] = [];
  readonly link: ReplicaLink;
  /** The link as a client, since it was last up. */
  client: Transport | undefined;

  constructor() {
    const snapshots = {
      load: () => {
        const loader = new FakeLoader();
        this.loaders.push(loader);
        return loader;
      },
    } as unknown as SnapshotPort;
    const applier = {
      push: (bytes: Uint8Array, start: number, end: number) => {
        this.story.push(`apply ${Buffer.from(bytes.slice(start, end)).toString('latin1')}`);
        return undefined;
      },
    } as unknown as StreamApplier;
    this.link = new ReplicaLink({
      connector: {
        connect: (host, port, events) => {
          const peer = new LinkPeer(this.peers.some(other => other.open) ? 'rdb ' : '', events);
          this.peers.push(peer);
          this.story.push(`${peer.label}connect ${host}:${port}`);
          return {
            remoteAddress: `${host}:${port}`,
            localAddress: 'replica:1',
            pendingBytes: 0,
            write: data => {
              const text = Buffer.from(data as string, 'latin1').toString('latin1');
              this.story.push(`${peer.label}> ${text.replaceAll('\r\n', '␍')}`);
            },
            pause: () => (peer.paused = true),
            resume: () => (peer.paused = false),
            close: () => {
              peer.open = false;
              this.story.push(`${peer.label}close`);
            },
          };
        },
      },
      snapshots,
      clock: { now: () => this.time, monotonic: () => this.time, microseconds: () => (this.looks += this.microsecondsPerLook) },
      timers: this.timers,
      config: { integer: () => 60, words: () => ['replica', String(this.limit), '0', '0'] } as unknown as ConfigPort,
      log: SILENT_LOG,
      host: {
        facts: () => ({
          user: '',
          password: this.password,
          listeningPort: 7001,
          announcedIp: '',
          version: '9.1.2',
          dualChannel: this.dualChannel,
          nodeId: undefined,
        }),
        resumePoint: () => this.resume,
        continued: id => this.story.push(`continued ${id}`),
        loadStarted: () => this.story.push('load started'),
        loadEnded: (id, offset, dbIndex) => this.story.push(`load ended ${id.slice(0, 3)} ${offset} db ${dbIndex}`),
        loadFailed: () => this.story.push('load failed'),
        offset: () => 500,
        linkUp: transport => {
          this.story.push('up');
          this.client = transport;
        },
        linkDown: () => this.story.push('down'),
        applier: () => applier,
        countInput: () => {},
      },
      beforeMainPsync: () => this.story.push('before psync'),
    });
  }

  /** On the connection that was opened last. */
  says(text: string, piece?: number): void {
    this.peers.at(-1)?.says(text, piece);
  }

  opened(): void {
    this.peers.at(-1)?.opened();
  }

  closed(): void {
    this.peers.at(-1)?.closed();
  }

  /** Follows and comes to the answer to PSYNC. */
  toPsync(): void {
    this.link.follow('primary', 6379);
    this.opened();
    this.says('+PONG\r\n');
    this.says('+OK\r\n'.repeat(this.password === '' ? 3 : 4));
    this.story.length = 0;
  }
}
