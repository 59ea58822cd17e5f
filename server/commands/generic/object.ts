/** OBJECT: what stands behind a value. */

import type { CommandContext } from '../../core/context.ts';
import type { Ref } from '../../memory/arena.ts';
import { replyHelp } from '../help.ts';

export const ENCODING_NAMES: readonly string[] = [
  'raw',
  'int',
  'embstr',
  'listpack',
  'quicklist',
  'intset',
  'hashtable',
  'skiplist',
  'stream',
];

export function objectEncoding(context: CommandContext): void {
  const entry = lookUp(context);
  if (entry !== 0) context.reply.bulkString(ENCODING_NAMES[context.db.encoding(entry)]);
}

/** Values are never shared. */
export function objectRefcount(context: CommandContext): void {
  if (lookUp(context) !== 0) context.reply.integer(1);
}

export function objectIdletime(context: CommandContext): void {
  const entry = lookUp(context);
  if (entry === 0) return;
  if (tracksFrequency(context)) {
    return context.reply.error(
      'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
    );
  }
  context.reply.integer(context.db.idleSeconds(entry));
}

export function objectFreq(context: CommandContext): void {
  const entry = lookUp(context);
  if (entry === 0) return;
  if (!tracksFrequency(context)) {
    return context.reply.error(
      'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
    );
  }
  context.reply.integer(context.db.frequency(entry));
}

function lookUp(context: CommandContext): Ref {
  const entry = context.db.peek(context.bytes, context.argStart(2), context.argEnd(2));
  if (entry === 0) context.reply.nil();
  return entry;
}

function tracksFrequency(context: CommandContext): boolean {
  return context.ports.config.text('maxmemory-policy').endsWith('lfu');
}

export function objectHelp(context: CommandContext): void {
  replyHelp(context, [
    ['ENCODING <key>', 'Name the internal form in which the value of <key> is kept.'],
    ['FREQ <key>', 'Give the access counter of <key>, which grows with the logarithm of its uses.'],
    ['IDLETIME <key>', 'Give the seconds since <key> was last used, roughly.'],
    ['REFCOUNT <key>', 'Give the number of references to the value of <key>.'],
  ]);
}
