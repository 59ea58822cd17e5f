/**
 * Moving slots: from wanted moves and the migrations that run, the next steps.
 *
 * One migration at a time for each source and each target, a few in all, each of a batch that is small enough to be tried again. An accepted migration is not a done one: who
 * owns what is read from the nodes at the next turn, and a failure, with the server's words, from the source's own list; it is tried again after a pause that doubles, and told
 * as trouble when it goes on failing. A migration that brings slots to a shard that is to leave is cancelled.
 *
 * Moves by load are chosen slot by slot: such a one starts whole, in the turn that decided it, or not at all. That it cannot is no trouble of the cluster.
 */
import {
  countSlots,
  formatSlotRanges,
  highestSlots,
  intersectSlotRanges,
  showSlotRanges,
  subtractSlotRanges,
  type SlotRange,
} from '../../lib/slot-ranges.ts';
import type { SlotMigration } from '../model/observation.ts';
import type { SlotMove } from '../model/slot-move.ts';
import { holdsSlots, type Member, type ShardTopology } from '../model/topology.ts';
import { knows, type PlanContext } from './context.ts';
import {
  MIGRATE_REPEAT_MS,
  MIGRATION_BATCH_BYTES,
  MIGRATION_BATCH_SLOTS,
  MIGRATION_FAILURES_REPORT,
  MIGRATION_LOG_LENGTH,
  MIGRATION_LOG_REPEAT_MS,
  MIGRATION_RETRY_MAX_MS,
  MIGRATION_RETRY_MS,
  MIGRATIONS_AT_ONCE,
} from './limits.ts';
import { bytesPerSlot, roomBytes, showBytes } from './memory-room.ts';
import { whyUnsettled } from './shard-health.ts';
import { failuresInARow, runningMigrations } from './slot-migrations.ts';

const MIGRATION_LOG_DIRECTIVE = 'cluster-slot-migration-log-max-len';

/** @param moves in order of weight; what cannot be done now is left for a later turn. */
export function planSlotMoves(context: PlanContext, moves: readonly SlotMove[]): void {
  const running = runningMigrations(context.topology);
  const sources = new Set(running.map(({ from }) => from));
  const targets = new Set(running.map(({ to }) => to));
  let room = MIGRATIONS_AT_ONCE - running.length;
  for (const move of moves) {
    const [from, to] = [context.shard(move.from), context.shard(move.to)];
    if (from === undefined || to === undefined) continue;
    tellFailures(context, move, from.primary, to.primary);
    if (sources.has(move.from) || targets.has(move.to)) continue;
    const ends = bothEnds(context, from, to);
    if ('why' in ends) {
      reportObstacle(context, ends);
      continue;
    }
    if (room <= 0 || !startMigration(context, move, from, ends)) continue;
    sources.add(move.from);
    targets.add(move.to);
    room--;
  }
}

/** Starts moves that were chosen by load. @returns those that cannot start now, and why; how many run at once is the planner's to say. */
export function startChosenMoves(context: PlanContext, moves: readonly SlotMove[], cause: string): ReadonlyMap<SlotMove, string> {
  const refused = new Map<SlotMove, string>();
  for (const move of moves) {
    const why = whyNotStarted(context, move, cause);
    if (why !== undefined) refused.set(move, why);
  }
  return refused;
}

function whyNotStarted(context: PlanContext, move: SlotMove, cause: string): string | undefined {
  const [from, to] = [context.shard(move.from), context.shard(move.to)];
  if (from === undefined || to === undefined) return 'its shard is gone';
  const ends = bothEnds(context, from, to);
  if ('why' in ends) return ends.why;
  if (subtractSlotRanges(move.ranges, from.slots).length > 0) return `some of its slots are not at shard ${from.index} any more`;
  if (isHeldBack(context, ends.source, ends.target)) return 'the last try failed a moment ago';
  return orderMigration(context, move, ends, move.ranges, cause) ? undefined : 'the same was ordered a moment ago';
}

/** What failed moves by load are remembered by, turn after turn: each is told once, and the next try waits. */
export function watchFailures(context: PlanContext): void {
  for (const { index, primary } of context.topology.shards) {
    if (primary === undefined) continue;
    const exports = (primary.view.migrations ?? []).filter(({ operation, outcome }) => operation === 'export' && outcome === 'failed');
    for (const targetId of new Set(exports.map(migration => migration.targetId))) {
      const [last] = targetId === undefined ? [] : failuresInARow(primary, targetId);
      const target = context.topology.shards.find(shard => shard.primary?.view.nodeId === targetId);
      if (last === undefined || target?.primary === undefined) continue;
      context.memory.heldFor(`failed:${last.name}`);
      tellFailure(context, last, { source: primary, target: target.primary }, index, target.index);
    }
  }
}

