/**
 * A primary of the first shard is killed and started again at once, with a file that is older than what its replica has confirmed: each
 * confirmed write must be there afterwards, whoever serves it.
 */

import { ConfirmedWriter } from '../integration/confirmed-writer.ts';
import { type TestCluster, type ValkeyNode, waitFor } from './cluster-nodes.ts';

/** A hash tag of the first shard's slots, in clusters of one or three shards. */
export const TAG = 'b';

export interface ReturnOutcome {
  readonly confirmed: number;
  /** Confirmed writes that are gone. */
  readonly lost: readonly number[];
  /** The replica took over. */
  readonly yielded: boolean;
}

/** Waits until so many writes are confirmed in all. */
export function confirms(writer: ConfirmedWriter, count: number): Promise<void> {
  return waitFor(
    async () => writer.confirmed.length >= count,
    30_000,
    () => `${count} confirmed writes`,
  );
}

export async function killAndReturn(cluster: TestCluster, primary: ValkeyNode): Promise<ReturnOutcome> {
  const [shard] = cluster.shards;
  const alive = (): number[] => shard.filter(node => node.running).map(node => node.port);
  const writer = new ConfirmedWriter(TAG, alive);
  await confirms(writer, 20);
  await primary.ask('SAVE');
  await confirms(writer, writer.confirmed.length + 50);
  await primary.end('SIGKILL');
  await primary.start();
  const before = writer.confirmed.length;
  await confirms(writer, before + 20);
  const confirmed = writer.confirmed.length;
  const lost = await writer.finish();
  return { confirmed, lost, yielded: (await primary.field('role', 'INFO', 'replication')) === 'slave' };
}

/** The same with the replica, which is killed too and comes back from a file that has all that was confirmed. */
export async function killBothAndReturn(cluster: TestCluster, primary: ValkeyNode, replica: ValkeyNode): Promise<ReturnOutcome> {
  const writer = new ConfirmedWriter(TAG, () => [primary.port, replica.port]);
  await confirms(writer, 20);
  await primary.ask('SAVE');
  await confirms(writer, 70);
  await writer.finish();
  await replica.ask('SAVE');
  await Promise.all([primary, replica].map(node => node.end('SIGKILL')));
  await Promise.all([primary, replica].map(node => node.start()));
  await cluster.takesOver(replica, 40_000);
  await cluster.whole();
  const lost = await writer.finish();
  return { confirmed: writer.confirmed.length, lost, yielded: (await primary.field('role', 'INFO', 'replication')) === 'slave' };
}
