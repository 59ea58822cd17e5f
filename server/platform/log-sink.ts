/** Where log lines go: standard output, or a file that is opened for each line, so that others may move or cut it. */

import { appendFileSync, writeSync } from 'node:fs';

/** `path`: '' = standard output. A line that cannot be written is lost: the log must never stop the server. */
export function logSink(path: () => string): (text: string) => void {
  return text => {
    const file = path();
    try {
      if (file === '') writeFully(Buffer.from(text, 'latin1'));
      else appendFileSync(file, text, 'latin1');
    } catch {
      // A full disk or a closed pipe: nothing more can be said.
    }
  };
}

/** Standard output may be a pipe that takes a part only. */
function writeFully(bytes: Buffer): void {
  let at = 0;
  for (let attempts = 0; at < bytes.length && attempts < 1000; attempts++) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
