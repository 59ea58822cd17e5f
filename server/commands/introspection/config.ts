/** CONFIG: reading and changing directives. */

import type { CommandContext } from '../../core/context.ts';
import type { ConfigChange } from '../../core/ports.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { replyHelp } from '../help.ts';
import { isAllowedHere } from './protected-action.ts';

export function configGet(context: CommandContext): void {
  const { reply } = context;
  const patterns: string[] = [];
  for (let index = 2; index < context.argc; index++) patterns.push(context.argString(index));
  const found = context.ports.config.matching(patterns);
  reply.map(found.length);
  for (const [name, value] of found) {
    reply.bulkString(name);
    reply.bulkString(value);
  }
}

export function configSet(context: CommandContext): void {
  const { ports, reply } = context;
  if (context.argc % 2 === 1) return reply.error(SYNTAX_ERROR);
  const changes: ConfigChange[] = [];
  for (let index = 2; index < context.argc; index += 2) changes.push([context.argString(index), context.argString(index + 1)]);
  const problem = ports.config.setAll(changes, {
    allowsProtected: isAllowedHere(context, 'enable-protected-configs'),
    loading: ports.lifecycle.loading,
  });
  if (problem === undefined) reply.ok();
  else reply.error(problem);
}

export function configResetstat(context: CommandContext): void {
  const { cluster, commands, slotStatistics, stats } = context.ports;
  stats.reset();
  commands.resetStats();
  cluster?.administration.resetStatistics();
  slotStatistics?.resetAll();
  context.reply.ok();
}

export function configRewrite(context: CommandContext): void {
  const { log } = context.ports;
  const problem = context.ports.config.rewrite();
  if (problem === undefined) {
    log.notice('CONFIG REWRITE executed with success.');
    return context.reply.ok();
  }
  log.warning(`CONFIG REWRITE failed: ${problem.replace(/^ERR (Rewriting config file: )?/, '')}`);
  context.reply.error(problem);
}

export function configHelp(context: CommandContext): void {
  replyHelp(context, [
    ['GET <pattern>', 'Give the directives that match <pattern>, with their values.'],
    ['SET <directive> <value>', 'Change <directive> to <value>.'],
    ['RESETSTAT', 'Set the statistics of INFO back to zero.'],
    ['REWRITE', 'Write the configuration in use into its file.'],
  ]);
}
