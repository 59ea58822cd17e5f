import { describe, expect, test } from 'vitest';
import {
  contentOf,
  dataWorld,
  type DataWorld,
  latin1,
  ManualTimers,
  setCollection,
  setString,
  SILENT_LOG,
} from '../../test/support/data-world.ts';
import type { Clock } from '../core/ports.ts';
import type { SnapshotOptions } from '../core/snapshots.ts';
import { ENC_LISTPACK, NO_EXPIRY, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_ZSET } from '../keyspace/database.ts';
import { RdbLoader } from './rdb-loader.ts';
import { type RdbFacts, RdbForm } from './rdb-snapshot.ts';
import { Snapshot, type WalkParts } from './snapshot.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const OPTIONS: SnapshotOptions = { rdbVersion: 80, replication: { id: 'a'.repeat(40), offset: 77, dbIndex: 3 }, checksum: true };

function randomFrom(start: number): (limit: number) => number {
  let state = start | 1;
  return limit => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
}

/** What a look at the clock costs: most of them little, so that many keys are written between two, and each eighth so much that the slice ends. */
const someLong = (): (() => number) => {
  let looks = 0;
  return () => (++looks % 8 === 0 ? 2000 : 20);
};

/** A snapshot whose slices the test runs. `cost`: microseconds since the last look at the clock, of so many keys. */
class TestRun {
  readonly timers = new ManualTimers();
  readonly chunks: Buffer[] = [];
  finished = false;
  error: Error | undefined;
  accept = true;
  readonly run: Snapshot;

  constructor(
    world: DataWorld,
    options: Partial<SnapshotOptions> = {},
    moves: Pick<RdbFacts, 'slotImports' | 'openSlots'> = {},
    cost: (keys: number) => number = someLong(),
    more: Partial<WalkParts> = {},
  ) {
    let time = 0;
    let seen = 0;
    const microseconds = (): number => {
      const keys = this.run?.keysDone ?? 0;
      time += cost(keys - seen);
      seen = keys;
      return time;
    };
    const clock: Clock = { now: () => 0, microseconds, monotonic: () => 0 };
    const facts: RdbFacts = { now: 0, usedMemory: 0, serverVersion: '9.1.2', compress: true, usage: 'none', ...moves };
    this.run = new Snapshot(
      {
        databases: world.databases,
        clock,
        timers: this.timers,
        slots: undefined,
        commandsServed: () => 0,
        heldLimit: 200_000_000,
        experience: { microseconds: Infinity },
        keyDelayMicroseconds: () => 0,
        ended: () => {},
        ...more,
      },
      new RdbForm(world.values, facts, { ...OPTIONS, ...options }),
      {
        write: (bytes, start, end) => {
          this.chunks.push(Buffer.from(bytes.slice(start, end)));
          return this.accept;
        },
        done: () => {
          this.finished = true;
        },
        failed: error => {
          this.error = error;
        },
      },
    );
  }

  toEnd(): Buffer {
    while (this.timers.turn());
    if (!this.finished) throw this.error ?? new Error('the snapshot rests');
    return Buffer.concat(this.chunks);
  }
}

function loaderFor(world: DataWorld): RdbLoader {
  return new RdbLoader(
    { databases: world.databases, values: world.values, log: SILENT_LOG, now: () => 5000, relaxed: false, verify: true },
    { dropExpired: false },
  );
}

function loadInPieces(world: DataWorld, rdb: Buffer, random: (limit: number) => number): RdbLoader {
  const loader = loaderFor(world);
  for (let at = 0; at < rdb.length; ) {
    const end = Math.min(rdb.length, at + 1 + random(random(10) === 0 ? 100_000 : 50));
    expect(loader.push(rdb, at, end)).toBe(end - at);
    at = end;
  }
  expect(loader.finished).toBe(true);
  return loader;
}

function allContent(world: DataWorld): Record<string, string> {
  const content: Record<string, string> = {};
  for (let i = 0; i < world.databases.count; i++)
    for (const [key, value] of contentOf(world, world.databases.get(i))) content[`${i} ${key}`] = value;
  return content;
}

function fill(world: DataWorld, keys: number): void {
  for (let i = 0; i < keys; i++) {
    const db = world.databases.get(i % 3);
    if (i % 7 === 0) setCollection(world, db, `k${i}`, TYPE_LIST, ['a', `${i}`, 'x'.repeat(i % 100)]);
    else if (i % 7 === 1) setCollection(world, db, `k${i}`, TYPE_SET, [`${i}`, '7', '8']);
    else if (i % 7 === 2) setCollection(world, db, `k${i}`, TYPE_HASH, [`f=${i}`, 'g=word']);
    else if (i % 7 === 3) setCollection(world, db, `k${i}`, TYPE_ZSET, [`m=${i}.5`, 'n=-3', 'o=7e77']);
    else
      setString(db, `k${i}`, i % 2 === 0 ? `${i}` : `value of ${i} `.repeat(1 + (i % 9)), i % 5 === 0 ? 2_000_000_000_000 + i : NO_EXPIRY);
  }
  const members = (count: number, tail: string) => Array.from({ length: count }, (_, i) => `member-${i}${tail}`);
  setCollection(world, world.databases.get(1), 'large list', TYPE_LIST, members(20_000, ''));
  setCollection(world, world.databases.get(0), 'large set', TYPE_SET, members(20_000, ''));
  setCollection(world, world.databases.get(2), 'large hash', TYPE_HASH, members(20_000, '=v'));
  setCollection(world, world.databases.get(2), 'large zset', TYPE_ZSET, members(20_000, '=4.25'));
  setString(world.databases.get(0), 'large string', 'large '.repeat(150_000));
}

