/** A cluster of our own servers: formation, failovers of every kind, restarts with and without the nodes file. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NodeConnection } from './node-connection.ts';
import { cli, NEEDS_REFERENCE, SteadyWriter, TestCluster, ValkeyNode, WITHOUT_REFERENCE, waitFor } from '../support/cluster-nodes.ts';

const NODE_TIMEOUT_MS = 2000;

describe('a cluster of three shards with a replica each', () => {
  const cluster = new TestCluster({
    firstPort: 20_100,
    shards: [
      ['ours', 'ours'],
      ['ours', 'ours'],
      ['ours', 'ours'],
    ],
    nodeTimeoutMs: NODE_TIMEOUT_MS,
    directives: { 'shutdown-on-sigterm': 'failover' },
  });
  const [[primary, replica], [second, secondReplica], [third, thirdReplica]] = cluster.shards;
  beforeAll(() => cluster.form());
  afterAll(() => cluster.dispose());

  test('redirects by slot, serves reads of a replica after READONLY, and knows its slots', async () => {
    expect(await primary.ask('CLUSTER', 'KEYSLOT', '{a}')).toBe(15_495);
    await expect(primary.ask('SET', '{a}', '1')).rejects.toThrow(/^MOVED 15495 127\.0\.0\.1:20104$/);
    expect(await third.ask('SET', '{a}', '1')).toBe('OK');
    await expect(thirdReplica.ask('GET', '{a}')).rejects.toThrow(/^MOVED 15495/);
    await thirdReplica.ask('READONLY');
    await waitFor(
      async () => (await thirdReplica.ask('GET', '{a}')) === '1',
      3000,
      () => 'the replica to have the key',
    );
    await thirdReplica.ask('READWRITE');
    await expect(third.ask('MSET', '{a}', '1', '{b}', '2')).rejects.toThrow(/^CROSSSLOT/);
    expect(await third.ask('CLUSTER', 'COUNTKEYSINSLOT', '15495')).toBe(1);
    expect(await third.ask('CLUSTER', 'GETKEYSINSLOT', '15495', '10')).toEqual(['{a}']);
  });

  test('CLUSTER FAILOVER under load hands over within a second and loses no confirmed write', async () => {
    const writer = new SteadyWriter(cluster, 'b'); // slot 3300, first shard
    await waitFor(
      () => writer.confirmed.size > 50,
      5000,
      () => 'some writes',
    );
    expect(await replica.ask('CLUSTER', 'FAILOVER')).toBe('OK');
    await cluster.takesOver(replica, 5000);
    const before = writer.confirmed.size;
    await waitFor(
      () => writer.confirmed.size > before || writer.confirmed.size === 500,
      5000,
      () => 'writes after the failover',
    );
    await writer.stop();
    expect(writer.longestGapMs).toBeLessThan(1000);
    expect(await writer.lost()).toEqual([]);
    await cluster.whole();
    // And back.
    await primary.ask('CLUSTER', 'FAILOVER');
    await cluster.takesOver(primary, 5000);
    await cluster.whole();
  });

  test('CLUSTER FAILOVER hands over within a second while clients wait for the replica', async () => {
    // Each WAIT asks the replica for an acknowledgement through the stream, whose offset the failover compares.
    const [from, to] = [second, secondReplica];
    const clients = await Promise.all(
      Array.from({ length: 40 }, () => NodeConnection.open({ host: '127.0.0.1', port: from.port, timeoutMs: 8000 })),
    );
    let writes = 0;
    const writeUntilMoved = async (client: NodeConnection, key: string): Promise<string> => {
      for (;;) {
        try {
          await client.send('SET', key, 'value');
          writes++;
          await client.send('WAIT', '1', '100');
        } catch (error) {
          client.close();
          return String(error);
        }
      }
    };
    const ends = Promise.all(clients.map((client, i) => writeUntilMoved(client, `{c}:${i}`)));
    await waitFor(
      () => writes > 1000,
      5000,
      () => 'some writes',
    );
    const askedAt = performance.now();
    expect(await to.ask('CLUSTER', 'FAILOVER')).toBe('OK');
    const errors = await ends;
    expect(performance.now() - askedAt).toBeLessThan(1000);
    expect(errors.filter(error => !/MOVED|UNBLOCKED/.test(error))).toEqual([]);
    await cluster.takesOver(to, 5000);
    await cluster.whole();
    await from.ask('CLUSTER', 'FAILOVER');
    await cluster.takesOver(from, 5000);
    await cluster.whole();
  });

  test('a killed primary is replaced within node timeout + 3 s, and follows when it comes back with its nodes file', async () => {
    const id = await second.text('CLUSTER', 'MYID');
    await second.end('SIGKILL');
    expect(await cluster.takesOver(secondReplica, 15_000)).toBeLessThan(NODE_TIMEOUT_MS + 3000);
    await second.start();
    expect(await second.text('CLUSTER', 'MYID')).toBe(id);
    await waitFor(
      async () => !(await cluster.isPrimary(second)),
      10_000,
      () => 'the old primary to follow',
    );
    await cluster.whole();
  });

  test('a primary that gets SIGTERM hands over first', async () => {
    await third.ask('SET', '{a}', 'kept');
    const writer = new SteadyWriter(cluster, 'a');
    await waitFor(
      () => writer.confirmed.size > 20,
      5000,
      () => 'some writes',
    );
    expect(await third.end('SIGTERM')).toBe(0);
    const before = writer.confirmed.size;
    await waitFor(
      () => writer.confirmed.size > before || writer.confirmed.size === 500,
      5000,
      () => 'writes after the failover',
    );
    await writer.stop();
    expect(writer.longestGapMs).toBeLessThan(1000);
    expect(await writer.lost()).toEqual([]);
    expect(await cluster.isPrimary(thirdReplica)).toBe(true);
    expect(await thirdReplica.ask('GET', '{a}')).toBe('kept');
    await third.start();
    await cluster.whole();
  });

  test('a primary that lost its nodes file comes back as a stranger, and its replica is elected', async () => {
    const id = await primary.text('CLUSTER', 'MYID');
    await primary.ask('SET', '{b}', 'kept');
    expect(await primary.ask('WAIT', '1', '5000')).toBe(1);
    await primary.end('SIGKILL');
    rmSync(join(primary.folder, 'nodes.conf'));
    await primary.start();
    await waitFor(
      () => cluster.isPrimary(replica),
      15_000,
      () => 'the replica to be elected',
    );
    // It did not sync from the empty node at its primary's address.
    expect(await replica.ask('GET', '{b}'), `log of the replica:\n${replica.log.slice(-3000)}`).toBe('kept');
    expect(await primary.text('CLUSTER', 'MYID')).not.toBe(id);
    expect(await primary.ask('CLUSTER', 'SLOTS')).toEqual([]);
    // The operator's repair: the stranger joins as a replica, the old id is forgotten.
    await replica.ask('CLUSTER', 'MEET', '127.0.0.1', String(primary.port));
    const replicaId = await replica.text('CLUSTER', 'MYID');
    await waitFor(
      async () => (await primary.text('CLUSTER', 'NODES')).includes(replicaId),
      5000,
      () => 'the stranger to be known',
    );
    for (const node of cluster.nodes) if (node !== primary) await node.ask('CLUSTER', 'FORGET', id);
    await waitFor(
      async () => (await primary.ask('CLUSTER', 'REPLICATE', replicaId)) === 'OK',
      10_000,
      () => 'REPLICATE',
    );
    await cluster.whole();
    expect((await second.text('CLUSTER', 'NODES')).includes(id)).toBe(false);
  });

  test('the nodes file holds what CLUSTER NODES shows, and is of one server at a time', async () => {
    const file = readFileSync(join(second.folder, 'nodes.conf'), 'utf8');
    expect(file).toContain(`${await second.text('CLUSTER', 'MYID')} 127.0.0.1:`);
    expect(file).toMatch(/^vars currentEpoch \d+ lastVoteEpoch \d+$/m);
    const rival = new ValkeyNode('ours', 20_140, { 'cluster-enabled': 'yes', dir: second.folder });
    await expect(rival.start()).rejects.toThrow(/ended at once/);
    expect(rival.running).toBe(false);
    await rival.dispose();
  });
});

test('a blank node gives its empty data set to no replica of a cluster that it does not know', async () => {
  const blank = new ValkeyNode('ours', 20_130, { 'cluster-enabled': 'yes' });
  try {
    await blank.start();
    const stranger = 'a'.repeat(40);
    await expect(blank.ask('REPLCONF', 'SET-CLUSTER-NODE-ID', stranger)).rejects.toThrow(`ERR Unknown node ${stranger}`);
    await expect(blank.ask('PSYNC', '?', '-1')).rejects.toThrow('NOMASTERLINK');
  } finally {
    await blank.dispose();
  }
});

describe.skipIf(WITHOUT_REFERENCE)(`valkey-cli --cluster${NEEDS_REFERENCE}`, () => {
  const nodes = Array.from(
    { length: 6 },
    (_, i) => new ValkeyNode('ours', 20_120 + i, { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000' }),
  );
  beforeAll(() => Promise.all(nodes.map(node => node.start())));
  afterAll(() => Promise.all(nodes.map(node => node.dispose())));

  test('creates a cluster of our servers and finds it in order', async () => {
    const addresses = nodes.map(node => `127.0.0.1:${node.port}`);
    const made = await cli('--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes');
    expect(made).toContain('[OK] All 16384 slots covered.');
    await waitFor(
      async () => (await cli('--cluster', 'check', addresses[0])).includes('[OK] All nodes agree about slots configuration.'),
      20_000,
      () => 'check to agree',
    );
    // Primaries refuse everything in the first two seconds of their lives, each by its own clock.
    await waitFor(
      async () =>
        (await Promise.all(nodes.map(node => node.ask('CLUSTER', 'INFO')))).every(info => String(info).includes('cluster_state:ok')),
      20_000,
      () => 'every node to find the cluster whole',
    );
    expect(await cli('-c', '-p', '20120', 'SET', 'some:key', 'value')).toContain('OK');
    expect(await cli('-c', '-p', '20122', 'GET', 'some:key')).toContain('value');
  });
});
