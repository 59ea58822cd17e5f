/** RDB files between our server and the reference server, in both directions, and their judge `valkey-check-rdb`. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { contentOf, fillWith, follow, inSync, type Kind, Nodes, referenceFolder, until, WriteLoad } from '../support/replication-nodes.ts';

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const nodes = new Nodes(21_050);
const folders: string[] = [];

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'rdb-files-'));
  folders.push(path);
  return path;
}

afterEach(() => nodes.stopAll());
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

const DIRECTIONS: readonly (readonly [Kind, Kind])[] = [
  ['ours', 'reference'],
  ['reference', 'ours'],
  ['ours', 'ours'],
];

describe.skipIf(referenceFolder === undefined)(`RDB files with the reference server (needs VALKEY_REFERENCE; seed ${seed})`, () => {
  test.each(DIRECTIONS)('what %s saves under writes, the checker accepts and %s loads', async (writer, reader) => {
    const dir = folder();
    const node = await nodes.start(writer, { dir });
    await fillWith(node, 5000);
    const load = new WriteLoad(node, seed);
    await until(() => load.writes > 300, 'some writes');
    await node.client.call('BGSAVE');
    await until(async () => (await node.info('rdb_bgsave_in_progress')) === '0', 'the background save');
    await load.stop();
    const background = join(dir, 'background.rdb');
    copyFileSync(join(dir, 'dump.rdb'), background);
    await node.client.call('SAVE');
    const expected = await contentOf(node);
    await node.kill('SIGKILL');
    for (const file of [background, join(dir, 'dump.rdb')]) {
      const said = execFileSync(join(referenceFolder ?? '', 'src', 'valkey-check-rdb'), [file], { encoding: 'latin1' });
      expect(said).toContain('RDB looks OK!');
    }
    const second = await nodes.start(reader, { dir });
    await until(async () => (await second.info('loading')) === '0', 'the load');
    expect(await contentOf(second)).toEqual(expected);
  });

  test.each([
    ['ours', 'reference'],
    ['reference', 'ours'],
    ['ours', 'ours'],
  ] as const)(
    'a replica (%s) that restarts from its file goes on with its primary (%s) without a full sync',
    async (replicaKind, primaryKind) => {
      const dir = folder();
      const primary = await nodes.start(primaryKind);
      const replica = await nodes.start(replicaKind, { dir });
      await follow(replica, primary);
      await until(async () => (await replica.info('master_link_status')) === 'up', 'the link');
      await primary.client.set('before', 1);
      await inSync(primary, replica);
      await replica.client.call('SAVE');
      await replica.kill('SIGKILL');
      await primary.client.select(2);
      await primary.client.set('meanwhile', 2);
      const again = await nodes.start(replicaKind, { dir, replicaof: `127.0.0.1 ${primary.port}` });
      await inSync(primary, again);
      expect(await primary.info('sync_full')).toBe('1');
      expect(await primary.info('sync_partial_ok')).toBe('1');
      expect(await contentOf(again)).toEqual(await contentOf(primary));
    },
  );

  test.each([
    ['ours', 'reference'],
    ['reference', 'ours'],
    ['ours', 'ours'],
  ] as const)(
    'the replicas (%s) of a primary (%s) that restarts from its file go on without a full sync',
    async (replicaKind, primaryKind) => {
      const dir = folder();
      const primary = await nodes.start(primaryKind, { dir });
      const replica = await nodes.start(replicaKind);
      await follow(replica, primary);
      await until(async () => (await replica.info('master_link_status')) === 'up', 'the link');
      await primary.client.set('before', 1);
      await primary.client.set('expires', 1, 'PX', 50);
      await inSync(primary, replica);
      const ended = new Promise<void>(done => primary.process.once('exit', () => done()));
      await primary.client.call('SHUTDOWN', 'SAVE').catch(() => {});
      await ended;
      const again = await nodes.start(primaryKind, { dir, port: String(primary.port) });
      await inSync(again, replica);
      expect(await again.info('sync_full')).toBe('0');
      expect(await again.info('sync_partial_ok')).toBe('1');
      await again.client.set('after', 3);
      await inSync(again, replica);
      expect(await contentOf(replica)).toEqual(await contentOf(again));
    },
  );
});
