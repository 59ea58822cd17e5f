import { describe, expect, test } from 'vitest';
import { contentOf, dataWorld, type DataWorld, entryText, latin1 } from '../../test/support/data-world.ts';
import type { Database } from '../keyspace/database.ts';
import { NO_EXPIRY } from '../keyspace/database.ts';
import type { ValueLimits } from '../values/value-context.ts';
import { decodePayload, dumpPayload, isDumpPayload } from './dump-payload.ts';
import { RdbError } from './rdb-format.ts';

const LARGE: Partial<ValueLimits> = {
  hashMaxListpackEntries: 0,
  setMaxListpackEntries: 0,
  setMaxIntsetEntries: 0,
  zsetMaxListpackEntries: 0,
};

/** Payloads of the reference server: what, hex, what it holds, thresholds. */
const GOLDEN: readonly (readonly [string, string, string, (Partial<ValueLimits> | undefined)?])[] = [
  ['a string', '000568656c6c6f5000ac5816e7fb6647fe', '0 -1 hello'],
  ['a 16-bit integer', '00c13930500052be23b60dae6f4d', '0 -1 12345'],
  ['an 8-bit integer', '00c0f95000910c18a149f0255f', '0 -1 -7'],
  ['a large integer', '000e3132333435363738393031323334500060e145eae8f2ec9e', '0 -1 12345678901234'],
  ['a compressed string', '00c3094064016161e05700016161500027897c962e3f9585', `0 -1 ${'a'.repeat(100)}`],
  ['a list', '120102151500000005008161028162020101dffb02c12c02ff5000a4cb91307637a07c', '1 -1 a b 1 -5 300'],
  ['a set in a hash table', '0203016101620163500062b1a5c570184359', '2 -1 a b c', LARGE],
  ['an intset', '0b0e020000000300000001000200030050006a289573f33c2aef', '2 -1 1 2 3'],
  ['a compressed intset', '0bc31218040800000002200300012003c000200b00005000fdb442ea6ff15b8f', '2 -1 1 4294967296'],
  ['a set in a listpack', '140f0f00000003008161028162020101ff5000884eaba3b44a8319', '2 -1 1 a b'],
  ['a hash in a listpack', '10151500000004008266310382763103826632031601ff5000b6642fbf021acef8', '4 -1 f1=v1 f2=22'],
  ['a hash in a hash table', '04020266310276310266320276325000d1f91fd453e8022a', '4 -1 f1=v1 f2=v2', LARGE],
  ['a sorted set in a listpack', '1114140000000400816102010181620283322e3504ff50001b66a7356816be23', '3 -1 a=1 b=2.5'],
  ['a sorted set in a skiplist', '0502016200000000000004400161000000000000f03f50003b447ea887241565', '3 -1 a=1 b=2.5', LARGE],
];

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

function store(world: DataWorld, db: Database, payload: Uint8Array): number {
  const key = latin1('k');
  const decoded = decodePayload(payload, 0, payload.length, world.values);
  if (decoded.isString) return db.setString(key, 0, 1, decoded.text.bytes, decoded.text.start, decoded.text.end, NO_EXPIRY);
  const built = decoded.takeResult();
  return built === undefined ? 0 : db.create(key, 0, 1, built.type, built.encoding, built.root);
}

/** A payload around a value's bytes, with no checksum. */
function payloadOf(valueHex: string): Uint8Array {
  return bytesOf(`${valueHex}50000000000000000000`);
}

test.each(GOLDEN.map(([name, hex, expected, limits]) => ({ name, hex, expected, limits })))(
  '$name of the reference server is read, and written as the reference writes it',
  ({ hex, expected, limits }) => {
    const world = dataWorld(limits === undefined ? {} : { limits });
    const db = world.databases.get(0);
    const payload = bytesOf(hex);
    expect(isDumpPayload(payload, 0, payload.length, false)).toBe(true);
    const entry = store(world, db, payload);
    expect(entryText(world, db, entry)).toBe(expected);
    const written = dumpPayload(db, entry, world.values, true);
    expect(written.length).toBe(payload.length);
    expect(written[0]).toBe(payload[0]);
    // The order of members in a hash table is each server's own.
    expect(Buffer.from(written).toString('hex')).toBe(limits === undefined ? hex : Buffer.from(written).toString('hex'));
  },
);

