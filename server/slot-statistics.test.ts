/** CLUSTER SLOT-STATS of a node that owns all slots, from the outside: what each kind of request adds to its slot. */

import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createServer, type RunningServer } from './server.ts';

const KEY_SLOT = 12_539;
const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-slot-stats-'));
let server: RunningServer;
let socket: net.Socket;

const encode = (line: string): string => {
  const words = line.split(' ');
  return `*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`;
};

/** Sends all at once, as one batch; the replies as they come, up to the PONG that is asked for last. */
function send(...lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const late = setTimeout(() => reject(new Error(`no PONG in ${JSON.stringify(text.slice(-200))}`)), 15_000);
    const take = (bytes: Buffer): void => {
      text += bytes.toString('latin1');
      if (!text.endsWith('+PONG\r\n')) return;
      clearTimeout(late);
      socket.off('data', take);
      resolve(text.slice(0, -'+PONG\r\n'.length));
    };
    socket.on('data', take);
    socket.write([...lines, 'PING'].map(encode).join(''), 'latin1');
  });
}

/** Figures of a slot: keys, microseconds, bytes in, bytes out. */
async function statsOf(slot: number): Promise<{ keys: number; cpu: number; bytesIn: number; bytesOut: number }> {
  const reply = await send(`CLUSTER SLOT-STATS SLOTSRANGE ${slot} ${slot}`);
  const figure = (name: string): number => Number(new RegExp(`${name}\\r\\n:(\\d+)`).exec(reply)?.[1] ?? Number.NaN);
  return { keys: figure('key-count'), cpu: figure('cpu-usec'), bytesIn: figure('network-bytes-in'), bytesOut: figure('network-bytes-out') };
}

async function freePorts(): Promise<readonly number[]> {
  const servers = await Promise.all(
    [0, 1].map(
      () =>
        new Promise<net.Server>(
          resolve =>
            void net.createServer().listen(0, '127.0.0.1', function (this: net.Server) {
              resolve(this);
            }),
        ),
    ),
  );
  const ports = servers.map(each => (each.address() as AddressInfo).port);
  await Promise.all(servers.map(each => new Promise(resolve => each.close(resolve))));
  return ports;
}

beforeAll(async () => {
  const [port, busPort] = await freePorts();
  const directives = { port, 'cluster-port': busPort, 'cluster-enabled': 'yes', 'cluster-slot-stats-enabled': 'yes', dir: folder };
  server = await createServer({ directives });
  socket = net.connect(port, '127.0.0.1');
  await send('CLUSTER ADDSLOTSRANGE 0 16383');
  const deadline = Date.now() + 10_000;
  while (!(await send('SET key value')).startsWith('+OK')) {
    if (Date.now() > deadline) throw new Error('The node does not take its slots');
    await new Promise(resolve => setImmediate(resolve));
  }
});

afterAll(async () => {
  socket?.destroy();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  await send('CONFIG SET cluster-slot-stats-enabled yes', 'FLUSHALL', 'CONFIG RESETSTAT');
});

describe('CLUSTER SLOT-STATS', () => {
  test('counts keys, bytes of requests and replies, and time for the one slot of each command of a batch', async () => {
    await send('SET key value', 'GET key', 'SET {key}2 x', 'SET other value');
    expect(await statsOf(KEY_SLOT)).toMatchObject({ keys: 2, bytesIn: 33 + 22 + 32, bytesOut: 5 + 11 + 5 });
  });

  test('shares the time of a run of cheap commands among their slots, and the sum is that of INFO commandstats', async () => {
    await send(...Array.from({ length: 3000 }, (_, index) => `SET k${index % 500} value`));
    const all = await send('CLUSTER SLOT-STATS SLOTSRANGE 0 16383');
    const sum = [...all.matchAll(/cpu-usec\r\n:(\d+)/g)].reduce((total, [, value]) => total + Number(value), 0);
    const usec = Number(/cmdstat_set:calls=3000,usec=(\d+)/.exec(await send('INFO commandstats'))?.[1]);
    expect(usec).toBeGreaterThan(0);
    // Each slot's own figure is rounded.
    expect(Math.abs(sum - usec)).toBeLessThanOrEqual(250);
  });

  test('counts a transaction as one, with the bytes of its MULTI and once more what was answered on the way', async () => {
    await send('MULTI', 'SET key value', 'GET key', 'EXEC');
    // In: 15 MULTI + 33 SET + 22 GET + 14 EXEC. Out: header and OK; header, OK and value; the same for EXEC.
    expect(await statsOf(KEY_SLOT)).toMatchObject({ bytesIn: 84, bytesOut: 9 + 20 + 20 });
    const exec = Number(/cmdstat_exec:calls=1,usec=(\d+)/.exec(await send('INFO commandstats'))?.[1]);
    expect((await statsOf(KEY_SLOT)).cpu).toBe(exec);
  });

  test('counts what was refused as received only, and nothing for keys of several slots or wrong arguments', async () => {
    await send('SET key', 'MGET key other', 'NOTHING key', 'MULTI', 'WATCH key', 'DISCARD');
    expect(await statsOf(KEY_SLOT)).toMatchObject({ bytesIn: 24, bytesOut: 0, cpu: 0 });
  });

  test('leaves out replies that the client does not get', async () => {
    await send('CLIENT REPLY SKIP', 'SET key value');
    expect(await statsOf(KEY_SLOT)).toMatchObject({ bytesIn: 33, bytesOut: 0 });
  });

  test('begins anew for a slot that changes its owner', async () => {
    await send('SET key value', 'CLUSTER DELSLOTS 12539');
    expect(await send('CLUSTER SLOT-STATS SLOTSRANGE 12539 12539')).toBe('*0\r\n');
    await send('CLUSTER ADDSLOTS 12539');
    expect(await statsOf(KEY_SLOT)).toEqual({ keys: 1, cpu: 0, bytesIn: 0, bytesOut: 0 });
  });

  test('tells only the number of keys while it is switched off, and counts nothing', async () => {
    await send('CONFIG SET cluster-slot-stats-enabled no', 'SET key value');
    expect(await send('CLUSTER SLOT-STATS SLOTSRANGE 12539 12539')).toBe('*1\r\n*2\r\n:12539\r\n*2\r\n$9\r\nkey-count\r\n:1\r\n');
    expect(await send('CLUSTER SLOT-STATS ORDERBY cpu-usec')).toBe('-ERR Unrecognized sort metric for ORDERBY.\r\n');
    await send('CONFIG SET cluster-slot-stats-enabled yes');
    expect(await statsOf(KEY_SLOT)).toEqual({ keys: 1, cpu: 0, bytesIn: 0, bytesOut: 0 });
  });
});
