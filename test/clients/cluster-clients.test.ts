/** The client libraries that people use, against a cluster of `slotkeeper up` as a newcomer starts it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GlideClusterClient } from '@valkey/valkey-glide';
import { Cluster as IoredisCluster } from 'ioredis';
import { Cluster as IovalkeyCluster } from 'iovalkey';
import { createCluster } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, QUICKSTART, until, Workspace } from '../integration/local-cluster.ts';

const PORT = 15_101;
const HOST = '127.0.0.1';
const KEYS = Array.from({ length: 200 }, (_, n) => `key:${n}`);
const reference = process.env['VALKEY_REFERENCE'];

const workspace = new Workspace();

beforeAll(async () => {
  await workspace.up(QUICKSTART, '--port', String(PORT), '--dir', workspace.stateFolder).ready(30_000);
});
afterAll(() => workspace.dispose());

/** CLUSTER SLOTS shows a replica once the nodes have heard that it has received something, up to ten seconds after it joined. */
async function replicasAreShown(): Promise<void> {
  const shards = async (): Promise<readonly (readonly unknown[])[]> =>
    (await ask(PORT, 'CLUSTER', 'SLOTS')) as readonly (readonly unknown[])[];
  await until(
    async () => (await shards()).every(shard => shard.length === 4),
    20_000,
    () => 'CLUSTER SLOTS to show a replica of each shard',
  );
}

describe.each([
  ['iovalkey', () => new IovalkeyCluster([{ host: HOST, port: PORT }])],
  ['ioredis', () => new IoredisCluster([{ host: HOST, port: PORT }])],
] as const)('%s', (name, open) => {
  test('reads and writes over all shards, from one node as its seed', async () => {
    const cluster = open();
    try {
      await Promise.all(KEYS.map(key => cluster.set(`${name}:${key}`, key)));
      expect(await Promise.all(KEYS.map(key => cluster.get(`${name}:${key}`)))).toEqual(KEYS);
      expect(cluster.nodes('master').length).toBe(3);
    } finally {
      cluster.disconnect();
    }
  });

  test('runs a transaction, a pipeline and the everyday types', async () => {
    const cluster = open();
    const key = (type: string): string => `{${name}}:${type}`;
    try {
      expect(await cluster.multi().set(key('n'), '1').incr(key('n')).exec()).toEqual([
        [null, 'OK'],
        [null, 2],
      ]);
      expect(await cluster.pipeline().rpush(key('list'), 'a', 'b').lrange(key('list'), 0, -1).exec()).toEqual([
        [null, 2],
        [null, ['a', 'b']],
      ]);
      await cluster.hset(key('hash'), { field: 'value' });
      expect(await cluster.hgetall(key('hash'))).toEqual({ field: 'value' });
      await cluster.call('ZADD', key('zset'), '2', 'two', '1', 'one');
      expect(await cluster.call('ZRANGE', key('zset'), '0', '-1')).toEqual(['one', 'two']);
      await cluster.sadd(key('set'), 'member');
      expect(await cluster.sismember(key('set'), 'member')).toBe(1);
    } finally {
      cluster.disconnect();
    }
  });

  test('reads from replicas', async () => {
    await replicasAreShown();
    const cluster = open();
    try {
      await cluster.set(`${name}:replicated`, 'yes');
      const replicas = cluster.nodes('slave');
      expect(replicas.length).toBe(3);
      for (const replica of replicas) expect(await replica.readonly()).toBe('OK');
    } finally {
      cluster.disconnect();
    }
  });
});

describe('redis', () => {
  test('reads and writes over all shards, from one node as its seed', async () => {
    const cluster = createCluster({ rootNodes: [{ url: `redis://${HOST}:${PORT}` }] });
    await cluster.connect();
    try {
      await Promise.all(KEYS.map(key => cluster.set(`redis:${key}`, key)));
      expect(await Promise.all(KEYS.map(key => cluster.get(`redis:${key}`)))).toEqual(KEYS);
      expect(await cluster.multi().set('{redis}:n', '1').incr('{redis}:n').exec()).toEqual(['OK', 2]);
    } finally {
      cluster.destroy();
    }
  });
});

describe('@valkey/valkey-glide', () => {
  test('reads and writes over all shards, from one node as its seed', async () => {
    const cluster = await GlideClusterClient.createClient({ addresses: [{ host: HOST, port: PORT }], requestTimeout: 5_000 });
    try {
      await Promise.all(KEYS.map(key => cluster.set(`glide:${key}`, key)));
      expect(await Promise.all(KEYS.map(key => cluster.get(`glide:${key}`)))).toEqual(KEYS);
      await cluster.hset('{glide}:hash', { field: 'value' });
      expect(await cluster.hget('{glide}:hash', 'field')).toBe('value');
    } finally {
      cluster.close();
    }
  });
});

describe('valkey-cli of the reference server (VALKEY_REFERENCE)', () => {
  test.skipIf(reference === undefined)('follows redirections, and finds the cluster in order', async () => {
    const run = promisify(execFile);
    const cli = join(reference ?? '', 'src/valkey-cli');
    const say = async (...args: readonly string[]): Promise<string> => (await run(cli, ['-c', '-p', String(PORT), ...args])).stdout.trim();
    for (const key of KEYS.slice(0, 10)) {
      expect(await say('SET', `cli:${key}`, key)).toBe('OK');
      expect(await say('GET', `cli:${key}`)).toBe(key);
    }
    const check = (): Promise<string> => run(cli, ['--cluster', 'check', `${HOST}:${PORT}`]).then(({ stdout }) => stdout);
    const inOrder = (text: string): boolean =>
      text.includes('[OK] All nodes agree about slots configuration.') && text.includes('[OK] All 16384 slots covered.');
    await until(
      async () => inOrder(await check()),
      10_000,
      () => 'valkey-cli --cluster check to find the cluster in order',
    );
  });
});
