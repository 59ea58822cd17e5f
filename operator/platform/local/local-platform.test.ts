import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ValkeyClusterSpecInput, type ValkeyClusterStatus, valkeyClusterSpecSchema } from '../../api/valkey-cluster.ts';
import { LocalPlatform } from './local-platform.ts';
import { StateFolder } from './state-folder.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slotkeeper-platform-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const FOLLOWS: ValkeyClusterSpecInput = { shards: 3, autoscaling: { minShards: 3, maxShards: 6, targets: { cpuPercent: 60 } } };
const row = (index: number, slots: string): NonNullable<ValkeyClusterStatus['shards']>[number] => ({
  index,
  slots,
  readyReplicas: 0,
  nodes: [],
});

/** How many shards a start begins with, after another one that wrote this status. */
async function targetAfter(spec: ValkeyClusterSpecInput, status: ValkeyClusterStatus): Promise<number | undefined> {
  const start = async (): Promise<LocalPlatform> =>
    new LocalPlatform({
      namespace: 'default',
      name: 'shop',
      spec: valkeyClusterSpecSchema.parse(spec),
      secrets: [],
      folder: await StateFolder.take(folder, { fresh: false, persistent: true }),
      firstPort: 15_901,
      serverBinary: undefined,
      onEvent: () => {},
      onChanged: () => {},
    });
  const first = await start();
  await first.writeStatus('default/shop', status);
  await first.stop();
  const second = await start();
  const target = second.cluster('default/shop')?.status.autoscaling?.targetShards;
  await second.stop();
  return target;
}

describe('a local cluster whose number of shards follows the load', () => {
  const persistence = { size: '1Gi' };
  const autoscaling = (targetShards: number): Pick<ValkeyClusterStatus, 'autoscaling'> => ({
    autoscaling: { targetShards, wantedShards: targetShards, reason: 'AboveTarget' },
  });

  test('starts again with every shard that may hold data', async () => {
    expect(await targetAfter({ ...FOLLOWS, persistence }, autoscaling(5))).toBe(5);
    const leaving = { ...autoscaling(3), shards: [row(0, '0-99'), row(3, '100-200'), row(4, '')] };
    expect(await targetAfter({ ...FOLLOWS, persistence }, leaving)).toBe(4);
  });

  test('starts anew with the number in its spec when nodes keep nothing', async () => {
    expect(await targetAfter(FOLLOWS, autoscaling(5))).toBeUndefined();
  });
});
