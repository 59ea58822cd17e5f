/**
 * Migrations as the nodes tell of them: which run now, what the shards will own when these are done, how often one has failed. All of it is read back from the nodes at every
 * turn, so that nothing depends on what an operator remembers of its orders.
 */
import { intersectSlotRanges, normaliseSlotRanges, subtractSlotRanges, type SlotRange } from '../../lib/slot-ranges.ts';
import type { SlotMigration } from '../model/observation.ts';
import type { Member, Topology } from '../model/topology.ts';

export interface RunningMigration {
  readonly name: string;
  readonly sourceId: string;
  readonly targetId: string;
  /** Shards of both ends; undefined for a node that is not ours. */
  readonly from?: number;
  readonly to?: number;
  readonly ranges: readonly SlotRange[];
  /** As the source names it, or the target where the source does not answer. */
  readonly state: string;
}

/** Those that a primary takes part in. A replica only follows them, and what it says of them may be old. */
export function runningMigrations(topology: Topology): readonly RunningMigration[] {
  const found = new Map<string, RunningMigration>();
  const told = [...topology.byId.values()]
    .filter(member => member.view.role === 'primary')
    .flatMap(member => (member.view.migrations ?? []).map(migration => ({ member, migration })))
    .toSorted((a, b) => (a.migration.operation < b.migration.operation ? -1 : 1));
  for (const { member, migration } of told) {
    const { name, operation, sourceId, targetId, ranges, state, outcome } = migration;
    if (outcome !== 'running' || sourceId === undefined || targetId === undefined || found.has(name)) continue;
    if (member.view.nodeId !== (operation === 'export' ? sourceId : targetId)) continue;
    const [from, to] = [shardOf(topology, sourceId), shardOf(topology, targetId)];
    found.set(name, {
      name,
      sourceId,
      targetId,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ranges,
      state,
    });
  }
  return [...found.values()];
}

export function migrationsOf(topology: Topology, shard: number): readonly RunningMigration[] {
  return runningMigrations(topology).filter(({ from, to }) => from === shard || to === shard);
}

/** Shard → slots that it owns when all that runs has succeeded. */
export function slotsAfterMigrations(topology: Topology): ReadonlyMap<number, readonly SlotRange[]> {
  const slots = new Map(topology.shards.map(shard => [shard.index, shard.slots]));
  for (const { from, to, ranges } of runningMigrations(topology)) {
    if (from === undefined || to === undefined) continue;
    const moving = intersectSlotRanges(slots.get(from) ?? [], ranges);
    slots.set(from, subtractSlotRanges(slots.get(from) ?? [], moving));
    slots.set(to, normaliseSlotRanges([...(slots.get(to) ?? []), ...moving]));
  }
  return slots;
}

/** Failed exports of `source` to `targetId` since the last one that succeeded, the newest first. What was cancelled counts as nothing. */
export function failuresInARow(source: Member, targetId: string): readonly SlotMigration[] {
  const tried = (source.view.migrations ?? []).filter(
    ({ operation, targetId: target, outcome }) =>
      operation === 'export' && target === targetId && (outcome === 'failed' || outcome === 'success'),
  );
  const success = tried.findIndex(({ outcome }) => outcome === 'success');
  return success < 0 ? tried : tried.slice(0, success);
}

function shardOf(topology: Topology, nodeId: string): number | undefined {
  return topology.byId.get(nodeId)?.shard ?? topology.shards.find(shard => shard.ownerId === nodeId)?.index;
}
