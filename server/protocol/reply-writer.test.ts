import { expect, test } from 'vitest';
import { doubleText, readDouble } from './number-text.ts';
import { OutputPool, SEGMENT_BYTES } from './output-chain.ts';
import type { OutputSegment } from './output-chain.ts';
import { ReplyWriter } from './reply-writer.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);

/** Counts what is out, and finds a segment that is given back twice. */
class CountingPool extends OutputPool {
  readonly out = new Set<OutputSegment>();

  override take(): OutputSegment {
    const segment = super.take();
    this.out.add(segment);
    return segment;
  }

  override give(segment: OutputSegment): void {
    if (!this.out.delete(segment)) throw new Error('a segment was given back twice');
    super.give(segment);
  }
}

function make(resp: 2 | 3 = 2): { writer: ReplyWriter; pool: CountingPool; text: () => string } {
  const pool = new CountingPool();
  const writer = new ReplyWriter(pool, { countError() {} });
  writer.resp = resp;
  const text = (): string => {
    const pieces = writer.take();
    const all = Buffer.concat(pieces.map(piece => piece.bytes.subarray(piece.start, piece.end))).toString('latin1');
    for (const piece of pieces) if (piece.segment !== undefined) pool.give(piece.segment);
    return all;
  };
  return { writer, pool, text };
}

test('each type has its RESP2 and RESP3 form', () => {
  const write = (writer: ReplyWriter): void => {
    writer.ok();
    writer.integer(-123456789012);
    writer.integer(10n ** 18n);
    writer.bulkInteger(42);
    writer.double(1.5);
    writer.double(3);
    writer.nil();
    writer.nilArray();
    writer.boolean(true);
    writer.verbatim('txt', 'hi');
    writer.map(1);
    writer.set(2);
    writer.push(3);
    writer.error('ERR a\r\nb');
  };
  const two = make(2);
  write(two.writer);
  expect(two.text()).toBe(
    '+OK\r\n:-123456789012\r\n:1000000000000000000\r\n$2\r\n42\r\n$3\r\n1.5\r\n$1\r\n3\r\n$-1\r\n*-1\r\n:1\r\n$2\r\nhi\r\n*2\r\n*2\r\n*3\r\n-ERR a  b\r\n',
  );
  const three = make(3);
  write(three.writer);
  expect(three.text()).toBe(
    '+OK\r\n:-123456789012\r\n:1000000000000000000\r\n$2\r\n42\r\n,1.5\r\n,3\r\n_\r\n_\r\n#t\r\n=6\r\ntxt:hi\r\n%1\r\n~2\r\n>3\r\n-ERR a  b\r\n',
  );
});

test('integers are exact as far as numbers are', () => {
  const { writer, text } = make(2);
  const values = [0, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 50, 2 ** 53 - 1];
  for (const value of values) for (const signed of [value, 0 - value]) writer.integer(signed);
  expect(text()).toBe(values.flatMap(value => [`:${value}\r\n`, `:${0 - value}\r\n`]).join(''));
});

test('doubles have the form that Valkey gives them', () => {
  const cases: [number, string][] = [
    [0, '0'],
    [-0, '-0'],
    [1e15, '1000000000000000'],
    [2 ** 62, '4611686018427387904'],
    [1e20, '1e+20'],
    [1.5, '1.5'],
    [0.1, '0.1'],
    [-0.001, '-0.001'],
    [1e-7, '1e-7'],
    [0.000001, '0.000001'],
    [0.0000012, '1.2e-6'],
    [1.2345e-10, '1.2345e-10'],
    [3.0000000000000004, '3.0000000000000004'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [Infinity, 'inf'],
    [-Infinity, '-inf'],
    [NaN, 'nan'],
  ];
  for (const [value, text] of cases) expect(doubleText(value)).toBe(text);
});

test('a double is read as Valkey reads it', () => {
  expect(['1', '-1.5', '+inf', '-Infinity', '1e3', '.5', '5e-324'].map(readDouble)).toEqual([
    1,
    -1.5,
    Infinity,
    -Infinity,
    1000,
    0.5,
    5e-324,
  ]);
  for (const text of ['', ' 1', '1 ', 'nan', 'abc', '1e999', '1e-999', '0x10', '1_0']) expect(readDouble(text)).toBeUndefined();
});

test(`nested deferred lengths stand where they belong, across segments (seed ${seed})`, () => {
  let state = seed | 1;
  const random = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    return (state >>> 0) / 4294967296;
  };
  for (let round = 0; round < 60; round++) {
    const { writer, pool, text } = make(3);
    const emit = (depth: number): string => {
      const token = writer.beginDeferred();
      const count = Math.floor(random() * 5);
      let inside = '';
      for (let i = 0; i < count; i++) {
        const kind = random();
        if (kind < 0.3 && depth < 4) inside += emit(depth + 1);
        else if (kind < 0.5) {
          writer.integer(i);
          inside += `:${i}\r\n`;
        } else {
          const length = Math.floor(random() * (random() < 0.15 ? 3 * SEGMENT_BYTES : 9000));
          const value = Buffer.alloc(length, 0x61 + i);
          writer.bulk(value, 0, length);
          inside += `$${length}\r\n${value.toString('latin1')}\r\n`;
        }
      }
      writer.endDeferred(token, 'array', count);
      return `*${count}\r\n${inside}`;
    };
    const mark = random() < 0.3 ? writer.mark() : undefined;
    let expected = '';
    for (let i = 0; i < 3; i++) expected += emit(0);
    if (mark !== undefined) {
      writer.rewind(mark);
      writer.ok();
      expected = '+OK\r\n';
    }
    expect(writer.length).toBe(expected.length);
    expect(text() === expected).toBe(true);
    expect(pool.out.size).toBe(0);
  }
});

test('rewinding keeps what was written before the mark', () => {
  for (const before of [0, 100, SEGMENT_BYTES - 10, SEGMENT_BYTES * 2, SEGMENT_BYTES * 5]) {
    for (const after of [0, 5, SEGMENT_BYTES, SEGMENT_BYTES * 5]) {
      const { writer, pool, text } = make();
      const first = Buffer.alloc(before, 0x78);
      const second = Buffer.alloc(after, 0x79);
      writer.raw(first, 0, before);
      const mark = writer.mark();
      writer.raw(second, 0, after);
      writer.rewind(mark);
      writer.ok();
      expect(text() === `${first.toString('latin1')}+OK\r\n`).toBe(true);
      expect(pool.out.size).toBe(0);
    }
  }
});
