import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ENC_LISTPACK, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_ZSET, type ValueType } from '../keyspace/database.ts';
import { Arena, offsetOf, segmentOf } from '../memory/arena.ts';
import { Element } from '../structures/element.ts';
import { isListpack } from '../structures/listpack.ts';
import type { BuiltValue } from './value-access.ts';
import { DEFAULT_LIMITS } from './value-context.ts';
import { Values } from './values.ts';

const RUNS = { numRuns: 60, verbose: 1 as const };
const SMALL = {
  ...DEFAULT_LIMITS,
  hashMaxListpackEntries: 8,
  hashMaxListpackValue: 20,
  listMaxListpackSize: 5,
  setMaxIntsetEntries: 6,
  setMaxListpackEntries: 8,
  setMaxListpackValue: 20,
  zsetMaxListpackEntries: 8,
  zsetMaxListpackValue: 20,
};

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** Members from a small pool, so that they meet again: words, integers of every width, the empty string, long ones. */
const text = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }).map(n => `m${n}`) },
  { weight: 4, arbitrary: fc.integer({ min: -70000, max: 70000 }).map(String) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('', '-0', '007', '4294967296', '-9223372036854775808', '9223372036854775807', '9007199254740993', '1.5'),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 9 }).map(n => 'x'.repeat(n * 30)) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 }).map(n => `${n}`.repeat(5000)) },
);

function makeValues(small: boolean): { values: Values; arena: Arena } {
  const arena = new Arena(8);
  const values = new Values(arena, [1, 2]);
  values.setLimits(small ? SMALL : DEFAULT_LIMITS);
  return { values, arena };
}

function membersOf(values: Values, type: ValueType, view: { encoding: BuiltValue['encoding']; root: number }, reverse = false): string[] {
  const iterator = values.members();
  iterator.open(type, view.encoding, view.root, reverse);
  const found: string[] = [];
  while (iterator.next()) {
    if (type === TYPE_HASH) found.push(`${iterator.element.toString()}=${iterator.value.toString()}`);
    else found.push(type === TYPE_ZSET ? `${iterator.element.toString()}=${iterator.score}` : iterator.element.toString());
  }
  return found;
}

/** Everything that was allocated is given back. */
function expectNothingLeft(values: Values, arena: Arena, type: ValueType, view: { encoding: BuiltValue['encoding']; root: number }): void {
  values.free(type, view.encoding, view.root);
  while (values.freeSlice(50));
  expect(arena.used).toBe(0);
}

describe('sets', () => {
  test.each([true, false])('behave as a Set of strings (small thresholds: %s)', small => {
    const step = fc.record({ what: fc.constantFrom('add', 'add', 'add', 'remove'), member: text });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), steps => {
        const { values, arena } = makeValues(small);
        const set = values.set().createIntset();
        const model = new Set<string>();
        for (const { what, member } of steps) {
          const bytes = bytesOf(member);
          if (what === 'add') expect(set.add(bytes, 0, bytes.length)).toBe(!model.has(member));
          else expect(set.remove(bytes, 0, bytes.length)).toBe(model.has(member));
          if (what === 'add') model.add(member);
          else model.delete(member);
          expect(set.has(bytes, 0, bytes.length)).toBe(model.has(member));
          expect(set.length).toBe(model.size);
        }
        expect(membersOf(values, TYPE_SET, set).toSorted()).toEqual([...model].toSorted());
        expectNothingLeft(values, arena, TYPE_SET, set);
      }),
      RUNS,
    );
  });

  test('a scan visits all that stays, while the table grows and shrinks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.array(fc.integer({ min: -300, max: 300 }), { maxLength: 60 }), (count, changes) => {
        const { values } = makeValues(false);
        const set = values.set().createTable();
        for (let i = 0; i < count; i++) set.add(bytesOf(`stay:${i}`), 0, `stay:${i}`.length);
        const seen = new Set<string>();
        const member = new Element();
        let cursor = 0;
        let turn = 0;
        let extra = 0;
        do {
          cursor = set.scan(cursor, member, () => void seen.add(member.toString()));
          const change = changes[turn++] ?? 0;
          for (let i = 0; i < change; i++) set.add(bytesOf(`extra:${extra}`), 0, `extra:${extra++}`.length);
          for (let i = 0; i > change && extra > 0; i--) set.remove(bytesOf(`extra:${--extra}`), 0, `extra:${extra}`.length);
        } while (cursor !== 0);
        for (let i = 0; i < count; i++) expect(seen.has(`stay:${i}`)).toBe(true);
      }),
      RUNS,
    );
  });

  test('random members are drawn evenly', () => {
    const { values } = makeValues(false);
    const set = values.set().createTable();
    for (let i = 0; i < 100; i++) set.add(bytesOf(`m${i}`), 0, `m${i}`.length);
    const counts = new Map<string, number>();
    const member = new Element();
    let state = 12345;
    const random = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
    for (let i = 0; i < 20000; i++) {
      set.random(random, member);
      counts.set(member.toString(), (counts.get(member.toString()) ?? 0) + 1);
    }
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0) + (100 - counts.size) * 200;
    expect(chiSquare).toBeLessThan(160);
  });
});

