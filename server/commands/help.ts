/** The reply of HELP subcommands, in Valkey's form: a head line, then each subcommand with its indented text. */

import type { CommandContext } from '../core/context.ts';

/** `lines`: subcommand with its arguments, then sentences about it. HELP itself is added. */
export function replyHelp(context: CommandContext, lines: readonly (readonly string[])[]): void {
  const name = (context.command.parent ?? context.command).fullName.toUpperCase();
  const all = [`${name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`];
  for (const [usage, ...sentences] of [...lines, ['HELP', 'Print this help.']]) {
    all.push(usage);
    for (const sentence of sentences) all.push(`    ${sentence}`);
  }
  context.reply.array(all.length);
  for (const line of all) context.reply.simple(line);
}
