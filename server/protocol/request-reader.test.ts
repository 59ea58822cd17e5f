import { expect, test } from 'vitest';
import { ArgumentTable } from './argument-table.ts';
import { readRequests, ReadState } from './request-reader.ts';
import type { ReadLimits } from './request-reader.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const LIMITS: ReadLimits = { maxBulkBytes: 512 * 1024 * 1024, authenticated: true, maxRequests: 512 };

function randomFrom(start: number): () => number {
  let state = start | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}

/** What the reader makes of input that arrives in these pieces: requests as arrays of texts, and the error. */
function read(pieces: readonly string[], limits = LIMITS): { requests: string[][]; error: string; rest: number } {
  const whole = new Uint8Array(Buffer.from(pieces.join(''), 'latin1'));
  const table = new ArgumentTable(4, 2);
  const state = new ReadState();
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const requests: string[][] = [];
  table.reset(whole, view);
  let end = 0;
  for (const piece of pieces) {
    if (state.error !== '') break;
    end += piece.length;
    for (;;) {
      readRequests(state, table, end, limits);
      if (table.requests === 0) break;
      for (let r = 0; r < table.requests; r++) {
        const words: string[] = [];
        for (let a = table.first[r]; a < table.first[r] + table.count[r]; a++) {
          words.push(Buffer.from(table.bytes.subarray(table.start[a], table.end[a])).toString('latin1'));
        }
        requests.push(words);
      }
      const next = state.requestStart;
      if (state.error !== '') break;
      table.reset(whole, view);
      state.begin(next);
    }
  }
  return { requests, error: state.error, rest: end - state.requestStart };
}

const resp = (...words: string[]): string => `*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`;

test('a pipeline is read whole', () => {
  const input = resp('SET', 'key', '') + resp('GET', 'key') + resp('PING');
  expect(read([input])).toEqual({ requests: [['SET', 'key', ''], ['GET', 'key'], ['PING']], error: '', rest: 0 });
});

test('inline commands are split as valkey-cli does', () => {
  const line = "SET \"a b\\x41\\n\" 'it\\'s' plain\r\n\r\nPING\n";
  expect(read([line]).requests).toEqual([['SET', 'a bA\n', "it's", 'plain'], ['PING']]);
  expect(read(['SET "open\r\n']).error).toBe('unbalanced quotes in request');
});

test('empty requests are skipped', () => {
  expect(read(['*0\r\n*-1\r\n\r\n' + resp('PING')]).requests).toEqual([['PING']]);
});

const errors: [string, string, Partial<ReadLimits>?][] = [
  ['*x\r\n', 'invalid multibulk length'],
  ['*3000000000\r\n', 'invalid multibulk length'],
  ['*01\r\n', 'invalid multibulk length'],
  ['*1\r\n$-1\r\n', 'invalid bulk length'],
  ['*1\r\n$x\r\n', 'invalid bulk length'],
  ['*1\r\n$536870913\r\n', 'invalid bulk length'],
  ['*1\r\nx\r\n', "expected '$', got 'x'"],
  ['*1\r\n:1\r\n', "expected '$', got ':'"],
  ['*1\r\n$1\r\nabc', 'invalid CRLF in request'],
  ['*1\rx', 'invalid CRLF in request'],
  ['*11\r\n', 'unauthenticated multibulk length', { authenticated: false }],
  ['*1\r\n$16385\r\n', 'unauthenticated bulk length', { authenticated: false }],
  [`*${'1'.repeat(70_000)}`, 'too big mbulk count string'],
  [`*1\r\n$${'1'.repeat(70_000)}`, 'too big bulk count string'],
  ['x'.repeat(70_000), 'too big inline request'],
];

for (const [input, error, limits] of errors) {
  test(`${JSON.stringify(input.slice(0, 30))} is refused: ${error}`, () => {
    expect(read([input], { ...LIMITS, ...limits }).error).toBe(error);
  });
}

test('requests before a wrong one are read', () => {
  expect(read([resp('PING') + '*1\r\nx\r\n'])).toMatchObject({ requests: [['PING']], error: "expected '$', got 'x'" });
});

test('a stranger is read one request at a time', () => {
  const table = new ArgumentTable();
  const state = new ReadState();
  const bytes = new Uint8Array(Buffer.from(resp('AUTH', 'x') + resp('PING')));
  table.reset(bytes, new DataView(bytes.buffer, bytes.byteOffset));
  readRequests(state, table, bytes.length, { ...LIMITS, authenticated: false });
  expect(table.requests).toBe(1);
});

test(`input cut at any places gives the same requests (seed ${seed})`, () => {
  const random = randomFrom(seed);
  for (let round = 0; round < 300; round++) {
    let input = '';
    for (let i = 0; i < 1 + random() * 6; i++) {
      const words = Array.from({ length: 1 + Math.floor(random() * 5) }, () => 'v'.repeat(Math.floor(random() * random() * 300)));
      if (random() < 0.2) input += `PING  ${'x'.repeat(Math.floor(random() * 9))}\r\n`;
      else if (random() < 0.1) input += '*0\r\n';
      else input += resp(`c${words.length}`, ...words);
    }
    if (random() < 0.3) {
      const at = Math.floor(random() * input.length);
      input = input.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + input.slice(at + 1);
    }
    const whole = read([input]);
    const pieces: string[] = [];
    for (let at = 0; at < input.length; ) {
      const length = 1 + Math.floor(random() * 40);
      pieces.push(input.slice(at, at + length));
      at += length;
    }
    const cut = read(pieces);
    expect(cut.requests).toEqual(whole.requests);
    expect(cut.error).toBe(whole.error);
  }
});
