/**
 * Which process a pid means: the pid together with the moment the process started, since pids are used again.
 *
 * The start time is text to compare, nothing to compute with: on Linux the 22nd field of /proc/<pid>/stat (clock ticks since
 * boot), elsewhere what `ps -o lstart=` prints.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

export type ProcessIdentity = { readonly pid: number; readonly startTime: string };

const HAS_PROC = existsSync('/proc/self/stat');

/** The identity of the process that has `pid` now, or undefined when there is none (a zombie counts as none). */
export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = HAS_PROC ? startTimeFromProc(pid) : startTimeFromPs(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Whether that very process still runs. */
export function isRunning(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startTime === process.startTime;
}

function startTimeFromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in parentheses and may hold spaces: count from the last parenthesis. The state comes first.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function startTimeFromPs(pid: number): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env: { LC_ALL: 'C' } });
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}
