/**
 * Who owns each hash slot, and which slots are open (migrating from here, importing to here).
 *
 * `owner[slot]`, the owner's bitmap and its `slotCount` always agree: only this file changes them.
 * A slot whose owner stopped claiming it in its pings keeps its owner, marked in `notClaimed`: it may be taken by whoever claims
 * it, and is never spread in UPDATE packets.
 */

import { SLOT_COUNT } from '../../lib/slot-hash.ts';
import type { ClusterNode } from './cluster-node.ts';
import { FLAG_MIGRATE_TO, FLAG_MYSELF } from './node-flags.ts';
import type { NodeTable } from './node-table.ts';
import * as bitmap from './slot-bitmap.ts';

export class SlotMap {
  readonly owner: (ClusterNode | undefined)[] = Array.from({ length: SLOT_COUNT }, () => undefined);
  readonly notClaimed = new Uint8Array(bitmap.SLOT_BITMAP_BYTES);
  readonly migratingTo = new Map<number, ClusterNode>();
  readonly importingFrom = new Map<number, ClusterNode>();
  /** Called before a slot becomes this node's own. */
  beforeMine: (slot: number) => void = () => {};
  readonly #nodes: NodeTable;
  readonly #ownerChanged: (slot: number) => void;

  constructor(nodes: NodeTable, ownerChanged: (slot: number) => void) {
    this.#nodes = nodes;
    this.#ownerChanged = ownerChanged;
  }

  /** Nobody owns it, or its owner no longer says so. */
  isUnclaimed(slot: number): boolean {
    return this.owner[slot] === undefined || bitmap.hasSlot(this.notClaimed, slot);
  }

  /** Gives a slot without an owner to `node`; false when it has one. */
  assign(node: ClusterNode, slot: number): boolean {
    if (this.owner[slot] !== undefined) return false;
    if (node.flags & FLAG_MYSELF) this.beforeMine(slot);
    this.owner[slot] = node;
    bitmap.addSlot(node.slots, slot);
    node.slotCount++;
    if (node.slotCount === 1 && this.#nodes.anyPrimaryHasReplicas()) node.flags |= FLAG_MIGRATE_TO;
    bitmap.removeSlot(this.notClaimed, slot);
    this.#ownerChanged(slot);
    return true;
  }

  /** Takes a slot from its owner; false when it has none. */
  unassign(slot: number): boolean {
    const node = this.owner[slot];
    if (node === undefined) return false;
    bitmap.removeSlot(node.slots, slot);
    node.slotCount--;
    this.owner[slot] = undefined;
    bitmap.removeSlot(this.notClaimed, slot);
    this.#ownerChanged(slot);
    return true;
  }

  reassign(node: ClusterNode, slot: number): void {
    this.unassign(slot);
    this.assign(node, slot);
  }

  /** All slots of `node` become unassigned. Returns how many. */
  unassignAllOf(node: ClusterNode): number {
    const slots = bitmap.slotsOf(node.slots);
    for (const slot of slots) this.unassign(slot);
    return slots.length;
  }

  /** A failover within a shard: slots and open slots that name `from` now name `to`. */
  moveAll(from: ClusterNode, to: ClusterNode): { slots: number; importing: number; migrating: number } {
    const slots = bitmap.slotsOf(from.slots);
    for (const slot of slots) this.reassign(to, slot);
    return { slots: slots.length, importing: rename(this.importingFrom, from, to), migrating: rename(this.migratingTo, from, to) };
  }

  /** Forgets a node that leaves the table. */
  removeNode(node: ClusterNode): void {
    this.unassignAllOf(node);
    for (const open of [this.importingFrom, this.migratingTo]) for (const [slot, peer] of open) if (peer === node) open.delete(slot);
  }

  isOpen(slot: number): boolean {
    return this.migratingTo.has(slot) || this.importingFrom.has(slot);
  }

  closeAll(): void {
    this.migratingTo.clear();
    this.importingFrom.clear();
  }
}

function rename(open: Map<number, ClusterNode>, from: ClusterNode, to: ClusterNode): number {
  let renamed = 0;
  for (const [slot, peer] of open) {
    if (peer !== from) continue;
    open.set(slot, to);
    renamed++;
  }
  return renamed;
}
