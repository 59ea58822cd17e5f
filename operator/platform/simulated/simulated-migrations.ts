/**
 * Slot migrations of simulated nodes: what CLUSTER MIGRATESLOTS, GETSLOTMIGRATIONS and CANCELSLOTMIGRATIONS answer, and how a migration goes on, one state a step.
 *
 * As upstream does it (cluster_migrateslots.c): the order is accepted at once and carried out later; the target takes the slots with a new config epoch, the source lets go
 * when it hears of it; both keep a list, the newest first. A migration ends with its connection, and with the primary role of either side.
 */
import { slotOfKey } from '../../../lib/slot-hash.ts';
import {
  formatSlotRanges,
  intersectSlotRanges,
  normaliseSlotRanges,
  subtractSlotRanges,
  type SlotRange,
} from '../../../lib/slot-ranges.ts';
import type { Reply } from '../../valkey/node-client.ts';

const EXPORT_STATES = ['connecting', 'waiting-to-snapshot', 'snapshotting', 'replicating', 'failover-paused', 'failover-granted'] as const;
const TERMINAL: readonly string[] = ['success', 'cancelled', 'failed'];

export interface SimulatedMigration {
  readonly name: string;
  readonly operation: 'IMPORT' | 'EXPORT';
  readonly ranges: readonly SlotRange[];
  readonly sourceId: string;
  readonly targetId: string;
  state: string;
  message: string;
}

/** What a migration needs of a node. */
export interface MigratingNode {
  readonly nodeId: string;
  readonly isPrimary: boolean;
  readonly peers: ReadonlyMap<string, { slots: readonly SlotRange[] }>;
  slots: readonly SlotRange[];
  data: Map<string, string>;
  configEpoch: number;
  currentEpoch: number;
  offset: number;
  /** The newest first. */
  migrations: SimulatedMigration[];
}

/** @returns the text of the error, or undefined when the order was taken. */
export function beginMigrations(node: MigratingNode, words: readonly string[]): string | undefined {
  if (!node.isPrimary) return 'ERR Slot migration can only be used on primary nodes.';
  const begun: SimulatedMigration[] = [];
  for (let at = 0; at < words.length; ) {
    if (words[at++].toUpperCase() !== 'SLOTSRANGE') return 'ERR syntax error';
    const ranges: SlotRange[] = [];
    for (; /^\d+$/.test(words[at] ?? ''); at += 2) ranges.push({ start: Number(words[at]), end: Number(words[at + 1]) });
    if (ranges.length === 0) return 'ERR No slot ranges specified';
    if (subtractSlotRanges(ranges, node.slots).length > 0) return 'ERR Slots are not served by this node.';
    const busy = node.migrations.filter(runs).flatMap(migration => (migration.operation === 'EXPORT' ? migration.ranges : []));
    const [twice] = intersectSlotRanges(ranges, busy);
    if (twice !== undefined) return `ERR I am already migrating slot ${twice.start}.`;
    if (
      intersectSlotRanges(
        ranges,
        begun.flatMap(migration => migration.ranges),
      ).length > 0
    )
      return 'ERR Slot ranges in migrations overlap';
    if (words[at++]?.toUpperCase() !== 'NODE') return 'ERR syntax error';
    const targetId = words[at++] ?? '';
    if (targetId.length !== 40) return `ERR Invalid node name: ${targetId}`;
    if (targetId === node.nodeId) return 'ERR Target node can not be this node.';
    if (!node.peers.has(targetId)) return `ERR Unknown node name: ${targetId}`;
    const name = `${node.nodeId.slice(0, 32)}${String(node.migrations.length + begun.length).padStart(8, '0')}`;
    begun.unshift({ name, operation: 'EXPORT', ranges, sourceId: node.nodeId, targetId, state: 'connecting', message: '' });
  }
  node.migrations = [...begun, ...node.migrations];
  return undefined;
}

/** @returns false when there was none. */
export function cancelMigrations(node: MigratingNode): boolean {
  const running = node.migrations.filter(migration => migration.operation === 'EXPORT' && runs(migration));
  for (const migration of running) migration.state = 'cancelled';
  return running.length > 0;
}

