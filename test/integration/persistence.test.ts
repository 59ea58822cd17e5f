/** A single server and its file: what survives which end, what a client sees meanwhile, and what is refused. */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'iovalkey';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { Nodes, until, type ValkeyNode } from '../support/replication-nodes.ts';

const nodes = new Nodes(21_080);
const folders: string[] = [];

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'persistence-'));
  folders.push(path);
  return path;
}

async function ended(node: ValkeyNode): Promise<number | null> {
  await until(() => node.process.exitCode !== null || node.process.signalCode !== null, `the end of ${node.port}\n${node.log()}`);
  return node.process.exitCode;
}

afterEach(() => nodes.stopAll());
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

describe('a server with save points', () => {
  test('has its data again after SIGTERM, and what was saved after SIGKILL', async () => {
    const dir = folder();
    const first = await nodes.start('ours', { dir, save: '1 1' });
    await first.client.set('saved', 'yes');
    await until(async () => (await first.info('rdb_changes_since_last_save')) === '0', 'a save point');
    await first.kill('SIGKILL');
    const second = await nodes.start('ours', { dir, save: '3600 1000000' });
    expect(await second.client.get('saved')).toBe('yes');
    await second.client.set('late', 'too');
    second.process.kill('SIGTERM');
    expect(await ended(second)).toBe(0);
    const third = await nodes.start('ours', { dir });
    expect(await third.client.mget('saved', 'late')).toEqual(['yes', 'too']);
    expect(third.log()).toMatch(/DB loaded from disk: \d+\.\d{3} seconds/);
  });

  test('SHUTDOWN NOSAVE saves nothing, SHUTDOWN SAVE saves without save points', async () => {
    const dir = folder();
    const first = await nodes.start('ours', { dir, save: '3600 1' });
    await first.client.set('k', 'v');
    await first.client.call('SHUTDOWN', 'NOSAVE').catch(() => {});
    expect(await ended(first)).toBe(0);
    expect(existsSync(join(dir, 'dump.rdb'))).toBe(false);
    const second = await nodes.start('ours', { dir, save: '' });
    await second.client.set('k', 'v');
    await second.client.call('SHUTDOWN', 'SAVE').catch(() => {});
    expect(await ended(second)).toBe(0);
    expect(statSync(join(dir, 'dump.rdb')).size).toBeGreaterThan(50);
  });
});

describe('a server whose file cannot be written', () => {
  test('refuses writes with MISCONF, does not end by SHUTDOWN, and takes writes again when it can save', async () => {
    const dir = join(folder(), 'data');
    mkdirSync(dir);
    const node = await nodes.start('ours', { dir, save: '3600 1000000', dbfilename: 'd.rdb' });
    await node.client.set('k', 'v');
    // A folder stands where the file is to be: not even root can rename over it.
    mkdirSync(join(dir, 'd.rdb', 'in the way'), { recursive: true });
    await node.client.call('BGSAVE');
    await until(async () => (await node.info('rdb_last_bgsave_status')) === 'err', 'the failure');
    await expect(node.client.set('k', 'w')).rejects.toThrow(/^MISCONF Valkey is configured to save RDB snapshots, but/);
    await expect(node.client.ping()).rejects.toThrow(/^MISCONF/);
    expect(await node.client.get('k')).toBe('v');
    await expect(node.client.call('SHUTDOWN')).rejects.toThrow('Errors trying to SHUTDOWN. Check logs.');
    rmSync(join(dir, 'd.rdb'), { recursive: true });
    await node.client.call('BGSAVE');
    await until(async () => (await node.info('rdb_last_bgsave_status')) === 'ok', 'the success');
    expect(await node.client.set('k', 'w')).toBe('OK');
  });
});

describe('while a file is loaded', () => {
  test('clients are answered LOADING, INFO tells how far it is, and SHUTDOWN leaves the file alone', async () => {
    const dir = folder();
    const first = await nodes.start('ours', { dir });
    await first.client.call('DEBUG', 'POPULATE', '20000');
    await first.client.call('SAVE');
    const saved = readFileSync(join(dir, 'dump.rdb'));
    await first.kill('SIGKILL');
    const second = nodes
      .start('ours', { dir, 'key-load-delay': '500', save: '1 1', port: '21099' })
      .catch((error: unknown) => String(error));
    const client = new Redis({ port: 21_099, enableReadyCheck: false, retryStrategy: () => 20, maxRetriesPerRequest: null });
    client.on('error', () => {});
    let info = '';
    const begun = async (): Promise<boolean> => (info = await client.info('persistence')).includes('loading_total_bytes');
    await until(begun, 'the load');
    expect(info).toContain('loading:1');
    expect(info).toMatch(/loading_total_bytes:[1-9]\d*/);
    expect(info).toMatch(/loading_loaded_perc:\d+\.\d\d/);
    await expect(client.get('k')).rejects.toThrow('LOADING Valkey is loading the dataset in memory');
    await expect(client.call('BGSAVE')).rejects.toThrow(/^LOADING/);
    client.call('SHUTDOWN').catch(() => {});
    expect(await second).toMatch(/ended:/);
    client.disconnect();
    expect(readFileSync(join(dir, 'dump.rdb'))).toEqual(saved);
  });

  test('a file that is cut off ends the start with exit code 1 and stays as it is', async () => {
    const dir = folder();
    const first = await nodes.start('ours', { dir });
    await first.client.call('DEBUG', 'POPULATE', '1000');
    await first.client.call('SAVE');
    await first.kill('SIGKILL');
    const file = join(dir, 'dump.rdb');
    truncateSync(file, statSync(file).size - 100);
    const before = readFileSync(file);
    await expect(nodes.start('ours', { dir, save: '1 1' })).rejects.toThrow(/Fatal error loading the DB, check server logs. Exiting./);
    expect(readFileSync(file)).toEqual(before);
  });

  test('what an earlier life left behind in the middle of a save is removed', async () => {
    const dir = folder();
    writeFileSync(join(dir, 'temp-999999-dump.rdb'), 'half');
    writeFileSync(join(dir, `temp-${process.pid}-dump.rdb`), 'of a process that lives');
    await nodes.start('ours', { dir });
    expect(existsSync(join(dir, 'temp-999999-dump.rdb'))).toBe(false);
    expect(existsSync(join(dir, `temp-${process.pid}-dump.rdb`))).toBe(true);
  });
});
