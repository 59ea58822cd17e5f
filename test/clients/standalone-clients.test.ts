/** The client libraries that people use, against one server that is started as upstream's is: valkey-server --port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { GlideClient } from '@valkey/valkey-glide';
import { Redis } from 'ioredis';
import { Valkey } from 'iovalkey';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, until, Workspace } from '../integration/local-cluster.ts';

const PORT = 15_201;
const HOST = '127.0.0.1';
const PROGRAM = process.env['SLOTKEEPER_SERVER_BINARY'] ?? join(import.meta.dirname, '../../bin/valkey-server');
const workspace = new Workspace();
let server: ChildProcess;

beforeAll(async () => {
  server = spawn(PROGRAM, ['--port', String(PORT), '--bind', HOST, '--save', '', '--requirepass', 'secret'], {
    cwd: workspace.path,
    stdio: 'ignore',
  });
  const answers = (): Promise<boolean> =>
    ask(PORT, 'PING').then(
      () => true,
      (error: unknown) => String(error).includes('NOAUTH'),
    );
  await until(answers, 10_000, () => 'the server to listen');
});
afterAll(async () => {
  server.kill('SIGTERM');
  await until(
    () => server.exitCode !== null || server.signalCode !== null,
    10_000,
    () => 'the server to end',
  );
  await workspace.dispose();
});

describe.each([
  ['iovalkey', () => new Valkey({ host: HOST, port: PORT, password: 'secret' })],
  ['ioredis', () => new Redis({ host: HOST, port: PORT, password: 'secret', db: 2 })],
] as const)('%s', (name, open) => {
  test('authenticates, selects, reads, writes, scans and runs transactions', async () => {
    const client = open();
    try {
      expect(await client.set(`${name}:a`, 'value', 'EX', 100)).toBe('OK');
      expect(await client.getBuffer(`${name}:a`)).toEqual(Buffer.from('value'));
      expect(await client.ttl(`${name}:a`)).toBeGreaterThan(90);
      await client.mset({ [`${name}:b`]: '1', [`${name}:c`]: '2' });
      expect(await client.mget(`${name}:b`, `${name}:c`, `${name}:d`)).toEqual(['1', '2', null]);
      const found: string[] = [];
      for await (const keys of client.scanStream({ match: `${name}:*`, count: 1 })) found.push(...(keys as string[]));
      expect([...new Set(found)].toSorted()).toEqual([`${name}:a`, `${name}:b`, `${name}:c`]);
      await client.watch(`${name}:b`);
      expect(await client.multi().incr(`${name}:b`).get(`${name}:b`).exec()).toEqual([
        [null, 2],
        [null, '2'],
      ]);
      expect(await client.info('server')).toContain('tcp_port:15201');
    } finally {
      client.disconnect();
    }
  });
});

describe('redis', () => {
  test('speaks RESP3 with it', async () => {
    const client = createClient({ socket: { host: HOST, port: PORT }, password: 'secret', RESP: 3 });
    await client.connect();
    try {
      await client.hSet('redis:hash', { a: '1', b: '2' });
      expect({ ...(await client.hGetAll('redis:hash')) }).toEqual({ a: '1', b: '2' });
      await client.zAdd('redis:zset', [{ score: 1.5, value: 'x' }]);
      expect(await client.zScore('redis:zset', 'x')).toBe(1.5);
    } finally {
      client.destroy();
    }
  });
});

describe('@valkey/valkey-glide', () => {
  test('authenticates, reads and writes', async () => {
    const client = await GlideClient.createClient({
      addresses: [{ host: HOST, port: PORT }],
      credentials: { password: 'secret' },
      requestTimeout: 5_000,
    });
    try {
      expect(await client.set('glide:a', 'value')).toBe('OK');
      expect(await client.get('glide:a')).toBe('value');
      expect(await client.zadd('glide:zset', { one: 1, two: 2 })).toBe(2);
      expect(await client.zrange('glide:zset', { start: 0, end: -1 })).toEqual(['one', 'two']);
    } finally {
      client.close();
    }
  });
});
