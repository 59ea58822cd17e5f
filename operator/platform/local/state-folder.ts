/**
 * The folder that a local cluster lives in (`--dir`, default .slotkeeper):
 *
 *     lock              the `slotkeeper up` that owns the folder: pid and start time
 *     processes.json    the node processes that it started: so that the next start ends what a killed one left behind
 *     objects.json      what stays the same over starts: the cluster's uid
 *     logs/<node>.log   what a node printed since the last start
 *     nodes/<node>/     the folder a node works in, cleared whenever the node starts without persistence; with it, all that the node knows
 */
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isRunning, type ProcessIdentity } from './process-identity.ts';

/** The folder belongs to another `slotkeeper up` that still runs. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError';
  readonly code = 'FOLDER_IN_USE';
}

const LEFTOVER_TERM_MS = 3_000;
const LEFTOVER_POLL_MS = 50;

export class StateFolder {
  readonly path: string;
  #processes: readonly ProcessIdentity[] = [];

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Takes the folder for this process, making it where it is missing, and ends node processes that an earlier owner left behind.
   * Logs begin anew, and node folders unless they are persistent; with `fresh`, everything does. Throws FolderInUseError when another owner runs.
   */
  static async take(folder: string, options: { readonly fresh: boolean; readonly persistent?: boolean }): Promise<StateFolder> {
    const path = resolve(folder);
    mkdirSync(path, { recursive: true });
    takeLock(path, folder);
    await endLeftovers(readProcesses(path));
    const state = new StateFolder(path);
    const keepsNodes = options.persistent === true && !options.fresh;
    for (const name of ['logs', ...(keepsNodes ? [] : ['nodes']), ...(options.fresh ? ['objects.json'] : [])])
      rmSync(join(path, name), { recursive: true, force: true });
    mkdirSync(join(path, 'logs'), { recursive: true });
    mkdirSync(join(path, 'nodes'), { recursive: true });
    state.#write([]);
    return state;
  }

  logFile(node: string): string {
    return join(this.path, 'logs', `${node}.log`);
  }

  nodeFolder(node: string): string {
    return join(this.path, 'nodes', node);
  }

  /** Remembers a started node process until `forgetProcess`. */
  recordProcess(process: ProcessIdentity): void {
    this.#write([...this.#processes, process]);
  }

  forgetProcess(pid: number): void {
    this.#write(this.#processes.filter(process => process.pid !== pid));
  }

  /** What the operator kept, as `writeObjects` wrote it; undefined where there is nothing readable. */
  readObjects(): unknown {
    return readJson(join(this.path, 'objects.json'));
  }

  writeObjects(objects: unknown): void {
    writeAtomically(join(this.path, 'objects.json'), JSON.stringify(objects, undefined, 2));
  }

  /** Gives the folder back. The caller has ended its processes. */
  release(): void {
    rmSync(join(this.path, 'processes.json'), { force: true });
    rmSync(join(this.path, 'lock'), { force: true });
  }

  #write(processes: readonly ProcessIdentity[]): void {
    this.#processes = processes;
    writeAtomically(join(this.path, 'processes.json'), JSON.stringify(processes));
  }
}

function takeLock(path: string, shown: string): void {
  const file = join(path, 'lock');
  const own = identify(process.pid) ?? { pid: process.pid, startTime: '' };
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const descriptor = openSync(file, 'wx', 0o600);
      writeSync(descriptor, JSON.stringify(own));
      closeSync(descriptor);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = asIdentity(readJson(file));
    if (owner !== undefined && isRunning(owner))
      throw new FolderInUseError(
        `The folder ${shown} is in use by another slotkeeper up (process ${owner.pid}): stop that one, or give another folder with --dir`,
      );
    rmSync(file, { force: true });
  }
  throw new FolderInUseError(`The folder ${shown} is being taken by another slotkeeper up: give another folder with --dir`);
}

async function endLeftovers(processes: readonly ProcessIdentity[]): Promise<void> {
  const signal = (name: NodeJS.Signals): void => {
    for (const process_ of processes.filter(isRunning)) process.kill(process_.pid, name);
  };
  signal('SIGTERM');
  for (let waited = 0; waited < LEFTOVER_TERM_MS && processes.some(isRunning); waited += LEFTOVER_POLL_MS) await sleep(LEFTOVER_POLL_MS);
  signal('SIGKILL');
}

function readProcesses(path: string): readonly ProcessIdentity[] {
  const list = readJson(join(path, 'processes.json'));
  return Array.isArray(list) ? list.flatMap(item => asIdentity(item) ?? []) : [];
}

function asIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null || !('pid' in value) || !('startTime' in value)) return undefined;
  const { pid, startTime } = value;
  return Number.isSafeInteger(pid) && Number(pid) > 1 && typeof startTime === 'string' ? { pid: Number(pid), startTime } : undefined;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function writeAtomically(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
