/**
 * DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]: all data are saved to the RDB file and loaded back from it. It tells whether everything survives that.
 */

import type { CommandContext } from '../../core/context.ts';
import { LoadError } from '../../core/persistence.ts';
import type { ServerPorts } from '../../core/ports.ts';

const FAILED = 'ERR Error trying to load the RDB dump, check server logs.';

export function reload(context: CommandContext): void {
  const { ports, reply, session } = context;
  const options = { save: true, flush: true, merge: false };
  for (let index = 2; index < context.argc; index++) {
    if (context.argIs(index, 'NOFLUSH')) options.flush = false;
    else if (context.argIs(index, 'NOSAVE')) options.save = false;
    else if (context.argIs(index, 'MERGE')) options.merge = true;
    else return reply.error('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
  }
  session.transport.holdInput();
  void run(ports, options).then(problem => {
    if (problem === undefined) session.reply.ok();
    else session.reply.error(problem);
    session.transport.resumeInput();
  });
}

/** The error line when it failed. */
async function run(
  { persistence, replication, log }: ServerPorts,
  options: { readonly save: boolean; readonly flush: boolean; readonly merge: boolean },
): Promise<string | undefined> {
  if (options.save && !(await persistence.saveNow())) return 'ERR';
  try {
    const loaded = await persistence.load({
      dropExpired: replication.role === 'primary',
      flushFirst: options.flush,
      replaceKeys: options.merge,
    });
    if (loaded === undefined) return FAILED;
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return FAILED;
  }
  log.notice('DB reloaded by DEBUG RELOAD');
  return undefined;
}
