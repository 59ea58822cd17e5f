/** MEMORY USAGE: the bytes of a key with its value. What upstream's other subcommands tell of its allocator has no counterpart here. */

import type { CommandContext } from '../../core/context.ts';
import { ENC_INT, TYPE_STRING } from '../../keyspace/database.ts';
import { NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { replyHelp } from '../help.ts';

const DEFAULT_SAMPLES = 5;

/** MEMORY USAGE key [SAMPLES n]; 0 samples = all members are looked at. */
export function memoryUsage(context: CommandContext): void {
  const { db, ports, reply } = context;
  let samples = DEFAULT_SAMPLES;
  for (let index = 3; index < context.argc; index += 2) {
    if (!context.argIs(index, 'SAMPLES') || index + 1 === context.argc) return reply.error(SYNTAX_ERROR);
    const given = context.argInteger(index + 1);
    if (given === undefined) return reply.error(NOT_INTEGER_ERROR);
    if (given < 0) return reply.error(SYNTAX_ERROR);
    samples = given;
  }
  const entry = db.peek(context.bytes, context.argStart(2), context.argEnd(2));
  if (entry === 0) return reply.nil();
  let bytes = db.arena.capacity(entry);
  const encoding = db.encoding(entry);
  if (db.type(entry) !== TYPE_STRING) bytes += ports.values.memoryUsage(db.type(entry), encoding, db.root(entry), samples);
  else if (encoding !== ENC_INT && db.stringBlock(entry) !== entry) bytes += db.arena.capacity(db.stringBlock(entry));
  reply.integer(bytes);
}

export function memoryHelp(context: CommandContext): void {
  replyHelp(context, [
    ['USAGE <key> [SAMPLES <count>]', 'Give the bytes of <key> and its value; of large collections <count> members are looked at.'],
  ]);
}
