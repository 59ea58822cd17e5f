/** Primaries with a file that are killed and come back before anybody has missed them. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestCluster, type ValkeyNode } from '../support/cluster-nodes.ts';
import { killAndReturn } from '../support/primary-return.ts';

describe.each([
  { title: 'a cluster of one shard', firstPort: 21_100, shards: [['ours', 'ours']] as const },
  {
    title: 'a cluster of three shards',
    firstPort: 21_120,
    shards: [['ours', 'ours'], ['ours'], ['ours']] as const,
  },
])('$title', ({ firstPort, shards }) => {
  const cluster = new TestCluster({ firstPort, shards, nodeTimeoutMs: 5000, directives: { 'repl-diskless-sync-delay': '0' } });
  beforeAll(() => cluster.form());
  afterAll(() => cluster.dispose());

  test('loses no confirmed write when a primary with an older file comes back at once, in either direction', async () => {
    const [shard] = cluster.shards;
    for (let round = 0; round < 2; round++) {
      const primary = await primaryOf(shard);
      const { confirmed, lost, yielded } = await killAndReturn(cluster, primary);
      expect(confirmed).toBeGreaterThan(70);
      expect(lost, `${shard.map(node => node.log.slice(-3000)).join('\n────\n')}`).toEqual([]);
      expect(yielded).toBe(true);
    }
  }, 120_000);
});

async function primaryOf(shard: readonly ValkeyNode[]): Promise<ValkeyNode> {
  for (const node of shard) if ((await node.field('role', 'INFO', 'replication')) === 'master') return node;
  throw new Error('The shard has no primary');
}
