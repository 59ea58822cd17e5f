/** Files of the data set on this machine's disks (`persistence/data-files.ts`): the work is done by Node's own threads, the engine goes on. */

import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DataFileReader, type DataFiles, type DataFileWriter, FileError } from '../persistence/data-files.ts';
import { systemReason } from './config-files.ts';

/** Runs `action`; what it throws becomes a `FileError`. */
async function attempt<T>(operation: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new FileError(operation, systemReason(error), error);
  }
}

class Writer implements DataFileWriter {
  private readonly file: FileHandle;

  constructor(file: FileHandle) {
    this.file = file;
  }

  write(pieces: readonly Uint8Array[]): Promise<void> {
    return attempt('write', async () => {
      let left = pieces;
      while (left.length > 0) {
        const { bytesWritten } = await this.file.writev(left);
        if (bytesWritten === 0) throw new Error('the system took no bytes');
        left = withoutFirst(left, bytesWritten);
      }
    });
  }

  sync(): Promise<void> {
    return attempt('fsync', () => this.file.datasync());
  }

  close(): Promise<void> {
    return attempt('close', () => this.file.close());
  }
}

/** What is left of the pieces after their first `count` bytes. */
function withoutFirst(pieces: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let skip = count;
  for (const [index, piece] of pieces.entries()) {
    if (skip < piece.length) return [piece.subarray(skip), ...pieces.slice(index + 1)];
    skip -= piece.length;
  }
  return [];
}

class Reader implements DataFileReader {
  readonly bytes: number;
  private readonly file: FileHandle;

  constructor(file: FileHandle, bytes: number) {
    this.file = file;
    this.bytes = bytes;
  }

  read(into: Uint8Array): Promise<number> {
    return attempt('read', async () => (await this.file.read(into, 0, into.length, null)).bytesRead);
  }

  close(): Promise<void> {
    return attempt('close', () => this.file.close());
  }
}

export const dataFiles: DataFiles = {
  create(path) {
    return attempt('open', async () => new Writer(await open(path, 'w', 0o644)));
  },

  async open(path) {
    try {
      const file = await open(path, constants.O_RDONLY);
      return new Reader(file, (await file.stat()).size);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new FileError('open', systemReason(error), error);
    }
  },

  async replace(from, to) {
    await attempt('rename', () => rename(from, to));
    await attempt('fsync of the folder', async () => {
      const folder = await open(dirname(to), constants.O_RDONLY);
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    });
  },

  remove(path) {
    return attempt('unlink', () => rm(path, { force: true }));
  },

  async removeLeftovers(folder, name) {
    const names = await attempt('readdir', () => readdir(folder));
    const left = names.filter(each => each.startsWith('temp-') && each.endsWith(`-${name}`) && isGone(each.slice(5, -name.length - 1)));
    for (const each of left) await this.remove(join(folder, each));
    return left;
  },
};

/** No process with this number can be writing: it is gone, or it is us, and the number is that of an earlier life. */
function isGone(number: string): boolean {
  const owner = /^\d+$/.test(number) ? Number(number) : Number.NaN;
  if (owner === process.pid) return true;
  try {
    if (!Number.isNaN(owner)) process.kill(owner, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
