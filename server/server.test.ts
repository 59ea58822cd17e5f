import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createServer } from './server.ts';
import type { Directives, RunningServer } from './server.ts';

const servers: RunningServer[] = [];

async function start(directives: Directives = {}): Promise<RunningServer> {
  const server = await createServer({ directives });
  servers.push(server);
  return server;
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A client that sends bytes and waits for bytes. */
class Client {
  readonly socket: net.Socket;
  received = '';
  closed = false;
  private waiting: (() => void) | undefined;

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
      this.waiting?.();
    });
    const ended = (): void => {
      this.closed = true;
      this.waiting?.();
    };
    this.socket.on('end', ended);
    this.socket.on('error', ended);
    this.socket.on('close', ended);
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Waits until `done` holds, at most ten seconds. */
  async until(done: () => boolean): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!done()) {
      if (Date.now() > deadline) throw new Error(`Not in time; received ${JSON.stringify(this.received.slice(0, 200))}`);
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 200);
        this.waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Sends, and gives back exactly as many bytes as `reply` has. */
  async ask(request: string, reply: string): Promise<string> {
    this.received = '';
    this.send(request);
    await this.until(() => this.received.length >= reply.length || this.closed);
    return this.received;
  }
}

const resp = (...words: string[]): string => `*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`;

async function expectReply(client: Client, request: string, reply: string): Promise<void> {
  expect(await client.ask(request, reply)).toBe(reply);
}

test('several servers live in one process, each with its own data', async () => {
  const [one, other] = [await start(), await start()];
  const [a, b] = [new Client(one.port), new Client(other.port)];
  await expectReply(a, 'SET k one\r\n', '+OK\r\n');
  await expectReply(b, 'GET k\r\n', '$-1\r\n');
  await expectReply(a, 'GET k\r\n', '$3\r\none\r\n');
});

test('a pipeline is answered in order, however it is cut', async () => {
  const client = new Client((await start()).port);
  client.socket.setNoDelay(true);
  let requests = '';
  let replies = '';
  for (let i = 0; i < 2000; i++) {
    requests += resp('SET', `k${i}`, `v${i}`) + resp('GET', `k${i}`);
    replies += `+OK\r\n$${`v${i}`.length}\r\nv${i}\r\n`;
  }
  for (let at = 0; at < requests.length; at += 1777) client.send(requests.slice(at, at + 1777));
  await client.until(() => client.received.length >= replies.length);
  expect(client.received === replies).toBe(true);
});

test('a transaction queues, runs as one, and is refused when a command in it was wrong', async () => {
  const client = new Client((await start()).port);
  await expectReply(
    client,
    resp('MULTI') + resp('INCR', 'n') + resp('GET', 'n') + resp('EXEC'),
    '+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n$1\r\n1\r\n',
  );
  const wrong = "-ERR wrong number of arguments for 'get' command\r\n";
  const abort = '-EXECABORT Transaction discarded because of previous errors.\r\n';
  await expectReply(client, resp('MULTI') + resp('GET') + resp('EXEC'), `+OK\r\n${wrong}${abort}`);
});

test('a watched key that another client changes makes EXEC answer nil', async () => {
  const { port } = await start();
  const [a, b] = [new Client(port), new Client(port)];
  await expectReply(a, resp('WATCH', 'k') + resp('MULTI') + resp('PING'), '+OK\r\n+OK\r\n+QUEUED\r\n');
  await expectReply(b, resp('SET', 'k', 'v'), '+OK\r\n');
  await expectReply(a, resp('EXEC'), '*-1\r\n');
});

test('without the password nothing is answered but NOAUTH', async () => {
  const client = new Client((await start({ requirepass: 'secret' })).port);
  await expectReply(client, 'GET k\r\n', '-NOAUTH Authentication required.\r\n');
  await expectReply(client, resp('AUTH', 'secret') + resp('GET', 'k'), '+OK\r\n$-1\r\n');
});

test('CLIENT REPLY SKIP and OFF silence what they should', async () => {
  const client = new Client((await start()).port);
  const requests =
    resp('CLIENT', 'REPLY', 'SKIP') + resp('SET', 'a', '1') + resp('GET', 'a') + resp('CLIENT', 'REPLY', 'OFF') + resp('PING');
  await expectReply(client, requests + resp('CLIENT', 'REPLY', 'ON') + resp('PING'), '$1\r\n1\r\n+OK\r\n+PONG\r\n');
});

