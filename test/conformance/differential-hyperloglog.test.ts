/**
 * Random HyperLogLog commands against our server and the reference server: the same replies in both protocol versions, the same bytes in the
 * values; the same errors for values that are corrupt; and the same bytes on a replica, ours or the reference's.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEEDS_REFERENCE, ValkeyNode, waitFor, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';
import { seededRandom } from './collection-commands.ts';
import { HyperLogLogCommandMaker } from './hyperloglog-commands.ts';
import { type Resp, RespConnection } from './resp-connection.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const rounds = Number(process.env['TEST_ROUNDS'] ?? 4);
const BATCH = 50;
const BATCHES = 20;
const FORGED = 60;
const KEYS = ['h0', 'h1', 'h2', 'h3', 'missing'];
const SETUP = [['FLUSHALL'], ['RPUSH', 'list', 'element'], ['SET', 'text', 'HYLL and more of it'], ['SET', 'number', '12']];

describe.skipIf(WITHOUT_REFERENCE)(`HyperLogLogs against the reference${NEEDS_REFERENCE} (seed ${seed})`, () => {
  const directives = { 'repl-diskless-sync-delay': '0' };
  const nodes = [new ValkeyNode('ours', 17_064, directives), new ValkeyNode('reference', 17_065, directives)];
  const replicas = [new ValkeyNode('ours', 17_066, {}), new ValkeyNode('reference', 17_067, {})];
  let connections: RespConnection[] = [];

  beforeAll(async () => {
    await Promise.all([...nodes, ...replicas].map(node => node.start()));
    connections = await Promise.all(nodes.map(node => RespConnection.open(node.port)));
  });
  afterAll(async () => {
    for (const connection of connections) connection.close();
    await Promise.all([...nodes, ...replicas].map(node => node.dispose()));
  });

  /** Sends the same requests to both and compares reply by reply; how many they were. */
  async function compare(requests: readonly string[][], where: string): Promise<number> {
    const [ours, theirs] = await Promise.all(connections.map(connection => connection.send(requests)));
    requests.forEach((_, index) => {
      if (same(ours[index], theirs[index])) return;
      const before = requests.slice(Math.max(0, index - 6), index + 1);
      expect(ours[index], `${where}, request ${index}: ${before.map(shown).join(' ; ')}`).toEqual(theirs[index]);
    });
    return requests.length;
  }

  async function begin(version: string): Promise<void> {
    await Promise.all(connections.map(connection => connection.send([['DISCARD'], ['UNWATCH'], ['HELLO', version]])));
    await compare([...SETUP, ['CONFIG', 'SET', 'hll-sparse-max-bytes', '3000']], 'setup');
  }

  for (let round = 0; round < rounds; round++) {
    const version = round % 2 === 0 ? '2' : '3';
    test(`replies and bytes are the same: round ${round}, RESP${version}`, async () => {
      const maker = new HyperLogLogCommandMaker(seededRandom(seed + round * 7919));
      await begin(version);
      let compared = 0;
      for (let batch = 0; batch < BATCHES; batch++) {
        const where = `seed ${seed}, round ${round}, batch ${batch}`;
        const requests = Array.from({ length: BATCH }, () => maker.next());
        compared += await compare(requests, where);
        await Promise.all(connections.map(connection => connection.send([['DISCARD']])));
        await compare(
          KEYS.flatMap(key => [
            ['GET', key],
            ['PEXPIRETIME', key],
            ['OBJECT', 'ENCODING', key],
          ]),
          `${where} content`,
        );
      }
      expect(compared).toBe(BATCH * BATCHES);
    });

    test(`forged and damaged values are answered the same: round ${round}, RESP${version}`, async () => {
      const maker = new HyperLogLogCommandMaker(seededRandom(seed + round * 104_729));
      await begin(version);
      await compare([['PFADD', 'h0', 'a', 'b', 'c']], 'setup');
      let compared = 0;
      for (let value = 0; value < FORGED; value++) {
        compared += await compare(maker.onForged(), `seed ${seed}, round ${round}, value ${value}`);
      }
      expect(compared).toBeGreaterThan(FORGED * 12);
    });
  }

  test('each command is described as the reference describes it, and finds the same keys', async () => {
    const names = ['pfadd', 'pfcount', 'pfmerge', 'pfdebug', 'pfselftest'];
    for (const version of ['2', '3']) {
      await begin(version);
      await compare(
        [
          ['COMMAND', 'GETKEYS', 'PFMERGE', 'a', 'b', 'c'],
          ['COMMAND', 'GETKEYSANDFLAGS', 'PFMERGE', 'a', 'b', 'c'],
          ['COMMAND', 'GETKEYSANDFLAGS', 'PFCOUNT', 'a', 'b'],
          ['COMMAND', 'GETKEYSANDFLAGS', 'PFADD', 'a', 'b'],
          ['COMMAND', 'GETKEYSANDFLAGS', 'PFDEBUG', 'getreg', 'b'],
          ['COMMAND', 'GETKEYS', 'PFSELFTEST'],
        ],
        `keys, RESP${version}`,
      );
      const docs = await Promise.all(connections.map(connection => connection.call('COMMAND', 'DOCS', ...names)));
      expect(withoutProse(docs[0])).toEqual(withoutProse(docs[1]));
    }
  });

  test('PFSELFTEST passes, and PFDEBUG SIMD switches nothing', async () => {
    const [ours] = connections;
    expect(await ours.send([['PFSELFTEST'], ['PFDEBUG', 'SIMD', 'on'], ['PFDEBUG', 'SIMD', 'x']])).toEqual([
      '+OK',
      '+disabled',
      '-ERR Argument must be ON or OFF',
    ]);
  });

  test('a replica of ours, and our replica of the reference, hold the same bytes', async () => {
    await begin('2');
    for (const [index, replica] of replicas.entries()) await replica.ask('REPLICAOF', '127.0.0.1', String(nodes[1 - index].port));
    for (const replica of replicas) {
      await waitFor(
        async () => String(await replica.ask('INFO', 'replication')).includes('master_link_status:up'),
        20_000,
        () => replica.log,
      );
    }
    const maker = new HyperLogLogCommandMaker(seededRandom(seed));
    const writes = Array.from({ length: 600 }, () => maker.next()).filter(([name]) => name.startsWith('PF') || name === 'DEL');
    await compare(writes, `seed ${seed}, replicated`);
    await Promise.all(connections.map(connection => connection.call('WAIT', '1', '10000')));
    await compare(
      [
        ['PFCOUNT', 'h0'],
        ['PFDEBUG', 'TODENSE', 'h1'],
      ],
      'on the primaries',
    );
    for (const connection of connections) expect(await connection.call('WAIT', '1', '10000')).toBe(':1');
    const ofPrimary = await connections[0].send(KEYS.map(key => ['GET', key]));
    for (const replica of replicas) {
      const connection = await RespConnection.open(replica.port);
      expect(same(await connection.send(KEYS.map(key => ['GET', key])), ofPrimary)).toBe(true);
      connection.close();
    }
  });
});

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function shown(args: readonly string[]): string {
  return JSON.stringify(args.slice(0, 6).map(arg => (arg.length > 70 ? `${arg.slice(0, 60)}… (${arg.length})` : arg)));
}

/** Summaries and complexities are in our own words. */
function withoutProse(reply: Resp): unknown {
  return JSON.parse(JSON.stringify(reply).replace(/("\$(?:summary|complexity)",)"[^"]*"/g, '$1"…"'));
}
