import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { NodeTarget } from './node-client.ts';
import { encodeCommand, TcpNodeClient } from './tcp-node-client.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const thing of open.splice(0)) thing.close();
});

/** A server that hands each piece of input to `answer`. */
async function listen(answer: (socket: Socket, input: string) => void): Promise<NodeTarget> {
  const sockets: Socket[] = [];
  const server: Server = createServer(socket => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', bytes => answer(socket, bytes.toString()));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { name: 'shop-0-0', address: { host: '127.0.0.1', port, busPort: port + 1 }, process: 'p' };
}

function clientOf(target: NodeTarget): TcpNodeClient {
  const client = new TcpNodeClient(target, { connectTimeoutMs: 300, commandTimeoutMs: 100 });
  open.push(client);
  return client;
}

describe('a connection to a node', () => {
  it('sends commands as arrays of bulk strings and keeps replies in order', async () => {
    const target = await listen((socket, input) => {
      for (const _ of input.matchAll(/\*\d/g)) socket.write('');
      if (input.includes('TWO')) socket.write('+one\r\n*2\r\n:2\r\n$-1\r\n');
    });
    const client = clientOf(target);
    const replies = await Promise.all([client.send(['ONE']), client.send(['TWO', 'é'])]);
    expect(replies).toEqual(['one', [2, null]]);
    expect(encodeCommand(['SET', 'é']).toString()).toBe('*2\r\n$3\r\nSET\r\n$2\r\né\r\n');
  });

  it('authenticates first, and names a wrong password as such', async () => {
    const target = await listen(socket => socket.write('-WRONGPASS invalid username-password pair or user is disabled.\r\n'));
    await expect(clientOf({ ...target, password: 'x' }).send(['PING'])).rejects.toMatchObject({
      problem: 'authentication',
      code: 'WRONGPASS',
    });
  });

  it('gives up on a silent node, and opens a new connection for the next command', async () => {
    let answers = false;
    const target = await listen(socket => {
      if (answers) socket.write('+PONG\r\n');
    });
    const client = clientOf(target);
    await expect(client.send(['PING'])).rejects.toMatchObject({ problem: 'timeout' });
    answers = true;
    expect(await client.send(['PING'])).toBe('PONG');
  });

  it('fails every waiting command when the node closes or talks nonsense', async () => {
    const closing = clientOf(await listen(socket => socket.destroy()));
    await expect(Promise.all([closing.send(['A']), closing.send(['B'])])).rejects.toMatchObject({ problem: 'closed' });
    const nonsense = clientOf(await listen(socket => socket.write('HTTP/1.1 400 Bad Request\r\n')));
    await expect(nonsense.send(['A'])).rejects.toMatchObject({ problem: 'protocol' });
  });

  it('names a node that refuses connections', async () => {
    const target = await listen(() => {});
    for (const thing of open.splice(0)) thing.close();
    await expect(clientOf(target).send(['PING'])).rejects.toMatchObject({ problem: 'refused' });
  });
});
