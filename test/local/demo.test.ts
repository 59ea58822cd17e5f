/** `slotkeeper up --demo` to its end: nine hot slots on one shard, spread by the operator under real load. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, type LocalCluster, QUICKSTART, Workspace } from '../integration/local-cluster.ts';

const FIRST_PORT = 15_101;
/** The operator looks every ten seconds, wants to see the load in six looks, and is then watched until nothing moves. */
const LIMIT_MS = 400_000;

let workspace: Workspace;
let cluster: LocalCluster;

beforeAll(() => {
  workspace = new Workspace();
  cluster = workspace.up(QUICKSTART, '--demo', '--port', String(FIRST_PORT), '--dashboard', 'off', '--dir', workspace.stateFolder);
});
afterAll(() => workspace.dispose());

test(
  'the operator spreads nine hot slots, says why and how, and the cluster goes on without the load',
  async () => {
    await cluster.waitFor(() => cluster.output.includes('The load has stopped. The cluster goes on'), LIMIT_MS, 'the end of the demo');
    const { output } = cluster;
    expect(output).toMatch(/The operator says: Imbalanced: Shard 0 uses \d+ % of its CPU/);
    expect(output).toMatch(/moved from shard 0 to shard [12], hot ones: \d+/);
    const [, before, after] = /CPU of the busiest shard over the mean +([\d.]+) +([\d.]+)/.exec(output) ?? [];
    expect(Number(before), output).toBeGreaterThanOrEqual(2.2);
    expect(Number(after), output).toBeLessThanOrEqual(1.2);
    expect(output).not.toContain('tried again');
    expect(String(await ask(FIRST_PORT, 'CLUSTER', 'INFO'))).toContain('cluster_state:ok');
    expect(await cluster.interrupt()).toBe(0);
  },
  LIMIT_MS + 30_000,
);
