/** SAVE, BGSAVE, LASTSAVE. */

import type { CommandContext } from '../../core/context.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import type { CommandHandlers } from '../table.ts';

const IN_PROGRESS = 'ERR Background save already in progress';

function save(context: CommandContext): void {
  const { ports, reply, session } = context;
  if (ports.persistence.saving) return reply.error(IN_PROGRESS);
  session.transport.holdInput();
  void ports.persistence.saveNow().then(done => {
    if (done) session.reply.ok();
    else session.reply.error('ERR');
    session.transport.resumeInput();
  });
}

function bgsave(context: CommandContext): void {
  const { ports, reply } = context;
  const { persistence, log } = ports;
  const schedules = context.argc === 2 && context.argIs(1, 'SCHEDULE');
  if (context.argc === 2 && context.argIs(1, 'CANCEL')) return cancel(context);
  if (context.argc > 1 && !schedules) return reply.error(SYNTAX_ERROR);
  if (persistence.saving) return reply.error(IN_PROGRESS);
  if (!context.mayBlock) {
    // The snapshot is to show the whole transaction.
    log.notice('Background saving scheduled to run after transaction execution');
    persistence.schedule();
    return reply.simple('Background saving scheduled');
  }
  if (persistence.saveInBackground()) reply.simple('Background saving started');
  else reply.error('ERR');
}

function cancel({ ports, reply }: CommandContext): void {
  const { persistence, log } = ports;
  switch (persistence.cancel()) {
    case 'running':
      log.notice('Background saving will be aborted due to user request');
      return reply.simple('Background saving cancelled');
    case 'scheduled':
      log.notice('Scheduled background saving will be cancelled due to user request');
      return reply.simple('Scheduled background saving cancelled');
    case 'nothing':
      return reply.error('ERR Background saving is currently not in progress or scheduled');
  }
}

function lastsave({ ports, reply }: CommandContext): void {
  reply.integer(ports.persistence.lastSaveAt);
}

export const PERSISTENCE_HANDLERS: CommandHandlers = { bgsave, lastsave, save };
