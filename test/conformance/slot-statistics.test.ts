/**
 * CLUSTER SLOT-STATS against the reference: random requests over a few slots, on a primary with a replica; both servers must have counted the same
 * keys and bytes for every slot, and answer the same to every form of the command.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEEDS_REFERENCE, type ServerKind, TestCluster, waitFor, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';
import { seededRandom } from './collection-commands.ts';
import { type Resp, RespConnection } from './resp-connection.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const BATCHES = 40;
const BATCH = 30;
const METRICS = ['key-count', 'network-bytes-in', 'network-bytes-out'];

describe.skipIf(WITHOUT_REFERENCE)(`slot statistics against the reference${NEEDS_REFERENCE} (seed ${seed})`, () => {
  const kinds: readonly ServerKind[] = ['ours', 'reference'];
  const clusters = kinds.map(
    (kind, index) =>
      new TestCluster({
        firstPort: 21_600 + index * 10,
        shards: [[kind, kind]],
        directives: { 'cluster-slot-stats-enabled': 'yes', 'min-string-size-avoid-copy-reply': '0' },
      }),
  );
  let connections: RespConnection[] = [];

  beforeAll(async () => {
    await Promise.all(clusters.map(cluster => cluster.form()));
    connections = await Promise.all(clusters.map(cluster => RespConnection.open(cluster.nodes[0].port)));
  });
  afterAll(async () => {
    for (const connection of connections) connection.close();
    await Promise.all(clusters.map(cluster => cluster.dispose()));
  });

  async function ask(...requests: (readonly string[])[]): Promise<[ours: Resp[], theirs: Resp[]]> {
    const [ours, theirs] = await Promise.all(connections.map(connection => connection.send(requests)));
    return [ours, theirs];
  }

  test.each(['2', '3'])('keys and bytes of every slot are counted alike on the primary and its replica, RESP%s', async version => {
    const next = requestMaker(seededRandom(seed + Number(version)));
    await ask(['HELLO', version], ['FLUSHALL']);
    await settle(clusters);
    for (const cluster of clusters) for (const node of cluster.nodes) await node.ask('CONFIG', 'RESETSTAT');
    for (let batch = 0; batch < BATCHES; batch++) {
      const requests = Array.from({ length: BATCH }, next);
      const [ours, theirs] = await ask(...requests);
      expect([requests, ours]).toEqual([requests, theirs]);
    }
    await ask(['DISCARD']);
    await settle(clusters);
    const [ours, theirs] = await Promise.all(clusters.map(cluster => Promise.all(cluster.nodes.map(counted))));
    expect(ours[0].size).toBeGreaterThan(3);
    expect(ours[0]).toEqual(theirs[0]);
    expect(ours[1]).toEqual(theirs[1]);
  });

  test('every form of the command gets the same answer, the wrong ones too', async () => {
    await ask(['DISCARD'], ['HELLO', '3'], ['FLUSHALL'], ['CONFIG', 'RESETSTAT'], ['MSET', '{a}1', 'x', '{a}2', 'y'], ['SET', 'b', 'z']);
    const forms = [
      'SLOTSRANGE 0 3',
      'slotsrange 3 0',
      'SLOTSRANGE 0 16384',
      'SLOTSRANGE -1 2',
      'SLOTSRANGE a 2',
      'SLOTSRANGE 1',
      'SLOTSRANGE 1 2 3',
      'ORDERBY key-count',
      'ORDERBY key-count LIMIT 3',
      'orderby KEY-COUNT limit 2 asc',
      'ORDERBY network-bytes-in LIMIT 2 DESC',
      'ORDERBY memory-bytes',
      'ORDERBY key-count LIMIT 0',
      'ORDERBY key-count LIMIT x',
      'ORDERBY key-count LIMIT 16385',
      'ORDERBY key-count LIMIT',
      'ORDERBY key-count ASC DESC',
      'ORDERBY key-count LIMIT 1 LIMIT 2',
      'ORDERBY key-count UP',
      'NOTHING key-count',
      'ORDERBY',
    ].map(form => ['CLUSTER', 'SLOT-STATS', ...form.split(' ')]);
    for (const enabled of ['yes', 'no']) {
      await ask(['CONFIG', 'SET', 'cluster-slot-stats-enabled', enabled]);
      const [ours, theirs] = await ask(...forms);
      for (const [index, form] of forms.entries())
        expect([form, JSON.stringify(withoutTime(ours[index]))]).toEqual([form, JSON.stringify(withoutTime(theirs[index]))]);
    }
    await ask(['CONFIG', 'SET', 'cluster-slot-stats-enabled', 'yes']);
  });
});

/** Replicas have all that their primaries wrote. */
async function settle(clusters: readonly TestCluster[]): Promise<void> {
  for (const cluster of clusters) {
    await waitFor(
      async () => (await cluster.nodes[0].ask('WAIT', '1', '100')) === 1,
      20_000,
      () => 'the replica to have everything',
    );
  }
}

/** By slot that anything was counted for: key-count, network-bytes-in, network-bytes-out. */
async function counted(node: TestCluster['nodes'][number]): Promise<Map<number, readonly number[]>> {
  const reply = (await node.ask('CLUSTER', 'SLOT-STATS', 'SLOTSRANGE', '0', '16383')) as [number, (string | number)[]][];
  const rows = reply.map(([slot, fields]) => [slot, METRICS.map(metric => Number(fields[fields.indexOf(metric) + 1]))] as const);
  return new Map(rows.filter(([, values]) => values.some(value => value > 0)));
}

/** cpu-usec is the machine's own. */
function withoutTime(reply: Resp): Resp {
  if (typeof reply === 'string') return reply;
  const at = reply.indexOf('$cpu-usec');
  return reply.flatMap((item, index) => (at >= 0 && index === at + 1 ? [] : [withoutTime(item)])) as unknown as Resp;
}

/** Requests with one key, several, none, keys of two slots, wrong ones, and transactions. */
function requestMaker(random: () => number): () => string[] {
  const below = (limit: number): number => Math.floor(random() * limit);
  const key = (): string => `{${'abcdefgh'[below(8)]}}${below(20)}`;
  const text = (): string => 'v'.repeat(below(10) === 0 ? below(3000) : below(20));
  let open = 0;
  const forms: (() => string[])[] = [
    () => ['SET', key(), text()],
    () => ['SET', key(), text(), 'EX', '1000'],
    () => ['GET', key()],
    () => ['APPEND', key(), text()],
    () => ['DEL', key()],
    () => ['EXISTS', '{a}1', '{a}2'],
    () => ['MSET', '{b}1', text(), '{b}2', text()],
    () => ['MGET', '{c}1', '{c}2', '{c}3'],
    () => ['MGET', '{c}1', '{d}2'],
    () => ['INCRBYFLOAT', `{e}n${below(2)}`, '1.5'],
    () => ['OBJECT', 'ENCODING', key()],
    () => ['GET'],
    () => ['NOTHING', key()],
    () => ['PING'],
    () => ['SETRANGE', key(), 'x', 'y'],
    () => ['EXPIRE', key(), '-1'],
    () => ['COPY', '{f}1', '{f}2', 'REPLACE'],
  ];
  return () => {
    if (open > 0 && --open === 0) return ['EXEC'];
    if (open === 0 && below(12) === 0) {
      open = 2 + below(4);
      return ['MULTI'];
    }
    // In a transaction mostly keys of one slot, else every one of them is refused.
    if (open > 0 && below(6) > 0) return below(2) === 0 ? ['SET', `{g}${below(9)}`, text()] : ['GET', `{g}${below(9)}`];
    return forms[below(forms.length)]();
  };
}
