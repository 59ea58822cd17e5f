/** `slotkeeper up` from the outside: what a newcomer types, and what can go wrong while they do. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DashboardState } from '../../operator/dashboard/dashboard.ts';
import { ask, type LocalCluster, QUICKSTART, until, Workspace } from './local-cluster.ts';

const FIRST_PORT = 15_001;
const DASHBOARD_PORT = 15_031;
const PORTS = [0, 1, 2, 3, 4, 5].map(n => FIRST_PORT + n);

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});
afterEach(() => workspace.dispose());

const quickstart = (...more: readonly string[]): LocalCluster =>
  workspace.up(QUICKSTART, '--port', String(FIRST_PORT), '--dir', workspace.stateFolder, ...more);

const info = async (port: number, field: string): Promise<string | undefined> =>
  new RegExp(`^${field}:(.*)\r$`, 'm').exec(String(await ask(port, 'INFO')))?.[1];

async function dashboardState(): Promise<DashboardState> {
  return (await (await fetch(`http://127.0.0.1:${DASHBOARD_PORT}/api/state`)).json()) as DashboardState;
}

async function listening(): Promise<readonly number[]> {
  const answers = await Promise.all(
    PORTS.map(port =>
      ask(port, 'PING').then(
        () => port,
        () => undefined,
      ),
    ),
  );
  return answers.filter(port => port !== undefined);
}

async function isWhole(): Promise<boolean> {
  const states = await Promise.all(PORTS.map(async port => String(await ask(port, 'CLUSTER', 'INFO'))));
  return states.every(
    state => state.includes('cluster_state:ok') && state.includes('cluster_known_nodes:6') && state.includes('cluster_size:3'),
  );
}

describe('slotkeeper up', () => {
  test('shows a healthy cluster of three shards with a replica each within 15 seconds, and Ctrl-C leaves nothing running', async () => {
    const cluster = quickstart('--dashboard', String(DASHBOARD_PORT));
    expect(await cluster.ready(15_000)).toBeLessThan(15_000);
    await cluster.waitFor(isWhole, 2_000, 'every node to see the whole cluster');
    expect(cluster.output).toContain(`valkey-cli -c -p ${FIRST_PORT}`);
    const roles = await Promise.all(PORTS.map(port => info(port, 'role')));
    expect(roles.filter(role => role === 'master').length).toBe(3);
    expect(roles.filter(role => role === 'slave').length).toBe(3);
    expect(cluster.output).toContain(`Dashboard: http://127.0.0.1:${DASHBOARD_PORT}/`);
    await cluster.waitFor(async () => (await dashboardState()).clusters[0]?.sampledAtMs !== null, 20_000, 'the first samples');
    expect((await dashboardState()).clusters[0].shards.map(({ load }) => load.keys)).toEqual([0, 0, 0]);
    expect(await cluster.interrupt()).toBe(0);
    expect(await listening()).toEqual([]);
  });

  test('forms the same cluster again on a second start, and with --fresh', async () => {
    for (const more of [[], [], ['--fresh']]) {
      const cluster = quickstart(...more);
      await cluster.ready(20_000);
      await cluster.waitFor(isWhole, 2_000, 'every node to see the whole cluster');
      expect(await cluster.interrupt()).toBe(0);
    }
  });

  test('replaces a primary that is killed by its replica, and brings the killed node back as a replica with the data', async () => {
    const cluster = quickstart();
    await cluster.ready(20_000);
    const primary = PORTS[(await Promise.all(PORTS.map(port => info(port, 'role')))).indexOf('master')];
    const key = await keyOn(primary);
    expect(await ask(primary, 'SET', key, 'kept')).toBe('OK');
    await until(
      async () => (await copies(key)) >= 2,
      10_000,
      () => 'the write to reach the replica',
    );
    process.kill(Number(await info(primary, 'process_id')), 'SIGKILL');
    await cluster.waitFor(async () => (await info(primary, 'role')) === 'slave', 30_000, 'the killed primary to come back as a replica');
    await cluster.waitFor(
      async () => (await info(primary, 'master_link_status')) === 'up' && (await isWhole()),
      30_000,
      'the cluster to be whole',
    );
    expect(await copies(key)).toBe(2);
  });

  test('leaves nothing running when it is killed itself, and the next start forms the cluster', async () => {
    const first = quickstart();
    await first.ready(20_000);
    first.child.kill('SIGKILL');
    await until(
      async () => (await listening()).length === 0,
      10_000,
      () => 'the nodes to end with their parent',
    );
    const second = quickstart();
    await second.ready(20_000);
    await second.waitFor(isWhole, 2_000, 'every node to see the whole cluster');
    expect(await listening()).toEqual(PORTS);
  });

  test('keeps the password of a Secret in the manifest', async () => {
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: door}\nstringData: {password: "let me in"}\n';
    const manifest = workspace.manifest(
      'locked.yaml',
      `${readFileSync(QUICKSTART, 'utf8')}  auth: {passwordSecret: {name: door}}\n---\n${secret}`,
    );
    const cluster = workspace.up(manifest, '--port', String(FIRST_PORT), '--dir', workspace.stateFolder);
    await cluster.ready(20_000);
    await expect(ask(FIRST_PORT, 'GET', 'x')).rejects.toThrow('NOAUTH');
  });
});

describe('slotkeeper up refuses, with a clear message, exit code 2 and nothing left running', () => {
  const refused = async (cluster: LocalCluster): Promise<string> => {
    expect(await cluster.ended(10_000)).toBe(2);
    expect(await listening()).toEqual([]);
    return cluster.output;
  };

  test('a port that is taken', async () => {
    const squatter = createServer();
    squatter.listen(PORTS[2] + 10_000, '127.0.0.1');
    await once(squatter, 'listening');
    try {
      expect(await refused(quickstart())).toContain(
        `Port ${PORTS[2] + 10_000} is taken by another program; quickstart needs ${PORTS[0]} to ${PORTS[5]}`,
      );
    } finally {
      squatter.close();
    }
  });

  test('a port that leaves no room', async () => {
    const cluster = workspace.up(QUICKSTART, '--port', '60000', '--dir', workspace.stateFolder);
    expect(await refused(cluster)).toContain(
      '--port 60000 leaves no room for 6 nodes with their cluster buses 10000 above: it can be 1 to 22762',
    );
  });

  test('a manifest that is wrong, with the field, the value and a valid one', async () => {
    const manifest = workspace.manifest('wrong.yaml', readFileSync(QUICKSTART, 'utf8').replace('replicas: 1', 'replicas: 9'));
    expect(await refused(workspace.up(manifest, '--dir', workspace.stateFolder))).toContain(
      'spec.replicas: 9 is not valid: must be at most 5',
    );
  });

  test('a demo of what the manifest does not let the operator do', async () => {
    const manifest = workspace.manifest('observe.yaml', readFileSync(QUICKSTART, 'utf8').replace('mode: Auto', 'mode: Observe'));
    expect(await refused(workspace.up(manifest, '--demo', '--dir', workspace.stateFolder))).toContain(
      'has rebalancing mode Observe, in which none do: set  spec: {rebalancing: {mode: Auto}}',
    );
  });

  test('a manifest that is not there', async () => {
    const missing = join(workspace.path, 'missing.yaml');
    expect(await refused(workspace.up(missing))).toContain(`Cannot read the manifest ${missing}: there is no such file`);
  });

  test('an image that cannot run here', async () => {
    const manifest = workspace.manifest('image.yaml', `${readFileSync(QUICKSTART, 'utf8')}  image: ./no-such-server\n`);
    expect(await refused(workspace.up(manifest, '--dir', workspace.stateFolder, '--server-binary', '/nowhere/valkey-server'))).toContain(
      'the server program /nowhere/valkey-server cannot be run',
    );
  });

  test('a folder that another one uses', async () => {
    const first = quickstart();
    await first.waitFor(async () => (await listening()).length > 0, 10_000, 'the first node');
    const second = workspace.up(QUICKSTART, '--port', String(FIRST_PORT + 100), '--dir', workspace.stateFolder);
    expect(await second.ended(10_000)).toBe(2);
    expect(second.output).toContain(`is in use by another slotkeeper up (process ${first.child.pid})`);
  });
});

/** A key whose slot the node on `port` serves. */
async function keyOn(port: number): Promise<string> {
  for (let n = 0; n < 1_000; n++) {
    const served = await ask(port, 'GET', `key:${n}`).then(
      () => true,
      () => false,
    );
    if (served) return `key:${n}`;
  }
  throw new Error(`no key of a thousand is served on port ${port}`);
}

/** How many nodes hold `key`, by the keys they list. */
async function copies(key: string): Promise<number> {
  const holders = await Promise.all(PORTS.map(async port => ((await ask(port, 'KEYS', key)) as readonly unknown[]).length));
  return holders.reduce((sum, count) => sum + count, 0);
}
