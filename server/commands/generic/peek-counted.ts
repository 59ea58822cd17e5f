/** Looking at a key without marking it as used, but counting the hit or miss: EXISTS, TYPE, TTL, OBJECT. */

import type { CommandContext } from '../../core/context.ts';
import type { Ref } from '../../memory/arena.ts';

/** Entry of the key in argument `index`, 0 when there is none. */
export function peekCounted(context: CommandContext, index: number): Ref {
  const entry = context.db.peek(context.bytes, context.argStart(index), context.argEnd(index));
  const { counters } = context.ports.stats;
  if (entry === 0) counters.keyspaceMisses++;
  else counters.keyspaceHits++;
  return entry;
}