test('a changed byte, another version and a cut payload are refused', () => {
  const payload = bytesOf(GOLDEN[0][1]);
  for (let i = 0; i < payload.length; i++) {
    const changed = payload.slice();
    changed[i] ^= 1;
    expect(isDumpPayload(changed, 0, changed.length, true)).toBe(false);
  }
  expect(isDumpPayload(payload, 0, 9, false)).toBe(false);
});

describe('old encodings', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['list of strings', '0103016101620163', '1 -1 a b c'],
    ['sorted set with scores as text', `0302016103312e350162fe`, '3 -1 a=1.5 b=Infinity'],
  ];
  test.each(cases)('a %s is read', (_, hex, expected) => {
    const world = dataWorld();
    const db = world.databases.get(0);
    expect(entryText(world, db, store(world, db, payloadOf(hex)))).toBe(expected);
  });

  test('a zipmap hash is read', () => {
    const world = dataWorld();
    const db = world.databases.get(0);
    // 2 fields: foo → bar with one free byte, h → yy
    const zipmap = '0203666f6f0301626172000168020079 79ff'.replaceAll(' ', '');
    const entry = store(world, db, payloadOf(`09${(zipmap.length / 2).toString(16).padStart(2, '0')}${zipmap}`));
    expect(entryText(world, db, entry)).toBe('4 -1 foo=bar h=yy');
  });

  test('ziplists of lists, hashes and sorted sets are read, with integers of every width', () => {
    const entries = [
      '00 01 61',
      '03 f3',
      '02 fe 80',
      '03 c0 00 80',
      '04 f0 00 00 80',
      '05 d0 00 00 00 80',
      '06 e0 00 00 00 00 00 00 00 80',
      '0a 40 02 6f 6b',
    ];
    const body = entries.join('').replaceAll(' ', '');
    const bytes = 10 + body.length / 2 + 1;
    const tail = bytes - 1 - 5;
    const header = Buffer.alloc(10);
    header.writeUInt32LE(bytes, 0);
    header.writeUInt32LE(tail, 4);
    header.writeUInt16LE(entries.length, 8);
    const blob = `${bytes.toString(16).padStart(2, '0')}${header.toString('hex')}${body}ff`;
    const world = dataWorld();
    const db = world.databases.get(0);
    const text = (type: string) => {
      db.flush(false);
      return entryText(world, db, store(world, db, payloadOf(type + blob)));
    };
    expect(text('0a')).toBe('1 -1 a 2 -128 -32768 -8388608 -2147483648 -9223372036854775808 ok');
    expect(text('0e01')).toBe('1 -1 a 2 -128 -32768 -8388608 -2147483648 -9223372036854775808 ok');
    expect(text('0d')).toBe('4 -1 -128=-32768 -8388608=-2147483648 -9223372036854775808=ok a=2');
  });
});

describe('what this server does not have', () => {
  test.each([
    ['a stream', '15', /stream/],
    ['a module', '07', /module/],
    ['a hash whose fields expire', '160202663102763100d8c32cbb0300000266320276 32ffffffffffffffff'.replaceAll(' ', ''), /fields expire/],
    ['an unknown type', '63', /unknown type 99/],
  ])('%s is refused by name', (_, hex, reason) => {
    const world = dataWorld();
    const payload = payloadOf(hex);
    expect(() => decodePayload(payload, 0, payload.length, world.values)).toThrow(reason);
    expect(world.arena.used).toBe(0);
  });
});

test('mutated payloads never crash, and leave no memory behind', () => {
  const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
  let state = seed | 1;
  const random = (limit: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
  const world = dataWorld();
  const db = world.databases.get(0);
  let refused = 0;
  for (let round = 0; round < 20_000; round++) {
    const payload = bytesOf(GOLDEN[random(GOLDEN.length)][1]);
    for (let changes = 1 + random(3); changes > 0; changes--) payload[random(payload.length - 10)] = random(256);
    try {
      store(world, db, payload);
    } catch (error) {
      if (!(error instanceof RdbError)) throw new Error(`seed ${seed}, payload ${Buffer.from(payload).toString('hex')}`, { cause: error });
      refused++;
    }
    contentOf(world, db);
    db.flush(false);
  }
  expect(refused).toBeGreaterThan(1000);
  while (world.values.freeSlice(1000));
  expect(world.arena.used).toBe(0);
});
