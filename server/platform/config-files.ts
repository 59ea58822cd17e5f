/** The file system under the configuration (`config/files.ts`). */

import * as fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ConfigFiles } from '../config/files.ts';

/** `ownProcess`: `dir` changes the working directory of the process; else it is only checked and remembered. */
export function configFiles(ownProcess: boolean): ConfigFiles {
  return {
    currentDirectory: () => process.cwd(),
    enterDirectory(path) {
      try {
        const target = resolve(path);
        if (ownProcess) process.chdir(target);
        else if (!fs.statSync(target).isDirectory()) return { reason: 'Not a directory' };
        return { path: target };
      } catch (error) {
        return { reason: systemReason(error) };
      }
    },
    read(path) {
      try {
        return fs.readFileSync(path, 'latin1');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw new Error(systemReason(error), { cause: error });
      }
    },
    replace(path, text) {
      try {
        replaceFile(path, text);
        return undefined;
      } catch (error) {
        return systemReason(error);
      }
    },
    matching: pattern => fs.globSync(pattern).toSorted(),
  };
}

/** Writes beside the file, then takes its place: a crash leaves the old or the new one. */
function replaceFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}.tmp`;
  const file = fs.openSync(draft, 'w', 0o644);
  try {
    fs.writeSync(file, text, null, 'latin1');
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
  fs.renameSync(draft, path);
  const directory = fs.openSync(dirname(resolve(path)), 'r');
  try {
    fs.fsyncSync(directory);
  } finally {
    fs.closeSync(directory);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  ENOTDIR: 'Not a directory',
  EISDIR: 'Is a directory',
  EROFS: 'Read-only file system',
  ENOSPC: 'No space left on device',
};

/** The text of strerror. */
export function systemReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? message;
}
