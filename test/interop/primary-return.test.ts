/** Our primary comes back from an older file: a replica of the reference server takes over by the votes of reference nodes, and the other way round. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEEDS_REFERENCE, TestCluster, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';
import { killAndReturn } from '../support/primary-return.ts';

describe.skipIf(WITHOUT_REFERENCE).each([
  {
    title: 'our primary, a reference replica, reference voters',
    firstPort: 21_140,
    shards: [['ours', 'reference'], ['reference'], ['reference']] as const,
  },
  { title: 'our primary and a reference replica alone', firstPort: 21_160, shards: [['ours', 'reference']] as const },
])(`$title${NEEDS_REFERENCE}`, ({ firstPort, shards }) => {
  const cluster = new TestCluster({ firstPort, shards, nodeTimeoutMs: 5000, directives: { 'repl-diskless-sync-delay': '0' } });
  beforeAll(() => cluster.form());
  afterAll(() => cluster.dispose());

  test('loses no confirmed write when it comes back at once with an older file', async () => {
    const [[primary, replica]] = cluster.shards;
    const { lost, yielded } = await killAndReturn(cluster, primary);
    expect(lost, `${primary.log.slice(-3000)}\n────\n${replica.log.slice(-3000)}`).toEqual([]);
    expect(yielded).toBe(true);
  });
});
