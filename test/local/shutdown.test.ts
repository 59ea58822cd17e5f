/** Nodes with a file that are told to end at the same time: what a replica confirms until it is gone stands in its file, and it takes no place that it is about to leave. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfirmedWriter } from '../integration/confirmed-writer.ts';
import { TestCluster, ValkeyNode, waitFor } from '../support/cluster-nodes.ts';
import { confirms, TAG } from '../support/primary-return.ts';

/** Some hundred keys keep the replica's last save going for a second. */
const SAVE_DELAY_MICROSECONDS = '3000';

describe('a shard whose replica is slow to save', () => {
  const directives = { save: '3600 1', 'shutdown-on-sigterm': 'failover', 'cluster-manual-failover-timeout': '2000' };
  const cluster = new TestCluster({ firstPort: 21_220, shards: [['ours', 'ours'], ['ours'], ['ours']], nodeTimeoutMs: 3000, directives });
  beforeAll(() => cluster.form());
  afterAll(() => cluster.dispose());

  test('has each confirmed write in the file of whichever node comes back first', async () => {
    const [[primary, replica]] = cluster.shards;
    const writer = new ConfirmedWriter(TAG, () => [primary, replica].filter(node => node.running).map(node => node.port));
    await confirms(writer, 300);
    await replica.ask('CONFIG', 'SET', 'rdb-key-save-delay', SAVE_DELAY_MICROSECONDS);
    const replicaEnds = replica.end('SIGTERM');
    await waitFor(
      () => replica.log.includes('Saving the final RDB snapshot'),
      5000,
      () => 'the save of the replica',
    );
    const primaryEnds = primary.end('SIGTERM');
    expect(await Promise.all([replicaEnds, primaryEnds])).toEqual([0, 0]);
    expect(replica.log).not.toContain('Failover election won');
    await replica.start();
    // Longer than anybody waits for a primary that is gone.
    await new Promise(resolve => setTimeout(resolve, 4 * cluster.nodeTimeoutMs));
    await primary.start();
    await cluster.whole();
    const lost = await writer.finish();
    expect(writer.confirmed.length).toBeGreaterThan(300);
    expect(lost, `${primary.log.slice(-3000)}\n────\n${replica.log.slice(-3000)}`).toEqual([]);
  });
});

describe('a replica that is slow to save', () => {
  const [primary, replica] = [21_240, 21_241].map(
    port => new ValkeyNode('ours', port, { save: '3600 1', 'repl-diskless-sync-delay': '0' }),
  );
  beforeAll(() => Promise.all([primary.start(), replica.start()]));
  afterAll(() => Promise.all([primary.dispose(), replica.dispose()]));

  test('has in its file what it confirmed until it was gone', async () => {
    await replica.ask('REPLICAOF', '127.0.0.1', String(primary.port));
    const writer = new ConfirmedWriter(TAG, () => [(primary.running ? primary : replica).port]);
    await confirms(writer, 300);
    await replica.ask('CONFIG', 'SET', 'rdb-key-save-delay', SAVE_DELAY_MICROSECONDS);
    expect(await replica.end('SIGTERM')).toBe(0);
    await primary.end('SIGKILL');
    await replica.start();
    const lost = await writer.finish();
    expect(writer.confirmed.length).toBeGreaterThan(300);
    expect(lost, replica.log.slice(-3000)).toEqual([]);
  });
});
