/** `slotkeeper up` with persistence: data and identities outlive the processes, and `--fresh` ends both. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, type LocalCluster, until, Workspace } from '../integration/local-cluster.ts';

const FIRST_PORT = 15_101;
const PORTS = [0, 1, 2, 3].map(n => FIRST_PORT + n);
const READY_MS = 150_000;
const MANIFEST = `
apiVersion: slotkeeper.dev/v1alpha1
kind: ValkeyCluster
metadata:
  name: kept
spec:
  shards: 2
  replicas: 1
  persistence: {size: 1Gi}
  config: {save: "3600 1 1 1"}
`;

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});
afterEach(() => workspace.dispose());

const start = (...more: readonly string[]): LocalCluster =>
  workspace.up(workspace.manifest('kept.yaml', MANIFEST), '--port', String(FIRST_PORT), '--dir', workspace.stateFolder, ...more);

const identities = (): Promise<string[]> => Promise.all(PORTS.map(async port => String(await ask(port, 'CLUSTER', 'MYID'))));
const info = async (port: number, field: string): Promise<string | undefined> =>
  new RegExp(`^${field}:(.*)\r$`, 'm').exec(String(await ask(port, 'INFO')))?.[1];

/** The command where the key is: follows one redirection. */
async function onCluster(...command: readonly string[]): Promise<unknown> {
  try {
    return await ask(FIRST_PORT, ...command);
  } catch (error) {
    const moved = /^MOVED \d+ \S*:(\d+)/.exec(error instanceof Error ? error.message : '');
    if (moved === null) throw error;
    return ask(Number(moved[1]), ...command);
  }
}

async function allThere(count: number): Promise<boolean> {
  for (let i = 0; i < count; i++) if ((await onCluster('GET', `key ${i}`)) !== `${i}`) return false;
  return true;
}

describe('slotkeeper up with persistence', () => {
  test('a second start has the data and the same nodes; with --fresh it has neither', async () => {
    const first = start();
    await first.ready(READY_MS);
    for (let i = 0; i < 50; i++) await onCluster('SET', `key ${i}`, `${i}`);
    const before = await identities();
    expect(await first.interrupt()).toBe(0);
    const second = start();
    await second.ready(READY_MS);
    expect(await identities()).toEqual(before);
    expect(await allThere(50)).toBe(true);
    expect(second.output).not.toContain('DataLost');
    expect(await second.interrupt()).toBe(0);
    const third = start('--fresh');
    await third.ready(READY_MS);
    expect(await identities()).not.toEqual(before);
    expect(await onCluster('GET', 'key 1')).toBeNull();
  }, 500_000);

  test('when all nodes are killed at once they come back with what they had saved, and nothing is declared lost', async () => {
    const cluster = start();
    await cluster.ready(READY_MS);
    for (let i = 0; i < 50; i++) await onCluster('SET', `key ${i}`, `${i}`);
    const before = await identities();
    const saved = async (): Promise<boolean> =>
      (await Promise.all(PORTS.map(port => info(port, 'rdb_changes_since_last_save')))).every(changes => changes === '0');
    await until(saved, 60_000, () => 'all nodes to save');
    for (const pid of await Promise.all(PORTS.map(port => info(port, 'process_id')))) process.kill(Number(pid), 'SIGKILL');
    await cluster.waitFor(() => allThere(50), 150_000, 'the data to be there again');
    expect((await identities()).toSorted()).toEqual(before.toSorted());
    expect(cluster.output).not.toMatch(/DataLost|were lost/);
  }, 500_000);

  test('a killed primary comes back as itself, and keeps or hands over its role with all of its data', async () => {
    const cluster = start();
    await cluster.ready(READY_MS);
    for (let i = 0; i < 50; i++) await onCluster('SET', `key ${i}`, `${i}`);
    const before = await identities();
    process.kill(Number(await info(FIRST_PORT, 'process_id')), 'SIGKILL');
    await cluster.waitFor(() => allThere(50), 150_000, 'the data to be there again');
    await cluster.waitFor(async () => (await identities())[0] === before[0], 60_000, 'the node to be itself');
    expect(cluster.output).not.toContain('DataLost');
  }, 500_000);
});
