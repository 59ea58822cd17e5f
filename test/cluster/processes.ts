/**
 * The programs of the local Kubernetes as background processes: each has a log file and a pid file in the run folder. A pid file
 * counts only while /proc says that the process still runs that program, so a pid that the machine has given to somebody else is never killed.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, closeSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './places.ts';
import { until } from './progress.ts';

const pidFile = (name: string): string => join(run, 'pids', name);
const logFile = (name: string): string => join(run, 'log', `${name}.log`);

/** Starts `program` in the background as `name`, unless it runs already. */
export function startProcess(name: string, program: string, args: readonly string[]): void {
  if (pidOf(name) !== undefined) return;
  mkdirSync(join(run, 'pids'), { recursive: true });
  mkdirSync(join(run, 'log'), { recursive: true });
  const log = openSync(logFile(name), 'a');
  const child = spawn(program, args, { cwd: run, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  child.on('error', () => {});
  child.unref();
  if (child.pid === undefined) throw new Error(`Cannot start "${program}"`);
  writeFileSync(pidFile(name), `${child.pid} ${program}`);
}

/** The pid of a running process that `startProcess` started, in this program or an earlier one. */
export function pidOf(name: string): number | undefined {
  if (!existsSync(pidFile(name))) return undefined;
  const [pid = '', program = ''] = readFileSync(pidFile(name), 'utf8').split(' ');
  try {
    const runs = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0];
    return runs === program ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

/** Kills a process with SIGKILL and waits until it is gone. */
export async function killProcess(name: string): Promise<void> {
  const pid = pidOf(name);
  if (pid !== undefined) {
    process.kill(pid, 'SIGKILL');
    await until(`${name} (pid ${pid}) ends after SIGKILL`, 10_000, () => (pidOf(name) === undefined ? true : undefined));
  }
  rmSync(pidFile(name), { force: true });
}

export const logTail = (name: string): string =>
  existsSync(logFile(name)) ? readFileSync(logFile(name), 'utf8').split('\n').slice(-8).join('\n') : '';

/** Every pid in the cgroups below `cgroup` ("slotkeeper-node-1"), in whichever hierarchy the machine has. */
export function cgroupPids(cgroup: string): number[] {
  const pids = new Set<number>();
  const visit = (folder: string): void => {
    if (!existsSync(folder)) return;
    try {
      for (const line of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n')) if (line) pids.add(Number(line));
      for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) visit(join(folder, entry.name));
    } catch {
      // A cgroup that goes away while we look at it holds no process any more.
    }
  };
  for (const hierarchy of ['pids', '']) visit(join('/sys/fs/cgroup', hierarchy, cgroup));
  return [...pids];
}
