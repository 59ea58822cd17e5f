import { describe, expect, test } from 'vitest';
import { contentOf, dataWorld, type DataWorld, ManualTimers, setString } from '../../test/support/data-world.ts';
import { LoadError } from '../core/persistence.ts';
import type { LogLevel, PausePurpose, ServerLog } from '../core/ports.ts';
import type { StreamPosition } from '../core/snapshots.ts';
import { type DataFileReader, type DataFiles, type DataFileWriter, FileError } from './data-files.ts';
import { RdbFile, type RdbFileNeeds } from './rdb-file.ts';
import { Snapshots } from './snapshots.ts';

/** A disk that fails on demand and that a test can hold. */
class Disk implements DataFiles {
  readonly contents = new Map<string, Buffer>();
  readonly operations: string[] = [];
  failing: string | undefined;
  /** What writes wait for. */
  gate: Promise<void> = Promise.resolve();

  create(path: string): Promise<DataFileWriter> {
    return this.do('open', () => {
      const written: Uint8Array[] = [];
      this.contents.set(path, Buffer.alloc(0));
      return {
        write: async pieces => {
          await this.gate;
          await this.do('write', () => void written.push(...pieces));
        },
        sync: () => this.do('fsync', () => {}),
        close: () => this.do('close', () => void this.contents.set(path, Buffer.concat(written))),
      };
    });
  }

  async open(path: string): Promise<DataFileReader | undefined> {
    if (this.failing === 'open') throw new FileError('open', 'Permission denied', undefined);
    const content = this.contents.get(path);
    if (content === undefined) return undefined;
    let at = 0;
    return {
      bytes: content.length,
      read: async into => {
        const copied = content.copy(into, 0, at);
        at += copied;
        return copied;
      },
      close: async () => {},
    };
  }

  replace(from: string, to: string): Promise<void> {
    return this.do('rename', () => {
      this.contents.set(to, this.contents.get(from) ?? Buffer.alloc(0));
      this.contents.delete(from);
    });
  }

  async remove(path: string): Promise<void> {
    this.contents.delete(path);
  }

  async removeLeftovers(): Promise<readonly string[]> {
    return [];
  }

  private async do<T>(operation: string, action: () => T): Promise<T> {
    this.operations.push(operation);
    if (this.failing === operation) throw new FileError(operation, 'No space left on device', undefined);
    return action();
  }
}

const TARGET = '/data/dump.rdb';

class TestServer {
  readonly world: DataWorld;
  readonly disk: Disk;
  readonly timers = new ManualTimers();
  readonly lines: string[] = [];
  readonly pauses: string[] = [];
  readonly directives = new Map<string, string | boolean | number | readonly string[]>([
    ['dir', ['/data']],
    ['dbfilename', 'dump.rdb'],
    ['save', ['60', '1']],
    ['rdb-save-incremental-fsync', true],
    ['rdbchecksum', true],
    ['rdbcompression', true],
    ['stop-writes-on-bgsave-error', true],
    ['maxmemory-policy', 'noeviction'],
    ['rdb-version-check', 'strict'],
    ['key-load-delay', 0],
    ['rdb-key-save-delay', 0],
    ['client-output-buffer-limit', []],
  ]);
  nowMs = 1_000_000_000;
  position: StreamPosition | undefined;
  whole = true;
  readonly lifecycle = { loading: false, shuttingDownUntil: undefined, setLoading: (on: boolean) => (this.lifecycle.loading = on) };
  readonly file: RdbFile;

