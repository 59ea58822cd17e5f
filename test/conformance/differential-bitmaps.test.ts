/**
 * Random commands on bitmaps against our server and the reference server: the same replies in both protocol versions, the same values and counts
 * of changes, the same documentation. A replica of ours that runs the reference's server ends with the same data.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEEDS_REFERENCE, ValkeyNode, waitFor, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';
import { BitmapCommandMaker } from './bitmap-commands.ts';
import { seededRandom } from './collection-commands.ts';
import { type Resp, RespConnection, shown } from './resp-connection.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const rounds = Number(process.env['TEST_ROUNDS'] ?? 6);
const BATCH = 40;
const BATCHES = 50;
const KEYS = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5'];
const NAMES = ['bitcount', 'bitfield', 'bitfield_ro', 'bitop', 'bitpos', 'getbit', 'setbit'];

describe.skipIf(WITHOUT_REFERENCE)(`bitmaps against the reference${NEEDS_REFERENCE} (seed ${seed})`, () => {
  // What is compressed is the compressor's own business: payloads are compared without.
  const directives = { 'enable-debug-command': 'yes', rdbcompression: 'no', 'repl-diskless-sync-delay': '0' };
  const nodes = [new ValkeyNode('ours', 18_040, directives), new ValkeyNode('reference', 18_041, directives)];
  const replica = new ValkeyNode('reference', 18_042, { ...directives, replicaof: '127.0.0.1 18040' });
  let connections: RespConnection[] = [];

  beforeAll(async () => {
    await Promise.all(nodes.map(node => node.start()));
    await replica.start();
    // From here on all comes to it as commands.
    await waitFor(
      async () => (await replica.field('master_link_status', 'INFO', 'replication')) === 'up',
      20_000,
      () => `the replica to sync; its log:\n${replica.log.slice(-2000)}`,
    );
    connections = await Promise.all(nodes.map(node => RespConnection.open(node.port)));
  });
  afterAll(async () => {
    for (const connection of connections) connection.close();
    await Promise.all([...nodes, replica].map(node => node.dispose()));
  });

  async function ask(...requests: string[][]): Promise<[ours: Resp[], theirs: Resp[]]> {
    const [ours, theirs] = await Promise.all(connections.map(connection => connection.send(requests)));
    return [ours, theirs];
  }

  async function changes(): Promise<(string | undefined)[]> {
    return Promise.all(nodes.map(node => node.field('rdb_changes_since_last_save', 'INFO', 'persistence')));
  }

  for (let round = 0; round < rounds; round++) {
    const version = round % 2 === 0 ? '2' : '3';
    test(`round ${round}, RESP${version}`, async () => {
      const maker = new BitmapCommandMaker(seededRandom(seed + round * 6151));
      await ask(['HELLO', version], ['FLUSHALL'], ['RPUSH', 'list', 'element']);
      for (let batch = 0; batch < BATCHES; batch++) {
        const requests = Array.from({ length: BATCH }, () => maker.next());
        const isWatched = batch % 4 === 0;
        if (isWatched) await ask(['WATCH', ...KEYS]);
        const [ours, theirs] = await ask(...requests);
        for (const [index, request] of requests.entries()) {
          const where = `seed ${seed}, round ${round}, batch ${batch}, request ${index}: ${shown(request)}`;
          expect([where, ours[index]]).toEqual([where, theirs[index]]);
        }
        const [mine, reference] = await ask(...KEYS.map(key => ['DUMP', key]));
        expect(mine.map(digest)).toEqual(reference.map(digest));
        if (isWatched) {
          const [left, right] = await ask(['MULTI'], maker.next(), maker.next(), ['EXEC'], ['UNWATCH']);
          expect(left).toEqual(right);
        }
      }
      const [ours, theirs] = await changes();
      expect(ours).toBe(theirs);
    });
  }

  test('a replica has the same data from the commands that it was sent', async () => {
    // It overflows and fails, and yet makes the key.
    await ask(['DEL', 'failed'], ['BITFIELD', 'failed', 'OVERFLOW', 'FAIL', 'INCRBY', 'u2', '100', '9'], ['SETBIT', 'end', '0', '1']);
    const data = (node: ValkeyNode): Promise<string> => node.text('DEBUG', 'DIGEST');
    await waitFor(
      async () => (await data(replica)) === (await data(nodes[0])),
      10_000,
      () => `the replica to have the data of its primary; its log:\n${replica.log.slice(-2000)}`,
    );
    expect(await data(nodes[0])).toBe(await data(nodes[1]));
  });

  test('bits of a string of many megabytes can be set, counted, found and combined', async () => {
    await ask(['HELLO', '2'], ['DEL', 'k0']);
    const [ours, theirs] = await ask(
      ['SETBIT', 'k0', '335544319', '1'],
      ['STRLEN', 'k0'],
      ['BITCOUNT', 'k0'],
      ['BITPOS', 'k0', '1'],
      ['BITPOS', 'k0', '1', '335544319', '-1', 'BIT'],
      ['BITFIELD', 'k0', 'GET', 'u8', '335544312', 'INCRBY', 'u2', '#167772159', '2', 'INCRBY', 'i64', '#5242880', '-1'],
      ['BITOP', 'NOT', 'k0', 'k0'],
      ['BITPOS', 'k0', '0'],
      ['BITCOUNT', 'k0'],
      ['BITOP', 'XOR', 'k1', 'k0', 'k2'],
      ['BITCOUNT', 'k1'],
      ['DEL', 'k0', 'k1'],
      ['SETBIT', 'k0', '4294967296', '1'],
    );
    expect(ours).toEqual(theirs);
  });

  test('proto-max-bulk-len bounds the offset', async () => {
    const [ours, theirs] = await ask(
      ['CONFIG', 'SET', 'proto-max-bulk-len', '1mb'],
      ['SETBIT', 'k0', '8388607', '1'],
      ['SETBIT', 'k0', '8388608', '1'],
      ['GETBIT', 'k0', '8388608'],
      ['BITFIELD', 'k0', 'SET', 'u8', '8388607', '255'],
      ['BITFIELD', 'k0', 'SET', 'u8', '#1048576', '255'],
      ['STRLEN', 'k0'],
      ['CONFIG', 'SET', 'proto-max-bulk-len', '512mb'],
      ['DEL', 'k0'],
    );
    expect(ours).toEqual(theirs);
  });

  test('the commands are documented as the reference documents them, but for the words', async () => {
    const [ours, theirs] = await ask(['COMMAND', 'DOCS', ...NAMES], ['COMMAND', 'INFO', ...NAMES]);
    expect(withoutWords(ours[0])).toEqual(withoutWords(theirs[0]));
    expect(JSON.stringify(ours[1])).toContain('@bitmap');
  });
});

/** Long payloads would make long messages. */
function digest(reply: Resp): Resp {
  return typeof reply === 'string' && reply.length > 400 ? `${reply.slice(0, 200)}…${reply.slice(-200)}` : reply;
}

/** The reply of COMMAND DOCS by command, without summaries and the texts of the history. */
function withoutWords(reply: Resp): unknown {
  const items = reply.slice(1) as Resp[];
  const commands = items.flatMap((name, index) => (index % 2 === 0 ? [[name, items[index + 1]] as const] : []));
  const text = JSON.stringify(commands.toSorted(([a], [b]) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)));
  return JSON.parse(text.replace(/("\$summary",)"[^"]*"/g, '$1"…"').replace(/(\["\*","\$\d+\.\d+\.\d+",)"[^"]*"/g, '$1"…"'));
}
