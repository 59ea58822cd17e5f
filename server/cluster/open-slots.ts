/**
 * Slots that are being moved by hand, as a primary tells them its replica in a full sync (RDB AUX `cluster-slot-states`):
 *
 *     5461<nodeid,   is being imported from that node            5461>nodeid,   migrates to that node
 *
 * Source: clusterEncodeOpenSlotsAuxField.
 */

import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import { type ClusterState, TODO_SAVE } from './cluster-state.ts';
import type { SlotMap } from './slot-map.ts';

export function openSlotsText({ importingFrom, migratingTo }: SlotMap): string {
  const importing = [...importingFrom].map(([slot, node]) => `${slot}<${node.id},`);
  const migrating = [...migratingTo].map(([slot, node]) => `${slot}>${node.id},`);
  return [...importing, ...migrating].join('');
}

/** What is no such text, or names a node that is not known here, is left out. */
export function adoptOpenSlots(state: ClusterState, text: string): void {
  for (const [, digits, direction, id] of text.matchAll(/(\d{1,5})([<>])([^,]{40}),/g)) {
    const node = state.nodes.get(id);
    const slot = Number(digits);
    if (node === undefined || slot >= SLOT_COUNT) continue;
    if (direction === '<') state.slots.importingFrom.set(slot, node);
    else state.slots.migratingTo.set(slot, node);
    state.later(TODO_SAVE);
  }
}
