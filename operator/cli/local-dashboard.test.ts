import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startLocalDashboard } from './local-dashboard.ts';

const NODES = [7001, 7006] as const;

test('the dashboard of a local cluster says where it is, and is gone when it is closed', async () => {
  const port = await freePort();
  const local = await startLocalDashboard(port, NODES);
  expect(local.line).toBe(`Dashboard: http://127.0.0.1:${port}/`);
  local.dashboard?.leads(true);
  expect(await (await fetch(`http://127.0.0.1:${port}/api/state`)).json()).toEqual({ leads: true, clusters: [] });
  await local.close();
  await expect(fetch(`http://127.0.0.1:${port}/api/state`)).rejects.toThrow('fetch failed');
});

test('a port that it cannot have is said, and no failure', async () => {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  expect(await startLocalDashboard(port, NODES)).toMatchObject({
    dashboard: undefined,
    line: `No dashboard: port ${port} is taken by another program; choose another port with --dashboard <port>`,
  });
  server.close();
  for (const taken of [7001, 17_006])
    expect((await startLocalDashboard(taken, NODES)).line).toBe(
      `No dashboard: port ${taken} is one of the nodes'; choose another with --dashboard <port>`,
    );
  expect(await startLocalDashboard(undefined, NODES)).toMatchObject({ dashboard: undefined, line: '' });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
