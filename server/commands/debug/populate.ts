/** DEBUG POPULATE count [prefix] [size]: many strings at once; existing keys stay. Nothing of it is propagated. */

import type { CommandContext } from '../../core/context.ts';
import { NO_EXPIRY } from '../../keyspace/database.ts';
import { LOADING, NOT_INTEGER_ERROR } from '../../protocol/reply-errors.ts';

const OUT_OF_RANGE = 'ERR value is out of range, must be positive';

export function populate(context: CommandContext): void {
  const { db, ports, reply } = context;
  const count = context.argInteger(2);
  if (count === undefined) return reply.error(NOT_INTEGER_ERROR);
  const size = context.argc === 5 ? context.argInteger(4) : 0;
  if (size === undefined) return reply.error(NOT_INTEGER_ERROR);
  if (count < 0 || size < 0) return reply.error(OUT_OF_RANGE);
  if (ports.lifecycle.loading) return reply.error(LOADING);
  const prefix = context.argc === 3 ? 'key' : context.argString(3);
  for (let number = 0; number < count; number++) {
    const key = Buffer.from(`${prefix}:${number}`, 'latin1');
    if (db.peek(key, 0, key.length) !== 0) continue;
    const text = Buffer.from(`value:${number}`, 'latin1');
    const value = size === 0 ? text : Buffer.alloc(size);
    if (size > 0) text.copy(value);
    db.setString(key, 0, key.length, value, 0, value.length, NO_EXPIRY);
  }
  reply.ok();
}