/** What runs and makes no sense any more. All exports of a source go together; there is one at most. */
export function planCancellations(context: PlanContext): void {
  for (const { from, to, sourceId, name } of runningMigrations(context.topology)) {
    const source = context.topology.byId.get(sourceId);
    if (source === undefined || to === undefined || context.shard(to)?.leaving !== true) continue;
    if (!context.memory.take(`cancel:${name}`, 'cancelMigrations', MIGRATE_REPEAT_MS)) continue;
    context.act({ kind: 'cancelMigrations', node: source.name });
    context.tell(
      `cancel:${name}`,
      'Normal',
      'MigrationCancelled',
      `No more slots go from shard ${from ?? '?'} to shard ${to}: it is to leave`,
    );
  }
}

/** A node tells all migrations that it remembers at every look, by default a thousand: it is told to remember fewer, unless the user has said how many. */
export function planMigrationLogs(context: PlanContext): void {
  if (context.observation.cluster.spec.config?.[MIGRATION_LOG_DIRECTIVE] !== undefined) return;
  for (const { name, view } of context.topology.members.values()) {
    if ((view.migrations?.length ?? 0) <= 2 * MIGRATION_LOG_LENGTH) continue;
    if (context.memory.take(`migrationLog:${view.runId}`, 'setConfig', MIGRATION_LOG_REPEAT_MS))
      context.act({ kind: 'setConfig', node: name, values: [[MIGRATION_LOG_DIRECTIVE, String(MIGRATION_LOG_LENGTH)]] });
  }
}

interface Ends {
  readonly source: Member;
  readonly target: Member;
}

/** Why no migration may start. */
interface Obstacle {
  readonly why: string;
  /** It goes away by itself, or not. */
  readonly trouble?: 'MigrationNotSupported' | 'SlotsHeldOpen';
  readonly note: string;
}

function reportObstacle(context: PlanContext, { trouble, note }: Obstacle): void {
  if (trouble === undefined) context.progressing('WaitingToMove', note);
  else context.degraded(trouble, note);
  if (trouble === 'MigrationNotSupported') context.tell('migrationNotSupported', 'Warning', trouble, note);
}

/** Both primaries, when a migration between them may start. */
function bothEnds(context: PlanContext, from: ShardTopology, to: ShardTopology): Ends | Obstacle {
  const why = (text: string): Obstacle => ({
    why: text,
    note: `Slots of shard ${from.index} wait to move to shard ${to.index}: ${text}`,
  });
  const [source, target] = [from.primary, to.primary];
  if (source === undefined) return why(`shard ${from.index} has no primary that answers`);
  if (target === undefined) return why(`shard ${to.index} has no primary that answers`);
  for (const { name, view } of [source, target]) {
    if (view.migrations === undefined) {
      const note = `${name} runs ${view.version}, which does not know CLUSTER MIGRATESLOTS: slots cannot be moved; set spec.image to one of Valkey 9.0 or later`;
      return { why: note, trouble: 'MigrationNotSupported', note };
    }
    if (view.peers.some(peer => peer.myself && peer.migrating)) {
      const note = `${name} has slots in a migration by CLUSTER SETSLOT: no slots are moved until it is ended with CLUSTER SETSLOT <slot> STABLE`;
      return { why: note, trouble: 'SlotsHeldOpen', note };
    }
  }
  if (!knows(source, target.view.nodeId) || !knows(target, source.view.nodeId))
    return why(`${source.name} and ${target.name} do not know each other yet`);
  const unsettled = whyUnsettled(context, to);
  if (unsettled !== undefined) return why(unsettled);
  if (!source.view.clusterOk) return why(`${source.name} says that the cluster is not whole`);
  const outdated = [...from.members, ...to.members].find(member => isOutdated(context, member));
  if (outdated !== undefined) return why(`${outdated.name} is restarted for a change first`);
  const headless = context.topology.shards.find(shard => holdsSlots(shard) && shard.primary === undefined);
  if (headless !== undefined) return why(`shard ${headless.index} has no primary that answers`);
  return { source, target };
}

