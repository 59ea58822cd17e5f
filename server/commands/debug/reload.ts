/**
 * DEBUG RELOAD [MERGE] [NOFLUSH]: all data as an RDB, kept in memory, and loaded back. It tells whether everything survives that.
 * NOSAVE needs a file, which this server does not write yet.
 */

import type { CommandContext } from '../../core/context.ts';
import type { ServerPorts } from '../../core/ports.ts';

export function reload(context: CommandContext): void {
  const { ports, reply, session } = context;
  let flush = true;
  for (let index = 2; index < context.argc; index++) {
    if (context.argIs(index, 'NOFLUSH')) flush = false;
    else if (context.argIs(index, 'NOSAVE')) return reply.error('ERR DEBUG RELOAD NOSAVE is not supported: there is no RDB file');
    else if (!context.argIs(index, 'MERGE')) return reply.error('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
  }
  const pieces: Uint8Array[] = [];
  session.transport.holdInput();
  const finish = (problem: string | undefined): void => {
    if (problem === undefined) session.reply.ok();
    else session.reply.error(problem);
    session.transport.resumeInput();
  };
  ports.snapshots.stream(
    {
      write: (bytes, start, end) => {
        pieces.push(bytes.slice(start, end));
        return true;
      },
      done: () => finish(load(ports, pieces, flush)),
      failed: error => finish(`ERR ${error.message}`),
    },
    { rdbVersion: 80, replication: undefined, checksum: true },
  );
}

/** The error line when it failed. */
function load(ports: ServerPorts, pieces: readonly Uint8Array[], flush: boolean): string | undefined {
  if (flush) ports.databases.flushAll(false);
  try {
    const loader = ports.snapshots.load({ dropExpired: false });
    for (const piece of pieces) loader.push(piece, 0, piece.length);
    if (!loader.finished) return 'ERR Error trying to load the RDB dump, check server logs.';
  } catch (error) {
    ports.log.warning(`DEBUG RELOAD failed: ${error instanceof Error ? error.message : String(error)}`);
    return 'ERR Error trying to load the RDB dump, check server logs.';
  }
  ports.log.notice('DB reloaded by DEBUG RELOAD');
  return undefined;
}
