/**
 * SORT against our server and the reference server: the same replies in both protocol versions, the same lists stored, the same keys found in
 * requests, and in a cluster the same refusals.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEEDS_REFERENCE, ValkeyNode, waitFor, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';
import { seededRandom } from './collection-commands.ts';
import { type Resp, RespConnection, unordered } from './resp-connection.ts';
import { DESTINATIONS, type Likeness, SortCommandMaker, type SortRequest } from './sort-commands.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const rounds = Number(process.env['TEST_ROUNDS'] ?? 4);
const BATCH = 30;
const BATCHES = 12;

function comparable(reply: Resp, likeness: Likeness): Resp | number {
  if (likeness === 'any order') return unordered(reply, 1);
  return likeness === 'length' && typeof reply !== 'string' ? reply.length : reply;
}

describe.skipIf(WITHOUT_REFERENCE).each([
  { mode: 'alone', directives: { rdbcompression: 'no' }, firstPort: 17_030 },
  { mode: 'in a cluster', directives: { rdbcompression: 'no', 'cluster-enabled': 'yes' }, firstPort: 17_032 },
])(`SORT $mode against the reference${NEEDS_REFERENCE} (seed ${seed})`, ({ directives, firstPort, mode }) => {
  const nodes = [new ValkeyNode('ours', firstPort, directives), new ValkeyNode('reference', firstPort + 1, directives)];
  let connections: RespConnection[] = [];

  beforeAll(async () => {
    await Promise.all(nodes.map(node => node.start()));
    connections = await Promise.all(nodes.map(node => RespConnection.open(node.port)));
    if (mode === 'alone') return;
    await Promise.all(nodes.map(node => node.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')));
    const areOk = async (): Promise<boolean> =>
      (await Promise.all(nodes.map(node => node.field('cluster_state', 'CLUSTER', 'INFO')))).every(state => state === 'ok');
    await waitFor(areOk, 10_000, () => 'both nodes to serve all slots');
  });
  afterAll(async () => {
    for (const connection of connections) connection.close();
    await Promise.all(nodes.map(node => node.dispose()));
  });

  /** Sends the same requests to both and compares reply by reply; returns how many. */
  async function compare(requests: readonly SortRequest[], where: string): Promise<number> {
    const commands = requests.map(request => request.command);
    const [ours, theirs] = await Promise.all(connections.map(connection => connection.send(commands)));
    for (const [index, { command, likeness }] of requests.entries()) {
      expect(comparable(ours[index], likeness), `${where}: ${JSON.stringify(command)}`).toEqual(comparable(theirs[index], likeness));
    }
    return requests.length;
  }

  const whole = (...command: string[]): SortRequest => ({ command, likeness: 'whole' });

  for (let round = 0; round < rounds; round++) {
    const version = round % 2 === 0 ? '2' : '3';
    test(`round ${round}, RESP${version}`, async () => {
      const maker = new SortCommandMaker(seededRandom(seed + round * 7919));
      await Promise.all(connections.map(connection => connection.send([['HELLO', version]])));
      let compared = 0;
      for (let batch = 0; batch < BATCHES; batch++) {
        const where = `seed ${seed}, round ${round}, batch ${batch}`;
        await compare(
          maker.setup().map(command => whole(...command)),
          `${where} setup`,
        );
        await compare([whole('CONFIG', 'SET', 'list-max-listpack-size', batch % 2 === 0 ? '-2' : '20')], where);
        await compare([whole('SET', 'string{t}', 'text', 'EX', '1000'), whole('HSET', 'hash{t}', 'f', 'v')], where);
        const requests = Array.from({ length: BATCH }, () => maker.next());
        compared += await compare(requests, where);
        await compare(
          requests.map(({ command }) => whole('COMMAND', 'GETKEYSANDFLAGS', ...command)),
          `${where} keys`,
        );
        await compare(
          DESTINATIONS.flatMap(key => [whole('DUMP', key), whole('OBJECT', 'ENCODING', key), whole('PTTL', key)]).filter(
            ({ command }) => command[0] !== 'PTTL' || command[1] !== 'string{t}',
          ),
          `${where} content`,
        );
        const changes = await Promise.all(nodes.map(node => node.field('rdb_changes_since_last_save', 'INFO', 'persistence')));
        expect(changes[0], `${where} changes`).toBe(changes[1]);
      }
      expect(compared).toBe(BATCH * BATCHES);
    });
  }

  test('patterns that may leave the slot of the key are refused in a cluster only', async () => {
    const patterns = ['w_*', '{t}w_*', 'w_*{t}', '{u}w_*', '{}{t}*', 'w_?{t}*', '{t', '{t}', 'key{t}', '#', 'nosort'];
    await compare([whole('DEL', 'list{t}'), whole('RPUSH', 'list{t}', '3', '1', '2')], 'setup');
    for (const name of ['SORT', 'SORT_RO']) {
      const requests = patterns.flatMap(pattern => [whole(name, 'list{t}', 'BY', pattern), whole(name, 'list{t}', 'GET', pattern)]);
      expect(await compare(requests, name)).toBe(patterns.length * 2);
    }
    await compare([whole('SORT', 'list{t}', 'STORE', 'elsewhere')], 'a destination in another slot');
  });
});