function dataWorldOf(keys: number): DataWorld {
  const world = dataWorld();
  for (let i = 0; i < keys; i++) setString(world.databases.get(0), `k${i}`, 'value', NO_EXPIRY);
  return world;
}

describe(`a snapshot (seed ${seed})`, () => {
  test('an RDB of all databases is loaded to the same content, whatever the pieces', () => {
    const world = dataWorld();
    fill(world, 2000);
    const rdb = new TestRun(world).toEnd();
    const copy = dataWorld();
    const loader = loadInPieces(copy, rdb, randomFrom(seed));
    expect(allContent(copy)).toEqual(allContent(world));
    expect(loader.keysLoaded).toBe(2005);
    expect(loader.aux.get('repl-id')).toBe('a'.repeat(40));
    expect(loader.aux.get('repl-offset')).toBe('77');
    expect(loader.aux.get('repl-stream-db')).toBe('3');
  });

  test('keys that take long are written one by one, so that a slice is never much too long; others are not', () => {
    const slow = new TestRun(dataWorldOf(500), {}, {}, keys => keys * 400);
    slow.toEnd();
    expect(slow.run.longestSliceMicroseconds).toBeLessThanOrEqual(1900);
    let looks = 0;
    const fast = new TestRun(dataWorldOf(500), {}, {}, keys => (looks++, keys * 2));
    fast.toEnd();
    expect(looks).toBeLessThan(100);
  });

  test('the first walk of a process rests between slices while clients are served, until its code was run for a while', () => {
    const experience = { microseconds: 0 };
    let served = 0;
    const rests: (readonly [atMicroseconds: number, restMs: number])[] = [];
    const walk = (): void => {
      const run = new TestRun(dataWorldOf(3000), {}, {}, keys => keys * 20, { experience, commandsServed: () => ++served });
      run.timers.after = (restMs, action) => {
        rests.push([experience.microseconds, restMs]);
        run.timers.soon(action);
        return () => {};
      };
      run.toEnd();
    };
    walk();
    expect(rests.length).toBeGreaterThan(50);
    expect(rests.every(([microseconds, restMs]) => microseconds <= 40_000 && restMs > 0)).toBe(true);
    expect(experience.microseconds).toBeGreaterThan(40_000);
    const before = rests.length;
    walk();
    expect(rests).toHaveLength(before);
  });

  test('slot imports that are under way, and slots that are being moved by hand, are told to who loads it', () => {
    const world = dataWorld();
    fill(world, 10);
    const imports = [
      { name: 'a'.repeat(40), ranges: [{ start: 0, end: 16383 }] },
      {
        name: 'b'.repeat(40),
        ranges: [
          { start: 5, end: 5 },
          { start: 100, end: 300 },
        ],
      },
    ];
    const openSlots = `7<${'c'.repeat(40)},9>${'d'.repeat(40)},`;
    const rdb = new TestRun(world, {}, { slotImports: imports, openSlots }).toEnd();
    const found: unknown[] = [];
    const copy = dataWorld();
    const loader = new RdbLoader(
      {
        databases: copy.databases,
        values: copy.values,
        log: SILENT_LOG,
        now: () => 5000,
        relaxed: false,
        verify: true,
        slotImport: record => found.push(record),
        openSlots: text => found.push(text),
      },
      { dropExpired: false },
    );
    for (let at = 0; at < 1000; at += 7) loader.push(rdb, at, at + 7);
    loader.push(rdb, 1001, rdb.length);
    expect(loader.finished).toBe(true);
    expect(found).toEqual([openSlots, ...imports]);
    expect(() => new TestRun(world, { rdbVersion: 11 }, { slotImports: imports })).toThrow(
      'Cannot store slot migrations in RDB version 11',
    );
  });

  test('it shows one moment, whatever is changed, deleted, made or flushed while it is written', () => {
    const random = randomFrom(seed);
    for (let round = 0; round < 4; round++) {
      const world = dataWorld();
      fill(world, 1500);
      const expected = allContent(world);
      const run = new TestRun(world);
      let turns = 0;
      while (run.timers.turn()) {
        for (let i = 0; i < 20; i++) change(world, random);
        if (round === 2 && ++turns === 3) world.databases.flushAll(true);
        run.accept = random(4) > 0;
        if (random(3) === 0) run.run.resume();
        if (run.timers.planned.length === 0 && !run.finished) {
          for (let i = 0; i < 5; i++) change(world, random);
          run.run.resume();
        }
      }
      expect(run.finished).toBe(true);
      const copy = dataWorld();
      loadInPieces(copy, Buffer.concat(run.chunks), random);
      expect(allContent(copy)).toEqual(expected);
    }
  }, 60_000);

  test('several at once each show their own moment', () => {
    const random = randomFrom(seed);
    const world = dataWorld();
    fill(world, 1000);
    const runs: { readonly run: TestRun; readonly expected: Record<string, string> }[] = [];
    for (let i = 0; i < 3; i++) {
      runs.push({ expected: allContent(world), run: new TestRun(world) });
      for (let k = 0; k < 50; k++) change(world, random);
      for (const { run } of runs) run.timers.turn();
    }
    for (const { run, expected } of runs) {
      const copy = dataWorld();
      loadInPieces(copy, run.toEnd(), random);
      expect(allContent(copy)).toEqual(expected);
    }
  });

  test('an aborted one leaves nothing behind, and the next one is whole', () => {
    const world = dataWorld();
    fill(world, 500);
    for (let i = 0; i < 10; i++) {
      const run = new TestRun(world);
      run.timers.turn();
      run.run.abort();
      const sent = run.chunks.length;
      while (run.timers.turn());
      expect(run.chunks.length).toBe(sent);
    }
    const copy = dataWorld();
    loadInPieces(copy, new TestRun(world).toEnd(), randomFrom(seed));
    expect(allContent(copy)).toEqual(allContent(world));
  });
});

