import { beforeEach, describe, expect, test } from 'vitest';
import { ManualTimers, SILENT_LOG } from '../../test/support/data-world.ts';
import type { ConfigPort, ServerStats } from '../core/ports.ts';
import type { ReplicaProfile } from '../core/replication.ts';
import type { Session } from '../core/session.ts';
import type { SnapshotPort, SnapshotSink } from '../core/snapshots.ts';
import { PrimaryFeed } from './primary-feed.ts';
import { ReplicationStream } from './replication-stream.ts';

const ID = 'a'.repeat(40);
const MARK = 'm'.repeat(40);
const BACKLOG_BYTES = 16 * 1024;

/** One connection of a replica: what it was sent, and whether it is still open. */
class Peer {
  sent = '';
  open = true;
  netInputBytes = 0;
  kind = 'normal';
  readonly profile: ReplicaProfile;
  readonly session: Session;
  /** Receipts of what the system has not taken yet. */
  private readonly receipts: (() => void)[] = [];
  private readonly closedHere: (peer: Peer) => void;

  constructor(id: number, profile: Partial<ReplicaProfile>, closedHere: (peer: Peer) => void) {
    this.closedHere = closedHere;
    this.profile = {
      listeningPort: 7000 + id,
      announcedIp: '',
      eof: true,
      psync2: true,
      dualChannel: false,
      version: 0x090102,
      nodeId: '',
      rdbOnly: false,
      rdbChannel: false,
      rdbClientId: 0,
      withoutKeys: false,
      ...profile,
    };
    this.session = Object.assign(this, {
      id,
      transport: {
        remoteAddress: '10.0.0.1:1',
        pendingOutputBytes: 0,
        write: (bytes: Uint8Array, after?: () => void) => {
          this.sent += Buffer.from(bytes).toString('latin1');
          if (after !== undefined) this.receipts.push(after);
        },
        close: () => this.close(),
        closeAfterReply: () => this.close(),
      },
    }) as unknown as Session;
  }

  /** The system takes all that was written. */
  takeAll(): void {
    while (this.receipts.length > 0) this.receipts.shift()?.();
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.closedHere(this);
  }
}

class FeedWorld {
  time = 1000;
  limit = 0;
  graceMs = 5000;
  snapshotAborted = false;
  sink: SnapshotSink | undefined;
  readonly timers = new ManualTimers();
  readonly stream = new ReplicationStream(ID);
  readonly counters = { syncFull: 0, syncPartialOk: 0, syncPartialErr: 0, outputBufferDisconnections: 0, netReplOutputBytes: 0 };
  readonly feed: PrimaryFeed;
  private nextId = 50;

  constructor() {
    const numbers: Record<string, number> = {
      'repl-backlog-size': BACKLOG_BYTES,
      'repl-timeout': 60,
      'repl-ping-replica-period': 1000,
      'repl-backlog-ttl': 3600,
      'min-replicas-max-lag': 10,
    };
    const snapshots = {
      stream: (sink: SnapshotSink) => {
        this.sink = sink;
        return { resume() {}, finish() {}, abort: () => (this.snapshotAborted = true), keysDone: 0, keysTotal: 0 };
      },
    } as unknown as SnapshotPort;
    this.feed = new PrimaryFeed({
      stream: this.stream,
      snapshots,
      clock: { now: () => this.time, monotonic: () => this.time, microseconds: () => this.time * 1000 },
      timers: this.timers,
      config: {
        integer: (name: string) => numbers[name] ?? 0,
        flag: () => true,
        words: () => ['replica', String(this.limit), '0', '0'],
      } as unknown as ConfigPort,
      log: SILENT_LOG,
      stats: { counters: this.counters } as unknown as ServerStats,
      newId: () => MARK,
      refusal: () => undefined,
      isPrimary: () => true,
      streamDb: () => 3,
      forceSelect: () => {},
      propagate: args => this.write(args.join(' ')),
      quiet: () => false,
      joined: () => {},
      mainChannelGraceMs: () => this.graceMs,
      pauseAfterSnapshot: () => undefined,
    });
    // The stream has a past, so that positions are not 0.
    this.feed.openBacklog();
    this.write('x'.repeat(100));
  }