  constructor(disk = new Disk(), world = dataWorld()) {
    this.disk = disk;
    this.world = world;
    let microseconds = 0;
    const clock = { now: () => this.nowMs, microseconds: () => (microseconds += 100), monotonic: () => 0 };
    const log: ServerLog = {
      write: (_level: LogLevel, message) => void this.lines.push(message),
      debug: message => void this.lines.push(message),
      verbose: message => void this.lines.push(message),
      notice: message => void this.lines.push(message),
      warning: message => void this.lines.push(message),
    };
    const value = (name: string): never => this.directives.get(name) as never;
    const config = { text: value, flag: value, integer: value, words: value };
    const { databases, values } = world;
    const stats = { counters: { commandsProcessed: 0 } };
    const { timers } = this;
    const slotMoves = { openSlots: () => '', openSlotsFound: () => {}, unfinished: () => [], found: () => {}, replaced: () => {} };
    const snapshots = new Snapshots({ databases, values, clock, timers, config, log, stats, slotMoves, serverVersion: '9.1.2' } as never);
    const clients = {
      pause: (purpose: PausePurpose, until: number, writesOnly: boolean) =>
        void this.pauses.push(
          `${purpose} ${writesOnly ? 'writes' : 'all'} ${until === Number.MAX_SAFE_INTEGER ? 'open' : until - this.nowMs}`,
        ),
      unpause: (purpose: PausePurpose) => void this.pauses.push(`${purpose} over`),
      isPausedFor: () => false,
    };
    // Only what a file needs of each port is there.
    const ports = {
      clock,
      timers,
      log,
      config,
      databases,
      clients,
      lifecycle: this.lifecycle,
      snapshots,
      stats,
    } as unknown as RdbFileNeeds;
    this.file = new RdbFile({
      ports,
      files: disk,
      processId: 7,
      streamPosition: () => this.position,
      dataWhole: () => this.whole,
    });
  }

