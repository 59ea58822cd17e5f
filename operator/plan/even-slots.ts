/**
 * Even shares of the slots, with as few moves as possible: a shard that has more than its share gives its surplus to those that have less, the emptiest first. Shards that
 * leave have a share of nothing. Asked again after every step, so that a target that changes on the way needs no memory of what was decided before.
 */
import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import { countSlots, highestSlots, normaliseSlotRanges, subtractSlotRanges, type SlotRange } from '../../lib/slot-ranges.ts';
import type { SlotMove } from '../model/slot-move.ts';

export interface ShardSlots {
  readonly index: number;
  readonly leaving: boolean;
  readonly slots: readonly SlotRange[];
}

/** Shard → how many slots it should have. The few that are left over stay with those that have most already. */
export function evenShares(shards: readonly ShardSlots[]): ReadonlyMap<number, number> {
  const staying = shards.filter(shard => !shard.leaving).toSorted((a, b) => countSlots(b.slots) - countSlots(a.slots) || a.index - b.index);
  const base = Math.floor(SLOT_COUNT / staying.length);
  const extra = SLOT_COUNT % staying.length;
  const shares = staying.map(({ index }, place) => [index, base + (place < extra ? 1 : 0)] as const);
  return new Map([...shards.map(({ index }) => [index, 0] as const), ...shares]);
}

/** What has to move until every shard has its share. Slots that nobody owns are not moved. @param batch slots that one giver gives one taker before the others are looked at. */
export function evenMoves(shards: readonly ShardSlots[], batch: number, reason: string): readonly SlotMove[] {
  const shares = evenShares(shards);
  const givers = shards.map(shard => ({ ...shard, left: shard.slots, surplus: countSlots(shard.slots) - (shares.get(shard.index) ?? 0) }));
  const takers = shards.map(({ index, slots }) => ({ index, lacking: (shares.get(index) ?? 0) - countSlots(slots) }));
  const moves = new Map<string, SlotMove>();
  for (;;) {
    const [giver] = givers.filter(({ surplus }) => surplus > 0).toSorted((a, b) => b.surplus - a.surplus || a.index - b.index);
    const [taker] = takers.filter(({ lacking }) => lacking > 0).toSorted((a, b) => b.lacking - a.lacking || a.index - b.index);
    if (giver === undefined || taker === undefined) return [...moves.values()];
    const ranges = highestSlots(giver.left, Math.min(batch, giver.surplus, taker.lacking));
    const count = countSlots(ranges);
    giver.left = subtractSlotRanges(giver.left, ranges);
    giver.surplus -= count;
    taker.lacking -= count;
    const pair = `${giver.index}:${taker.index}`;
    const before = moves.get(pair)?.ranges ?? [];
    moves.set(pair, { from: giver.index, to: taker.index, ranges: normaliseSlotRanges([...before, ...ranges]), reason });
  }
}
