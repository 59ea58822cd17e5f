/**
 * Dual-channel full syncs between our server and the reference server, in both directions and among our own, while the data change and
 * while connections, links and processes break at seeded moments.
 *
 * SLOTKEEPER_FULL makes a hundred breaks for each pair, TEST_SEED repeats their moments.
 */

import { afterEach, describe, expect, test } from 'vitest';
import { TcpProxies, type TcpProxy } from '../support/tcp-proxy.ts';
import {
  contentOf,
  fillWith,
  follow,
  inSync,
  type Kind,
  linkUp,
  Nodes,
  referenceFolder,
  until,
  type ValkeyNode,
  WriteLoad,
} from '../support/replication-nodes.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = (process.env['SLOTKEEPER_FULL'] ?? '') === '' ? 5 : 100;
const FIRST_PORT = 22_500;
const LIMIT_MS = 60_000;
const nodes = new Nodes(FIRST_PORT);
const proxies = new TcpProxies(FIRST_PORT + 200);

const DUAL = { 'dual-channel-replication-enabled': 'yes', 'repl-diskless-sync': 'yes', 'repl-diskless-load': 'swapdb' };

interface Pair {
  readonly primary: Kind;
  readonly replica: Kind;
}

const PAIRS: readonly Pair[] = [
  { primary: 'ours', replica: 'ours' },
  { primary: 'ours', replica: 'reference' },
  { primary: 'reference', replica: 'ours' },
];

afterEach(async () => {
  proxies.closeAll();
  await nodes.stopAll();
});

/** The primary has both connections of a sync, and its snapshot is on the way. */
async function bothChannels(primary: ValkeyNode): Promise<boolean> {
  const text = await primary.client.info('replication');
  return /state=wait_bgsave,.*type=rdb-channel/.test(text) && /state=bg_transfer,.*type=main-channel/.test(text);
}

async function clientsThatSaid(primary: ValkeyNode, command: string): Promise<readonly string[]> {
  const list = String(await primary.client.client('LIST'));
  return list
    .split('\n')
    .filter(line => line.includes(` cmd=${command} `))
    .map(line => /id=(\d+)/.exec(line)?.[1] ?? '');
}

function randomFrom(first: number): (limit: number) => number {
  let state = first | 1;
  return limit => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
}

/** What breaks a sync under way. */
const BREAKS: Readonly<Record<string, (world: { primary: ValkeyNode; replica: ValkeyNode; proxy: TcpProxy }) => Promise<unknown>>> = {
  'all connections': async ({ proxy }) => proxy.cut(),
  'the rdb channel': async ({ primary }) => {
    for (const id of await clientsThatSaid(primary, 'sync')) await primary.client.call('CLIENT', 'KILL', 'ID', id);
  },
  'the main channel': async ({ primary }) => {
    for (const id of await clientsThatSaid(primary, 'psync')) await primary.client.call('CLIENT', 'KILL', 'ID', id);
  },
  'both channels': ({ primary }) => primary.client.call('CLIENT', 'KILL', 'TYPE', 'replica'),
  'the link, from the replica': async ({ replica, proxy }) => {
    await replica.client.call('REPLICAOF', 'NO', 'ONE').catch(() => {});
    proxy.cut();
  },
};