  connect(profile: Partial<ReplicaProfile> = {}): Peer {
    return new Peer(this.nextId++, profile, peer => this.feed.sessionClosed(peer.session));
  }

  write(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.stream.append(bytes, 0, bytes.length);
    this.feed.streamGrew();
  }

  turn(): void {
    while (this.timers.turn());
  }

  seconds(count: number): void {
    for (let i = 0; i < count; i++) {
      this.time += 1000;
      this.feed.tick();
      this.turn();
    }
  }

  psync(peer: Peer, id: string, offset: number): void {
    this.served(this.feed.serve(peer.session, peer.profile, { kind: 'psync', id, offset, failover: false }));
  }

  sync(peer: Peer): void {
    this.served(this.feed.serve(peer.session, peer.profile, { kind: 'sync' }));
  }

  private served(error: string | undefined): void {
    if (error !== undefined) throw new Error(`refused: ${error}`);
  }

  snapshot(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.sink?.write(bytes, 0, bytes.length);
  }
}

let world: FeedWorld;
let main: Peer;
let rdb: Peer;
let id: string;

beforeEach(() => {
  world = new FeedWorld();
  id = world.stream.id;
  main = world.connect({ dualChannel: true });
  world.psync(main, '?', -1);
});

/** The second connection asked for the snapshot, which has begun. */
function toSnapshot(): void {
  rdb = world.connect({ rdbOnly: true, rdbChannel: true });
  world.sync(rdb);
}

/** The main connection gets the stream while the snapshot is on its way. */
function toLoading(): void {
  toSnapshot();
  main.profile.rdbClientId = rdb.session.id;
  main.sent = '';
  world.psync(main, id, 101);
}

describe('a dual-channel sync', () => {
  test('begins with the word that sends the replica to its second connection; nobody is attached yet', () => {
    expect([main.sent, world.feed.count, main.kind]).toEqual(['+DUALCHANNELSYNC\r\n', 0, 'normal']);
    expect(world.counters.syncFull).toBe(0);
  });

  test('sends the snapshot with its end on one connection and the stream from there on the other', () => {
    toSnapshot();
    expect(rdb.sent).toBe(`$ENDOFF:100 ${id} 3 ${rdb.session.id}\r\n$EOF:${MARK}\r\n`);
    expect(world.feed.channels.waitingCount).toBe(1);
    world.write('abc');
    main.profile.rdbClientId = rdb.session.id;
    main.sent = '';
    world.psync(main, id, 101);
    world.turn();
    expect(main.sent).toBe(`+CONTINUE ${id}\r\nabc`);
    expect([...world.feed.replicas].map(({ channel, state }) => `${channel} ${state}`)).toEqual([
      'rdb-channel wait_bgsave',
      'main-channel bg_transfer',
    ]);
    world.snapshot('RDB');
    world.write('def');
    world.turn();
    world.sink?.done();
    expect(rdb.sent.endsWith(`RDB${MARK}`)).toBe(true);
    expect(main.sent.endsWith('abcdef')).toBe(true);
    expect([rdb.open, main.open, world.feed.online]).toEqual([false, true, 0]);
    world.feed.takeAck(main.session, 106, 0);
    expect([...world.feed.replicas].map(({ channel, state }) => `${channel} ${state}`)).toEqual(['replica online']);
    expect(world.counters).toMatchObject({ syncFull: 1, syncPartialOk: 1, syncPartialErr: 0 });
  });

  test('keeps the stream from the end of the snapshot on, however long the main connection takes', () => {
    toSnapshot();
    for (let i = 0; i < 40; i++) world.write('y'.repeat(4000));
    world.turn();
    world.sink?.done();
    world.seconds(4);
    main.profile.rdbClientId = rdb.session.id;
    world.psync(main, id, 101);
    for (let i = 0; i < 10; i++) {
      world.turn();
      main.takeAll();
    }
    expect(main.sent.includes('y'.repeat(160_000))).toBe(true);
    expect([...world.feed.replicas].map(({ channel }) => channel)).toEqual(['main-channel']);
  });

  test('shares its snapshot with replicas of one channel', () => {
    const single = world.connect();
    rdb = world.connect({ rdbOnly: true, rdbChannel: true });
    // Both wait for the end of another snapshot.
    const first = world.connect();
    world.sync(first);
    world.psync(single, '?', -1);
    world.sync(rdb);
    world.sink?.done();
    world.turn();
    world.snapshot('RDB');
    expect(single.sent).toBe(`+FULLRESYNC ${id} 100\r\n$EOF:${MARK}\r\nRDB`);
    expect(rdb.sent).toBe(`$ENDOFF:100 ${id} 3 ${rdb.session.id}\r\n$EOF:${MARK}\r\nRDB`);
  });
});

