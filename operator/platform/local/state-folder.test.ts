import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { identify, isRunning } from './process-identity.ts';
import { Reaper } from './reaper.ts';
import { FolderInUseError, StateFolder } from './state-folder.ts';

let folder: string;
const children: number[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slotkeeper-state-'));
});
afterEach(() => {
  for (const pid of children.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

function sleeper() {
  const child = spawn('sleep', ['60'], { stdio: 'ignore', detached: true });
  child.unref();
  const identity = identify(child.pid ?? 0);
  if (identity === undefined) throw new Error('sleep did not start');
  children.push(identity.pid);
  return identity;
}

describe('the state folder', () => {
  test('belongs to one process at a time', async () => {
    const state = await StateFolder.take(folder, { fresh: false });
    await expect(StateFolder.take(folder, { fresh: false })).rejects.toThrow(FolderInUseError);
    state.release();
    (await StateFolder.take(folder, { fresh: false })).release();
  });

  test('is taken over from an owner that is gone, even where its pid is in use again', async () => {
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: process.pid, startTime: 'another time' }));
    const first = await StateFolder.take(folder, { fresh: false });
    expect(JSON.parse(readFileSync(join(folder, 'lock'), 'utf8'))).toEqual(identify(process.pid));
    first.release();
    writeFileSync(join(folder, 'lock'), 'half a lo');
    (await StateFolder.take(folder, { fresh: false })).release();
  });

  test('ends the processes that a killed owner left behind, and no other process of that pid', async () => {
    const left = sleeper();
    const stranger = sleeper();
    writeFileSync(join(folder, 'processes.json'), JSON.stringify([left, { ...stranger, startTime: 'another time' }]));
    const state = await StateFolder.take(folder, { fresh: false });
    expect([isRunning(left), isRunning(stranger)]).toEqual([false, true]);
    state.release();
  });

  test('keeps objects over starts, and forgets them with fresh', async () => {
    const first = await StateFolder.take(folder, { fresh: false });
    first.writeObjects({ uid: 'u' });
    first.release();
    const second = await StateFolder.take(folder, { fresh: false });
    expect(second.readObjects()).toEqual({ uid: 'u' });
    second.release();
    const third = await StateFolder.take(folder, { fresh: true });
    expect(third.readObjects()).toBeUndefined();
    expect(existsSync(third.logFile('x'))).toBe(false);
    third.release();
  });
});

describe('the reaper', () => {
  test('ends what it still knows when its pipe closes', async () => {
    const reaper = new Reaper();
    const [known, removed] = [sleeper(), sleeper()];
    for (const { pid } of [known, removed]) reaper.add(pid);
    reaper.remove(removed.pid);
    reaper.close();
    await vi.waitFor(() => expect(isRunning(known)).toBe(false), { timeout: 5_000 });
    expect(isRunning(removed)).toBe(true);
  });
});