test('a protocol error is answered after what came before it, and the connection closes', async () => {
  const client = new Client((await start()).port);
  client.send(`${resp('PING')}*1\r\n!1\r\n`);
  await client.until(() => client.closed);
  expect(client.received).toBe("+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n");
});

test('a client that sends and closes its side is served first', async () => {
  const client = new Client((await start()).port);
  client.socket.end(Buffer.from(resp('SET', 'k', 'v') + resp('GET', 'k')));
  await client.until(() => client.closed);
  expect(client.received).toBe('+OK\r\n$1\r\nv\r\n');
});

test('large values come in and go out whole', async () => {
  const client = new Client((await start()).port);
  const value = Buffer.alloc(5_000_000, 'abcdefghijklmnopqrstuvwxyz0123').toString('latin1');
  await expectReply(client, resp('SET', 'big', value), '+OK\r\n');
  const reply = await client.ask(resp('GET', 'big') + resp('STRLEN', 'big'), `$${value.length}\r\n${value}\r\n:${value.length}\r\n`);
  expect(reply === `$${value.length}\r\n${value}\r\n:${value.length}\r\n`).toBe(true);
});

test('a request of 200,000 arguments is read while it comes', async () => {
  const client = new Client((await start()).port);
  let request = '*200001\r\n$4\r\nMSET\r\n';
  for (let i = 0; i < 200_000; i++) request += `$${`key:${i >> 1}`.length}\r\nkey:${i >> 1}\r\n`;
  await expectReply(client, request, '+OK\r\n');
  await expectReply(client, resp('DBSIZE'), ':100000\r\n');
});

test('a slow reader holds its own requests back, not the server', async () => {
  const { port, ports } = await start();
  const [slow, other] = [new Client(port), new Client(port)];
  const value = 'x'.repeat(1_000_000);
  await expectReply(other, resp('SET', 'big', value), '+OK\r\n');
  slow.socket.pause();
  slow.send(resp('GET', 'big').repeat(300));
  let pending = 0;
  const deadline = Date.now() + 10_000;
  while (pending < 10_000_000 && Date.now() < deadline) {
    await expectReply(other, resp('PING'), '+PONG\r\n');
    ports.clients.each(session => {
      pending = Math.max(pending, session.transport.pendingOutputBytes);
    });
  }
  await expectReply(other, resp('PING'), '+PONG\r\n');
  expect(pending).toBeGreaterThan(10_000_000);
  expect(pending).toBeLessThan(50_000_000);
  slow.socket.resume();
  const length = 300 * `$1000000\r\n${value}\r\n`.length;
  await slow.until(() => slow.received.length >= length);
  expect(slow.received.length).toBe(length);
});

test('the output limit closes a client that does not read', async () => {
  const { port, ports } = await start({ 'client-output-buffer-limit': 'normal 2mb 0 0' });
  const [slow, other] = [new Client(port), new Client(port)];
  await expectReply(other, resp('SET', 'big', 'x'.repeat(1_000_000)), '+OK\r\n');
  slow.socket.pause();
  slow.send(resp('GET', 'big').repeat(50));
  await other.until(() => {
    other.send(resp('PING'));
    return ports.stats.counters.outputBufferDisconnections === 1 && ports.clients.count === 1;
  });
});

test('more clients than maxclients are refused', async () => {
  const { port } = await start({ maxclients: 1 });
  await expectReply(new Client(port), 'PING\r\n', '+PONG\r\n');
  const second = new Client(port);
  await second.until(() => second.closed);
  expect(second.received).toBe('-ERR max number of clients reached\r\n');
});

test('a paused client waits and loses nothing', async () => {
  const { port, ports } = await start();
  const client = new Client(port);
  ports.clients.pause('client-pause', Number.MAX_SAFE_INTEGER, true);
  client.send(resp('GET', 'k') + resp('SET', 'k', 'v') + resp('GET', 'k'));
  await client.until(() => client.received === '$-1\r\n');
  ports.clients.unpause('client-pause');
  await client.until(() => client.received === '$-1\r\n+OK\r\n$1\r\nv\r\n');
  expect(ports.clients.pausedWrites).toBe(false);
});

