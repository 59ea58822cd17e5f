/** The stream of a primary while its writes are paused, with a replica that is another server of this process. */
import { afterEach, expect, test } from 'vitest';
import { NodeConnection } from '../../test/integration/node-connection.ts';
import { createServer, type RunningServer } from '../server.ts';

const LIMIT_MS = 10_000;
const GETACK_BYTES = '*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n'.length;
const servers: RunningServer[] = [];
const connections: NodeConnection[] = [];

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  for (const server of servers.splice(0).toReversed()) await server.close();
});

async function start(): Promise<NodeConnection> {
  const server = await createServer({ directives: {} });
  servers.push(server);
  return connect();
}

/** To the first server. */
async function connect(): Promise<NodeConnection> {
  const connection = await NodeConnection.open({ host: '127.0.0.1', port: servers[0].port });
  connections.push(connection);
  return connection;
}

async function withReplica(): Promise<NodeConnection> {
  const primary = await start();
  // A PING of the stream would move the offset, too.
  await primary.send('CONFIG', 'SET', 'repl-ping-replica-period', '3600', 'repl-diskless-sync-delay', '0');
  servers.push(await createServer({ directives: { replicaof: `127.0.0.1 ${servers[0].port}` } }));
  const deadline = performance.now() + LIMIT_MS;
  while (!/state=online/.test(String(await primary.send('INFO', 'replication')))) {
    if (performance.now() > deadline) throw new Error('the replica did not come online');
    await primary.send('WAIT', '1', '50');
  }
  return primary;
}

async function offset(primary: NodeConnection): Promise<number> {
  return Number(/master_repl_offset:(\d+)/.exec(String(await primary.send('INFO', 'replication')))?.[1]);
}

test('WAIT lets the stream stand still while writes are paused, and asks for acknowledgements afterwards', async () => {
  const primary = await withReplica();
  const [, , before] = await Promise.all([
    primary.send('SET', 'k', 'v'),
    primary.send('CLIENT', 'PAUSE', '60000', 'WRITE'),
    offset(primary),
  ]);
  // Two replicas are never reached: it has to ask.
  await primary.send('WAIT', '2', '50');
  expect(await offset(primary)).toBe(before);
  await primary.send('CLIENT', 'UNPAUSE');
  const deadline = performance.now() + LIMIT_MS;
  while ((await offset(primary)) === before && performance.now() < deadline);
  expect((await offset(primary)) - before).toBe(GETACK_BYTES);
});

test('WAIT of a write just before a pause is answered within it', async () => {
  const primary = await withReplica();
  const [, , replicas] = await Promise.all([
    primary.send('SET', 'k', 'v'),
    primary.send('CLIENT', 'PAUSE', '60000', 'WRITE'),
    primary.send('WAIT', '1', '5000'),
  ]);
  expect(replicas).toBe(1);
});

test('WAIT asks a replica that comes back meanwhile', async () => {
  const primary = await withReplica();
  // In one go, so that the replica is away when WAIT looks for somebody to ask.
  const [, , before, reached] = await Promise.all([
    primary.send('CLIENT', 'KILL', 'TYPE', 'REPLICA'),
    primary.send('SET', 'k', 'v'),
    offset(primary),
    primary.send('WAIT', '1', String(LIMIT_MS)),
  ]);
  expect(reached).toBe(1);
  expect((await offset(primary)) - before).toBe(GETACK_BYTES);
});
