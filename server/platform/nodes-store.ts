/**
 * The nodes file on disk: atomic replacement, synced where asked, and the lock that keeps two servers from sharing one file.
 *
 * Synchronous on purpose (see `cluster/environment.ts`). The lock is a Unix socket with an abstract name made of the folder's device
 * and inode and the file's name: the kernel lets go of it with the process, however it dies, so that nothing stale is ever in the way.
 * Other systems than Linux have no abstract names; there a socket file beside the nodes file does the same, and one that nobody
 * listens on is taken over.
 */

import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { NodesStore } from '../cluster/environment.ts';

export function createNodesStore(file: string): NodesStore {
  const temporary = `${file}.tmp-${process.pid}`;
  return {
    read() {
      try {
        return fs.readFileSync(file, 'latin1');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    write(content, sync) {
      try {
        const descriptor = fs.openSync(temporary, 'w', 0o644);
        try {
          fs.writeFileSync(descriptor, content, 'latin1');
          if (sync) fs.fsyncSync(descriptor);
        } finally {
          fs.closeSync(descriptor);
        }
        fs.renameSync(temporary, file);
      } catch (error) {
        fs.rmSync(temporary, { force: true });
        throw error;
      }
      if (sync) syncFolder(path.dirname(path.resolve(file)));
    },
  };
}

function syncFolder(folder: string): void {
  const descriptor = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Another process uses this nodes file. */
export class NodesFileInUseError extends Error {
  override readonly name = 'NodesFileInUseError';
}

/** Takes the lock of a nodes file; the function that comes back lets go of it. Rejects with NodesFileInUseError. */
export async function lockNodesFile(file: string): Promise<() => void> {
  const absolute = path.resolve(file);
  const { dev, ino } = fs.statSync(path.dirname(absolute));
  const abstract = process.platform === 'linux';
  const name = abstract ? `\0slotkeeper-nodes:${dev}:${ino}:${path.basename(absolute)}` : `${absolute}.lock`;
  if (!abstract && fs.existsSync(name) && !(await answers(name))) fs.rmSync(name, { force: true });
  return new Promise((resolve, reject) => {
    const server = net.createServer(socket => socket.destroy());
    server.once('error', error => {
      const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      reject(
        inUse
          ? new NodesFileInUseError(
              `Sorry, the cluster configuration file ${file} is already used by a different Cluster node. Please make sure that different nodes use different cluster configuration files.`,
            )
          : error,
      );
    });
    server.listen(name, () => {
      server.unref();
      resolve(() => server.close());
    });
  });
}

function answers(name: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = net.connect(name);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
