import { expect, test } from 'vitest';
import { Arena, segmentOf } from '../memory/arena.ts';
import { ArenaDatabase } from './arena-database.ts';
import { ENC_EMBSTR, ENC_HASHTABLE, ENC_INT, ENC_RAW, KEEP_EXPIRY, NO_EXPIRY, TYPE_HASH } from './database.ts';
import type { Database } from './database.ts';
import { hashKeyFrom } from './key-hash.ts';
import { EXPIRY_HIDE, KeyspaceState } from './keyspace-state.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);

function randomFrom(start: number): () => number {
  let state = start | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}

interface Made {
  readonly state: KeyspaceState;
  readonly db: ArenaDatabase;
  readonly arena: Arena;
  readonly expired: string[];
  readonly freed: number[];
}

function make(bySlot = false): Made {
  const arena = new Arena();
  const expired: string[] = [];
  const freed: number[] = [];
  const state = new KeyspaceState({
    arena,
    hashKey: hashKeyFrom('0123456789abcdef01234567'),
    bySlot,
    freeValue: (_arena, _type, _encoding, root) => freed.push(root),
    onExpired: (db, entry) => expired.push(db.keyString(entry)),
    random: randomFrom(seed),
  });
  state.setTime(1_000_000_000);
  return { state, db: new ArenaDatabase(state, 0), arena, expired, freed };
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

function set(db: Database, key: string, value: string, expireAt = NO_EXPIRY): number {
  const k = bytes(key);
  const v = bytes(value);
  return db.setString(k, 0, k.length, v, 0, v.length, expireAt);
}

function find(db: Database, key: string): number {
  const k = bytes(key);
  return db.peek(k, 0, k.length);
}

function text(db: Database, entry: number): string {
  if (db.encoding(entry) === ENC_INT) return db.stringInteger(entry).toString();
  const start = db.stringStart(entry);
  return Buffer.from(db.arena.bytes[segmentOf(db.stringBlock(entry))].subarray(start, start + db.stringLength(entry))).toString('latin1');
}

function get(db: Database, key: string): string | undefined {
  const entry = find(db, key);
  return entry === 0 ? undefined : text(db, entry);
}

test('strings keep their bytes in every encoding', () => {
  const { db } = make();
  const cases: [string, number][] = [
    ['', ENC_EMBSTR],
    ['0', ENC_INT],
    ['-1', ENC_INT],
    ['007', ENC_EMBSTR],
    ['9223372036854775807', ENC_INT],
    ['-9223372036854775808', ENC_INT],
    ['9223372036854775808', ENC_EMBSTR],
    ['12345678901234567', ENC_INT],
    ['hello', ENC_EMBSTR],
    ['x'.repeat(200), ENC_RAW],
    ['y'.repeat(1024), ENC_RAW],
    ['z'.repeat(1025), ENC_RAW],
    ['w'.repeat(100_000), ENC_RAW],
  ];
  for (const [value, encoding] of cases) {
    const entry = set(db, 'key', value);
    expect(db.encoding(entry)).toBe(encoding);
    expect(get(db, 'key')).toBe(value);
  }
  expect(db.size).toBe(1);
});

test('an overwritten expiry is cleared, kept or replaced as asked', () => {
  const { db } = make();
  set(db, 'k', 'v', 2_000_000_000);
  expect(db.expireAt(find(db, 'k'))).toBe(2_000_000_000);
  set(db, 'k', 'w', KEEP_EXPIRY);
  expect([db.expireAt(find(db, 'k')), db.expiring]).toEqual([2_000_000_000, 1]);
  set(db, 'k', 'w');
  expect([db.expireAt(find(db, 'k')), db.expiring]).toEqual([NO_EXPIRY, 0]);
  const entry = db.setExpire(find(db, 'k'), 3_000_000_000);
  expect([db.expireAt(entry), get(db, 'k'), db.expiring]).toEqual([3_000_000_000, 'w', 1]);
});

test('an expired key is gone: deleted on a primary, hidden on a replica', () => {
  const { db, state, expired } = make();
  set(db, 'gone', 'v', 1_000_000_500);
  set(db, 'hidden', 'v', 1_000_000_500);
  state.setTime(1_000_000_500);
  expect(get(db, 'gone')).toBe('v');
  state.setTime(1_000_000_501);
  expect(get(db, 'gone')).toBeUndefined();
  expect(expired).toEqual(['gone']);
  state.expiry = EXPIRY_HIDE;
  expect(get(db, 'hidden')).toBeUndefined();
  expect([expired, db.size]).toEqual([['gone'], 1]);
});

test('a string grows from an integer over inline to a block of its own and keeps its bytes', () => {
  const { db } = make();
  set(db, 'k', '12345', 2_000_000_000);
  let entry = db.resizeString(find(db, 'k'), 7);
  expect(text(db, entry)).toBe('12345\0\0');
  entry = db.resizeString(entry, 900);
  entry = db.resizeString(entry, 1030);
  entry = db.resizeString(entry, 500_000);
  expect(text(db, entry)).toBe('12345' + '\0'.repeat(499_995));
  expect([get(db, 'k')?.length, db.expireAt(entry), db.encoding(entry)]).toEqual([500_000, 2_000_000_000, ENC_RAW]);
  set(db, 'i', '77');
  expect(text(db, db.resizeString(find(db, 'i'), 5000)).slice(0, 3)).toBe('77\0');
});

test('a collection that is replaced or deleted is freed', () => {
  const { db, freed } = make();
  const key = bytes('h');
  db.create(key, 0, 1, TYPE_HASH, ENC_HASHTABLE, 77);
  expect([db.root(find(db, 'h')), db.type(find(db, 'h'))]).toEqual([77, TYPE_HASH]);
  set(db, 'h', 'string now');
  expect(freed).toEqual([77]);
  db.create(bytes('h2'), 0, 2, TYPE_HASH, ENC_HASHTABLE, 78);
  db.delete(bytes('h2'), 0, 2);
  expect(freed).toEqual([77, 78]);
});

test('a key moves to another name and database with value and expiry', () => {
  const { db, state } = make();
  const other = new ArenaDatabase(state, 1);
  set(db, 'from', 'v'.repeat(3000), 2_000_000_000);
  const to = bytes('to-another-name');
  const entry = db.moveTo(find(db, 'from'), other, to, 0, to.length);
  expect([db.size, db.expiring, other.size, other.expiring]).toEqual([0, 0, 1, 1]);
  expect([other.keyString(entry), text(other, entry).length, other.expireAt(entry)]).toEqual(['to-another-name', 3000, 2_000_000_000]);
});

for (const bySlot of [false, true]) {
  test(`random writes leave what a Map would hold, and no memory behind (seed ${seed}, ${bySlot ? 'by slot' : 'one table'})`, () => {
    const { db, arena } = make(bySlot);
    const model = new Map<string, string>();
    const wrong: string[] = [];
    const random = randomFrom(seed);
    for (let step = 0; step < 60_000; step++) {
      const key = `key:${Math.floor(random() * 9000)}${random() < 0.01 ? 'x'.repeat(300) : ''}`;
      const action = random();
      if (action < 0.6) {
        const value =
          random() < 0.3 ? String(Math.floor(random() * 1e9)) : 'v'.repeat(Math.floor(random() * (random() < 0.01 ? 3000 : 90)));
        set(db, key, value, random() < 0.2 ? 2_000_000_000 : NO_EXPIRY);
        model.set(key, value);
      } else if (action < 0.85) {
        const k = bytes(key);
        if (db.delete(k, 0, k.length) !== model.delete(key)) wrong.push(key);
      } else if (action < 0.9 && model.has(key)) db.setExpire(find(db, key), random() < 0.5 ? NO_EXPIRY : 1_500_000_000);
      else if (get(db, key) !== model.get(key)) wrong.push(key);
    }
    expect(wrong).toEqual([]);
    expect(db.size).toBe(model.size);
    const seen = new Map<string, string>();
    db.each(entry => {
      seen.set(db.keyString(entry), text(db, entry));
      return true;
    });
    expect(seen).toEqual(model);
    for (const key of model.keys()) db.delete(bytes(key), 0, key.length);
    expect([db.size, db.expiring, arena.used]).toEqual([0, 0, 0]);
  });

  test(`SCAN visits each key that stays, however the table grows and shrinks (seed ${seed}, ${bySlot ? 'by slot' : 'one table'})`, () => {
    const { db } = make(bySlot);
    const random = randomFrom(seed);
    for (let i = 0; i < 3000; i++) set(db, `stay:${i}`, 'v');
    const seen = new Set<string>();
    let cursor = 0n;
    let extra = 0;
    do {
      cursor = db.scan(cursor, 10, -1, entry => seen.add(db.keyString(entry)));
      for (let i = 0; i < 40 * random(); i++) set(db, `extra:${extra++}`, 'v');
      if (random() < 0.02) for (let i = 0; i < extra; i++) db.delete(bytes(`extra:${i}`), 0, `extra:${i}`.length);
    } while (cursor !== 0n);
    for (let i = 0; i < 3000; i++) expect(seen.has(`stay:${i}`)).toBe(true);
  });

  test(`a walk gives every entry once, as it was when it began (seed ${seed}, ${bySlot ? 'by slot' : 'one table'})`, () => {
    const { db, arena } = make(bySlot);
    const random = randomFrom(seed);
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 2000; i++) set(db, `k:${i}`, `value ${i} of round ${round}`);
      const expected = new Map<string, string>();
      db.each(entry => expected.set(db.keyString(entry), text(db, entry)).size > 0);
      const seen = new Map<string, string>();
      const note = (owner: Database, entry: number): void => {
        expect(seen.has(owner.keyString(entry))).toBe(false);
        seen.set(owner.keyString(entry), text(owner, entry));
      };
      const walk = db.startWalk({ reading: 0, beforeChange: note });
      const abandoned = db.startWalk({ reading: 0, beforeChange: () => {} });
      abandoned.next(300, () => {});
      let steps = 0;
      let flushed = false;
      while (walk.next(50, entry => note(db, entry)) > 0) {
        for (let i = 0; i < 50; i++) {
          const key = `k:${Math.floor(random() * 4000)}`;
          const action = random();
          if (action < 0.5) set(db, key, `new ${random()}`.repeat(1 + Math.floor(random() * 3)));
          else if (action < 0.7) db.delete(bytes(key), 0, key.length);
          else if (find(db, key) !== 0) db.setExpire(find(db, key), random() < 0.5 ? 2_000_000_000 : NO_EXPIRY);
        }
        if (++steps === 10) abandoned.end();
        if (steps === 15 && round === 3) flushed = db.flush(true) > 0;
      }
      walk.end();
      expect(seen).toEqual(expected);
      expect(flushed).toBe(round === 3);
    }
    db.flush(false);
    expect(arena.used).toBe(0);
  });
}

test('a random key is any of them', () => {
  const { db, state } = make();
  for (let i = 0; i < 50; i++) set(db, `k${i}`, 'v');
  const seen = new Set<string>();
  for (let i = 0; i < 5000; i++) seen.add(db.keyString(db.random(state.random)));
  expect(seen.size).toBe(50);
});