describe('a dual-channel sync ends', () => {
  test('when the main connection does not come within the grace period; then the stream is not kept any more', () => {
    toSnapshot();
    for (let i = 0; i < 40; i++) world.write('y'.repeat(4000));
    world.sink?.done();
    // The replica has closed it: it has all.
    rdb.close();
    world.seconds(5);
    expect(world.feed.channels.waiting(rdb.session.id)).toBeDefined();
    world.seconds(1);
    expect([world.feed.channels.waiting(rdb.session.id), world.feed.count]).toEqual([undefined, 0]);
    main.profile.rdbClientId = rdb.session.id;
    main.sent = '';
    world.psync(main, id, 101);
    expect(main.sent).toBe('+DUALCHANNELSYNC\r\n');
  });

  test('when the second connection breaks before the main one has asked', () => {
    toSnapshot();
    rdb.close();
    expect([world.snapshotAborted, world.feed.channels.waitingCount, world.feed.count]).toEqual([true, 0, 0]);
  });

  test('when the second connection breaks in the middle of the snapshot: the main one is closed too', () => {
    toLoading();
    rdb.close();
    expect([world.snapshotAborted, main.open, world.feed.count]).toEqual([true, false, 0]);
  });

  test('when the main connection breaks in the middle of the snapshot: the second one is closed too', () => {
    toLoading();
    main.close();
    expect([world.snapshotAborted, rdb.open, world.feed.count]).toEqual([true, false, 0]);
  });

  test('when the snapshot fails', () => {
    toLoading();
    world.sink?.failed(new Error('no memory'));
    expect([main.open, rdb.open, world.feed.count]).toEqual([false, false, 0]);
  });

  test('when more of the stream waits for the main connection than the limit of its class', () => {
    world.limit = 100_000;
    toSnapshot();
    const other = world.connect();
    world.psync(other, id, 101);
    for (let i = 0; i < 24; i++) {
      world.write('y'.repeat(4000));
      world.turn();
      other.takeAll();
    }
    expect(rdb.open).toBe(true);
    world.write('y'.repeat(8000));
    world.turn();
    expect([rdb.open, world.feed.channels.waitingCount, world.counters.outputBufferDisconnections]).toEqual([false, 0, 1]);
    expect(other.open).toBe(true);
  });

  test('when the replica falls silent after the snapshot, but not as long as that is on its way', () => {
    toLoading();
    rdb.takeAll();
    world.seconds(100);
    expect(main.open).toBe(true);
    world.sink?.done();
    world.seconds(60);
    expect(main.open).toBe(true);
    main.netInputBytes++;
    world.seconds(60);
    expect(main.open).toBe(true);
    world.seconds(2);
    expect(main.open).toBe(false);
  });
});