test('keys expire though nobody asks for them', async () => {
  const { port, ports } = await start();
  const client = new Client(port);
  for (let i = 0; i < 100; i++) client.send(resp('SET', `k${i}`, 'v', 'PX', '20'));
  await client.until(() => client.received.length === 500);
  await client.until(() => ports.databases.get(0).size === 0);
  expect(ports.stats.counters.expiredKeys).toBe(100);
});

test('an unknown command and a wrong arity get upstream’s texts', async () => {
  const client = new Client((await start()).port);
  await expectReply(client, resp('nosuch', 'a b', 'c'), "-ERR unknown command 'nosuch', with args beginning with: 'a b' 'c' \r\n");
  await expectReply(client, resp('get'), "-ERR wrong number of arguments for 'get' command\r\n");
  await expectReply(client, resp('client', 'nosuch'), "-ERR unknown subcommand 'nosuch'. Try CLIENT HELP.\r\n");
});

test('above maxmemory writes are refused, reads go on, and a policy that would evict is not accepted', async () => {
  const client = new Client((await start()).port);
  await expectReply(client, resp('SET', 'k', 'v') + resp('CONFIG', 'SET', 'maxmemory', '1000'), '+OK\r\n+OK\r\n');
  await expectReply(client, resp('SET', 'k', 'w'), "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  await expectReply(client, resp('GET', 'k') + resp('DEL', 'k'), '$1\r\nv\r\n:1\r\n');
  const refused = await client.ask(resp('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'), '-ERR CONFIG SET failed');
  expect(refused).toContain('cannot evict keys yet');
});

test('pipelines of many clients in one loop turn are all answered', async () => {
  const server = await start();
  const clients = Array.from({ length: 60 }, () => new Client(server.port));
  await Promise.all(clients.map(client => expectReply(client, resp('PING'), '+PONG\r\n')));
  const answered = clients.map((client, index) => expectReply(client, resp('PING').repeat(1 + index), '+PONG\r\n'.repeat(1 + index)));
  await Promise.all(answered);
});

test('a pipeline does what its requests do one by one', async () => {
  const seed = Math.floor(Math.random() * 1e6);
  console.log(`pipeline seed ${seed}`);
  let state = seed;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const key = (): string => `key:${below(6)}`;
  const value = (): string => ['7', 'x'.repeat(below(90)), 'y'.repeat(1200), '-12'][below(4)];
  const kinds: readonly (() => string[])[] = [
    () => ['GET', key()],
    () => ['SET', key(), value()],
    () => ['DEL', key()],
    () => ['APPEND', key(), value()],
    () => ['INCR', key()],
    () => ['LPUSH', key(), 'a', 'b'],
    () => ['EXPIRE', key(), '100'],
    () => ['PERSIST', key()],
    () => ['RENAME', key(), key()],
    () => ['COPY', key(), key(), 'REPLACE'],
    () => ['SELECT', String(below(2))],
    () => ['SWAPDB', '0', '1'],
    () => ['FLUSHDB'],
    () => ['GET'],
    () => ['MULTI'],
    () => ['EXEC'],
    () => ['CLIENT', 'REPLY', 'SKIP'],
    () => ['MGET', key(), key()],
  ];
  const common = (): number => (below(4) === 0 ? below(kinds.length) : below(6));
  const [piped, single] = [new Client((await start()).port), new Client((await start()).port)];
  for (let round = 0; round < 60; round++) {
    const requests = Array.from({ length: 2 + below(80) }, () => kinds[common()]());
    const end = ['ECHO', `end of round ${round}`];
    const whole = (client: Client): boolean =>
      client.received.endsWith(`${end[1]}\r\n`) || client.received.endsWith(`${end[1]}\r\n$-1\r\n`);
    // A transaction that is open ends, so that the last reply is the echo's.
    const all = [...requests, ['MULTI'], ['DISCARD'], ['CLIENT', 'REPLY', 'ON'], end];
    piped.received = '';
    piped.send(all.map(words => resp(...words)).join(''));
    await piped.until(() => whole(piped));
    single.received = '';
    for (const words of all) {
      single.send(resp(...words));
      await new Promise<void>(resolve => setImmediate(resolve));
    }
    await single.until(() => whole(single));
    expect(piped.received, `round ${round} of seed ${seed}: ${JSON.stringify(requests)}`).toBe(single.received);
  }
});
