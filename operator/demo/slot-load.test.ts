import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import RedisParser from 'redis-parser';
import { afterEach, describe, expect, it } from 'vitest';
import { SLOT_COUNT, slotOfKey } from '../../lib/slot-hash.ts';
import { DEFAULT_LOAD } from './load.ts';
import { type LoadSettings, SlotLoad } from './slot-load.ts';

const HOT = 100;

/** A node that serves the slots it is told to, and counts what it is asked for. */
class FakeNode {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly served = new Map<number, number>();
  readonly names = new Map<string, number>();
  /** What a command on a slot gets; undefined: it is served. */
  answer: (slot: number) => string | undefined = () => undefined;
  owners: readonly [number, number, FakeNode][] = [];

  constructor() {
    this.#server = createServer({ noDelay: true }, socket => {
      this.#sockets.add(socket);
      const parser = new RedisParser({
        returnReply: reply => socket.write(this.#reply(reply as string[])),
        returnError: () => {},
        returnFatalError: error => socket.destroy(error),
      });
      socket.on('data', bytes => parser.execute(bytes as Buffer));
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.drop();
    this.#server.close();
  }

  #reply([name, key]: string[]): string {
    if (name === 'CLUSTER') {
      const rows = this.owners.map(
        ([from, to, { port }]) => `*3\r\n:${from}\r\n:${to}\r\n*3\r\n$9\r\n127.0.0.1\r\n:${port}\r\n$2\r\nid\r\n`,
      );
      return `*${rows.length}\r\n${rows.join('')}`;
    }
    const slot = slotOfKey(Buffer.from(key), 0, key.length);
    const refusal = this.answer(slot);
    if (refusal !== undefined) return `-${refusal}\r\n`;
    this.served.set(slot, (this.served.get(slot) ?? 0) + 1);
    this.names.set(name, (this.names.get(name) ?? 0) + 1);
    return name === 'GET' ? '$2\r\nhi\r\n' : name === 'SET' ? '+OK\r\n' : ':1\r\n';
  }
}

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

async function twoNodes(): Promise<readonly [FakeNode, FakeNode]> {
  const nodes = [await new FakeNode().listen(), await new FakeNode().listen()] as const;
  for (const node of nodes) {
    node.owners = [
      [0, 8191, nodes[0]],
      [8192, SLOT_COUNT - 1, nodes[1]],
    ];
    ended.push(() => node.close());
  }
  return nodes;
}

async function startLoad(node: FakeNode, settings: Partial<LoadSettings> = {}): Promise<SlotLoad> {
  const doors = { seeds: [{ host: '127.0.0.1', port: node.port }], password: '' };
  const load = await SlotLoad.start(doors, { ...DEFAULT_LOAD, hotSlots: [HOT], ...settings });
  ended.push(() => load.stop());
  return load;
}

const total = (node: FakeNode): number => [...node.served.values()].reduce((sum, count) => sum + count, 0);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5));
}

describe('the closed loop', () => {
  it('sends the hot share to the hot slots and the rest to all, each to the node that serves it', async () => {
    const [first, second] = await twoNodes();
    await startLoad(first);
    await until(() => total(first) + total(second) > 20_000);
    const all = total(first) + total(second);
    expect((first.served.get(HOT) ?? 0) / all).toBeGreaterThan(0.87);
    expect((first.served.get(HOT) ?? 0) / all).toBeLessThan(0.93);
    expect(total(second) / all).toBeGreaterThan(0.03);
    expect([...first.served.keys()].every(slot => slot < 8192) && [...second.served.keys()].every(slot => slot >= 8192)).toBe(true);
    const sets = (first.names.get('SET') ?? 0) / total(first);
    expect([sets > 0.17, sets < 0.23, first.names.has('LPOS')]).toEqual([true, true, false]);
  });

  it('makes the lists before it looks through them', async () => {
    const [first] = await twoNodes();
    await startLoad(first, { scanLength: 50, users: 1 });
    await until(() => total(first) > 1_000);
    expect([...first.names.keys()].slice(0, 2)).toEqual(['DEL', 'RPUSH']);
    expect(first.names.get('LPOS')).toBeGreaterThan(first.names.get('SET') ?? 0);
  });

  it('follows MOVED for the slot, loses no command by it, and counts it as no failure', async () => {
    const [first, second] = await twoNodes();
    const load = await startLoad(first);
    await until(() => total(first) > 1_000);
    load.take();
    first.answer = slot => (slot === HOT ? `MOVED ${HOT} 127.0.0.1:${second.port}` : undefined);
    await until(() => (second.served.get(HOT) ?? 0) > 1_000);
    const { redirected, failed } = load.take();
    expect([redirected > 0, redirected <= DEFAULT_LOAD.users * DEFAULT_LOAD.batch, failed]).toEqual([true, true, 0]);
  });

  it('sends again what was refused or lost, until it succeeds, and its latency counts from the first time', async () => {
    const [first, second] = await twoNodes();
    const load = await startLoad(first);
    await until(() => total(first) > 1_000);
    load.take();
    const refusedAt = performance.now();
    first.answer = slot => (slot === HOT ? 'CLUSTERDOWN The cluster is down' : undefined);
    first.drop();
    await until(() => performance.now() - refusedAt > 150);
    first.answer = () => undefined;
    const before = total(first);
    await until(() => total(first) > before + 1_000);
    const { failed, lastError, latencies } = load.take();
    expect(failed).toBeGreaterThan(0);
    expect(lastError).toBe('CLUSTERDOWN The cluster is down');
    expect(latencies.percentileMs(1)).toBeGreaterThan(100);
    expect(total(second)).toBeGreaterThan(0);
  });
});
