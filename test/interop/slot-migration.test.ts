/**
 * Atomic slot migration between our nodes and the reference's, in both directions, under load, with seeded pauses, cancels and lost connections: no
 * confirmed write is lost, none is there twice, and no key stays behind.
 *
 * SLOTKEEPER_SEED repeats a run; SLOTKEEPER_FULL makes a hundred rounds of it.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isOver, jobs, ListWriter } from '../support/slot-movers.ts';
import { NEEDS_REFERENCE, TestCluster, type ValkeyNode, WITHOUT_REFERENCE, waitFor } from '../support/cluster-nodes.ts';

const seed = Number(process.env['SLOTKEEPER_SEED'] ?? Date.now() % 1_000_000);
const full = (process.env['SLOTKEEPER_FULL'] ?? '') !== '';
const ROUNDS = full ? 100 : 8;
const FIRST_PORT = 20_240;
/** Slots 3300, 15495 and 7365. */
const TAGS = ['{b}', '{a}', '{c}'];
const KEYS_A_TAG = 200;
const WRITERS = 4;

function randomFrom(start: number): (limit: number) => number {
  let state = start | 1;
  return limit => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
}

describe.skipIf(WITHOUT_REFERENCE)(`slots move between our nodes and the reference's (seed ${seed})${NEEDS_REFERENCE}`, () => {
  const cluster = new TestCluster({
    firstPort: FIRST_PORT,
    shards: [
      ['ours', 'reference'],
      ['reference', 'ours'],
      ['ours', 'ours'],
    ],
    nodeTimeoutMs: 10_000,
    directives: { 'cluster-databases': '4', 'repl-timeout': '20' },
  });
  const primaries = cluster.shards.map(([primary]) => primary);
  const ids = new Map<ValkeyNode, string>();
  beforeAll(async () => {
    await cluster.form();
    for (const node of primaries) ids.set(node, await node.text('CLUSTER', 'MYID'));
  });
  afterAll(() => cluster.dispose());

  const slotOf = (tag: string): Promise<string> => primaries[0].text('CLUSTER', 'KEYSLOT', tag);
  const ownerOf = async (slot: string): Promise<ValkeyNode> => {
    const slots = (await primaries[2].ask('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const [, , [, port]] = slots.find(([start, end]) => Number(slot) >= start && Number(slot) <= end) ?? [0, 0, ['', 0]];
    return primaries.find(node => node.port === port) ?? primaries[0];
  };
  const move = async (from: ValkeyNode, slot: string, to: ValkeyNode): Promise<void> => {
    expect(await from.ask('CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', slot, slot, 'NODE', ids.get(to) ?? '')).toBe('OK');
  };
  const allOver = (): Promise<void> =>
    waitFor(
      async () => (await Promise.all(primaries.map(jobs))).flat().every(job => isOver(job.state)),
      60_000,
      () => 'all migrations to be over',
    );
  /** The slot's keys are with its owner and its replica alone. */
  const inOnePlace = async (slot: string, keys: number): Promise<void> => {
    const owner = await ownerOf(slot);
    const shard = cluster.shards.find(([primary]) => primary === owner) ?? [];
    await waitFor(
      async () => {
        const counts = await Promise.all(cluster.nodes.map(node => node.ask('CLUSTER', 'COUNTKEYSINSLOT', slot)));
        return counts.every((count, index) => count === (shard.includes(cluster.nodes[index]) ? keys : 0));
      },
      20_000,
      () => `the keys of slot ${slot} to be with their owner alone`,
    );
  };

  test('values of every type, with their expiry and in every database, come as they were', async () => {
    const tag = '{b}';
    const slot = await slotOf(tag);
    const [ours, theirs] = primaries;
    const members = Array.from({ length: 300 }, (_, i) => `member ${i}`);
    await ours.ask('RPUSH', `${tag}list`, ...members);
    await ours.ask('SADD', `${tag}set`, ...members);
    await ours.ask('SADD', `${tag}intset`, '1', '-7', '123456789012');
    await ours.ask('HSET', `${tag}hash`, ...members.flatMap(member => [member, 'value']));
    await ours.ask('ZADD', `${tag}zset`, ...members.flatMap((member, i) => [String(i * 1.1 - 7), member]));
    await ours.ask('ZADD', `${tag}small`, '-inf', 'a', 'inf', 'b', '1e300', 'c', '0.1', 'd');
    await ours.ask('SET', `${tag}binary`, '\u0000\r\n\u0001 $', 'PX', '100000000');
    await ours.ask('SET', `${tag}large`, 'x'.repeat(300_000));
    await ours.ask('SET', `${tag}integer`, '-42');
    await ours.ask('SELECT', '3');
    await ours.ask('SET', `${tag}third`, 'database');
    await ours.ask('SELECT', '0');
    const names = ['list', 'set', 'intset', 'hash', 'zset', 'small', 'binary', 'large', 'integer'];
    const picture = async (node: ValkeyNode): Promise<unknown[]> => {
      const parts: unknown[] = [];
      for (const name of names) {
        const key = `${tag}${name}`;
        const reader: Readonly<Record<string, readonly string[]>> = {
          list: ['LRANGE', key, '0', '-1'],
          set: ['SMEMBERS', key],
          hash: ['HGETALL', key],
          zset: ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
          string: ['GET', key],
        };
        const type = await node.text('TYPE', key);
        const value = await node.ask(...reader[type]);
        parts.push([
          type,
          Array.isArray(value) && (type === 'set' || type === 'hash')
            ? value.toSorted((a, b) => String(a).localeCompare(String(b)))
            : value,
          await node.ask('PEXPIRETIME', key),
        ]);
      }
      await node.ask('SELECT', '3');
      parts.push(await node.ask('GET', `${tag}third`));
      await node.ask('SELECT', '0');
      return parts;
    };
    const before = await picture(ours);
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ]) {
      await move(from, slot, to);
      await waitFor(
        async () => (await ownerOf(slot)) === to,
        20_000,
        () => `the slot to be with ${to.kind}`,
      );
      await allOver();
      expect(await picture(to)).toEqual(before);
      await inOnePlace(slot, names.length);
      await expect(from.ask('GET', `${tag}integer`)).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${to.port}`);
    }
    for (const name of [...names, 'third']) await ours.ask('DEL', `${tag}${name}`);
    await ours.ask('SELECT', '3');
    await ours.ask('DEL', `${tag}third`);
    await ours.ask('SELECT', '0');
  });

  test(`nothing is lost and nothing is there twice after ${ROUNDS} rounds of moves, pauses, cancels and lost connections`, async () => {
    const random = randomFrom(seed);
    for (const tag of TAGS) {
      const owner = await ownerOf(await slotOf(tag));
      for (let i = 0; i < KEYS_A_TAG; i++) await owner.ask('SET', `${tag}still${i}`, 'x'.repeat(i));
    }
    const ports = primaries.map(node => node.port);
    const writers = Array.from({ length: WRITERS }, (_, i) => new ListWriter({ name: `w${i}`, tags: TAGS, ports }));
    const seen = { success: 0, failed: 0, cancelled: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const slot = await slotOf(TAGS[random(TAGS.length)]);
      const from = await ownerOf(slot);
      const others = primaries.filter(node => node !== from);
      const to = others[random(others.length)];
      await move(from, slot, to);
      await new Promise(resolve => setTimeout(resolve, random(120)));
      await disturb(random(5), from, to, 100 + random(1500));
      await allOver();
      await waitFor(
        async () => (await jobs(to)).every(job => isOver(job.state)),
        60_000,
        () => 'the target to be done',
      );
      const [last] = await jobs(from);
      if (last !== undefined && last.state in seen) seen[last.state as keyof typeof seen]++;
      await cluster.whole();
    }
    for (const writer of writers) await writer.stop();
    await allOver();
    for (const tag of TAGS) {
      const slot = await slotOf(tag);
      const owner = await ownerOf(slot);
      const lists = new Set(writers.flatMap(writer => [...writer.confirmed.keys()]).filter(key => key.startsWith(tag)));
      await inOnePlace(slot, KEYS_A_TAG + Number(await countLists(owner, tag)));
      for (let i = 0; i < KEYS_A_TAG; i++) expect(await owner.ask('STRLEN', `${tag}still${i}`)).toBe(i);
      for (const key of lists) {
        const items = (await owner.ask('LRANGE', key, '0', '-1')) as string[];
        expect(new Set(items).size, `${key} has items twice`).toBe(items.length);
        const there = new Set(items);
        const lost = writers.flatMap(writer => writer.confirmed.get(key) ?? []).filter(item => !there.has(item));
        expect(lost, `confirmed items that ${key} has lost`).toEqual([]);
      }
    }
    expect(seen.success, JSON.stringify(seen)).toBeGreaterThan(0);
  });

  async function countLists(owner: ValkeyNode, tag: string): Promise<number> {
    return ((await owner.ask('KEYS', `${tag}list*`)) as string[]).length;
  }

  /** What goes wrong in the middle of a move. */
  async function disturb(how: number, from: ValkeyNode, to: ValkeyNode, forMs: number): Promise<void> {
    // Upstream accepts writes again at once when a migration is cancelled, also when its target may have the slots already.
    if (how === 0 && from.kind === 'ours') await from.ask('CLUSTER', 'CANCELSLOTMIGRATIONS').catch(() => undefined);
    else if (how === 1) await to.ask('CLIENT', 'KILL', 'FLAGS', 'i').catch(() => undefined);
    else if (how === 2 || how === 3) {
      const node = how === 2 ? from : to;
      node.signal('SIGSTOP');
      await new Promise(resolve => setTimeout(resolve, forMs));
      node.signal('SIGCONT');
    }
  }

  test('orders that make no sense are refused in the same words', async () => {
    const fake = 'f'.repeat(40);
    const orders: readonly (readonly string[])[] = [
      [],
      ['INVALID', '0', '1'],
      ['SLOTSRANGE', '0'],
      ['SLOTSRANGE', '16385', '16388'],
      ['SLOTSRANGE', 'a', '0'],
      ['SLOTSRANGE', '0', 'a'],
      ['SLOTSRANGE', '1', '0'],
      ['SLOTSRANGE', '0', '16383'],
      ['SLOTSRANGE', 'OWN', 'OWN', 'OWN', 'OWN'],
      ['SLOTSRANGE', 'OWN', 'OWN'],
      ['SLOTSRANGE', 'OWN', 'OWN', 'NODE'],
      ['SLOTSRANGE', 'OWN', 'OWN', 'NODE', 'short'],
      ['SLOTSRANGE', 'OWN', 'OWN', 'NODE', fake],
      ['SLOTSRANGE', 'OWN', 'OWN', 'NODE', 'SELF'],
      ['SLOTSRANGE', 'OTHER', 'OTHER', 'NODE', fake],
    ];
    const [ours, theirs] = primaries;
    // A slot of each that no test moves.
    const own = new Map([
      [ours, '5'],
      [theirs, '6000'],
    ]);
    const ask = async (node: ValkeyNode, command: readonly string[]): Promise<string> => {
      const words: Readonly<Record<string, string>> = {
        OWN: own.get(node) ?? '',
        OTHER: own.get(node === ours ? theirs : ours) ?? '',
        SELF: ids.get(node) ?? '',
      };
      const text = await node.text(...command.map(word => words[word] ?? word)).catch((error: Error) => error.message);
      return text.replaceAll(own.get(node) ?? '', 'OWN');
    };
    const commands = [
      ...orders.map(order => ['CLUSTER', 'MIGRATESLOTS', ...order]),
      ['CLUSTER', 'CANCELSLOTMIGRATIONS'],
      ['CLUSTER', 'CANCELSLOTMIGRATIONS', 'x'],
      ['CLUSTER', 'GETSLOTMIGRATIONS', 'x'],
      ...['REQUEST-PAUSE', 'REQUEST-FAILOVER', 'SNAPSHOT-EOF', 'PAUSED', 'FAILOVER-GRANTED', 'ACK', 'UNKNOWN'].map(word => [
        'CLUSTER',
        'SYNCSLOTS',
        word,
      ]),
      ['CLUSTER', 'SYNCSLOTS'],
      ['CLUSTER', 'SYNCSLOTS', 'ESTABLISH'],
      ['CLUSTER', 'SYNCSLOTS', 'ESTABLISH', 'SOURCE', fake, 'NAME', fake, 'SLOTSRANGE', 'OTHER', 'OTHER'],
      ['CLUSTER', 'SYNCSLOTS', 'ESTABLISH', 'SOURCE', 'SELF', 'NAME', fake, 'SLOTSRANGE', 'OWN', 'OWN'],
      ['CLUSTER', 'SYNCSLOTS', 'ESTABLISH', 'SOURCE', ids.get(primaries[2]) ?? '', 'NAME', fake, 'SLOTSRANGE', 'OWN', 'OWN'],
      ['CLUSTER', 'SYNCSLOTS', 'ESTABLISH', 'NAME', 'short', 'SLOTSRANGE', 'OWN', 'OWN'],
      ['CLUSTER', 'SYNCSLOTS', 'FINISH'],
      ['CLUSTER', 'SYNCSLOTS', 'FINISH', 'STATE', 'SUCCESS', 'NAME', fake],
      ['CLUSTER', 'SYNCSLOTS', 'FINISH', 'STATE', 'SUCCESS', 'NAME', 'short'],
      ['CLUSTER', 'SYNCSLOTS', 'FINISH', 'BAD', 'field'],
    ];
    for (const command of commands) expect(await ask(ours, command), command.join(' ')).toBe(await ask(theirs, command));
  });
});
