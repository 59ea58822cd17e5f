/** COMMAND: what commands there are, how they are documented, which arguments are keys. */

import { matchesGlobText } from '../../../lib/glob-pattern.ts';
import type { Command } from '../../core/command.ts';
import type { CommandContext } from '../../core/context.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { replyHelp } from '../help.ts';
import { keyPositions } from '../key-positions.ts';
import { replyCommandDocs, replyCommandInfo, replyStatusSet } from './command-reply.ts';

export function command(context: CommandContext): void {
  replyAllInfo(context);
}

function replyAllInfo({ ports, reply }: CommandContext): void {
  reply.array(ports.commands.all.size);
  for (const each of ports.commands.all.values()) replyCommandInfo(reply, each);
}

export function commandCount(context: CommandContext): void {
  context.reply.integer(context.ports.commands.all.size);
}

export function commandInfo(context: CommandContext): void {
  if (context.argc === 2) return replyAllInfo(context);
  context.reply.array(context.argc - 2);
  for (let index = 2; index < context.argc; index++) {
    const found = context.ports.commands.lookup(context.argString(index));
    if (found === undefined) context.reply.nilArray();
    else replyCommandInfo(context.reply, found);
  }
}

export function commandDocs(context: CommandContext): void {
  const { ports, reply } = context;
  const found: Command[] = [];
  if (context.argc === 2) found.push(...ports.commands.all.values());
  for (let index = 2; index < context.argc; index++) {
    const each = ports.commands.lookup(context.argString(index));
    if (each !== undefined) found.push(each);
  }
  reply.map(found.length);
  for (const each of found) {
    reply.bulkString(each.fullName);
    replyCommandDocs(reply, each);
  }
}

/** COMMAND LIST [FILTERBY (MODULE name | ACLCAT category | PATTERN pattern)] */
export function commandList(context: CommandContext): void {
  const { ports, reply } = context;
  const filter = readFilter(context);
  if (filter === undefined) return reply.error(SYNTAX_ERROR);
  const names: string[] = [];
  for (const each of ports.commands.all.values()) {
    for (const one of [each, ...(each.subcommands?.values() ?? [])]) if (filter(one)) names.push(one.fullName);
  }
  reply.array(names.length);
  for (const name of names) reply.bulkString(name);
}

function readFilter(context: CommandContext): ((command: Command) => boolean) | undefined {
  if (context.argc === 2) return () => true;
  if (context.argc !== 5 || !context.argIs(2, 'FILTERBY')) return undefined;
  const value = context.argString(4);
  // There are no modules.
  if (context.argIs(3, 'MODULE')) return () => false;
  if (context.argIs(3, 'ACLCAT')) return each => each.spec.categories.includes(value.toLowerCase());
  if (context.argIs(3, 'PATTERN')) return each => matchesGlobText(value, each.fullName, true);
  return undefined;
}

export function commandGetkeys(context: CommandContext): void {
  replyKeys(context, false);
}

export function commandGetkeysandflags(context: CommandContext): void {
  replyKeys(context, true);
}

function replyKeys(context: CommandContext, withFlags: boolean): void {
  const { ports, reply } = context;
  const words = [context.argString(2)];
  if (context.argc > 3) words.push(context.argString(3));
  const target = ports.commands.resolve(words);
  if (target === undefined) return reply.error('ERR Invalid command specified');
  const { arity, flags, keySpecs } = target.spec;
  if (!keySpecs.some(spec => !spec.flags.includes('not_key'))) return reply.error('ERR The command has no key arguments');
  const argc = context.argc - 2;
  if (arity > 0 ? arity !== argc : argc < -arity) return reply.error('ERR Invalid number of arguments specified for command');
  const keys = keyPositions(target.spec, argc, index => context.argString(index + 2));
  if (keys === undefined || keys.length === 0) {
    if (flags.includes('no_mandatory_keys')) return reply.array(0);
    return reply.error('ERR Invalid arguments specified for command');
  }
  reply.array(keys.length);
  for (const key of keys) {
    if (withFlags) reply.array(2);
    reply.bulk(context.bytes, context.argStart(key.index + 2), context.argEnd(key.index + 2));
    if (withFlags) replyStatusSet(reply, key.flags);
  }
}

export function commandHelp(context: CommandContext): void {
  replyHelp(context, [
    ['(no subcommand)', 'Describe all commands.'],
    ['COUNT', 'Give the number of commands.'],
    ['LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]', 'Name all commands, or those that pass a filter.'],
    ['INFO [<command-name> ...]', 'Describe some or all commands.'],
    ['DOCS [<command-name> ...]', 'Give the documentation of some or all commands.'],
    ['GETKEYS <full-command>', 'Find the keys in a request.'],
    ['GETKEYSANDFLAGS <full-command>', 'Find the keys in a request and how each of them is used.'],
  ]);
}
