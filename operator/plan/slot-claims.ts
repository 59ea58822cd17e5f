/**
 * Who owns which slots, by all views together.
 *
 * A node that answers speaks for itself; for one that does not, the view with the highest config epoch counts. Where two claim a slot, the higher config epoch has it, as
 * among the nodes themselves. Nodes are not asked at the very same moment: a target that was asked before it took a slot, and a source that was asked after it let go, leave
 * the slot without an owner between them. The migration that both speak of tells that it is the target's.
 */
import { intersectSlotRanges, normaliseSlotRanges, subtractSlotRanges, type SlotRange, ALL_SLOTS } from '../../lib/slot-ranges.ts';
import type { Member } from '../model/topology.ts';

/** Node id → slots that it has; disjoint. */
export type SlotClaims = ReadonlyMap<string, readonly SlotRange[]>;

export function resolveClaims(members: readonly Member[], byId: ReadonlyMap<string, Member>): SlotClaims {
  const claims = new Map<string, { readonly epoch: number; readonly slots: readonly SlotRange[] }>();
  for (const member of members) {
    for (const peer of member.view.peers) {
      if (peer.handshake || peer.slots.length === 0 || (byId.has(peer.nodeId) && !peer.myself)) continue;
      const before = claims.get(peer.nodeId);
      if (before === undefined || before.epoch < peer.configEpoch) claims.set(peer.nodeId, { epoch: peer.configEpoch, slots: peer.slots });
    }
  }
  const resolved = new Map<string, readonly SlotRange[]>();
  let taken: readonly SlotRange[] = [];
  for (const [id, { slots }] of [...claims].toSorted(([, a], [, b]) => b.epoch - a.epoch)) {
    resolved.set(id, subtractSlotRanges(slots, taken));
    taken = normaliseSlotRanges([...taken, ...slots]);
  }
  return withSlotsInFlight(resolved, subtractSlotRanges(ALL_SLOTS, taken), byId);
}

function withSlotsInFlight(claims: SlotClaims, free: readonly SlotRange[], byId: ReadonlyMap<string, Member>): SlotClaims {
  if (free.length === 0) return claims;
  const completed = new Map<string, readonly SlotRange[]>(claims);
  for (const [id, target] of byId) {
    for (const migration of target.view.migrations ?? []) {
      if (migration.operation !== 'import' || migration.outcome !== 'running' || migration.targetId !== id) continue;
      const source = migration.sourceId === undefined ? undefined : byId.get(migration.sourceId);
      const letGo = source?.view.migrations?.some(({ name, outcome }) => name === migration.name && outcome === 'success');
      if (letGo !== true) continue;
      completed.set(id, normaliseSlotRanges([...(completed.get(id) ?? []), ...intersectSlotRanges(free, migration.ranges)]));
    }
  }
  return completed;
}
