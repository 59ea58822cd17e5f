/**
 * Random commands on collections against our server and the reference server: the same replies in both protocol versions, and the same
 * content and encodings at the end.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEEDS_REFERENCE, ValkeyNode, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';
import { CommandMaker, FAMILIES, type Family, seededRandom } from './collection-commands.ts';
import { type Resp, RespConnection, unordered } from './resp-connection.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const rounds = Number(process.env['TEST_ROUNDS'] ?? 6);
const BATCH = 50;
const BATCHES = 60;

/** Directives that make values change their encoding early; undefined = the defaults. */
const SMALL: readonly [string, string][] = [
  ['hash-max-listpack-entries', '8'],
  ['hash-max-listpack-value', '100'],
  ['list-max-listpack-size', '6'],
  // Not below the limit of listpacks: else the encoding of a stored union depends on the order in which a hash table is walked.
  ['set-max-intset-entries', '12'],
  ['set-max-listpack-entries', '10'],
  ['zset-max-listpack-entries', '8'],
];
const DEFAULTS: readonly [string, string][] = [
  ['hash-max-listpack-entries', '512'],
  ['hash-max-listpack-value', '64'],
  ['list-max-listpack-size', '-2'],
  ['set-max-intset-entries', '512'],
  ['set-max-listpack-entries', '128'],
  ['zset-max-listpack-entries', '128'],
];

/** Commands whose elements come in an order that is the server's own; 2 = in pairs. */
const UNORDERED: Readonly<Record<string, 1 | 2>> = {
  HGETALL: 2,
  HKEYS: 1,
  HVALS: 1,
  SMEMBERS: 1,
  SINTER: 1,
  SUNION: 1,
  SDIFF: 1,
  SPOP: 1,
  SRANDMEMBER: 1,
};

function comparable(command: readonly string[], reply: Resp): Resp {
  const [name] = command;
  if (name === 'HRANDFIELD' || name === 'ZRANDMEMBER') {
    const flat = command.length === 4 && Array.isArray(reply) && typeof reply[1] === 'string';
    return unordered(reply, flat ? 2 : 1);
  }
  if (name.endsWith('SCAN') && typeof reply !== 'string' && reply.length === 3) {
    const bare = name === 'SSCAN' || command.includes('NOVALUES') || command.includes('NOSCORES');
    return ['*', reply[1], unordered(reply[2], bare ? 1 : 2)];
  }
  return name in UNORDERED ? unordered(reply, UNORDERED[name]) : reply;
}

const READ_ALL: Readonly<Record<Family, (key: string) => string[]>> = {
  hash: key => ['HGETALL', key],
  list: key => ['LRANGE', key, '0', '-1'],
  set: key => ['SMEMBERS', key],
  zset: key => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
};

describe.skipIf(WITHOUT_REFERENCE)(`collections against the reference${NEEDS_REFERENCE} (seed ${seed})`, () => {
  const nodes = [new ValkeyNode('ours', 17_010, {}), new ValkeyNode('reference', 17_011, {})];
  let connections: RespConnection[] = [];

  beforeAll(async () => {
    await Promise.all(nodes.map(node => node.start()));
    connections = await Promise.all(nodes.map(node => RespConnection.open(node.port)));
  });
  afterAll(async () => {
    for (const connection of connections) connection.close();
    await Promise.all(nodes.map(node => node.dispose()));
  });

  /** Sends the same requests to both and compares reply by reply. */
  async function compare(requests: readonly string[][], where: string): Promise<number> {
    const [ours, theirs] = await Promise.all(connections.map(connection => connection.send(requests)));
    requests.forEach((request, index) => {
      const shown = `${where}: ${JSON.stringify(request.map(arg => (arg.length > 70 ? `${arg.slice(0, 20)}… (${arg.length})` : arg)))}`;
      expect(comparable(request, ours[index]), shown).toEqual(comparable(request, theirs[index]));
    });
    return requests.length;
  }

  for (const family of FAMILIES) {
    for (let round = 0; round < rounds; round++) {
      const version = round % 2 === 0 ? '2' : '3';
      const small = round % 4 < 2;
      test(`${family}: round ${round}, RESP${version}, ${small ? 'small' : 'usual'} thresholds`, async () => {
        const maker = new CommandMaker(seededRandom(seed + round * 7919), family, round % 3 === 0 ? 12 : 60);
        const directives = (small ? SMALL : DEFAULTS).map(([name, value]) => ['CONFIG', 'SET', name, value]);
        await Promise.all(connections.map(connection => connection.send([['HELLO', version]])));
        await compare([['FLUSHALL'], ...directives, ['SET', 'string', 'text']], `${family} ${round} setup`);
        let compared = 0;
        for (let batch = 0; batch < BATCHES; batch++) {
          const where = `seed ${seed}, ${family} round ${round} batch ${batch}`;
          compared += await compare(
            Array.from({ length: BATCH }, () => maker.next()),
            where,
          );
          const keys = [0, 1, 2, 3, 4, 5].map(n => `${family}${n}`);
          await compare(
            keys.flatMap(key => [['TYPE', key], ['OBJECT', 'ENCODING', key], READ_ALL[family](key)]),
            `${where} content`,
          );
        }
        expect(compared).toBe(BATCH * BATCHES);
      });
    }
  }
});
