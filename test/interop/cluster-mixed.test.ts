/**
 * Our nodes and nodes of the reference server in one cluster: each elects, votes, replicates and hands over for the other.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEEDS_REFERENCE, type ServerKind, TestCluster, type ValkeyNode, WITHOUT_REFERENCE, waitFor } from '../support/cluster-nodes.ts';

const NODE_TIMEOUT_MS = 2000;

interface Direction {
  readonly title: string;
  readonly firstPort: number;
  readonly shards: readonly (readonly ServerKind[])[];
}

const DIRECTIONS: readonly Direction[] = [
  {
    title: 'our replica of a reference primary, with reference voters',
    firstPort: 20_200,
    shards: [
      ['reference', 'ours'],
      ['reference', 'reference'],
      ['reference', 'ours'],
    ],
  },
  {
    title: 'a reference replica of our primary, with our voters',
    firstPort: 20_220,
    shards: [
      ['ours', 'reference'],
      ['ours', 'ours'],
      ['ours', 'reference'],
    ],
  },
];

/** A key of the first shard's slots, and one of the third's. */
const FIRST = '{b}';
const THIRD = '{a}';

describe.skipIf(WITHOUT_REFERENCE).each(DIRECTIONS)(`$title${NEEDS_REFERENCE}`, ({ firstPort, shards }) => {
  const cluster = new TestCluster({ firstPort, shards, nodeTimeoutMs: NODE_TIMEOUT_MS, directives: { 'shutdown-on-sigterm': 'failover' } });
  const [[primary, replica], , [third, thirdReplica]] = cluster.shards;
  beforeAll(() => cluster.form());
  afterAll(() => cluster.dispose());

  const reads = (node: ValkeyNode, key: string, value: string): Promise<void> =>
    waitFor(
      async () => (await node.ask('GET', key)) === value,
      5000,
      () => `${node.kind} node ${node.port} to have ${key}`,
    );

  test('replicates, and both kinds agree on the shards', async () => {
    await primary.ask('SET', FIRST, 'one');
    await replica.ask('READONLY');
    await reads(replica, FIRST, 'one');
    const shardIds = await Promise.all(
      cluster.nodes.map(async node => [await node.text('CLUSTER', 'MYID'), await node.text('CLUSTER', 'MYSHARDID')]),
    );
    const known = new Set(shardIds.map(([, shard]) => shard));
    expect(known.size).toBe(3);
  });

  test('manual failover, there and back', async () => {
    await primary.ask('SET', FIRST, 'two');
    await replica.ask('CLUSTER', 'FAILOVER');
    await cluster.takesOver(replica, 6000);
    await cluster.whole();
    expect(await replica.ask('GET', FIRST)).toBe('two');
    await replica.ask('SET', FIRST, 'three');
    await primary.ask('CLUSTER', 'FAILOVER');
    await cluster.takesOver(primary, 6000);
    await cluster.whole();
    expect(await primary.ask('GET', FIRST)).toBe('three');
  });

  test('the replica is elected when its primary is killed, and the old primary follows when it is back', async () => {
    await primary.ask('SET', FIRST, 'four');
    await primary.ask('WAIT', '1', '1000');
    await primary.end('SIGKILL');
    expect(await cluster.takesOver(replica, 15_000)).toBeLessThan(NODE_TIMEOUT_MS + 3000);
    expect(await replica.ask('GET', FIRST)).toBe('four');
    await primary.start();
    await waitFor(
      async () => !(await cluster.isPrimary(primary)),
      10_000,
      () => 'the old primary to follow',
    );
    await cluster.whole();
    await primary.ask('READONLY');
    await reads(primary, FIRST, 'four');
  });

  test('failover on SIGTERM, in both directions', async () => {
    await third.ask('SET', THIRD, 'five');
    await third.end('SIGTERM');
    await cluster.takesOver(thirdReplica, 3000);
    expect(await thirdReplica.ask('GET', THIRD)).toBe('five');
    await third.start();
    await cluster.whole();
    await thirdReplica.ask('SET', THIRD, 'six');
    await thirdReplica.end('SIGTERM');
    await cluster.takesOver(third, 3000);
    expect(await third.ask('GET', THIRD)).toBe('six');
    await thirdReplica.start();
    await cluster.whole();
  });
});