describe('hashes', () => {
  test.each([true, false])('behave as a Map (small thresholds: %s)', small => {
    const step = fc.record({ what: fc.constantFrom('set', 'set', 'set', 'delete'), field: text, value: text });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), steps => {
        const { values, arena } = makeValues(small);
        const hash = values.hash().create();
        const model = new Map<string, string>();
        const out = new Element();
        for (const { what, field, value } of steps) {
          const key = bytesOf(field);
          const data = bytesOf(value);
          if (what === 'set') expect(hash.set(key, 0, key.length, data, 0, data.length)).toBe(!model.has(field));
          else expect(hash.delete(key, 0, key.length)).toBe(model.has(field));
          if (what === 'set') model.set(field, value);
          else model.delete(field);
          expect(hash.get(key, 0, key.length, out) ? out.toString() : undefined).toBe(model.get(field));
          expect(hash.length).toBe(model.size);
        }
        expect(membersOf(values, TYPE_HASH, hash).toSorted()).toEqual([...model].map(([field, value]) => `${field}=${value}`).toSorted());
        expectNothingLeft(values, arena, TYPE_HASH, hash);
      }),
      RUNS,
    );
  });
});

describe('lists', () => {
  test.each([true, false])('behave as an array (small thresholds: %s)', small => {
    const step = fc.record({
      what: fc.constantFrom(
        'pushHead',
        'pushTail',
        'pushHead',
        'pushTail',
        'popHead',
        'popTail',
        'insert',
        'replace',
        'removeRange',
        'removeEqual',
      ),
      element: text,
      at: fc.nat(200),
      flag: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), steps => {
        const { values, arena } = makeValues(small);
        const list = values.list().create();
        let model: string[] = [];
        const out = new Element();
        for (const { what, element, at, flag } of steps) {
          const bytes = bytesOf(element);
          const index = model.length === 0 ? 0 : at % model.length;
          if (what === 'pushHead' || what === 'pushTail') {
            list.growBy(1, bytes.length);
            list.push(what === 'pushTail', bytes, 0, bytes.length);
            if (what === 'pushTail') model.push(element);
            else model.unshift(element);
          } else if (model.length === 0) continue;
          else if (what === 'popHead' || what === 'popTail') {
            list.peek(what === 'popTail', out);
            expect(out.toString()).toBe(what === 'popTail' ? model.pop() : model.shift());
            list.drop(what === 'popTail');
            list.settle(true);
          } else if (what === 'insert') {
            list.growBy(1, bytes.length);
            expect(list.seek(index)).toBe(true);
            list.insert(flag, bytes, 0, bytes.length);
            model.splice(flag ? index + 1 : index, 0, element);
          } else if (what === 'replace') {
            list.growBy(1, bytes.length);
            expect(list.seek(index - model.length)).toBe(true);
            list.read(out);
            expect(out.toString()).toBe(model[index]);
            list.replace(bytes, 0, bytes.length);
            model[index] = element;
          } else if (what === 'removeRange') {
            const count = 1 + (at % 7);
            list.removeRange(index, count);
            model.splice(index, count);
            list.settle(true);
          } else {
            const wanted = bytesOf(model[index]);
            const limit = flag ? 1 + (at % 3) : Infinity;
            const removed = list.removeEqual(wanted, 0, wanted.length, limit, !flag);
            const ordered = flag ? model : model.toReversed();
            let left = limit;
            const kept = ordered.filter(
              item => !(item === wanted.toString() || item === Buffer.from(wanted).toString('latin1')) || left-- <= 0,
            );
            expect(removed).toBe(model.length - kept.length);
            model = flag ? kept : kept.toReversed();
            list.settle(true);
          }
          expect(list.length).toBe(model.length);
        }
        expect(membersOf(values, TYPE_LIST, list)).toEqual(model);
        expect(membersOf(values, TYPE_LIST, list, true)).toEqual(model.toReversed());
        const nodes = values.listNodes();
        nodes.open(list.encoding, list.root);
        while (nodes.next()) {
          if (!nodes.plain) expect(isListpack(nodes.bytes, new DataView(nodes.bytes.buffer), nodes.start, nodes.end)).toBe(true);
        }
        expectNothingLeft(values, arena, TYPE_LIST, list);
      }),
      RUNS,
    );
  });
});

