/** The server as a process, as upstream's users start it: arguments, configuration files, background, signals, exit codes. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { ask, until, Workspace } from './local-cluster.ts';

const PROGRAM = join(import.meta.dirname, '../../bin/valkey-server');
const PORT = 18_070;
const LIMIT_MS = 15_000;
const workspace = new Workspace();
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => workspace.dispose());

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the program to its end. */
function run(...args: string[]): Promise<Ended> {
  return new Promise(resolve => {
    execFile(PROGRAM, args, { cwd: workspace.path, timeout: LIMIT_MS }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
    );
  });
}

interface Started {
  readonly child: ChildProcess;
  log(): string;
  readonly ended: Promise<number | null>;
}

function start(args: readonly string[], input?: string): Started {
  const child = spawn(PROGRAM, [...args], { cwd: workspace.path });
  children.push(child);
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  child.stderr.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  if (input !== undefined) child.stdin.end(input);
  const ended = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)));
  return { child, log: () => text, ended };
}

async function waitForLog(server: Started, words: string): Promise<void> {
  await until(
    () => server.log().includes(words),
    LIMIT_MS,
    () => `"${words}" in the log:\n${server.log()}`,
  );
}

describe('a process of the server', () => {
  test('tells its version in the form that tools read, and helps', async () => {
    expect((await run('--version')).out).toMatch(/^Valkey server v=9\.1\.2 sha=00000000:0 malloc=\w+ bits=64 build=slotkeeper-[\d.]+\n$/);
    expect((await run('--help')).err).toMatch(/^Usage: valkey-server/);
  });

  test('refuses a wrong configuration with the line and exit code 1', async () => {
    writeFileSync(join(workspace.path, 'bad.conf'), 'port 1234\nmaxmemory lots\n');
    const ended = await run('bad.conf');
    expect([ended.code, ended.err]).toEqual([
      1,
      "\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\nReading the configuration file, at line 2\n>>> 'maxmemory lots'\nargument must be a memory value\n",
    ]);
    expect((await run('missing.conf')).err).toContain("can't open config file");
    expect((await run('--no-such-directive', '1')).err).toContain('Bad directive or wrong number of arguments');
  });

  test('starts with the lines that harnesses wait for, and ends cleanly on SIGTERM', async () => {
    const server = start(['--port', String(PORT), '--always-show-logo', 'yes']);
    await waitForLog(server, 'Ready to accept connections');
    expect(server.log()).toMatch(new RegExp(` PID: ${server.child.pid}[^]*Server initialized`));
    expect(server.log()).toContain(`version=9.1.2, bits=64, commit=00000000, modified=0, pid=${server.child.pid}, just started`);
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(server.log()).toContain('ready to exit, bye bye');
  });

  test('reads the file, then standard input, then the command line', async () => {
    writeFileSync(join(workspace.path, 'order.conf'), `port ${PORT + 1}\nmaxmemory 1mb\ntimeout 1\nhz 20\n`);
    const server = start(['order.conf', '--timeout', '3', '-'], 'maxmemory 2mb\ntimeout 2\n');
    await waitForLog(server, 'Ready to accept connections');
    expect(await ask(PORT + 1, 'CONFIG', 'GET', 'hz')).toEqual(['hz', '20']);
    expect(await ask(PORT + 1, 'CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '2097152']);
    expect(await ask(PORT + 1, 'CONFIG', 'GET', 'timeout')).toEqual(['timeout', '3']);
    expect(await ask(PORT + 1, 'CONFIG', 'SET', 'timeout', '9')).toBe('OK');
    expect(await ask(PORT + 1, 'CONFIG', 'REWRITE')).toBe('OK');
    expect(readFileSync(join(workspace.path, 'order.conf'), 'utf8')).toContain('timeout 9\n');
  });

  test('ends with code 1 when its port is taken', async () => {
    const first = start(['--port', String(PORT + 2)]);
    await waitForLog(first, 'Ready to accept connections');
    const second = await run('--port', String(PORT + 2));
    expect([second.code, second.out.includes(`Failed listening on port ${PORT + 2}`)]).toEqual([1, true]);
  });

  test('goes to the background, writes its pid file, and ends by SHUTDOWN', async () => {
    const pidFile = join(workspace.path, 'server.pid');
    const logFile = join(workspace.path, 'server.log');
    const ended = await run('--port', String(PORT + 3), '--daemonize', 'yes', '--pidfile', pidFile, '--logfile', logFile);
    expect([ended.code, ended.out]).toEqual([0, '']);
    const answers = (): Promise<boolean> =>
      ask(PORT + 3, 'PING').then(
        () => true,
        () => false,
      );
    await until(answers, LIMIT_MS, () => 'the server in the background to answer');
    const info = String(await ask(PORT + 3, 'INFO', 'server'));
    expect(info).toContain(`process_id:${readFileSync(pidFile, 'utf8').trim()}`);
    await ask(PORT + 3, 'SHUTDOWN', 'NOSAVE').catch(() => 'closed');
    await until(
      () => readFileSync(logFile, 'utf8').includes('Removing the pid file.'),
      LIMIT_MS,
      () => readFileSync(logFile, 'utf8'),
    );
  });

  test('ends with a report and a failure when a bug shows', async () => {
    const server = start(['--port', String(PORT + 4), '--enable-debug-command', 'local']);
    await waitForLog(server, 'Ready to accept connections');
    await ask(PORT + 4, 'DEBUG', 'PANIC').catch(() => 'closed');
    expect(await server.ended).not.toBe(0);
    expect(server.log()).toContain('DEBUG PANIC');
  });

  test('needs a password where one is set, also for HELLO', async () => {
    const server = start(['--port', String(PORT + 5), '--requirepass', 'secret']);
    await waitForLog(server, 'Ready to accept connections');
    await expect(ask(PORT + 5, 'GET', 'a')).rejects.toThrow('NOAUTH Authentication required.');
    await expect(ask(PORT + 5, 'AUTH', 'wrong')).rejects.toThrow('WRONGPASS');
    await expect(ask(PORT + 5, 'HELLO', '3')).rejects.toThrow('NOAUTH HELLO must be called');
    expect(await ask(PORT + 5, 'AUTH', 'default', 'secret')).toBe('OK');
  });
});
