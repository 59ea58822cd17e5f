/** The one hash slot that a request speaks of: cluster redirection and the slot statistics ask for it. */

import type { Command } from '../core/command.ts';
import type { CommandContext } from '../core/context.ts';
import type { CommandsPort } from '../core/ports.ts';
import type { KeptRequest } from '../core/session.ts';
import { slotOfKey } from '../../lib/slot-hash.ts';
import { latin1 } from '../memory/bytes.ts';

/** No key, or keys of several slots, or not a request at all. */
export const NO_SLOT = -1;
/** Nobody has looked yet. */
export const SLOT_UNKNOWN = -3;
const SEVERAL_SLOTS = -2;

/** The one slot of all, -2 when there are several. */
export function commonSlot(slots: readonly number[]): number {
  return slots.every(slot => slot === slots[0]) ? slots[0] : SEVERAL_SLOTS;
}

/** Whether the keys are one argument in a fixed place: the usual case. */
export function hasOneKey(command: Command): boolean {
  return command.firstKey > 0 && command.lastKey === command.firstKey;
}

/** The slot of the request that a context holds, or NO_SLOT. */
export function slotOfRequest(commands: CommandsPort, command: Command, context: CommandContext): number {
  if (command.firstKey === 0) return NO_SLOT;
  const slotAt = (index: number): number => slotOfKey(context.bytes, context.argStart(index), context.argEnd(index));
  if (hasOneKey(command)) return slotAt(command.firstKey);
  return slotOrNone((commands.keysOf(command, context.argc, index => context.argString(index)) ?? []).map(slotAt));
}

/** Argument indexes of the keys of a request that waits for EXEC. */
export function keysOfKept(commands: CommandsPort, { command, bytes, start, end }: KeptRequest): readonly number[] {
  return commands.keysOf(command, start.length, index => latin1(bytes, start[index], end[index])) ?? [];
}

/** The slot of the last request with one: what a transaction in the primary's stream speaks of. */
export function slotOfTransaction(commands: CommandsPort, queued: readonly KeptRequest[]): number {
  for (let i = queued.length - 1; i >= 0; i--) {
    const { bytes, start, end } = queued[i];
    const slot = slotOrNone(keysOfKept(commands, queued[i]).map(key => slotOfKey(bytes, start[key], end[key])));
    if (slot !== NO_SLOT) return slot;
  }
  return NO_SLOT;
}

function slotOrNone(slots: readonly number[]): number {
  return slots.length === 0 ? NO_SLOT : Math.max(commonSlot(slots), NO_SLOT);
}