describe.skipIf(referenceFolder === undefined)(
  `dual-channel syncs with the reference server (needs VALKEY_REFERENCE; seed ${seed})`,
  () => {
    test.each(PAIRS)(
      'from $primary to $replica under writes: the snapshot on its own connection, and equal data in the end',
      async pair => {
        const primary = await nodes.start(pair.primary, DUAL);
        const replica = await nodes.start(pair.replica, DUAL);
        await fillWith(primary, 8000);
        await replica.client.set('old', 'must go');
        const load = new WriteLoad(primary, seed);
        await until(() => load.writes > 200, 'some writes');
        await follow(replica, primary);
        await until(() => linkUp(replica), `the link\n${replica.log()}\n${primary.log()}`, LIMIT_MS);
        const before = load.writes;
        await until(() => load.writes > before + 500, 'writes after the sync', LIMIT_MS);
        await load.stop();
        await inSync(primary, replica, LIMIT_MS);
        expect(await contentOf(replica)).toEqual(await contentOf(primary));
        expect(await primary.info('sync_full'), `${replica.log()}\n${primary.log()}`).toBe('1');
        expect(await primary.info('sync_partial_ok')).toBe('1');
        expect(await primary.info('replicas_waiting_psync')).toBe('0');
        await until(async () => (await primary.info('connected_slaves')) === '1', 'the end of the rdb channel');
      },
    );

    test.each(PAIRS)('from $primary to $replica: no confirmed write is lost however often the sync breaks', async pair => {
      const random = randomFrom(seed);
      // Slowly, so that there is something to break: a tenth of a millisecond a key.
      const primary = await nodes.start(pair.primary, { ...DUAL, 'rdb-key-save-delay': '100' });
      const replica = await nodes.start(pair.replica, DUAL);
      await fillWith(primary, 6000);
      const { proxy, port } = await proxies.to(primary);
      const load = new WriteLoad(primary, seed);
      const confirmed = new Map<string, string>();
      const confirm = async (key: string, value: string): Promise<void> => {
        const writer = primary.client.duplicate();
        writer.on('error', () => {});
        await writer.set(key, value);
        if (Number(await writer.call('WAIT', '1', '2000')) >= 1) confirmed.set(key, value);
        writer.disconnect();
      };
      const names = Object.keys(BREAKS);
      const story: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const what = names[random(names.length)];
        const after = random(700);
        story.push(`${what} after ${after} ms`);
        await replica.client.call('REPLICAOF', '127.0.0.1', String(port)).catch(() => {});
        const deadline = Date.now() + after;
        await until(() => Date.now() > deadline, 'the moment');
        await BREAKS[what]({ primary, replica, proxy });
        await confirm(`confirmed:${round}`, `${random(1e9)}`);
      }
      await until(
        () => replica.client.call('REPLICAOF', '127.0.0.1', String(port)).then(Boolean, () => false),
        'an order that the replica takes',
        LIMIT_MS,
      );
      await until(
        () => linkUp(replica),
        `the link after ${story.join(', ')}\n${replica.log().slice(-3000)}\n${primary.log().slice(-3000)}`,
        LIMIT_MS,
      );
      await confirm('confirmed:last', 'yes');
      await load.stop();
      await inSync(primary, replica, LIMIT_MS);
      for (const [key, value] of confirmed) expect([key, await replica.client.get(key)]).toEqual([key, value]);
      expect(confirmed.get('confirmed:last'), story.join(', ')).toBe('yes');
      expect(await contentOf(replica), story.join(', ')).toEqual(await contentOf(primary));
      expect(await primary.info('replicas_waiting_psync')).toBe('0');
      await until(async () => (await primary.info('connected_slaves')) === '1', 'that nothing of the broken syncs is left', LIMIT_MS);
    });

    test.each(PAIRS)('from $primary to $replica: what the replica holds back is bounded, and the rest waits at the primary', async pair => {
      const primary = await nodes.start(pair.primary, {
        ...DUAL,
        'rdb-key-save-delay': '2000',
        'client-output-buffer-limit': 'replica 0 0 0',
      });
      const replica = await nodes.start(pair.replica, {
        ...DUAL,
        'client-output-buffer-limit': 'replica 300000 300000 0',
        // The reference reads its main channel between so many bytes of the snapshot.
        'loading-process-events-interval-bytes': '1024',
      });
      await fillWith(primary, 2000);
      await follow(replica, primary);
      await until(() => bothChannels(primary), 'both channels', LIMIT_MS);
      const value = 'x'.repeat(100_000);
      for (let i = 0; i < 200; i++) await primary.client.set(`large:${i % 10}`, value);
      await until(() => replica.log().includes('Replication buffer limit reached (300000 bytes)'), 'the bound', LIMIT_MS);
      expect(Number(await replica.info('replicas_repl_buffer_size'))).toBeLessThan(600_000);
      await inSync(primary, replica, LIMIT_MS);
      expect(await contentOf(replica)).toEqual(await contentOf(primary));
      expect(Number(await replica.info('replicas_repl_buffer_peak'))).toBeGreaterThan(300_000);
      expect(Number(await primary.info('client_output_buffer_limit_disconnections'))).toBe(0);
    });

    test('replicas that come together share one snapshot, whichever way each of them takes it', async () => {
      const primary = await nodes.start('ours', { ...DUAL, 'repl-diskless-sync-delay': '3' });
      await fillWith(primary, 4000);
      const one = await nodes.start('ours', DUAL);
      const other = await nodes.start('reference', DUAL);
      const single = await nodes.start('ours', { 'dual-channel-replication-enabled': 'no' });
      const load = new WriteLoad(primary, seed);
      for (const replica of [one, other, single]) await follow(replica, primary);
      for (const replica of [one, other, single]) await until(() => linkUp(replica), 'the link', LIMIT_MS);
      await load.stop();
      const expected = await contentOf(primary);
      for (const replica of [one, other, single]) {
        await inSync(primary, replica, LIMIT_MS);
        expect(await contentOf(replica)).toEqual(expected);
      }
      expect(primary.log().match(/Starting snapshot for SYNC/g)?.length).toBe(1);
    });

    const FALLBACKS: readonly (Pair & { readonly primaryHas: Readonly<Record<string, string>>; readonly why: string })[] = [
      { primary: 'ours', replica: 'reference', why: 'does not want it', primaryHas: { 'dual-channel-replication-enabled': 'no' } },
      { primary: 'reference', replica: 'ours', why: 'does not want it', primaryHas: { 'dual-channel-replication-enabled': 'no' } },
      { primary: 'ours', replica: 'reference', why: 'syncs by way of a file', primaryHas: { ...DUAL, 'repl-diskless-sync': 'no' } },
      { primary: 'reference', replica: 'ours', why: 'syncs by way of a file', primaryHas: { ...DUAL, 'repl-diskless-sync': 'no' } },
    ];
    test.each(FALLBACKS)(
      '$replica takes everything on one channel from $primary, which $why',
      async ({ primary: kind, replica: other, primaryHas }) => {
        const primary = await nodes.start(kind, primaryHas);
        const replica = await nodes.start(other, DUAL);
        await fillWith(primary, 2000);
        await follow(replica, primary);
        await inSync(primary, replica, LIMIT_MS);
        expect(await contentOf(replica)).toEqual(await contentOf(primary));
        expect(await primary.info('sync_partial_ok')).toBe('0');
      },
    );

    test('the directive is heard while the server runs', async () => {
      const primary = await nodes.start('ours', DUAL);
      const replica = await nodes.start('ours', { 'dual-channel-replication-enabled': 'no' });
      await fillWith(primary, 1000);
      await follow(replica, primary);
      await inSync(primary, replica, LIMIT_MS);
      expect(await primary.info('sync_partial_ok')).toBe('0');
      await replica.client.config('SET', 'dual-channel-replication-enabled', 'yes');
      await primary.client.call('DEBUG', 'CHANGE-REPL-ID');
      await primary.client.call('CLIENT', 'KILL', 'TYPE', 'replica');
      await until(async () => (await primary.info('sync_full')) === '2', 'another full sync', LIMIT_MS);
      await inSync(primary, replica, LIMIT_MS);
      expect(await primary.info('sync_partial_ok')).toBe('1');
    });
  },
);
