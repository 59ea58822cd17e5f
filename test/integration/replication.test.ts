/** Replication between our own servers: faults of the network and of processes, and what clients see meanwhile. */

import { afterEach, describe, expect, test } from 'vitest';
import { TcpProxies } from '../support/tcp-proxy.ts';
import { contentOf, fillWith, follow, inSync, linkUp, Nodes, until, type ValkeyNode, WriteLoad } from '../support/replication-nodes.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 300_000);
const nodes = new Nodes(19_300);
const proxies = new TcpProxies(19_400);

afterEach(async () => {
  proxies.closeAll();
  await nodes.stopAll();
});

/** What a client gets: the value, or the first word of the error. */
async function ask(node: ValkeyNode, key: string): Promise<string> {
  try {
    return String(await node.client.get(key));
  } catch (error) {
    return (error as Error).message.split(' ')[0];
  }
}

describe(`replication between our servers (seed ${seed})`, () => {
  test('the configuration tells whom a server follows, and no one any more', async () => {
    const primary = await nodes.start('ours');
    const replica = await nodes.start('ours');
    const told = (): Promise<unknown> => replica.client.call('CONFIG', 'GET', 'replicaof') as Promise<unknown>;
    expect(await told()).toEqual(['replicaof', '']);
    await replica.client.call('REPLICAOF', '127.0.0.1', String(primary.port));
    expect(await told()).toEqual(['replicaof', `127.0.0.1 ${primary.port}`]);
    await replica.client.call('REPLICAOF', 'NO', 'ONE');
    expect(await told()).toEqual(['replicaof', '']);
  });

  test('a full sync under writes ends with equal data, and a broken link goes on where it broke', async () => {
    const primary = await nodes.start('ours');
    const replica = await nodes.start('ours');
    await fillWith(primary, 8000);
    const load = new WriteLoad(primary, seed);
    await until(() => load.writes > 200, 'some writes');
    await follow(replica, primary);
    await until(() => linkUp(replica), `the link\n${replica.log()}`);
    await primary.client.call('CLIENT', 'KILL', 'TYPE', 'replica');
    await until(async () => (await primary.info('sync_partial_ok')) === '1', 'the partial resync');
    const before = load.writes;
    await until(() => load.writes > before + 300, 'writes');
    await load.stop();
    await inSync(primary, replica);
    expect(await primary.info('sync_full')).toBe('1');
    expect(await contentOf(replica)).toEqual(await contentOf(primary));
  });

  test('a replica shows its link to the primary as a client, and resyncs partially when that is killed', async () => {
    const primary = await nodes.start('ours');
    const replica = await nodes.start('ours');
    await follow(replica, primary);
    await until(() => linkUp(replica), `the link\n${replica.log()}`);
    const links = async (): Promise<string> => String(await replica.client.call('CLIENT', 'LIST', 'TYPE', 'primary'));
    // A database other than the first one is still selected in the stream after it broke.
    await primary.client.call('SELECT', '5');
    const kills: readonly ((line: string) => string[])[] = [
      () => ['TYPE', 'master'],
      () => ['TYPE', 'primary'],
      line => ['ID', /^id=(\d+)/.exec(line)?.[1] ?? ''],
      () => ['ADDR', `127.0.0.1:${primary.port}`],
    ];
    for (const [count, kill] of kills.entries()) {
      await primary.client.call('SET', `key${count}`, 'x');
      await until(async () => String(await replica.client.call('INFO', 'keyspace')).includes(`db5:keys=${count + 1},`), 'the write');
      const line = await links();
      expect(line.trim().split('\n')).toHaveLength(1);
      expect(line).toMatch(
        new RegExp(`^id=\\d+ addr=127\\.0\\.0\\.1:${primary.port} laddr=127\\.0\\.0\\.1:\\d+ .* flags=M .* db=5 .* cmd=set `),
      );
      // In one turn of the server: the replica connects again at once.
      const killed = replica.client
        .multi()
        .call('CLIENT', 'KILL', ...kill(line))
        .call('CLIENT', 'LIST', 'TYPE', 'primary')
        .exec();
      expect((await killed)?.map(([, reply]) => reply)).toEqual([1, '']);
      await until(async () => (await primary.info('sync_partial_ok')) === String(count + 1), 'the partial resync');
      await until(() => linkUp(replica), 'the link');
    }
    await inSync(primary, replica);
    expect(await primary.info('sync_full')).toBe('1');
    await replica.client.call('REPLICAOF', 'NO', 'ONE');
    expect(await links()).toBe('');
  });

  test('a sync that breaks in the middle is never served: neither the old data nor half of the new', async () => {
    const primary = await nodes.start('ours');
    const replica = await nodes.start('ours');
    await fillWith(primary, 15_000);
    await replica.client.set('old', 'data');
    const { proxy, port } = await proxies.to(primary);
    proxy.deliverLimit = 300_000;
    await replica.client.call('REPLICAOF', '127.0.0.1', String(port));
    await until(() => proxy.delivered >= 300_000, 'half of the sync');
    await until(async () => (await ask(replica, 'old')) === 'LOADING', 'LOADING');
    expect(await ask(replica, 'fill:1')).toBe('LOADING');
    proxy.cut(true);
    await until(async () => (await ask(replica, 'old')) !== 'LOADING', 'the end of the broken sync');
    for (const key of ['old', 'fill:1', 'fill:14999', 'none']) expect(await ask(replica, key)).toBe('MASTERDOWN');
    proxy.release();
    await inSync(primary, replica);
    expect(await contentOf(replica)).toEqual(await contentOf(primary));
  });

  test('a replica whose sync broke is empty, not half full, when it is made a primary', async () => {
    const primary = await nodes.start('ours');
    const replica = await nodes.start('ours');
    await fillWith(primary, 15_000);
    const { proxy, port } = await proxies.to(primary);
    proxy.deliverLimit = 300_000;
    await replica.client.call('REPLICAOF', '127.0.0.1', String(port));
    await until(() => proxy.delivered >= 300_000, 'half of the sync');
    await primary.kill('SIGKILL');
    proxy.cut(true);
    await until(async () => (await ask(replica, 'old')) === 'MASTERDOWN', 'the end of the broken sync');
    await replica.client.call('REPLICAOF', 'NO', 'ONE');
    expect(await replica.client.dbsize()).toBe(0);
    expect(await replica.client.set('k', 'v')).toBe('OK');
  });

  test('a replica that does not read is dropped at its limit, and comes back with a full sync', async () => {
    const primary = await nodes.start('ours', { 'repl-backlog-size': '65536', 'client-output-buffer-limit': 'replica 2mb 0 0' });
    const replica = await nodes.start('ours');
    const { proxy, port } = await proxies.to(primary);
    await replica.client.call('REPLICAOF', '127.0.0.1', String(port));
    await until(() => linkUp(replica), 'the link');
    proxy.deliverLimit = 0;
    const value = 'x'.repeat(50_000);
    const attached = async (): Promise<boolean> => (await primary.info('connected_slaves')) === '1';
    for (let i = 0; i < 400 && (await attached()); i++) await primary.client.set(`k${i}`, value);
    expect(await attached()).toBe(false);
    proxy.cut();
    proxy.release();
    await inSync(primary, replica);
    expect(await primary.info('sync_full')).toBe('2');
    expect(await contentOf(replica)).toEqual(await contentOf(primary));
  });

  test('a replica that stops reading in the middle of a full sync is dropped after repl-timeout, and the primary serves on', async () => {
    const primary = await nodes.start('ours', { 'repl-timeout': '2' });
    const replica = await nodes.start('ours');
    await fillWith(primary, 30_000);
    const { proxy, port } = await proxies.to(primary);
    proxy.deliverLimit = 300_000;
    await replica.client.call('REPLICAOF', '127.0.0.1', String(port));
    await until(async () => (await primary.info('connected_slaves')) === '1', 'the attachment');
    const started = Date.now();
    while ((await primary.info('connected_slaves')) === '1' && Date.now() - started < 10_000) {
      const asked = Date.now();
      await primary.client.set('k', 'v');
      expect(Date.now() - asked).toBeLessThan(500);
    }
    expect(await primary.info('connected_slaves')).toBe('0');
  });

  test('a wrong password keeps the link down until the right one is set', async () => {
    const primary = await nodes.start('ours', { requirepass: 'secret' });
    const replica = await nodes.start('ours', { primaryauth: 'wrong' });
    await primary.client.set('k', 'v');
    await follow(replica, primary);
    await until(() => replica.log().includes('Unable to AUTH to PRIMARY'), 'the refusal in the log');
    expect(await linkUp(replica)).toBe(false);
    await replica.client.config('SET', 'primaryauth', 'secret');
    await inSync(primary, replica);
    expect(await replica.client.get('k')).toBe('v');
  });

  test('a replica hides expired keys and deletes them only when the primary says so', async () => {
    const primary = await nodes.start('ours');
    const replica = await nodes.start('ours');
    await follow(replica, primary);
    await until(() => linkUp(replica), 'the link');
    await primary.client.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
    await primary.client.set('k', 'v', 'PX', 100);
    await inSync(primary, replica);
    await until(async () => (await ask(replica, 'k')) === 'null', 'the expiry');
    expect(await replica.client.dbsize()).toBe(1);
    expect(await primary.client.get('k')).toBe(null);
    await inSync(primary, replica);
    expect(await replica.client.dbsize()).toBe(0);
  });

  test('writes are refused on a replica, and on a primary with too few replicas; WAIT counts those who have the write', async () => {
    const primary = await nodes.start('ours', { 'min-replicas-to-write': '1' });
    await expect(primary.client.set('k', 'v')).rejects.toThrow('NOREPLICAS Not enough good replicas to write.');
    const replica = await nodes.start('ours');
    await follow(replica, primary);
    await until(() => linkUp(replica), 'the link');
    await until(() => primary.client.set('k', 'v').then(Boolean, () => false), 'a good replica');
    expect(await primary.client.call('WAIT', '1', '5000')).toBe(1);
    expect(await replica.client.get('k')).toBe('v');
    await expect(replica.client.set('k', 'w')).rejects.toThrow("READONLY You can't write against a read only replica.");
    await expect(replica.client.call('WAIT', '1', '0')).rejects.toThrow('ERR WAIT cannot be used with replica instances.');
    expect(await replica.client.call('ROLE')).toEqual(['slave', '127.0.0.1', primary.port, 'connected', expect.any(Number)]);
    expect(await primary.client.call('ROLE')).toEqual([
      'master',
      expect.any(Number),
      [['127.0.0.1', String(replica.port), expect.any(String)]],
    ]);
  });

  test('a write and WAIT in one packet wait for this write', async () => {
    const primary = await nodes.start('ours');
    const replica = await nodes.start('ours');
    await follow(replica, primary);
    await until(() => linkUp(replica), 'the link');
    for (let i = 0; i < 50; i++) {
      const replies = await primary.client.pipeline().set('k', `${i}`).call('WAIT', '1', '5000').exec();
      expect(replies?.[1]).toEqual([null, 1]);
      expect(await replica.client.get('k')).toBe(`${i}`);
    }
  });

  test('replicas that come together share one snapshot', async () => {
    const primary = await nodes.start('ours', { 'repl-diskless-sync-delay': '2' });
    await fillWith(primary, 5000);
    const replicas = [await nodes.start('ours'), await nodes.start('ours'), await nodes.start('ours')];
    for (const replica of replicas) await follow(replica, primary);
    for (const replica of replicas) await inSync(primary, replica);
    expect(primary.log().match(/Starting snapshot for SYNC/g)?.length).toBe(1);
    const expected = await contentOf(primary);
    for (const replica of replicas) expect(await contentOf(replica)).toEqual(expected);
  });
});