function change(world: DataWorld, random: (limit: number) => number): void {
  const db = world.databases.get(random(3));
  const key = random(40) === 0 ? ['large list', 'large set', 'large hash', 'large zset', 'large string'][random(5)] : `k${random(3000)}`;
  const k = latin1(key);
  switch (random(4)) {
    case 0:
      return setString(db, key, `new ${random(1000)}`);
    case 1:
      db.delete(k, 0, k.length);
      return;
    case 2: {
      const entry = db.findForWrite(k, 0, k.length);
      if (entry !== 0) db.setExpire(entry, 3_000_000_000_000 + random(1000));
      return;
    }
    default:
      return setCollection(world, db, key, TYPE_LIST, ['changed', `${random(100)}`]);
  }
}

describe('the loader', () => {
  test('refuses what is no RDB, a wrong checksum, a database beyond the last, a key that stands twice', () => {
    const world = dataWorld();
    setString(world.databases.get(9), 'k', 'v');
    const rdb = new TestRun(world).toEnd();
    const load = (bytes: Buffer, databases = 16) => {
      const loader = loaderFor(dataWorld({ databases }));
      loader.push(bytes, 0, bytes.length);
      return loader.finished;
    };
    expect(load(rdb)).toBe(true);
    expect(() => load(Buffer.from('NONSENSE00000'))).toThrow(/signature/);
    expect(() => load(Buffer.from(`VALKEY081${rdb.toString('latin1', 9)}`, 'latin1'))).toThrow(/format version 81/);
    expect(() => load(rdb, 9)).toThrow(/database 9/);
    const changed = Buffer.from(rdb);
    changed[rdb.length - 12] ^= 1;
    expect(() => load(changed)).toThrow(/checksum/);
    const keyAt = rdb.length - 9 - 5;
    const twice = Buffer.concat([rdb.subarray(0, rdb.length - 9), rdb.subarray(keyAt)]);
    expect(() => load(twice)).toThrow(/twice/);
  });

  test('a small sorted set that came member by member leaves nothing of its index behind', () => {
    const world = dataWorld();
    const builder = world.values.builder();
    for (let round = 0; round < 100; round++) {
      builder.begin(TYPE_ZSET, 100);
      for (let i = 0; i < 100; i++) {
        const member = Buffer.from(`member ${i} of ${round}`);
        expect(builder.addScored(member, 0, member.length, i)).toBe(true);
      }
      const built = builder.finish();
      expect(built?.encoding).toBe(ENC_LISTPACK);
      if (built !== undefined) world.values.free(built.type, built.encoding, built.root);
    }
    while (world.values.freeSlice(1000));
    expect(world.arena.used).toBe(0);
  });

  test('random changes of an RDB never crash it, and what was half built is freed', () => {
    const random = randomFrom(seed);
    const source = dataWorld();
    fill(source, 60);
    const rdb = new TestRun(source, { checksum: false }).toEnd();
    const world = dataWorld();
    const reasons = new Set<string>();
    for (let round = 0; round < 150; round++) {
      const changed = Buffer.from(rdb.subarray(0, 9 + random(rdb.length)));
      for (let i = 0; i < 3; i++) changed[random(Math.min(changed.length, 4000))] = random(256);
      const loader = loaderFor(world);
      try {
        loader.push(changed, 0, changed.length);
      } catch (error) {
        reasons.add(error instanceof Error ? error.name : 'thrown');
      }
      loader.abort();
      world.databases.flushAll(false);
    }
    while (world.values.freeSlice(1000));
    expect([...reasons], `seed ${seed}`).toEqual(['RdbError']);
    expect(world.arena.used, `seed ${seed}`).toBe(0);
  });
});
