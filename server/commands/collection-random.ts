/**
 * Drawing several members of a collection: HRANDFIELD, SRANDMEMBER, ZRANDMEMBER with a count, SPOP with a count.
 */

import type { CommandContext } from '../core/context.ts';
import type { Members } from '../values/value-access.ts';
import { signedCountArgument } from './collection-key.ts';

/** A negative count draws that often, however small the collection is. More than this in one reply is refused: it would fill the memory. */
const MAX_DRAWS = 1 << 24;
/** Drawing one by one pays while at most one in this many members is wanted. */
const SPARSE = 3;

const OUT_OF_RANGE = 'ERR value is out of range';

/** The count argument; undefined after an error reply. `pairs`: each member brings a second element into the reply. */
export function drawCount(context: CommandContext, index: number, pairs: boolean): number | undefined {
  const count = signedCountArgument(context, index);
  if (count === undefined) return undefined;
  const tooMany = count < -MAX_DRAWS || (pairs && Math.abs(count) > 2 ** 62);
  if (!tooMany) return count;
  context.reply.error(OUT_OF_RANGE);
  return undefined;
}

/** True when `count` different members of `size` are best drawn one by one. */
export function isSparse(count: number, size: number): boolean {
  return count * SPARSE <= size;
}

/** Visits `count` different members of an open iterator over `size`, each with the same chance, in the collection's order (Knuth's algorithm S). */
export function visitSample(members: Members, size: number, count: number, random: () => number, visit: () => void): void {
  let wanted = count;
  for (let left = size; left > 0 && wanted > 0 && members.next(); left--) {
    if (random() * left >= wanted) continue;
    visit();
    wanted--;
  }
}
