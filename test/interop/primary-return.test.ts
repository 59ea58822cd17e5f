/**
 * Our primary comes back from an older file: a replica of the reference server takes over by the votes of reference nodes, also when it was
 * started again itself and would not stand for election by its own rules.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEEDS_REFERENCE, TestCluster, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';
import { killAndReturn, killBothAndReturn } from '../support/primary-return.ts';

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

describe.skipIf(WITHOUT_REFERENCE).each([
  {
    title: 'our primary, a reference replica, reference voters',
    firstPort: 21_180,
    shards: [['ours', 'reference'], ['reference'], ['reference']] as const,
  },
  { title: 'our primary and a reference replica alone', firstPort: 21_200, shards: [['ours', 'reference']] as const },
])(`$title${NEEDS_REFERENCE}`, ({ firstPort, shards }) => {
  const cluster = new TestCluster({ firstPort, shards, nodeTimeoutMs: 5000, directives: { 'repl-diskless-sync-delay': '0' } });
  beforeAll(() => cluster.form());
  afterAll(() => cluster.dispose());

  test('hand over when both come back, and lose no confirmed write', async () => {
    const [[primary, replica]] = cluster.shards;
    const { confirmed, lost, yielded } = await killBothAndReturn(cluster, primary, replica);
    expect(confirmed).toBeGreaterThan(50);
    expect(lost, `${primary.log.slice(-3000)}\n────\n${replica.log.slice(-3000)}`).toEqual([]);
    expect(yielded).toBe(true);
  });
});
