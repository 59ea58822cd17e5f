/**
 * The target's side: an import begins with ESTABLISH on an ordinary client's connection, which then carries snapshot and stream; its words move the
 * job on. When the source grants the failover this node takes the slots under a new config epoch.
 *
 * The keys come in hidden slots: they are nobody's until the slots are this node's own, and are deleted when that does not happen.
 */

import type { ImportRequest, SyncSlotsWord } from '../../core/slot-migration.ts';
import type { Session } from '../../core/session.ts';
import { TODO_BROADCAST, TODO_SAVE, TODO_STATE, TODO_SYNC } from '../cluster-state.ts';
import { bumpEpoch } from '../config-epoch.ts';
import { IMPORT, type MigrationCore } from './migration-core.ts';
import { describeJob, type ImportJob, isFinished, isInProgress, slotBitmap, slotsIn } from './migration-job.ts';

/**
 * The source stays paused for at least 2000 ms after it granted the failover, and it granted it after it was asked to. Who carries out a grant
 * later than that may take slots in which the source has accepted writes again: a process that stood still must not.
 */
const GRANT_VALID_MS = 1500;
/**
 * How long the failover is put off for a replica that has not acknowledged all that came. Writes are paused at the source meanwhile, for twice its
 * cluster-manual-failover-timeout.
 */
const REPLICA_LIMIT_MS = 1000;
const UNEXPECTED = 'Unexpected state machine transition';

/** `session` undefined or `sourceId` '': the import happens elsewhere. */
export function createImport(core: MigrationCore, { name, ranges, sourceId }: ImportRequest, session: Session | undefined): ImportJob {
  const { now, state } = core;
  const trackingOnly = session === undefined || sourceId === '';
  const job: ImportJob = {
    kind: 'import',
    name,
    ranges,
    slots: slotBitmap(ranges),
    description: describeJob('import', name, ranges, state.nodes.get(sourceId)),
    createdAt: now,
    updatedAt: now,
    ackedAt: now,
    ackSentAt: now,
    message: undefined,
    state: trackingOnly ? 'occurring-on-primary' : 'waiting-for-ack',
    sourceId: trackingOnly ? '' : sourceId,
    targetId: trackingOnly ? '' : state.myself.id,
    trackingOnly,
    session: trackingOnly ? undefined : session,
    afterCleanup: 'failed',
    awaitsReplica: false,
    grantValidUntil: 0,
  };
  if (!trackingOnly) core.environment.slots.clear(ranges);
  core.environment.slots.hide(ranges);
  core.environment.log.notice(`New slot import job created: ${job.description}.`);
  if (job.session !== undefined) {
    job.session.kind = 'slot-import';
    job.session.replyMode = 'off';
    job.session.attachments.set(IMPORT, job);
  }
  return job;
}

export function importOf(session: Session): ImportJob | undefined {
  return session.attachments.get(IMPORT) as ImportJob | undefined;
}

/** A SYNCSLOTS word of the source. */
export function takeWord(core: MigrationCore, job: ImportJob, word: SyncSlotsWord | 'unknown'): void {
  const { log } = core.environment;
  switch (word) {
    case 'ack':
      job.ackedAt = core.now;
      if (job.state === 'waiting-for-ack') core.moveImport(job, 'receiving-snapshot');
      return;
    case 'snapshot-eof':
      if (job.state !== 'receiving-snapshot') return refuse(core, job, 'SNAPSHOT-EOF', 'but not currently loading an AOF snapshot');
      log.notice(`Slot migration ${job.description} successfully received slot snapshot. Beginning incremental stream...`);
      core.send(job, 'REQUEST-PAUSE');
      return core.moveImport(job, 'waiting-for-paused');
    case 'paused':
      if (job.state !== 'waiting-for-paused' || job.awaitsReplica) return refuse(core, job, 'PAUSED', 'which was not expected');
      return requestFailoverWhenSafe(core, job);
    case 'failover-granted':
      if (job.state !== 'failover-requested') return refuse(core, job, 'FAILOVER-GRANTED', 'but we never sent a failover request');
      core.moveImport(job, 'failover-granted');
      return core.wake();
    case 'request-pause':
      return refuse(core, job, 'REQUEST-PAUSE', 'but the client was not streaming incremental updates');
    case 'request-failover':
      return refuse(core, job, 'REQUEST-FAILOVER', 'but the client was not in the paused state');
    case 'unknown':
      log.warning(`Received unknown SYNCSLOTS subcommand from slot migration ${job.description}. Failing the migration.`);
      core.finish(job, 'failed', 'Unknown SYNCSLOTS subcommand used');
  }
}

