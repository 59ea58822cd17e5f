/** What commands do with a key whose new expiry lies in the past already: it is deleted, and replicas are told so. */

import type { CommandContext } from '../core/context.ts';

/** True when a key that gets the expiry `at` is to be deleted at once. Replicas wait for their primary to say so. */
export function isPast(context: CommandContext, at: number): boolean {
  return at <= context.now && context.ports.databases.mayExpire();
}

/** Deletes the existing key in argument `index` as expired and propagates that in place of the command. */
export function deleteAsExpired(context: CommandContext, index: number): void {
  context.db.delete(context.bytes, context.argStart(index), context.argEnd(index));
  const verb = context.ports.config.flag('lazyfree-lazy-expire') ? 'UNLINK' : 'DEL';
  context.changed(1);
  context.propagateInstead([verb, context.argCopy(index)]);
  context.keyChanged(index, 'x', 'expired');
  context.ports.stats.counters.expiredKeys++;
}
