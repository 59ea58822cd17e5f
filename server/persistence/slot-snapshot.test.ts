import { describe, expect, test } from 'vitest';
import { contentOf, dataWorld, type DataWorld, latin1, ManualTimers, setCollection, setString } from '../../test/support/data-world.ts';
import { slotOfKey } from '../../lib/slot-hash.ts';
import type { Clock } from '../core/ports.ts';
import { NO_EXPIRY, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_ZSET } from '../keyspace/database.ts';
import { RequestForm } from './slot-snapshot.ts';
import { Snapshot } from './snapshot.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const TAGS = ['a', 'b', 'c', 'd', 'e', 'f'];
const slotOf = (tag: string): number => slotOfKey(latin1(`{${tag}}`), 0, tag.length + 2);

function randomFrom(start: number): (limit: number) => number {
  let state = start | 1;
  return limit => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
}

/** A snapshot of some tags' slots whose slices the test runs; each look at the clock costs a millisecond, so slices are short. */
class TestRun {
  readonly timers = new ManualTimers();
  readonly chunks: Buffer[] = [];
  finished = false;
  error: Error | undefined;
  accept = true;
  ended = 0;
  readonly run: Snapshot;

  constructor(world: DataWorld, tags: readonly string[], heldLimit = 200_000_000) {
    let time = 0;
    const clock: Clock = { now: () => 0, microseconds: () => (time += 1000), monotonic: () => 0 };
    this.run = new Snapshot(
      {
        databases: world.databases,
        clock,
        timers: this.timers,
        slots: tags.map(slotOf),
        commandsServed: () => 0,
        heldLimit,
        experience: { microseconds: Infinity },
        keyDelayMicroseconds: () => 0,
        ended: () => this.ended++,
      },
      new RequestForm(world.values),
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

  toEnd(): Map<string, string> {
    while (this.timers.turn());
    if (!this.finished) throw this.error ?? new Error('the snapshot rests');
    return made(Buffer.concat(this.chunks));
  }
}

/** What the requests make, in the form of `contentOf`: `database key` → content. */
function made(stream: Buffer): Map<string, string> {
  const content = new Map<string, { type: number; expireAt: number; members: string[] }>();
  let db = '0';
  for (const [command, key, ...args] of requestsOf(stream)) {
    if (command === 'SELECT') {
      db = key;
      continue;
    }
    const name = `${db} ${key}`;
    const known = content.get(name);
    if (command === 'PEXPIREAT' && known !== undefined) {
      known.expireAt = Number(args[0]);
      continue;
    }
    const type = ['SET', 'RPUSH', 'SADD', 'ZADD', 'HMSET'].indexOf(command);
    expect(type, command).toBeGreaterThanOrEqual(0);
    expect(type === 0 && known !== undefined, `${name} comes twice`).toBe(false);
    expect(args.length).toBeLessThanOrEqual(type === 3 || type === 4 ? 128 : 64);
    const members = args.flatMap((arg, i) => {
      if (type === 3) return i % 2 === 1 ? [`${arg}=${args[i - 1]}`] : [];
      if (type === 4) return i % 2 === 0 ? [`${arg}=${args[i + 1]}`] : [];
      return [arg];
    });
    if (known === undefined) content.set(name, { type, expireAt: -1, members });
    else known.members.push(...members);
  }
  return new Map(
    [...content].map(([name, { type, expireAt, members }]) => [
      name,
      `${type} ${expireAt} ${(type === 0 || type === 1 || type === 3 ? members : members.sort()).join(' ')}`,
    ]),
  );
}

function* requestsOf(stream: Buffer): Generator<string[]> {
  let at = 0;
  const number = (): number => {
    const end = stream.indexOf('\r\n', at);
    const value = Number(stream.toString('latin1', at + 1, end));
    at = end + 2;
    return value;
  };
  while (at < stream.length) {
    const words: string[] = [];
    for (let left = number(); left > 0; left--) {
      const length = number();
      words.push(stream.toString('latin1', at, at + length));
      at += length + 2;
    }
    yield words;
  }
}

/** Sorted sets are compared in the order of their members' names: upstream sends them in any order. */
function expected(world: DataWorld, tags: readonly string[]): Map<string, string> {
  const content = new Map<string, string>();
  for (let i = 0; i < world.databases.count; i++)
    for (const [key, value] of contentOf(world, world.databases.get(i)))
      if (tags.some(tag => key.startsWith(`{${tag}}`))) content.set(`${i} ${key}`, value);
  return content;
}

function fill(world: DataWorld): void {
  for (let i = 0; i < 900; i++) put(world, `{${TAGS[i % TAGS.length]}}k${i}`, i);
  const members = (count: number, tail: string) => Array.from({ length: count }, (_, i) => `member-${i}${tail}`);
  setCollection(world, world.databases.get(1), '{a}list', TYPE_LIST, members(2000, ''));
  setCollection(world, world.databases.get(0), '{b}set', TYPE_SET, members(2000, ''));
  setCollection(world, world.databases.get(2), '{a}hash', TYPE_HASH, members(2000, '=v'));
  setString(world.databases.get(0), '{a}string', 'large '.repeat(40_000));
}

function put(world: DataWorld, key: string, i: number): void {
  const db = world.databases.get(i % 3);
  if (i % 7 === 0) setCollection(world, db, key, TYPE_LIST, ['a', `${i}`, 'x'.repeat(i % 100)]);
  else if (i % 7 === 1) setCollection(world, db, key, TYPE_SET, [`${i}`, '7', '8']);
  else if (i % 7 === 2) setCollection(world, db, key, TYPE_HASH, [`f=${i}`, 'g=word']);
  else if (i % 7 === 3) setCollection(world, db, key, TYPE_ZSET, ['n=-3', `m=${i}.5`, 'o=7e+77']);
  else setString(db, key, i % 2 === 0 ? `${i}` : `value of ${i} `.repeat(1 + (i % 9)), i % 5 === 0 ? 2_000_000_000_000 + i : NO_EXPIRY);
}

function change(world: DataWorld, random: (limit: number) => number): void {
  const db = world.databases.get(random(3));
  const large = ['{a}list', '{b}set', '{a}hash', '{a}string'];
  const key = random(40) === 0 ? large[random(4)] : `{${TAGS[random(TAGS.length)]}}k${random(3000)}`;
  const k = latin1(key);
  const entry = db.findForWrite(k, 0, k.length);
  if (entry === 0 || random(3) === 0) put(world, key, random(1000));
  else if (random(2) === 0) db.deleteEntry(entry);
  else db.setExpire(entry, random(2) === 0 ? NO_EXPIRY : 2_000_000_000_000 + random(100));
}

describe(`a snapshot of slots (seed ${seed})`, () => {
  test('makes each key of these slots once, and no other', () => {
    const world = dataWorld({ bySlot: true, databases: 3 });
    fill(world);
    const run = new TestRun(world, ['a', 'c']);
    expect(run.run.keysTotal).toBe(303);
    expect(run.toEnd()).toEqual(expected(world, ['a', 'c']));
    expect([run.run.keysDone, run.ended]).toEqual([303, 1]);
  });

  test('shows one moment, whatever is changed, deleted and made while it is written, round after round', () => {
    const random = randomFrom(seed);
    const world = dataWorld({ bySlot: true, databases: 3 });
    fill(world);
    for (let round = 0; round < 6; round++) {
      const tags = TAGS.filter(() => random(2) === 0);
      const moment = expected(world, tags);
      const run = new TestRun(world, tags);
      // Walks of other slots and of all, some of them given up, must not disturb it.
      const others = [
        new TestRun(
          world,
          TAGS.filter(() => random(2) === 0),
        ),
        new TestRun(world, TAGS),
      ];
      while (run.timers.turn()) {
        for (let i = 0; i < 20; i++) change(world, random);
        for (const other of others) if (random(2) === 0) other.timers.turn();
        if (random(10) === 0) others[random(2)].run.abort();
        run.accept = random(4) > 0;
        if (random(3) === 0) run.run.resume();
        if (run.timers.planned.length === 0 && !run.finished) run.run.resume();
      }
      expect(run.finished, run.error?.message).toBe(true);
      expect(made(Buffer.concat(run.chunks))).toEqual(moment);
      for (const other of others) other.run.abort();
      world.databases.get(0).setString(latin1(`{a}r${round}`), 0, 5, latin1('x'), 0, 1, NO_EXPIRY);
    }
  }, 60_000);

  test('ends when more of what changed waits for a slow reader than may be held, and the change is not lost', () => {
    const world = dataWorld({ bySlot: true, databases: 3 });
    fill(world);
    const run = new TestRun(world, ['b'], 1000);
    setString(world.databases.get(0), '{b}set', 'small now');
    while (run.timers.turn());
    expect(run.error?.message).toContain('too slow');
    expect(run.ended).toBe(1);
    expect(expected(world, ['b']).get('0 {b}set')).toBe('0 -1 small now');
    expect(new TestRun(world, ['b']).toEnd()).toEqual(expected(world, ['b']));
  });
});

describe('hidden slots', () => {
  test('are not counted, listed, scanned or drawn, but found by name', () => {
    const world = dataWorld({ bySlot: true, databases: 1 });
    const db = world.databases.get(0);
    for (const tag of ['a', 'b']) for (let i = 0; i < 10; i++) setString(db, `{${tag}}${i}`, 'x', i < 3 ? 2_000_000_000_000 : NO_EXPIRY);
    world.databases.hideSlot(slotOf('a'), true);
    expect(db.size).toBe(20);
    expect(db.visible()).toEqual({ size: 10, expiring: 3 });
    expect([...contentOf(world, db).keys()].every(key => key.startsWith('{b}'))).toBe(true);
    const scanned: string[] = [];
    for (let cursor = db.scan(0n, 4, -1, entry => scanned.push(db.keyString(entry))); cursor !== 0n; )
      cursor = db.scan(cursor, 4, -1, entry => scanned.push(db.keyString(entry)));
    expect(scanned.toSorted()).toEqual(Array.from({ length: 10 }, (_, i) => `{b}${i}`));
    for (let i = 0; i < 20; i++) expect(db.keyString(db.random(() => i / 20))).toMatch(/^\{b\}/);
    const key = latin1('{a}1');
    expect(db.find(key, 0, key.length)).not.toBe(0);
    expect(db.slotSize(slotOf('a'))).toBe(10);
    world.databases.hideSlot(slotOf('b'), true);
    expect(db.random(() => 0)).toBe(0);
    world.databases.hideSlot(slotOf('a'), false);
    world.databases.hideSlot(slotOf('b'), false);
    expect(db.visible().size).toBe(20);
    expect(world.state.hidden).toBeUndefined();
  });
});
