/**
 * A command described as COMMAND INFO and COMMAND DOCS describe it. Shapes and order are Valkey's (`server.c`, generateCommandInfoResponse,
 * addReplyCommandDocs); RESP3 has sets and maps where RESP2 has arrays, which the reply writer takes care of.
 */

import type { Command, CommandArgument, CommandFlag, CommandSpec, KeySpec } from '../../core/command.ts';
import type { Reply } from '../../protocol/reply.ts';
import { hasMovableKeys, keyRange } from '../key-positions.ts';

/** Flags that COMMAND shows, in its order; the others are hidden. */
const SHOWN_FLAGS: readonly CommandFlag[] = [
  'write',
  'readonly',
  'denyoom',
  'module',
  'admin',
  'pubsub',
  'noscript',
  'blocking',
  'loading',
  'stale',
  'skip_monitor',
  'skip_commandlog',
  'asking',
  'fast',
  'no_auth',
  'no_mandatory_keys',
  'no_async_loading',
  'no_multi',
  'movablekeys',
  'allow_busy',
];

export function replyCommandInfo(reply: Reply, command: Command): void {
  const { spec } = command;
  const { first, last, step } = keyRange(spec);
  reply.array(10);
  reply.bulkString(command.fullName);
  reply.integer(spec.arity);
  const movable = hasMovableKeys(spec);
  replyStatusSet(
    reply,
    SHOWN_FLAGS.filter(flag => (flag === 'movablekeys' ? movable : spec.flags.includes(flag))),
  );
  reply.integer(first);
  reply.integer(last);
  reply.integer(step);
  replyStatusSet(
    reply,
    spec.categories.map(category => `@${category}`),
  );
  replyTips(reply, spec.tips);
  reply.set(spec.keySpecs.length);
  for (const keySpec of spec.keySpecs) replyKeySpec(reply, keySpec);
  const subcommands = [...(command.subcommands?.values() ?? [])];
  reply.array(subcommands.length);
  for (const sub of subcommands) replyCommandInfo(reply, sub);
}

/** Flags of a key (GETKEYSANDFLAGS) and of a command are simple strings. */
export function replyStatusSet(reply: Reply, words: readonly string[]): void {
  reply.set(words.length);
  for (const word of words) reply.simple(word);
}

function replyTips(reply: Reply, tips: readonly string[]): void {
  reply.set(tips.length);
  for (const tip of tips) reply.bulkString(tip);
}

function replyKeySpec(reply: Reply, { flags, notes, begin, find }: KeySpec): void {
  reply.map(notes === undefined ? 3 : 4);
  if (notes !== undefined) replyField(reply, 'notes', notes);
  reply.bulkString('flags');
  replyStatusSet(reply, flags);
  reply.bulkString('begin_search');
  switch (begin.type) {
    case 'index':
      replyTyped(reply, 'index', { index: begin.index });
      break;
    case 'keyword':
      replyTyped(reply, 'keyword', { keyword: begin.keyword, startfrom: begin.startFrom });
      break;
    case 'unknown':
      replyTyped(reply, 'unknown', {});
  }
  reply.bulkString('find_keys');
  switch (find.type) {
    case 'range':
      replyTyped(reply, 'range', { lastkey: find.lastKey, keystep: find.step, limit: find.limit });
      break;
    case 'keynum':
      replyTyped(reply, 'keynum', { keynumidx: find.keyNumIndex, firstkey: find.firstKey, keystep: find.step });
      break;
    case 'unknown':
      replyTyped(reply, 'unknown', {});
  }
}

function replyTyped(reply: Reply, type: string, spec: Readonly<Record<string, string | number>>): void {
  reply.map(2);
  replyField(reply, 'type', type);
  reply.bulkString('spec');
  const entries = Object.entries(spec);
  reply.map(entries.length);
  for (const [name, value] of entries) {
    reply.bulkString(name);
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkString(value);
  }
}

function replyField(reply: Reply, name: string, value: string): void {
  reply.bulkString(name);
  reply.bulkString(value);
}

export function replyCommandDocs(reply: Reply, command: Command): void {
  const { spec } = command;
  const texts = docTexts(spec);
  const subcommands = [...(command.subcommands?.values() ?? [])];
  const optional = [spec.docFlags, spec.deprecatedSince, spec.replacedBy, spec.history, spec.arguments].filter(part => part !== undefined);
  reply.map(texts.length + optional.length + (subcommands.length > 0 ? 1 : 0));
  for (const [name, text] of texts) replyField(reply, name, text);
  if (spec.docFlags !== undefined) {
    reply.bulkString('doc_flags');
    replyStatusSet(reply, spec.docFlags);
  }
  if (spec.deprecatedSince !== undefined) replyField(reply, 'deprecated_since', spec.deprecatedSince);
  if (spec.replacedBy !== undefined) replyField(reply, 'replaced_by', spec.replacedBy);
  if (spec.history !== undefined) {
    reply.bulkString('history');
    reply.set(spec.history.length);
    for (const [since, change] of spec.history) {
      reply.array(2);
      reply.bulkString(since);
      reply.bulkString(change);
    }
  }
  if (spec.arguments !== undefined) {
    reply.bulkString('arguments');
    replyArguments(reply, spec.arguments);
  }
  if (subcommands.length > 0) {
    reply.bulkString('subcommands');
    reply.map(subcommands.length);
    for (const sub of subcommands) {
      reply.bulkString(sub.fullName);
      replyCommandDocs(reply, sub);
    }
  }
}

function docTexts(spec: CommandSpec): readonly (readonly [string, string])[] {
  const texts: [string, string][] = [
    ['summary', spec.summary],
    ['since', spec.since],
    ['group', spec.group],
  ];
  if (spec.complexity !== '') texts.push(['complexity', spec.complexity]);
  return texts;
}

function replyArguments(reply: Reply, args: readonly CommandArgument[]): void {
  reply.array(args.length);
  for (const arg of args) {
    const nested = arg.type === 'oneof' || arg.type === 'block';
    const flags = argumentFlags(arg);
    const texts: (readonly [string, string | undefined])[] = [
      ['token', arg.token],
      ['summary', arg.summary],
      ['since', arg.since],
      ['deprecated_since', arg.deprecatedSince],
    ];
    const given = texts.filter(([, text]) => text !== undefined);
    reply.map(3 + (arg.keySpecIndex === undefined ? 0 : 1) + given.length + (flags.length > 0 ? 1 : 0));
    replyField(reply, 'name', arg.name);
    replyField(reply, 'type', arg.type);
    if (!nested) replyField(reply, 'display_text', arg.displayText ?? arg.name);
    if (arg.keySpecIndex !== undefined) {
      reply.bulkString('key_spec_index');
      reply.integer(arg.keySpecIndex);
    }
    for (const [name, text] of given) replyField(reply, name, text ?? '');
    if (flags.length > 0) {
      reply.bulkString('flags');
      replyStatusSet(reply, flags);
    }
    if (nested) {
      reply.bulkString('arguments');
      replyArguments(reply, arg.arguments ?? []);
    }
  }
}

function argumentFlags(arg: CommandArgument): string[] {
  const flags: string[] = [];
  if (arg.optional === true) flags.push('optional');
  if (arg.multiple === true) flags.push('multiple');
  if (arg.multipleToken === true) flags.push('multiple_token');
  return flags;
}
