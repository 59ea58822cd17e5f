import { describe, expect, it } from 'vitest';
import {
  ALL_SLOTS,
  countSlots,
  evenSlotRange,
  formatSlotRanges,
  normaliseSlotRanges,
  parseSlotRange,
  showSlotRanges,
  subtractSlotRanges,
} from './slot-ranges.ts';

describe('slot ranges', () => {
  it('shares all slots evenly and leaves no gap, for any number of shards', () => {
    for (const shards of [1, 2, 3, 5, 7, 100, 500]) {
      const ranges = Array.from({ length: shards }, (_, shard) => evenSlotRange(shard, shards));
      expect(normaliseSlotRanges(ranges)).toEqual(ALL_SLOTS);
      expect(countSlots(ranges)).toBe(16384);
    }
    expect(formatSlotRanges([evenSlotRange(0, 3), evenSlotRange(1, 3), evenSlotRange(2, 3)])).toBe('0-5461,5462-10922,10923-16383');
  });

  it('joins what touches and cuts out what is taken', () => {
    const joined = normaliseSlotRanges([
      { start: 5, end: 7 },
      { start: 0, end: 4 },
      { start: 9, end: 9 },
    ]);
    expect(formatSlotRanges(joined)).toBe('0-7,9');
    expect(formatSlotRanges(subtractSlotRanges(joined, [{ start: 3, end: 3 }]))).toBe('0-2,4-7,9');
    expect(subtractSlotRanges(joined, ALL_SLOTS)).toEqual([]);
  });

  it('shows the first of many ranges', () => {
    const singles = (count: number) => Array.from({ length: count }, (_, i) => ({ start: 2 * i, end: 2 * i }));
    expect(showSlotRanges(singles(9))).toBe('0,2,4,6,8,10,12,14,16');
    expect(showSlotRanges(singles(10))).toBe('0,2,4,6,8,10,12,14 and 2 more ranges');
    expect(showSlotRanges(singles(4), { most: 2, separator: ', ', rest: count => ` +${count}` })).toBe('0, 2 +2');
  });

  it('reads a range as CLUSTER NODES prints it and refuses what is none', () => {
    expect(parseSlotRange('0-5460')).toEqual({ start: 0, end: 5460 });
    expect(parseSlotRange('7')).toEqual({ start: 7, end: 7 });
    for (const bad of ['', 'x', '7-3', '0-16384', '[5->-abc]']) expect(parseSlotRange(bad)).toBeUndefined();
  });
});
