import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { describeEnd, NodeProcess, type ProcessEnd } from './node-process.ts';
import { isRunning, type ProcessIdentity } from './process-identity.ts';

let folder: string;
const running: NodeProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slotkeeper-node-process-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(child => child.stop(0)));
  rmSync(folder, { recursive: true, force: true });
});

function start(script: string, prepare: () => void = () => {}) {
  const started: ProcessIdentity[] = [];
  const ends: ProcessEnd[] = [];
  const child = new NodeProcess({
    command: '/bin/sh',
    args: ['-c', script],
    workingFolder: folder,
    logFile: join(folder, 'log'),
    prepare,
    onStarted: identity => started.push(identity),
    onEnded: (_, end) => ends.push(end),
  });
  running.push(child);
  return { child, started, ends };
}

describe('a supervised node process', () => {
  test('is started again when it is killed, as another process', async () => {
    const { child, started, ends } = start('exec sleep 60');
    expect(child.state.phase).toBe('running');
    process.kill(started[0].pid, 'SIGKILL');
    await vi.waitFor(() => expect(started.length).toBe(2));
    expect(ends).toEqual([{ code: undefined, signal: 'SIGKILL', error: undefined }]);
    expect(started[1].pid).not.toBe(started[0].pid);
    expect(child.restarts).toBe(1);
  });

  test('waits longer before each restart while it keeps failing, and says how it ended', async () => {
    const { child, ends } = start('exit 3');
    await vi.waitFor(() => expect(ends.length).toBe(3));
    await vi.waitFor(() => expect(child.state.phase).toBe('waiting'));
    const state = child.state;
    if (state.phase !== 'waiting') throw new Error('it waits');
    expect(state.nextStartMs - state.endedAtMs).toBe(400);
    expect(describeEnd(state.end)).toBe('exited with code 3');
  });

  test('stays stopped after stop, which kills a process that ignores SIGTERM', async () => {
    const { child, started } = start("trap '' TERM; echo up; while :; do sleep 0.05; done");
    await vi.waitFor(() => expect(readFileSync(join(folder, 'log'), 'utf8')).toContain('up'));
    await child.stop(50);
    expect(child.state).toMatchObject({ phase: 'stopped', end: { signal: 'SIGKILL' } });
    expect(isRunning(started[0])).toBe(false);
  });

  test('that cannot be prepared waits with the reason, and starts once it can be', async () => {
    let broken = true;
    const { child, started } = start('exec sleep 60', () => {
      if (broken) throw new Error('no room');
    });
    expect(child.state).toMatchObject({ phase: 'waiting', end: { error: 'no room' } });
    broken = false;
    await vi.waitFor(() => expect(started.length).toBe(1), { timeout: 3_000 });
  });
});
