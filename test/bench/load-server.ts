/** A server under test: started on a free port of loopback, pinned to one core, measured by its CPU time. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TICKS_PER_SECOND = 100;
const START_LIMIT_MS = 20_000;

export interface Contender {
  readonly name: string;
  /** Program and its first arguments. */
  readonly command: readonly string[];
}

export class LoadServer {
  readonly name: string;
  readonly port: number;
  private readonly child: ChildProcess;
  readonly directory: string;

  private constructor(name: string, port: number, child: ChildProcess, directory: string) {
    this.name = name;
    this.port = port;
    this.child = child;
    this.directory = directory;
  }

  /** @param core the processor it is pinned to. */
  static async start(contender: Contender, port: number, core: number): Promise<LoadServer> {
    const directory = mkdtempSync(join(tmpdir(), 'slotkeeper-bench-'));
    const options = ['--port', String(port), '--save', '', '--dir', directory, '--bind', '127.0.0.1'];
    const child = spawn('taskset', ['-c', String(core), ...contender.command, ...options], { stdio: 'ignore' });
    const server = new LoadServer(contender.name, port, child, directory);
    const deadline = Date.now() + START_LIMIT_MS;
    while (!(await answers(port))) {
      if (Date.now() > deadline || child.exitCode !== null) {
        await server.stop();
        throw new Error(`${contender.name} did not start on port ${port}: ${contender.command.join(' ')}`);
      }
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    return server;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Processor seconds used so far. `exec` keeps the process id through taskset and the start scripts. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      const ended = new Promise(resolve => this.child.once('exit', resolve));
      this.child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.once('error', () => resolve(false));
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('connect', () => socket.write('PING\r\n'));
  });
}
