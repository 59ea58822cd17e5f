/**
 * Ranges of hash slots, both ends included: as CLUSTER NODES prints them (`0-5460`, `7`), sorted, disjoint, never adjacent when normalised.
 */
import { SLOT_COUNT } from './slot-hash.ts';

export interface SlotRange {
  readonly start: number;
  readonly end: number;
}

export function countSlots(ranges: readonly SlotRange[]): number {
  return ranges.reduce((sum, range) => sum + range.end - range.start + 1, 0);
}

/** `0-5460,7000`; an empty string for none. */
export function formatSlotRanges(ranges: readonly SlotRange[], separator = ','): string {
  return ranges.map(({ start, end }) => (start === end ? `${start}` : `${start}-${end}`)).join(separator);
}

export interface ShownRanges {
  readonly most?: number;
  readonly separator?: string;
  /** What stands for those that are left out. */
  readonly rest?: (count: number) => string;
}

/** For a human: the first ranges, and how many more there are. One more than `most` is shown itself. */
export function showSlotRanges(
  ranges: readonly SlotRange[],
  { most = 8, separator = ',', rest = count => ` and ${count} more ranges` }: ShownRanges = {},
): string {
  const left = ranges.length - most;
  return left <= 1 ? formatSlotRanges(ranges, separator) : formatSlotRanges(ranges.slice(0, most), separator) + rest(left);
}

/** One range as CLUSTER NODES prints it; undefined when it is none. */
export function parseSlotRange(text: string): SlotRange | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = match[2] === undefined ? start : Number(match[2]);
  return start <= end && end < SLOT_COUNT ? { start, end } : undefined;
}

/** Reads what `formatSlotRanges` wrote; what is no range counts as nothing. */
export function parseSlotRanges(text: string, separator = ','): readonly SlotRange[] {
  return normaliseSlotRanges(text.split(separator).flatMap(word => parseSlotRange(word) ?? []));
}

/** Sorted, with overlapping and adjacent ranges joined. */
export function normaliseSlotRanges(ranges: readonly SlotRange[]): readonly SlotRange[] {
  const sorted = ranges.toSorted((a, b) => a.start - b.start);
  const joined: SlotRange[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && range.start <= last.end + 1)
      joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    else joined.push(range);
  }
  return joined;
}

/** The slots of `ranges` that are not in `taken`. */
export function subtractSlotRanges(ranges: readonly SlotRange[], taken: readonly SlotRange[]): readonly SlotRange[] {
  let left = normaliseSlotRanges(ranges);
  for (const cut of taken) {
    left = left.flatMap(range => {
      if (cut.end < range.start || cut.start > range.end) return [range];
      const parts: SlotRange[] = [];
      if (range.start < cut.start) parts.push({ start: range.start, end: cut.start - 1 });
      if (range.end > cut.end) parts.push({ start: cut.end + 1, end: range.end });
      return parts;
    });
  }
  return left;
}

/** The slots that are in both. */
export function intersectSlotRanges(ranges: readonly SlotRange[], others: readonly SlotRange[]): readonly SlotRange[] {
  return subtractSlotRanges(ranges, subtractSlotRanges(ALL_SLOTS, others));
}

/** The highest `count` slots of `ranges`, or all where there are fewer. */
export function highestSlots(ranges: readonly SlotRange[], count: number): readonly SlotRange[] {
  const taken: SlotRange[] = [];
  let left = count;
  for (const { start, end } of normaliseSlotRanges(ranges).toReversed()) {
    if (left <= 0) break;
    const from = Math.max(start, end - left + 1);
    taken.unshift({ start: from, end });
    left -= end - from + 1;
  }
  return taken;
}

/** The range of shard `shard` of `shards` when all slots are shared evenly; the first shards get the one slot more. */
export function evenSlotRange(shard: number, shards: number): SlotRange {
  const base = Math.floor(SLOT_COUNT / shards);
  const extra = SLOT_COUNT % shards;
  const start = shard * base + Math.min(shard, extra);
  return { start, end: start + base + (shard < extra ? 1 : 0) - 1 };
}

export const ALL_SLOTS: readonly SlotRange[] = [{ start: 0, end: SLOT_COUNT - 1 }];
