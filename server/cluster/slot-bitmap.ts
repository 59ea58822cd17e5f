/**
 * A set of hash slots as it travels on the bus: 2048 bytes, slot n is bit n % 8 (lowest first) of byte n / 8.
 */

import { SLOT_COUNT } from '../../lib/slot-hash.ts';

export const SLOT_BITMAP_BYTES = SLOT_COUNT / 8;

export function hasSlot(bitmap: Uint8Array, slot: number): boolean {
  return (bitmap[slot >> 3] & (1 << (slot & 7))) !== 0;
}

export function addSlot(bitmap: Uint8Array, slot: number): void {
  bitmap[slot >> 3] |= 1 << (slot & 7);
}

export function removeSlot(bitmap: Uint8Array, slot: number): void {
  bitmap[slot >> 3] &= ~(1 << (slot & 7));
}

export function sameSlots(one: Uint8Array, other: Uint8Array): boolean {
  for (let i = 0; i < SLOT_BITMAP_BYTES; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** The slots of `bitmap` in ascending order. */
export function slotsOf(bitmap: Uint8Array): number[] {
  const slots: number[] = [];
  for (let byte = 0; byte < SLOT_BITMAP_BYTES; byte++) {
    if (bitmap[byte] === 0) continue;
    for (let bit = 0; bit < 8; bit++) if (bitmap[byte] & (1 << bit)) slots.push(byte * 8 + bit);
  }
  return slots;
}

export interface SlotRange {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

/** Runs of neighbouring slots, ascending. */
export function slotRanges(bitmap: Uint8Array): SlotRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (const slot of slotsOf(bitmap)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.end === slot - 1) last.end = slot;
    else ranges.push({ start: slot, end: slot });
  }
  return ranges;
}

/** ` 0-5460 5462` with a leading blank for each range, as CLUSTER NODES lists them. */
export function slotRangesText(bitmap: Uint8Array): string {
  return slotRanges(bitmap)
    .map(({ start, end }) => (start === end ? ` ${start}` : ` ${start}-${end}`))
    .join('');
}
