import { afterEach, describe, expect, it } from 'vitest';
import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import { turnOf } from '../../test/support/dashboard-turns.ts';
import { Dashboard } from './dashboard.ts';
import { type DashboardServer, startDashboardServer } from './dashboard-server.ts';
import { COLUMNS } from './slot-columns.ts';

const servers: DashboardServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const KEY = 'default/shop';
const quiet = { keys: 10, cpuMicroseconds: 0, bytes: 0 };

/** Ten seconds lie between the turns; slot 3 works half of a core in them, and what it counted before is of no account. */
function twoTurns(
  dashboard: Dashboard,
  { runId, cpuMicroseconds = 12_000_000 }: { readonly runId?: string; readonly cpuMicroseconds?: number } = {},
): void {
  dashboard.leads(true);
  dashboard.turned(
    turnOf({
      atMs: 1_000,
      counted: slot => (slot === 3 ? { keys: 5, cpuMicroseconds: 7_000_000, bytes: 900 } : quiet),
      cpuSeconds: () => 100,
    }),
  );
  dashboard.turned(
    turnOf({
      atMs: 11_000,
      counted: slot => (slot === 3 ? { keys: 5, cpuMicroseconds, bytes: 5_900 } : quiet),
      cpuSeconds: shard => 100 + (shard === 0 ? 6 : 1),
      ...(runId === undefined ? {} : { runId }),
    }),
  );
}

function column(dashboard: Dashboard, name: (typeof COLUMNS)[number]): Float32Array {
  const bytes = dashboard.columns(KEY) ?? new Uint8Array();
  return new Float32Array(bytes.buffer, COLUMNS.indexOf(name) * SLOT_COUNT * 4, SLOT_COUNT);
}

describe('the dashboard', () => {
  it('shows keys and memory after one sample, and rates after two', () => {
    const dashboard = new Dashboard();
    dashboard.turned(turnOf({ atMs: 1_000, counted: () => quiet, cpuSeconds: () => 1 }));
    expect(column(dashboard, 'keys')[3]).toBe(10);
    expect(column(dashboard, 'memory')[3]).toBe(1000);
    expect(column(dashboard, 'cpu')[3]).toBeNaN();
    expect(dashboard.state().clusters[0].shards[0].load).toMatchObject({ keys: 54_620, cpu: null, network: null });
    const both = new Dashboard();
    twoTurns(both);
    expect(column(both, 'cpu')[3]).toBeCloseTo(0.5, 5);
    expect(column(both, 'network')[3]).toBe(1000);
    expect(column(both, 'cpu')[4]).toBe(0);
    expect(column(both, 'shard')[SLOT_COUNT - 1]).toBe(2);
    const [first, other] = both.state().clusters[0].shards;
    expect(first).toMatchObject({ index: 0, primary: 'shop-0-0', slots: 5462, load: { cpu: 0.6, network: 1000 } });
    expect(other.load).toMatchObject({ cpu: 0.1, network: 0, memoryLimitBytes: 536_870_912 });
  });

  it('tells the first of many ranges that move, and all of them', () => {
    const dashboard = new Dashboard();
    const turn = turnOf({ atMs: 1_000, counted: () => quiet, cpuSeconds: () => 1 });
    const slots = Array.from({ length: 10 }, (_, i) => 2 * i).join(',');
    dashboard.turned({ ...turn, status: { ...turn.status, migrations: [{ from: 0, to: 1, slots, state: 'snapshotting' }] } });
    expect(dashboard.state().clusters[0].moves).toMatchObject([
      { from: 0, to: 1, slots, someSlots: '0, 2, 4, 6, 8, 10, 12, 14 and 2 more ranges' },
    ]);
  });

  it('takes no rate over a restart, and counts from zero what was reset', () => {
    const restarted = new Dashboard();
    twoTurns(restarted, { runId: 'another' });
    expect(column(restarted, 'cpu')[3]).toBeNaN();
    expect(restarted.state().clusters[0].shards[0].load.cpu).toBeNull();
    const reset = new Dashboard();
    twoTurns(reset, { cpuMicroseconds: 1_000_000 });
    expect(column(reset, 'cpu')[3]).toBeCloseTo(0.1, 5);
  });

  it('keeps decisions, newest first, and forgets a cluster that is gone and all of them with the lease', () => {
    const dashboard = new Dashboard();
    twoTurns(dashboard);
    dashboard.decided(KEY, { type: 'Normal', reason: 'First', note: 'a' }, 1);
    dashboard.decided(KEY, { type: 'Warning', reason: 'Second', note: 'b' }, 2);
    expect(dashboard.state().clusters[0].decisions.map(({ reason }) => reason)).toEqual(['Second', 'First']);
    dashboard.gone(KEY);
    expect(dashboard.state()).toEqual({ leads: true, clusters: [] });
    twoTurns(dashboard);
    dashboard.leads(false);
    expect(dashboard.state()).toEqual({ leads: false, clusters: [] });
  });
});

describe("the dashboard's server", () => {
  async function serve(dashboard: Dashboard): Promise<string> {
    const server = await startDashboardServer(dashboard, { port: 0, host: '127.0.0.1' });
    servers.push(server);
    return `http://127.0.0.1:${server.port}`;
  }

  it('serves the page with a policy that lets it load nothing from elsewhere', async () => {
    const url = await serve(new Dashboard());
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/page.js', 'text/javascript'],
      ['/page.css', 'text/css'],
      ['/icon.svg', 'image/svg+xml'],
    ]) {
      const answer = await fetch(url + path);
      expect([path, answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([path, 200, type]);
      expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'/);
      expect(await answer.text()).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
    }
  });

  it('gives state and columns, and 304 while nothing has changed', async () => {
    const dashboard = new Dashboard();
    twoTurns(dashboard);
    const url = await serve(dashboard);
    const state = await fetch(`${url}/api/state`);
    expect(await state.json()).toMatchObject({ leads: true, clusters: [{ key: KEY, state: 'Ready', sampledAtMs: 11_000, moves: [] }] });
    const tag = state.headers.get('etag') ?? '';
    expect((await fetch(`${url}/api/state`, { headers: { 'if-none-match': tag } })).status).toBe(304);
    const columns = await fetch(`${url}/api/slots?cluster=${encodeURIComponent(KEY)}`);
    expect((await columns.arrayBuffer()).byteLength).toBe(COLUMNS.length * SLOT_COUNT * 4);
    dashboard.decided(KEY, { type: 'Normal', reason: 'News', note: '' }, 3);
    expect((await fetch(`${url}/api/state`, { headers: { 'if-none-match': tag } })).status).toBe(200);
  });

  it('refuses what is not a read, what is not there, and another name for loopback', async () => {
    const url = await serve(new Dashboard());
    expect((await fetch(`${url}/api/state`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${url}/api/slots?cluster=no/such`)).status).toBe(404);
    expect((await fetch(`${url}/../package.json`)).status).toBe(404);
    const { request } = await import('node:http');
    const status = await new Promise(resolve => {
      request(`${url}/api/state`, { headers: { host: 'evil.example' } }, response => resolve(response.statusCode)).end();
    });
    expect(status).toBe(421);
  });
});
