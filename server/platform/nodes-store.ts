/**
 * The cluster's nodes file on a disk: replaced whole (temporary file, fsync, rename, fsync of the folder), and held by one server at a time.
 *
 * Node has no flock: the hold is a file `<name>.lock` with the process id and its start time. A hold whose process is gone, or whose id has been
 * given to another process, is stale and taken over; so a server that was killed starts again without help.
 */

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { NodesStore } from '../cluster/environment.ts';

/** Another server holds the file, or it cannot be held. */
export class NodesFileInUse extends Error {
  override readonly name = 'NodesFileInUse';
}

export class NodesFileStore implements NodesStore {
  private readonly path: string;
  private readonly lockPath: string;
  private held = false;

  constructor(path: string) {
    this.path = resolve(path);
    this.lockPath = `${this.path}.lock`;
  }

  /** Holds the file for this process. Throws NodesFileInUse. */
  hold(): void {
    const mine = `${process.pid} ${startTimeOf(process.pid) ?? '-'}\n`;
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        writeFileSync(this.lockPath, mine, { flag: 'wx' });
        this.held = true;
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
          throw new NodesFileInUse(`Cannot hold ${this.path}: ${(error as Error).message}`, { cause: error });
        const owner = readIfThere(this.lockPath)?.trim() ?? '';
        if (isAlive(owner)) throw new NodesFileInUse(`${this.path} is in use by the server with process id ${owner.split(' ')[0]}`);
        rmSync(this.lockPath, { force: true });
      }
    }
    throw new NodesFileInUse(`${this.path} is being taken by another server`);
  }

  release(): void {
    if (this.held) rmSync(this.lockPath, { force: true });
    this.held = false;
  }

  read(): string | undefined {
    const content = readIfThere(this.path);
    return content === '' ? undefined : content;
  }

  write(content: string, sync: boolean): void {
    const temporary = `${this.path}.tmp-${process.pid}`;
    const file = openSync(temporary, 'w', 0o644);
    try {
      writeSync(file, content);
      if (sync) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.path);
    if (sync) syncFolder(dirname(this.path));
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The owner of a lock still runs: same process id and same start time. Our own id is an earlier life in a container (always process 1), unless the start time says it is us. */
function isAlive(owner: string): boolean {
  const [pid, startTime] = owner.split(' ');
  const now = startTimeOf(Number(pid));
  if (now !== undefined) return startTime === '-' || now === startTime;
  try {
    process.kill(Number(pid), 0);
    return process.platform !== 'linux';
  } catch {
    return false;
  }
}

/** Start time in clock ticks since boot (Linux), undefined where it cannot be told. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
