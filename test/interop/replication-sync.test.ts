/** Full and partial syncs between our server and the reference server, in both directions, while the data change. */

import { afterEach, describe, expect, test } from 'vitest';
import { contentOf, fillWith, follow, inSync, type Kind, Nodes, referenceFolder, until, WriteLoad } from '../support/replication-nodes.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const nodes = new Nodes(19_100);

afterEach(() => nodes.stopAll());

interface Pair {
  readonly primary: Kind;
  readonly replica: Kind;
  readonly how: string;
  readonly directives: Readonly<Record<string, string>>;
}

const PAIRS: readonly Pair[] = [
  { primary: 'ours', replica: 'reference', how: 'diskless', directives: {} },
  { primary: 'reference', replica: 'ours', how: 'diskless', directives: { 'repl-diskless-sync': 'yes' } },
  { primary: 'reference', replica: 'ours', how: 'disk-based', directives: { 'repl-diskless-sync': 'no' } },
];

describe.skipIf(referenceFolder === undefined)(`replication with the reference server (needs VALKEY_REFERENCE; seed ${seed})`, () => {
  test.each(PAIRS)('$how: a full sync from $primary to $replica under writes ends with equal data', async pair => {
    const primary = await nodes.start(pair.primary, pair.directives);
    const replica = await nodes.start(pair.replica);
    await fillWith(primary, 8000);
    await replica.client.set('old', 'must go');
    const load = new WriteLoad(primary, seed);
    await until(() => load.writes > 200, 'some writes');
    await follow(replica, primary);
    await until(async () => (await replica.info('master_link_status')) === 'up', `the link\n${replica.log()}`);
    const before = load.writes;
    await until(() => load.writes > before + 500, 'writes after the sync');
    await load.stop();
    await inSync(primary, replica);
    expect(await contentOf(replica)).toEqual(await contentOf(primary));
  });

  test.each(PAIRS)('$how: a broken link between $primary and $replica is taken up where it broke', async pair => {
    const primary = await nodes.start(pair.primary, pair.directives);
    const replica = await nodes.start(pair.replica);
    const load = new WriteLoad(primary, seed);
    await follow(replica, primary);
    await until(async () => (await replica.info('master_link_status')) === 'up', `the link\n${replica.log()}`);
    for (let round = 1; round <= 5; round++) {
      await primary.client.call('CLIENT', 'KILL', 'TYPE', 'replica');
      await until(async () => Number(await primary.info('sync_partial_ok')) >= round, `partial resync ${round}\n${replica.log()}`);
      const before = load.writes;
      await until(() => load.writes > before + 100, 'writes');
    }
    await load.stop();
    await inSync(primary, replica);
    expect(await primary.info('sync_full')).toBe('1');
    expect(await contentOf(replica)).toEqual(await contentOf(primary));
  });

  test.each([
    ['ours', 'reference', 'ours'],
    ['reference', 'ours', 'reference'],
    ['reference', 'ours', 'ours'],
  ] as const)('a chain %s → %s → %s carries the same stream down, and goes on after each link broke', async (...kinds) => {
    const [top, middle, bottom] = [await nodes.start(kinds[0]), await nodes.start(kinds[1]), await nodes.start(kinds[2])];
    const load = new WriteLoad(top, seed);
    await follow(middle, top);
    await until(async () => (await middle.info('master_link_status')) === 'up', 'the upper link');
    await follow(bottom, middle);
    await until(async () => (await bottom.info('master_link_status')) === 'up', `the lower link\n${bottom.log()}`);
    await top.client.call('CLIENT', 'KILL', 'TYPE', 'replica');
    await middle.client.call('CLIENT', 'KILL', 'TYPE', 'replica');
    const before = load.writes;
    await until(() => load.writes > before + 300, 'writes');
    await load.stop();
    await inSync(top, middle);
    await inSync(top, bottom);
    const expected = await contentOf(top);
    expect(await contentOf(middle)).toEqual(expected);
    expect(await contentOf(bottom)).toEqual(expected);
    expect(await bottom.info('master_replid')).toBe(await top.info('master_replid'));
  });

  test.each([
    ['ours', 'reference'],
    ['reference', 'ours'],
    ['ours', 'ours'],
  ] as const)('after a promotion the old primary (%s) and the new one (%s) change roles without a full sync', async (old, fresh) => {
    const first = await nodes.start(old);
    const second = await nodes.start(fresh);
    const third = await nodes.start(old === 'ours' ? 'reference' : 'ours');
    const load = new WriteLoad(first, seed);
    await follow(second, first);
    await follow(third, first);
    for (const node of [second, third])
      await until(async () => (await node.info('master_link_status')) === 'up', `the link\n${node.log()}`);
    await until(() => load.writes > 300, 'writes');
    await load.stop();
    await inSync(first, second);
    await inSync(first, third);
    await second.client.call('REPLICAOF', 'NO', 'ONE');
    await second.client.select(2);
    await second.client.set('after', 'the promotion');
    await follow(third, second);
    await follow(first, second);
    await inSync(second, third);
    await inSync(second, first);
    expect(await second.info('sync_full')).toBe('0');
    expect(await second.info('sync_partial_ok')).toBe('2');
    const expected = await contentOf(second);
    expect(expected.get('2 after')).toBe('string -1 the promotion');
    expect(await contentOf(first)).toEqual(expected);
    expect(await contentOf(third)).toEqual(expected);
  });

  test.each([
    ['ours', 'reference'],
    ['reference', 'ours'],
  ] as const)('WAIT on %s counts the replica (%s) that has the write', async (primaryKind, replicaKind) => {
    const primary = await nodes.start(primaryKind);
    const replica = await nodes.start(replicaKind);
    await follow(replica, primary);
    await until(async () => (await replica.info('master_link_status')) === 'up', 'the link');
    await primary.client.set('k', 'v');
    expect(await primary.client.call('WAIT', '1', '5000')).toBe(1);
    expect(await replica.client.get('k')).toBe('v');
    const started = Date.now();
    await primary.client.set('k', 'w');
    expect(await primary.client.call('WAIT', '2', '300')).toBe(1);
    expect(Date.now() - started).toBeGreaterThanOrEqual(290);
  });
});