describe('sorted sets', () => {
  const score = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom(1.5, -0.25, 1e20, 3e-7, Infinity, -Infinity, 2 ** 53, 0.1));

  test.each([true, false])('keep their order, ranks and ranges (small thresholds: %s)', small => {
    const step = fc.record({ what: fc.constantFrom('put', 'put', 'put', 'remove', 'removeRanks'), member: text, score, at: fc.nat(100) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 250 }), steps => {
        const { values, arena } = makeValues(small);
        const zset = values.sortedSet().create(1, 1);
        const model = new Map<string, number>();
        const sorted = (): [string, number][] =>
          [...model].toSorted((a, b) => (a[1] === b[1] ? Buffer.compare(bytesOf(a[0]), bytesOf(b[0])) : a[1] - b[1]));
        for (const { what, member, score: value, at } of steps) {
          const bytes = bytesOf(member);
          if (what === 'put') {
            expect(zset.put(value, bytes, 0, bytes.length)).toBe(!model.has(member));
            model.set(member, value);
          } else if (what === 'remove') {
            expect(zset.remove(bytes, 0, bytes.length)).toBe(model.has(member));
            model.delete(member);
          } else if (model.size > 0) {
            const from = at % model.size;
            const gone = sorted().slice(from, from + 2);
            zset.removeRanks(from, gone.length);
            for (const [name] of gone) model.delete(name);
          }
          expect(zset.length).toBe(model.size);
        }
        const order = sorted();
        expect(membersOf(values, TYPE_ZSET, zset)).toEqual(order.map(([member, value]) => `${member}=${value}`));
        const out = new Element();
        order.forEach(([member, value], rank) => {
          const bytes = bytesOf(member);
          expect(zset.rank(bytes, 0, bytes.length)).toBe(rank);
          expect(zset.score(bytes, 0, bytes.length)).toBe(value);
          expect(zset.seekRank(rank, false)).toBe(true);
          zset.read(out);
          expect(out.toString()).toBe(member);
          const range = { min: value, max: value, minExclusive: false, maxExclusive: false };
          expect(zset.seekScore(range, false)).toBe(true);
          expect(zset.placeRank()).toBe(order.findIndex(entry => entry[1] === value));
          expect(zset.seekScore(range, true)).toBe(true);
          expect(zset.placeRank()).toBe(order.findLastIndex(entry => entry[1] === value));
        });
        expectNothingLeft(values, arena, TYPE_ZSET, zset);
      }),
      RUNS,
    );
  });
});

describe('builders', () => {
  test('a listpack that was changed at random is refused or is a value that works', () => {
    const { values, arena } = makeValues(false);
    const types = fc.constantFrom<ValueType>(TYPE_HASH, TYPE_SET, TYPE_ZSET, TYPE_LIST);
    const mutation = fc.record({ at: fc.nat(400), byte: fc.nat(255) });
    fc.assert(
      fc.property(types, fc.array(mutation, { maxLength: 3 }), fc.integer({ min: 1, max: 12 }), (type, mutations, members) => {
        const builder = values.builder();
        builder.begin(type, 0);
        for (let i = 0; i < members; i++) {
          const bytes = bytesOf(i % 3 === 0 ? `${i * 77777}` : `member${i}`);
          if (type === TYPE_HASH) builder.addField(bytes, 0, bytes.length, bytes, 0, bytes.length);
          else if (type === TYPE_ZSET) builder.addScored(bytes, 0, bytes.length, i / 2);
          else builder.add(bytes, 0, bytes.length);
        }
        const built = builder.finish() as BuiltValue;
        if (built.encoding === ENC_LISTPACK) {
          const start = offsetOf(built.root);
          const blob = arena.bytes[segmentOf(built.root)].slice(start, start + values.rawLength(built.encoding, built.root));
          for (const { at, byte } of mutations) blob[at % blob.length] = byte;
          const again = builder.fromListpack(type, blob, 0, blob.length);
          if (again !== undefined) {
            expect(membersOf(values, type, again).length).toBe(values.length(type, again.encoding, again.root));
            values.free(type, again.encoding, again.root);
          }
        }
        values.free(type, built.encoding, built.root);
        while (values.freeSlice(1000));
        expect(arena.used).toBe(0);
      }),
      { numRuns: 1000, verbose: 1 as const },
    );
  });

  test('a copy has the same members and is independent', () => {
    const { values, arena } = makeValues(true);
    for (const type of [TYPE_HASH, TYPE_SET, TYPE_ZSET, TYPE_LIST] as const) {
      const builder = values.builder();
      builder.begin(type, 0);
      for (let i = 0; i < 300; i++) {
        const bytes = bytesOf(`member${i}`);
        if (type === TYPE_HASH) builder.addField(bytes, 0, bytes.length, bytes, 0, bytes.length);
        else if (type === TYPE_ZSET) builder.addScored(bytes, 0, bytes.length, i);
        else builder.add(bytes, 0, bytes.length);
      }
      const built = builder.finish() as BuiltValue;
      const before = membersOf(values, type, built).toSorted();
      const copy = values.duplicate(type, built.encoding, built.root);
      values.free(type, built.encoding, built.root);
      while (values.freeSlice(50));
      expect(membersOf(values, type, copy).toSorted()).toEqual(before);
      values.free(type, copy.encoding, copy.root);
      while (values.freeSlice(50));
    }
    expect(arena.used).toBe(0);
  });
});