export function listMigrations(node: MigratingNode): Reply {
  return node.migrations.map(({ name, operation, ranges, sourceId, targetId, state, message }) =>
    Object.entries({
      name,
      operation,
      slot_ranges: formatSlotRanges(ranges, ' '),
      target_node: targetId,
      source_node: sourceId,
      create_time: 0,
      last_update_time: 0,
      last_ack_time: 0,
      state,
      message,
      cow_size: 0,
      remaining_repl_size: 0,
    }).flat(),
  );
}

/**
 * One step of all that `source` gives away.
 * @param reach the node of an id, if it can be talked to now.
 * @param problem why a migration fails now, by the wish of a test.
 */
export function stepExports(
  source: MigratingNode,
  reach: (nodeId: string) => MigratingNode | undefined,
  problem: string | undefined,
): void {
  for (const job of source.migrations) {
    if (job.operation !== 'EXPORT' || !runs(job)) continue;
    const target = reach(job.targetId);
    const owned = source.isPrimary && subtractSlotRanges(job.ranges, source.slots).length === 0;
    const mirror = target?.migrations.find(({ name }) => name === job.name);
    if (mirror?.state === 'success') {
      letGo(source, job.ranges);
      job.state = 'success';
    } else if (!owned) fail(job, 'Slots are no longer owned by myself');
    else if (problem !== undefined) fail(job, problem);
    else if (target === undefined || (job.state !== 'connecting' && mirror === undefined))
      fail(job, 'Connection lost to target. Check CLUSTER GETSLOTMIGRATIONS on the target node for more information.');
    else if (!target.isPrimary) fail(job, 'Received error during handshake to target: Slot migration can only be used on primary nodes.');
    else advance(source, target, job);
  }
}

/** Imports whose source is gone, gave up, or is no primary any more, end. */
export function stepImports(target: MigratingNode, reach: (nodeId: string) => MigratingNode | undefined): void {
  for (const job of target.migrations) {
    if (job.operation !== 'IMPORT' || !runs(job)) continue;
    const mirror = reach(job.sourceId)?.migrations.find(({ name, operation }) => name === job.name && operation === 'EXPORT');
    if (!target.isPrimary) fail(job, 'A failover occurred during slot import');
    else if (mirror === undefined || !runs(mirror))
      fail(job, 'Connection lost to source. Check CLUSTER GETSLOTMIGRATIONS on the source node for more information.');
  }
}

/** Keys of slots that are another's now go. */
export function letGo(node: MigratingNode, ranges: readonly SlotRange[]): void {
  node.slots = subtractSlotRanges(node.slots, ranges);
  for (const key of keysIn(node, ranges)) node.data.delete(key);
}

function advance(source: MigratingNode, target: MigratingNode, job: SimulatedMigration): void {
  const next = EXPORT_STATES[EXPORT_STATES.indexOf(job.state as (typeof EXPORT_STATES)[number]) + 1];
  const mirror = target.migrations.find(({ name }) => name === job.name);
  if (mirror === undefined) target.migrations.unshift({ ...job, operation: 'IMPORT', state: 'receiving-snapshot' });
  if (next !== undefined) job.state = next;
  else if (mirror !== undefined) {
    for (const key of keysIn(source, job.ranges)) target.data.set(key, source.data.get(key) ?? '');
    target.slots = normaliseSlotRanges([...target.slots, ...job.ranges]);
    for (const peer of target.peers.values()) peer.slots = subtractSlotRanges(peer.slots, job.ranges);
    target.configEpoch = ++target.currentEpoch;
    target.offset += 1;
    mirror.state = 'success';
  }
}

function keysIn(node: MigratingNode, ranges: readonly SlotRange[]): readonly string[] {
  return [...node.data.keys()].filter(key => {
    const slot = slotOf(key);
    return ranges.some(({ start, end }) => slot >= start && slot <= end);
  });
}

export function slotOf(key: string): number {
  const bytes = Buffer.from(key);
  return slotOfKey(bytes, 0, bytes.length);
}

function runs({ state }: SimulatedMigration): boolean {
  return !TERMINAL.includes(state);
}

function fail(job: SimulatedMigration, message: string): void {
  job.state = 'failed';
  job.message = message;
}