function isOutdated({ observation }: PlanContext, { name, pod }: Member): boolean {
  const wanted = observation.wanted.nodes.find(node => node.name === name);
  return wanted !== undefined && (wanted.revision !== pod.revision || pod.deletingSince !== undefined);
}

/** True when a migration of this source and target was started, or is held back by an earlier failure. */
function startMigration(context: PlanContext, move: SlotMove, from: ShardTopology, ends: Ends): boolean {
  const { source, target } = ends;
  const owned = intersectSlotRanges(move.ranges, from.slots);
  const weight = bytesPerSlot(from);
  const room = roomBytes(target);
  const fitting = weight === 0 ? Number.POSITIVE_INFINITY : Math.floor(Math.min(room, MIGRATION_BATCH_BYTES) / weight);
  // A slot that is heavier than a batch goes alone, if there is room for it.
  const atLeast = room >= weight ? 1 : 0;
  const ranges = highestSlots(owned, Math.min(MIGRATION_BATCH_SLOTS, Math.max(fitting, atLeast)));
  if (countSlots(owned) === 0) return false;
  if (countSlots(ranges) === 0) {
    const { usedBytes, limitBytes } = target.view.memory;
    const note = `${target.name} uses ${showBytes(usedBytes)} of ${showBytes(limitBytes)}: no slots are moved to shard ${move.to}, since more than 92 % would be used`;
    context.degraded('InsufficientMemory', note);
    context.tell(`memory:${target.name}`, 'Warning', 'InsufficientMemory', note);
    return false;
  }
  if (!isHeldBack(context, source, target)) orderMigration(context, move, ends, ranges);
  return true;
}

/** False: the same was ordered a moment ago, and what became of it is not known yet. */
function orderMigration(
  context: PlanContext,
  move: SlotMove,
  { source, target }: Ends,
  ranges: readonly SlotRange[],
  cause?: string,
): boolean {
  if (!context.memory.take(`migrate:${source.view.nodeId}:${target.view.nodeId}`, 'migrateSlots', MIGRATE_REPEAT_MS)) return false;
  context.act({ kind: 'migrateSlots', node: source.name, target: target.name, targetId: target.view.nodeId, ranges });
  context.tell(
    `migrate:${source.view.nodeId}:${formatSlotRanges(ranges)}`,
    'Normal',
    'MovingSlots',
    `${countSlots(ranges)} slots (${showSlotRanges(ranges)}) move from shard ${move.from} to shard ${move.to}: ${move.reason}`,
    cause,
  );
  return true;
}

/** A failure is told until a try succeeds, while the next one runs as well. */
function tellFailures(context: PlanContext, move: SlotMove, source: Member | undefined, target: Member | undefined): void {
  if (source === undefined || target === undefined) return;
  const failures = failuresInARow(source, target.view.nodeId);
  const [last] = failures;
  if (last === undefined) return;
  const note = tellFailure(context, last, { source, target }, move.from, move.to);
  if (failures.length < MIGRATION_FAILURES_REPORT) context.progressing('MigrationFailed', `${note}; it is tried again`);
  else
    context.degraded(
      'MigrationFailed',
      `${note}; ${failures.length} tries in a row have failed, the next one comes ${Math.round(pauseAfter(failures.length) / 1000)} s after the last`,
    );
}

function tellFailure(
  context: PlanContext,
  { name, message, ranges }: SlotMigration,
  { source, target }: Ends,
  from: number,
  to: number,
): string {
  const words = message === '' ? 'it did not say why' : message;
  const note = `Moving slots ${showSlotRanges(ranges)} from ${source.name} (shard ${from}) to ${target.name} (shard ${to}) failed: ${words}`;
  context.tell(`failed:${name}`, 'Warning', 'MigrationFailed', note);
  return note;
}

/** After a failure the next try waits: for twice as long each time. It goes on for ever, since what stands in the way may pass, and is told as trouble. */
function isHeldBack(context: PlanContext, source: Member, target: Member): boolean {
  const failures = failuresInARow(source, target.view.nodeId);
  return failures.length > 0 && context.memory.heldFor(`failed:${failures[0].name}`) < pauseAfter(failures.length);
}

function pauseAfter(failures: number): number {
  return Math.min(MIGRATION_RETRY_MAX_MS, MIGRATION_RETRY_MS * 2 ** (failures - 1));
}
