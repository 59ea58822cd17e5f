import { describe, expect, it } from 'vitest';
import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import { countSlots, evenSlotRange, normaliseSlotRanges, subtractSlotRanges } from '../../lib/slot-ranges.ts';
import { evenMoves, type ShardSlots } from './even-slots.ts';

/** `from` shards with even shares, of which the first `to` stay, and empty ones where `to` is more. */
function shards(from: number, to: number): readonly ShardSlots[] {
  return Array.from({ length: Math.max(from, to) }, (_, index) => ({
    index,
    leaving: index >= to,
    slots: index < from ? [evenSlotRange(index, from)] : [],
  }));
}

function apply(before: readonly ShardSlots[], batch: number): { readonly after: readonly ShardSlots[]; readonly moved: number } {
  const moves = evenMoves(before, batch, 'why');
  const after = before.map(({ index, leaving, slots }) => {
    const given = moves.filter(move => move.from === index).flatMap(move => move.ranges);
    const taken = moves.filter(move => move.to === index).flatMap(move => move.ranges);
    expect(subtractSlotRanges(given, slots)).toEqual([]);
    return { index, leaving, slots: normaliseSlotRanges([...subtractSlotRanges(slots, given), ...taken]) };
  });
  return { after, moved: moves.reduce((sum, { ranges }) => sum + countSlots(ranges), 0) };
}

/** The fewest slots that must move: what those that leave have, or what new ones lack. */
function fewest(from: number, to: number): number {
  const share = (shards: number, shard: number): number => countSlots([evenSlotRange(shard, shards)]);
  if (to > from) return Array.from({ length: to - from }, (_, i) => share(to, to - 1 - i)).reduce((sum, n) => sum + n, 0);
  return Array.from({ length: from - to }, (_, i) => share(from, to + i)).reduce((sum, n) => sum + n, 0);
}

describe('even shares', () => {
  it.each([
    [3, 5],
    [5, 3],
    [3, 4],
    [1, 2],
    [2, 1],
    [1, 7],
    [7, 1],
    [30, 31],
    [100, 99],
    [3, 3],
  ])('are reached from %i to %i shards with as few moves as possible', (from, to) => {
    for (const batch of [100, 512, SLOT_COUNT]) {
      const { after, moved } = apply(shards(from, to), batch);
      const counts = after.map(shard => countSlots(shard.slots));
      const staying = counts.slice(0, to);
      expect(Math.max(...staying) - Math.min(...staying)).toBeLessThanOrEqual(1);
      expect(counts.slice(to).every(count => count === 0)).toBe(true);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(SLOT_COUNT);
      expect(moved).toBeLessThanOrEqual(fewest(from, to) + to);
    }
  });

  it('do not depend on where the last stop was: what has moved already is not moved again', () => {
    const start = shards(3, 5);
    const whole = apply(start, 512);
    const [first] = evenMoves(start, 512, 'why');
    const part = { ...first, ranges: [{ start: first.ranges[0].start, end: first.ranges[0].start + 99 }] };
    const halfway = start.map(({ index, leaving, slots }) => ({
      index,
      leaving,
      slots:
        index === part.from
          ? subtractSlotRanges(slots, part.ranges)
          : index === part.to
            ? normaliseSlotRanges([...slots, ...part.ranges])
            : slots,
    }));
    expect(apply(halfway, 512).moved).toBe(whole.moved - 100);
  });

  it('fill all that stay alike while shards are drained', () => {
    const moves = evenMoves(shards(4, 3), 100, 'why');
    const shares = moves.map(({ to, ranges }) => [to, countSlots(ranges)]);
    expect(shares).toEqual([
      [0, 1366],
      [1, 1365],
      [2, 1365],
    ]);
  });

  it('are left alone when they are even, and slots without an owner are nobody’s to give', () => {
    expect(evenMoves(shards(5, 5), 512, 'why')).toEqual([]);
    const holes = shards(2, 2).map(shard => ({ ...shard, slots: shard.index === 0 ? [] : shard.slots }));
    expect(evenMoves(holes, 512, 'why')).toEqual([]);
  });
});