  /** Lets slices and the disk work until `promise` is settled. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    const done = promise.finally(() => (over = true));
    done.catch(() => {});
    for (let turn = 0; !over && turn < 20_000; turn++) {
      this.timers.turn();
      await new Promise(resolve => setImmediate(resolve));
    }
    return done;
  }

  /** Until no save runs. */
  async saved(): Promise<void> {
    for (let turn = 0; this.file.saving && turn < 20_000; turn++) {
      this.timers.turn();
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  fact(name: string): string | number | undefined {
    return this.file.facts().values.get(name);
  }
}

function filled(keys: number): DataWorld {
  const world = dataWorld();
  for (let i = 0; i < keys; i++) setString(world.databases.get(i % 2), `k${i}`, `value ${i} `.repeat(10));
  world.databases.dirty = keys;
  return world;
}

describe('a save', () => {
  test('SAVE: everybody waits, the draft reaches the disk before it takes the place of the file', async () => {
    const server = new TestServer(new Disk(), filled(3000));
    expect(await server.settle(server.file.saveNow())).toBe(true);
    expect(server.pauses).toEqual(['save all open', 'save over']);
    expect(server.disk.operations.filter(each => each !== 'write')).toEqual(['open', 'fsync', 'close', 'rename']);
    expect([...server.disk.contents.keys()]).toEqual([TARGET]);
    expect(server.world.databases.dirty).toBe(0);
    expect(server.lines).toContain('DB saved on disk');
  });

  test('BGSAVE shows the moment at which it was asked for; what changes meanwhile counts for the next one', async () => {
    const server = new TestServer(new Disk(), filled(2000));
    const before = contentOf(server.world, server.world.databases.get(0));
    expect(server.file.saveInBackground()).toBe(true);
    for (let i = 0; i < 500; i++) setString(server.world.databases.get(0), `k${i * 2}`, 'later');
    server.world.databases.dirty += 500;
    await server.saved();
    expect(server.world.databases.dirty).toBe(500);
    const copy = new TestServer(server.disk);
    await copy.settle(copy.file.load({ dropExpired: true }));
    expect(contentOf(copy.world, copy.world.databases.get(0))).toEqual(before);
  });

  test.each(['open', 'write', 'fsync', 'close', 'rename'])(
    'when %s fails, the last file stays, no draft is left, and writes are refused',
    async operation => {
      const server = new TestServer(new Disk(), filled(100));
      await server.settle(server.file.saveNow());
      const good = server.disk.contents.get(TARGET);
      server.disk.failing = operation;
      server.world.databases.dirty = 5;
      server.file.saveInBackground();
      await server.saved();
      expect(server.disk.contents).toEqual(new Map([[TARGET, good]]));
      expect(server.fact('rdb_last_bgsave_status')).toBe('err');
      expect(server.file.writesRefused).toBe(true);
      expect(server.world.databases.dirty).toBe(5);
      expect(server.lines.some(line => line.includes('No space left on device'))).toBe(true);
      server.directives.set('save', []);
      expect(server.file.writesRefused).toBe(false);
      server.directives.set('save', ['60', '1']);
      server.disk.failing = undefined;
      server.file.saveInBackground();
      await server.saved();
      expect(server.file.writesRefused).toBe(false);
    },
  );

  test('a disk that stands still holds the walk back: memory holds a window, not the data set', async () => {
    const server = new TestServer(new Disk(), filled(0));
    const random = Array.from({ length: 30_000 }, (_, i) => String.fromCharCode(32 + ((i * 7919) % 90))).join('');
    for (let i = 0; i < 600; i++) setString(server.world.databases.get(0), `key ${i}`, `${i}${random}`);
    let open = (): void => {};
    server.disk.gate = new Promise(resolve => (open = resolve));
    server.directives.set('rdbcompression', false);
    server.file.saveInBackground();
    for (let turn = 0; turn < 500 && server.timers.turn(); turn++);
    await new Promise(resolve => setImmediate(resolve));
    expect(server.timers.planned).toEqual([]);
    expect(Number(server.fact('current_save_keys_processed'))).toBeLessThan(300);
    open();
    await server.saved();
    expect(server.fact('rdb_last_bgsave_status')).toBe('ok');
  });

  test('writes pause while many changed keys wait for the disk, and the save fails before they fill the memory', async () => {
    const server = new TestServer(new Disk(), filled(0));
    const large = 'x'.repeat(1_000_000);
    for (let i = 0; i < 90; i++) setString(server.world.databases.get(0), `key ${i}`, large);
    server.directives.set('rdbcompression', false);
    let open = (): void => {};
    server.disk.gate = new Promise(resolve => (open = resolve));
    server.file.saveInBackground();
    for (let turn = 0; turn < 100; turn++) server.timers.turn();
    for (let i = 0; i < 90; i++) setString(server.world.databases.get(0), `key ${i}`, 'small');
    expect(server.pauses[0]).toBe('save writes 100');
    server.timers.turn();
    open();
    await server.saved();
    expect(server.lines.some(line => line.includes('wait for a reader that is too slow'))).toBe(true);
    expect(server.fact('rdb_last_bgsave_status')).toBe('err');
    expect(server.disk.contents.size).toBe(0);
  });

  test('a cancelled one leaves nothing behind and says nothing of the next', async () => {
    const server = new TestServer(new Disk(), filled(500));
    expect(server.file.cancel()).toBe('nothing');
    server.file.saveInBackground();
    expect(server.file.cancel()).toBe('running');
    await server.saved();
    expect(server.disk.contents.size).toBe(0);
    expect(server.fact('rdb_last_bgsave_status')).toBe('ok');
    server.file.schedule();
    expect(server.file.cancel()).toBe('scheduled');
  });

  test('FLUSHALL ends one that runs, and where there are save points the next one follows', async () => {
    const server = new TestServer(new Disk(), filled(500));
    server.file.saveInBackground();
    server.world.databases.flushAll(false);
    server.file.flushed();
    await server.saved();
    expect(server.disk.contents.size).toBe(0);
    server.file.tick();
    expect(server.file.saving).toBe(true);
    await server.saved();
    expect([...server.disk.contents.keys()]).toEqual([TARGET]);
  });

  test('a save point begins one by itself; not while the data set is being replaced', async () => {
    const server = new TestServer(new Disk(), filled(10));
    server.nowMs += 61_000;
    server.whole = false;
    server.file.tick();
    expect(server.file.saving).toBe(false);
    server.whole = true;
    server.file.tick();
    expect(server.lines).toContain('1 changes in 60 seconds. Saving...');
    await server.saved();
    expect(server.file.lastSaveAt).toBe(Math.floor(server.nowMs / 1000));
  });
});

describe('a load', () => {
  test('gives the data back and the point of the stream, and leaves out what is expired', async () => {
    const server = new TestServer(new Disk(), filled(300));
    server.position = { id: 'b'.repeat(40), offset: 1234, dbIndex: 1 };
    setString(server.world.databases.get(1), 'gone', 'v', server.nowMs - 5);
    await server.settle(server.file.saveNow());
    const copy = new TestServer(server.disk);
    const expired: string[] = [];
    const wasLoading: boolean[] = [];
    const loaded = await copy.settle(
      copy.file.load({
        dropExpired: true,
        started: () => wasLoading.push(copy.lifecycle.loading),
        expired: (dbIndex, key) => expired.push(`${dbIndex} ${Buffer.from(key).toString()}`),
      }),
    );
    expect(loaded?.keys).toBe(300);
    expect(loaded?.aux.get('repl-offset')).toBe('1234');
    expect(expired).toEqual(['1 gone']);
    expect(wasLoading).toEqual([true]);
    expect(copy.lifecycle.loading).toBe(false);
    expect(copy.fact('rdb_last_load_keys_expired')).toBe(1);
    for (const db of [0, 1]) {
      const expected = contentOf(server.world, server.world.databases.get(db));
      expected.delete('gone');
      expect(contentOf(copy.world, copy.world.databases.get(db))).toEqual(expected);
    }
  });

  test('without a file there is nothing to load', async () => {
    const server = new TestServer();
    expect(await server.settle(server.file.load({ dropExpired: true }))).toBeUndefined();
  });

  test('what is cut off, damaged or no RDB at all is refused with what upstream says', async () => {
    const server = new TestServer(new Disk(), filled(2000));
    await server.settle(server.file.saveNow());
    const good = server.disk.contents.get(TARGET) ?? Buffer.alloc(0);
    const damaged = Buffer.from(good);
    damaged[good.length - 3] ^= 1;
    const cases: readonly (readonly [Buffer, RegExp])[] = [
      [good.subarray(0, good.length - 20), /^Short read or OOM loading DB/],
      [damaged, /Wrong RDB checksum expected/],
      [Buffer.from('GARBAGE00 and more'), /^Wrong signature trying to load DB from file: GARBAGE00/],
      [Buffer.concat([Buffer.from('VALKEY099'), good.subarray(9)]), /^Can't handle RDB format version 99/],
      [Buffer.concat([Buffer.from('VALKEY080'), Buffer.from([21, 3]), Buffer.from('abc')]), /stream \(type 21\).*key "abc" in database 0/],
      [Buffer.concat([Buffer.from('VALKEY080'), Buffer.from([245, 1, 97])]), /function library/],
    ];
    for (const [bytes, said] of cases) {
      const disk = new Disk();
      disk.contents.set(TARGET, bytes);
      const other = new TestServer(disk);
      await expect(other.settle(other.file.load({ dropExpired: true }))).rejects.toThrow(LoadError);
      expect(
        other.lines.some(line => said.test(line)),
        `${said}: ${other.lines.join('\n')}`,
      ).toBe(true);
      expect(disk.contents.get(TARGET)).toBe(bytes);
    }
  });

  test('a file that cannot be opened is refused, not taken for none', async () => {
    const disk = new Disk();
    disk.failing = 'open';
    const server = new TestServer(disk);
    await expect(server.settle(server.file.load({ dropExpired: true }))).rejects.toThrow(/Permission denied/);
  });
});
