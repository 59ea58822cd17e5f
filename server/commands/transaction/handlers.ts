/** MULTI, EXEC, DISCARD, WATCH, UNWATCH. Queueing itself is dispatch's work: it keeps requests in `session.transaction`. */

import type { CommandContext } from '../../core/context.ts';
import { EXEC_ABORT } from '../../protocol/reply-errors.ts';
import type { CommandHandlers } from '../table.ts';

function multi(context: CommandContext): void {
  context.session.transaction = { queued: [], failed: false };
  context.reply.ok();
}

function discard(context: CommandContext): void {
  if (context.session.transaction === undefined) return context.reply.error('ERR DISCARD without MULTI');
  endTransaction(context);
  context.reply.ok();
}

function exec(context: CommandContext): void {
  const { ports, reply, session } = context;
  const { transaction } = session;
  if (transaction === undefined) return reply.error('ERR EXEC without MULTI');
  if (ports.watch.expiredSinceWatch(session, context.now)) session.dirtyCas = true;
  if (transaction.failed || session.dirtyCas) {
    endTransaction(context);
    if (transaction.failed) reply.error(EXEC_ABORT);
    else reply.nilArray();
    return;
  }
  // From here on the queued commands run as if the client sent them now, and what they write does not make it dirty itself.
  endTransaction(context);
  reply.array(transaction.queued.length);
  ports.execution.beginTransaction();
  for (const request of transaction.queued) ports.execution.runKept(session, request);
  ports.execution.endTransaction();
}

function endTransaction({ ports, session }: CommandContext): void {
  session.transaction = undefined;
  ports.watch.unwatchAll(session);
  session.dirtyCas = false;
}

function watch(context: CommandContext): void {
  const { ports, session } = context;
  if (!session.dirtyCas) {
    for (let index = 1; index < context.argc; index++) ports.watch.watch(session, context.db.index, context.argString(index));
  }
  context.reply.ok();
}

function unwatch(context: CommandContext): void {
  context.ports.watch.unwatchAll(context.session);
  context.session.dirtyCas = false;
  context.reply.ok();
}

export const TRANSACTION_HANDLERS: CommandHandlers = { discard, exec, multi, unwatch, watch };
