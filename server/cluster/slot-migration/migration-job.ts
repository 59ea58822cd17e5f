/**
 * A job: one side of one atomic slot migration, as plain data, and what can be asked of it.
 *
 *     import (target)   waiting-for-ack ─▶ receiving-snapshot ─▶ waiting-for-paused ─▶ failover-requested ─▶ failover-granted ─▶ success
 *                       any of them ─▶ cleaning-up ─▶ failed
 *                       occurring-on-primary: this node only knows of it (a replica of the target; a target that lost its role)
 *     export (source)   connecting ─▶ (auth) ─▶ establish ─▶ waiting-to-snapshot ─▶ snapshotting ─▶ replicating ─▶ waiting-to-pause
 *                       ─▶ failover-paused ─▶ failover-granted ─▶ success;   any of them ─▶ failed | cancelled
 *
 * Source: Valkey's cluster_migrateslots.c.
 */

import type { SlotRange } from '../../../lib/slot-ranges.ts';
import type { Session } from '../../core/session.ts';
import type { RunningWalk } from '../../core/snapshots.ts';
import { type ClusterNode, logName, type NodeLink } from '../cluster-node.ts';
import { addSlot, hasSlot, SLOT_BITMAP_BYTES } from '../slot-bitmap.ts';
import type { ExportChannel } from './export-channel.ts';

export type FinalState = 'success' | 'cancelled' | 'failed';

export type ImportState =
  | 'waiting-for-ack'
  | 'receiving-snapshot'
  | 'waiting-for-paused'
  | 'failover-requested'
  | 'failover-granted'
  | 'cleaning-up'
  | 'occurring-on-primary'
  | FinalState;

export type ExportState =
  | 'connecting'
  | 'sending-auth-command'
  | 'reading-auth-response'
  | 'sending-establish-command'
  | 'reading-establish-response'
  | 'waiting-to-snapshot'
  | 'snapshotting'
  | 'replicating'
  | 'waiting-to-pause'
  | 'failover-paused'
  | 'failover-granted'
  | FinalState;

interface JobFacts {
  /** 40 hex digits. */
  readonly name: string;
  readonly ranges: readonly SlotRange[];
  readonly slots: Uint8Array;
  /** For the log. */
  readonly description: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
  updatedAt: number;
  ackedAt: number;
  /** When this side last sent a sign of life. */
  ackSentAt: number;
  message: string | undefined;
}

export interface ImportJob extends JobFacts {
  readonly kind: 'import';
  state: ImportState;
  readonly sourceId: string;
  readonly targetId: string;
  /** It happens elsewhere: there is no connection. */
  trackingOnly: boolean;
  /** The source's connection. */
  session: Session | undefined;
  /** What it becomes when the imported keys are deleted. */
  afterCleanup: FinalState;
  /** All is here; the failover is requested when a replica has it too. */
  awaitsReplica: boolean;
  /** A failover that is granted is carried out until then (unix milliseconds), or not at all. */
  grantValidUntil: number;
}

export interface ExportJob extends JobFacts {
  readonly kind: 'export';
  state: ExportState;
  readonly sourceId: string;
  readonly targetId: string;
  channel: ExportChannel | undefined;
  /** The channel as CLIENT LIST shows it. */
  session: Session | undefined;
  snapshot: RunningWalk | undefined;
  /** Writes are paused for it until then (unix milliseconds); 0 = they are not. */
  pauseEndsAt: number;
  /** The failover was granted and nobody knows yet what came of it: the target may take the slots, also when this job is over already. */
  outcomeOpen: boolean;
  /** The link on which the target was asked whether it has taken them. */
  askedOn: NodeLink | undefined;
  /** Since when its output is over the soft limit; 0 = it is not. */
  overSoftLimitSince: number;
}

export type MigrationJob = ImportJob | ExportJob;

export const isFinished = (job: MigrationJob): boolean => job.state === 'success' || job.state === 'cancelled' || job.state === 'failed';

/** Something is still to come of it; cleaning up is not. */
export const isInProgress = (job: MigrationJob): boolean => job.state !== 'cleaning-up' && !isFinished(job);

export const hasSlotOf = (job: MigrationJob, slot: number): boolean => hasSlot(job.slots, slot);

/** `0-99 200-300`: a single slot is a range too. */
export const rangesText = (ranges: readonly SlotRange[]): string => ranges.map(({ start, end }) => `${start}-${end}`).join(' ');

export function* slotsIn(ranges: readonly SlotRange[]): Generator<number> {
  for (const { start, end } of ranges) for (let slot = start; slot <= end; slot++) yield slot;
}

export function slotBitmap(ranges: readonly SlotRange[]): Uint8Array {
  const bitmap = new Uint8Array(SLOT_BITMAP_BYTES);
  for (const slot of slotsIn(ranges)) addSlot(bitmap, slot);
  return bitmap;
}

/** `other`: the node at the other end, undefined when it is not known here. */
export function describeJob(kind: 'import' | 'export', name: string, ranges: readonly SlotRange[], other: ClusterNode | undefined): string {
  const side = kind === 'export' ? 'target_node' : 'source_node';
  const human = other === undefined || other.humanName === '' ? '' : `, ${side}_human_name: ${logName(other)}`;
  return `{name: ${name}, operation: ${kind}, ${side}_id: ${other?.id ?? 'unknown'}${human}, slots: ${rangesText(ranges)}}`;
}

/**
 * Whether this side may send signs of life now: not before the handshake is over, so that its answer stands alone; not while the snapshot has
 * the connection; and after the failover was granted it is the pause that counts.
 */
export function sendsAcks(job: MigrationJob): boolean {
  return job.kind === 'export' ? EXPORTS_THAT_ACK.has(job.state) : IMPORTS_THAT_ACK.has(job.state);
}

const EXPORTS_THAT_ACK: ReadonlySet<ExportState> = new Set(['waiting-to-snapshot', 'replicating', 'waiting-to-pause', 'failover-paused']);
const IMPORTS_THAT_ACK: ReadonlySet<ImportState> = new Set([
  'receiving-snapshot',
  'waiting-for-paused',
  'failover-requested',
  'failover-granted',
]);
