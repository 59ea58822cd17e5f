/** INFO [section …] */

import type { CommandContext } from '../../core/context.ts';

export function info(context: CommandContext): void {
  const sections: string[] = [];
  for (let index = 1; index < context.argc; index++) sections.push(context.argString(index).toLowerCase());
  context.reply.verbatim('txt', context.ports.info.render(sections));
}

export function time(context: CommandContext): void {
  const micros = context.ports.clock.microseconds();
  context.reply.array(2);
  context.reply.bulkInteger(Math.floor(micros / 1e6));
  context.reply.bulkInteger(micros % 1e6);
}
