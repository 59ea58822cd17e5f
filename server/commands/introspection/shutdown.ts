/** SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [SAFE] [FAILOVER] | SHUTDOWN ABORT */

import type { CommandContext } from '../../core/context.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';

const WORDS: readonly string[] = ['NOSAVE', 'SAVE', 'NOW', 'FORCE', 'SAFE', 'FAILOVER', 'ABORT'];

export function shutdown(context: CommandContext): void {
  const { ports, reply, session } = context;
  const given = new Set<string>();
  for (let index = 1; index < context.argc; index++) given.add(context.argString(index).toUpperCase());
  const conflict = (given.has('ABORT') && given.size > 1) || (given.has('SAVE') && given.has('NOSAVE'));
  if (conflict || [...given].some(word => !WORDS.includes(word))) return reply.error(SYNTAX_ERROR);
  if (given.has('FAILOVER') && ports.cluster === undefined) return reply.error('ERR SHUTDOWN FAILOVER is only supported in cluster mode.');
  if (given.has('ABORT')) {
    if (ports.lifecycle.abortShutdown()) reply.ok();
    else reply.error('ERR No shutdown in progress.');
    return;
  }
  session.transport.holdInput();
  void ports.lifecycle
    .shutdown({
      save: given.has('NOSAVE') ? false : given.has('SAVE') ? true : undefined,
      now: given.has('NOW'),
      force: given.has('FORCE'),
      safe: given.has('SAFE'),
      failover: given.has('FAILOVER'),
    })
    .then(problem => {
      if (problem !== undefined) session.reply.error(problem);
      session.transport.resumeInput();
    });
}