/**
 * All that was imported is here. A write that the source's replica confirmed must outlive this node from the moment at which the slots are its own:
 * the failover is requested when one of its replicas has everything. One that is too slow does not fail the migration. Upstream does not wait.
 */
function requestFailoverWhenSafe(core: MigrationCore, job: ImportJob): void {
  const { environment } = core;
  job.awaitsReplica = environment.awaitReplica(REPLICA_LIMIT_MS, replicated => {
    job.awaitsReplica = false;
    // It may have ended meanwhile.
    if (job.state !== 'waiting-for-paused') return;
    if (!replicated) {
      environment.log.warning(
        `Slot migration ${job.description} goes on although no replica has acknowledged what was imported within ${REPLICA_LIMIT_MS} ms`,
      );
    }
    requestFailover(core, job);
  });
  if (job.awaitsReplica) environment.log.notice(`Slot migration ${job.description} waits for a replica to have what was imported`);
  else requestFailover(core, job);
}

function requestFailover(core: MigrationCore, job: ImportJob): void {
  core.send(job, 'REQUEST-FAILOVER');
  job.grantValidUntil = core.now + GRANT_VALID_MS;
  core.moveImport(job, 'failover-requested');
}

function refuse(core: MigrationCore, job: ImportJob, word: string, why: string): void {
  core.environment.log.warning(`Received CLUSTER SYNCSLOTS ${word} from slot migration ${job.description}, ${why}. Failing migration.`);
  core.finish(job, 'failed', UNEXPECTED);
}

/** The source's connection is gone. */
export function sourceLost(core: MigrationCore, job: ImportJob): void {
  job.session = undefined;
  if (!isInProgress(job) || job.trackingOnly) return;
  core.environment.log.notice(`Slot migration ${job.description} connection lost`);
  core.finish(job, 'failed', 'Connection lost to source. Check CLUSTER GETSLOTMIGRATIONS on the source node for more information.');
}

/** Goes on with what can go on by itself. */
export function advanceImport(core: MigrationCore, job: ImportJob): void {
  if (job.state !== 'failover-granted' || !core.amPrimary) return;
  if (core.preventFailover) {
    job.grantValidUntil = Number.POSITIVE_INFINITY;
    return;
  }
  if (core.now > job.grantValidUntil) {
    core.environment.log.warning(`Slot migration ${job.description} was granted the failover too long ago. Failing migration.`);
    return core.finish(job, 'failed', 'Failover was granted too long ago');
  }
  takeSlots(core, job);
  core.environment.log.notice(`Slot migration ${job.description} completed successfully. This node is now the owner of the slots`);
  core.finish(job, 'success');
}

function takeSlots({ state }: MigrationCore, job: ImportJob): void {
  // A new epoch makes the claim stick; the nodes file has it on the disk before the first packet tells of it.
  bumpEpoch(state);
  for (const slot of slotsIn(job.ranges)) state.slots.reassign(state.myself, slot);
  state.later(TODO_SAVE | TODO_SYNC | TODO_STATE | TODO_BROADCAST);
}

/** Slots changed hands, or this node its role. */
export function checkImport(core: MigrationCore, job: ImportJob): void {
  if (isFinished(job)) return;
  if (!core.amPrimary) {
    // Deleting keys here would part this node's data from its primary's; what becomes of the import is the next primary's business.
    if (job.state === 'occurring-on-primary') return;
    core.moveImport(job, 'occurring-on-primary');
    job.trackingOnly = true;
    core.environment.slots.hide(job.ranges);
    return core.dropImportSession(job);
  }
  if (job.sourceId === '' || job.state === 'cleaning-up') return;
  const { owner } = core.state.slots;
  const owners = new Set([...slotsIn(job.ranges)].map(slot => owner[slot]));
  const [only] = owners;
  if (owners.size === 1 && only?.id === job.sourceId) return;
  const mine = owners.size === 1 && only === core.state.myself;
  core.finish(
    job,
    'failed',
    mine ? 'Slots were unexpectedly assigned to myself during import' : 'Slots are no longer owned by source node',
  );
}
