/**
 * The source's side: connects to the target, sends the keys of the slots as they are at one moment, then the writes since, pauses writes when the
 * target has nearly all of them, and grants the failover when it has all.
 *
 * What keeps every confirmed write: from the grant on no write is accepted here until the slots are known to be the target's, or not
 * (`takeover-news.ts`), however the job itself ends.
 */

import type { SlotRange } from '../../../lib/slot-ranges.ts';
import type { ClusterNode } from '../cluster-node.ts';
import { replicationPort } from '../roles.ts';
import { ExportChannel } from './export-channel.ts';
import { exportSession } from './export-session.ts';
import type { MigrationCore } from './migration-core.ts';
import { describeJob, type ExportJob, isInProgress, slotBitmap, slotsIn } from './migration-job.ts';
import { takeoverRuledOut, targetHasSlots } from './takeover-news.ts';
import type { TargetMessage } from './target-reader.ts';

/** The pause lasts this many times cluster-manual-failover-timeout. */
const PAUSE_MULTIPLE = 2;
/** From the grant on the pause lasts at least so long, that the news of the new owner can come. */
const GRANTED_PAUSE_MS = 2000;
/**
 * The pause that is asked for while a failover is granted goes on beyond its end: it is this job that ends it, and not before it has looked. A process
 * that stood still must not accept writes before it has heard what happened meanwhile.
 */
const PAUSE_MARGIN_MS = 600_000;
const UNEXPECTED = 'Unexpected state machine transition';
const LOST = 'Connection lost to target. Check CLUSTER GETSLOTMIGRATIONS on the target node for more information.';
const NOT_MINE = 'Slots are no longer owned by myself';

export function createExport(core: MigrationCore, target: ClusterNode, ranges: readonly SlotRange[]): ExportJob {
  const { now, state, environment } = core;
  const name = environment.entropy.hex(40);
  return {
    kind: 'export',
    name,
    ranges,
    slots: slotBitmap(ranges),
    description: describeJob('export', name, ranges, target),
    createdAt: now,
    updatedAt: now,
    ackedAt: now,
    ackSentAt: now,
    message: undefined,
    state: 'connecting',
    sourceId: state.myself.id,
    targetId: target.id,
    channel: undefined,
    session: undefined,
    snapshot: undefined,
    pauseEndsAt: 0,
    outcomeOpen: false,
    askedOn: undefined,
    overSoftLimitSince: 0,
  };
}

/** Goes on with what can go on by itself: on each tick, and when something has changed. */
export function advanceExport(core: MigrationCore, job: ExportJob): void {
  if (job.state === 'connecting' && job.channel === undefined) connect(core, job);
  else if (job.state === 'waiting-to-snapshot') tryToSnapshot(core, job);
  else if (job.state === 'waiting-to-pause') tryToPause(core, job);
  else if (job.state === 'failover-granted') awaitTakeover(core, job);
  else if (!isInProgress(job)) watchOutcome(core, job);
  else if (job.state === 'failover-paused' && pauseIsOver(core, job)) {
    core.environment.log.warning(`Slot migration ${job.description} timed out during slot failover.`);
    core.finish(job, 'failed', 'Timed out before streaming completed');
  }
}

// ── Connecting ──

function connect(core: MigrationCore, job: ExportJob): void {
  const { environment, state } = core;
  const target = state.nodes.get(job.targetId);
  if (target === undefined) {
    environment.log.warning(
      `Slot migration ${job.description}: target node ${job.targetId} not found in cluster, aborting connection attempt.`,
    );
    return core.finish(job, 'failed', 'Unable to connect to target node: target node not found');
  }
  const port = replicationPort(state, target);
  environment.log.notice(`Connecting slot migration ${job.description} (ip: ${target.ip}, port ${port})`);
  job.channel = new ExportChannel(environment.network, environment.timers, target.ip, port, {
    opened: () => connected(core, job),
    message: message => takeMessage(core, job, message),
    drained: () => {
      job.snapshot?.resume();
      if (job.state === 'waiting-to-snapshot' || job.state === 'waiting-to-pause') core.wake();
    },
    closed: (reason, opened) => channelClosed(core, job, reason, opened),
  });
}

function connected(core: MigrationCore, job: ExportJob): void {
  if (job.state !== 'connecting') return;
  core.environment.log.notice(`Slot migration ${job.description} connection established.`);
  const { user, password } = core.environment.settings();
  if (password === '') return sendEstablish(core, job);
  core.moveExport(job, 'sending-auth-command');
  job.channel?.appendRequest(user === '' ? ['AUTH', password] : ['AUTH', user, password]);
  core.moveExport(job, 'reading-auth-response');
}

function sendEstablish(core: MigrationCore, job: ExportJob): void {
  const { channel } = job;
  if (channel === undefined) return;
  core.moveExport(job, 'sending-establish-command');
  job.session = exportSession(core.environment, channel);
  const ranges = job.ranges.flatMap(({ start, end }) => [String(start), String(end)]);
  channel.appendRequest(['CLUSTER', 'SYNCSLOTS', 'ESTABLISH', 'SOURCE', job.sourceId, 'NAME', job.name, 'SLOTSRANGE', ...ranges]);
  core.moveExport(job, 'reading-establish-response');
}

function channelClosed(core: MigrationCore, job: ExportJob, reason: string, opened: boolean): void {
  job.channel = undefined;
  if (job.session !== undefined) core.environment.closeSession(job.session);
  job.session = undefined;
  // Whether it has taken the slots it is asked now.
  core.wake();
  if (!isInProgress(job)) return watchOutcome(core, job);
  core.environment.log.notice(`Slot migration ${job.description} connection lost`);
  // The target may have taken the slots: this node stays paused until it knows, or until the target's time is over.
  if (job.state === 'failover-granted') return;
  if (!opened) core.finish(job, 'failed', `Unable to connect to target node: ${systemReason(reason)}`);
  else if (job.state === 'reading-auth-response') core.finish(job, 'failed', 'Target node did not respond to AUTH command');
  else core.finish(job, 'failed', LOST);
}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ETIMEDOUT: 'Connection timed out',
};

/** As the C library words it. */
function systemReason(reason: string): string {
  const code = /\bE[A-Z]+\b/.exec(reason)?.[0];
  return (code === undefined ? undefined : SYSTEM_REASONS[code]) ?? reason;
}

// ── What the target says ──

function takeMessage(core: MigrationCore, job: ExportJob, message: TargetMessage): void {
  if (!isInProgress(job)) return;
  if (message.kind === 'line') return takeLine(core, job, message.text);
  const [command, subcommand, word] = message.kind === 'request' ? message.words.map(each => each.toUpperCase()) : [];
  if (command !== 'CLUSTER' || subcommand !== 'SYNCSLOTS' || word === undefined) {
    const text = message.kind === 'garbage' ? message.text : message.words.join(' ');
    core.environment.log.warning(
      `Slot migration ${job.description}: the target sends what is no part of a migration: ${JSON.stringify(text)}`,
    );
    return core.finish(job, 'failed', 'Failed to process command during slot migration. Check logs for more information');
  }
  takeWord(core, job, word);
}

function takeLine(core: MigrationCore, job: ExportJob, line: string): void {
  if (job.state === 'reading-auth-response') {
    if (line.startsWith('-')) return core.finish(job, 'failed', `Failed to AUTH to target node: ${line}`);
    core.environment.log.notice(`Successfully authenticated slot migration ${job.description}`);
    return sendEstablish(core, job);
  }
  // Upstream hands the line on with its end.
  if (line.startsWith('-')) return core.finish(job, 'failed', `Received error during handshake to target: ${line}\r\n`);
  if (job.channel !== undefined) job.channel.reader.expects = 'request';
  core.moveExport(job, 'waiting-to-snapshot');
  // Takes the target out of its waiting state.
  core.send(job, 'ACK');
  core.wake();
}

function takeWord(core: MigrationCore, job: ExportJob, word: string): void {
  switch (word) {
    case 'ACK':
      job.ackedAt = core.now;
      return;
    case 'CAPA':
      return;
    case 'REQUEST-PAUSE':
      if (job.state !== 'replicating') return refuse(core, job, word, 'but the client was not streaming incremental updates');
      core.moveExport(job, 'waiting-to-pause');
      return tryToPause(core, job);
    case 'REQUEST-FAILOVER':
      if (job.state !== 'failover-paused') return refuse(core, job, word, 'but the client was not in the paused state');
      return grant(core, job);
    case 'SNAPSHOT-EOF':
    case 'PAUSED':
    case 'FAILOVER-GRANTED':
      return refuse(core, job, word, 'which only a source says');
    default:
      core.environment.log.warning(`Received unknown SYNCSLOTS subcommand from slot migration ${job.description}. Failing the migration.`);
      core.finish(job, 'failed', 'Unknown SYNCSLOTS subcommand used');
  }
}

function refuse(core: MigrationCore, job: ExportJob, word: string, why: string): void {
  core.environment.log.warning(`Received CLUSTER SYNCSLOTS ${word} for slot migration ${job.description}, ${why}. Failing migration.`);
  core.finish(job, 'failed', UNEXPECTED);
}

// ── Snapshot ──

function tryToSnapshot(core: MigrationCore, job: ExportJob): void {
  const { channel } = job;
  // What was said before must be gone: from here on the connection is the snapshot's.
  if (channel === undefined || channel.pendingBytes > 0) return;
  const sink = {
    write: (bytes: Uint8Array, start: number, end: number): boolean => channel.writeSnapshot(bytes, start, end),
    done: () => snapshotDone(core, job),
    failed: (error: Error) => {
      job.snapshot = undefined;
      core.environment.log.warning(`Failed to snapshot slot migration ${job.description}: ${error.message}`);
      if (isInProgress(job)) core.finish(job, 'failed', 'Failed to perform snapshot');
    },
  };
  const snapshot = core.environment.snapshot(sink, [...slotsIn(job.ranges)]);
  if (snapshot === undefined) return;
  core.environment.log.notice(`Beginning snapshot of slot migration ${job.description}.`);
  job.snapshot = snapshot;
  channel.hold();
  // The moment of the snapshot: each write is either in it or in the stream.
  core.feed.add(job);
  core.moveExport(job, 'snapshotting');
}

function snapshotDone(core: MigrationCore, job: ExportJob): void {
  job.snapshot = undefined;
  const { channel } = job;
  if (job.state !== 'snapshotting' || channel === undefined) return;
  core.moveExport(job, 'replicating');
  core.environment.log.notice(`Slot migration ${job.description} snapshot finished, starting streaming.`);
  channel.endSnapshot(['CLUSTER', 'SYNCSLOTS', 'SNAPSHOT-EOF']);
  channel.release();
  // Another job may wait for its snapshot.
  core.wake();
}

/** Its output has grown: a target that takes too little of it is given up. */
export function checkOutput(core: MigrationCore, job: ExportJob): void {
  const { channel } = job;
  if (channel === undefined) return;
  const { hard, soft, softSeconds } = core.environment.settings().outputLimit;
  const bytes = channel.held ? channel.queuedBytes : channel.pendingBytes;
  if (soft === 0 || bytes <= soft) job.overSoftLimitSince = 0;
  else if (job.overSoftLimitSince === 0) job.overSoftLimitSince = core.now;
  const tooLong = job.overSoftLimitSince > 0 && core.now - job.overSoftLimitSince > softSeconds * 1000;
  if (!tooLong && (hard === 0 || bytes <= hard)) return;
  core.environment.log.warning(`Client of slot migration ${job.description} closed for overcoming of output buffer limits.`);
  channel.fail('output buffer limits');
}

// ── Pause and failover ──

function tryToPause(core: MigrationCore, job: ExportJob): void {
  const { environment } = core;
  const { maxFailoverBytes, manualFailoverTimeoutMs } = environment.settings();
  const { channel } = job;
  if (channel === undefined || core.preventPause) return;
  channel.flush();
  if (maxFailoverBytes >= 0 && channel.pendingBytes > maxFailoverBytes) return;
  environment.log.notice(
    `Pausing writes (remaining_repl_size is ${channel.pendingBytes}) to allow slot migration ${job.description} to finalize failover.`,
  );
  job.pauseEndsAt = core.now + manualFailoverTimeoutMs * PAUSE_MULTIPLE;
  environment.pauseWrites(job.pauseEndsAt);
  core.send(job, 'PAUSED');
  core.moveExport(job, 'failover-paused');
}

function pauseIsOver(core: MigrationCore, job: ExportJob): boolean {
  return job.pauseEndsAt < core.now || !core.environment.writesPaused;
}

function grant(core: MigrationCore, job: ExportJob): void {
  const { environment, now } = core;
  if (pauseIsOver(core, job)) {
    environment.log.warning(
      `Received CLUSTER SYNCSLOTS REQUEST-FAILOVER on slot migration ${job.description}, but we are not paused. Denying failover.`,
    );
    return core.finish(job, 'failed', 'Unpaused before failover completed');
  }
  job.pauseEndsAt = Math.max(job.pauseEndsAt, now + GRANTED_PAUSE_MS);
  environment.pauseWrites(job.pauseEndsAt + PAUSE_MARGIN_MS);
  job.outcomeOpen = true;
  core.send(job, 'FAILOVER-GRANTED');
  core.moveExport(job, 'failover-granted');
}

function awaitTakeover(core: MigrationCore, job: ExportJob): void {
  checkExport(core, job);
  if (job.state !== 'failover-granted' || !takeoverRuledOut(core, job)) return;
  job.outcomeOpen = false;
  if (job.channel === undefined && !pauseIsOver(core, job)) return core.finish(job, 'failed', LOST);
  core.environment.log.warning(
    `Write loss risk! During slot migration ${job.description}, new owner did not broadcast ownership before we unpaused ourselves. Any writes we have recorded since unpausing may be lost!`,
  );
  core.finish(job, 'failed', 'Unpaused before migration completed (migration may have succeeded with lost writes)');
}

/** The job is over, but perhaps not what it granted. */
export function watchOutcome(core: MigrationCore, job: ExportJob): void {
  if (!job.outcomeOpen) return;
  if (targetHasSlots(core, job) || !core.amPrimary || takeoverRuledOut(core, job)) core.settleOutcome(job);
}

/** Slots changed hands, or this node its role. */
export function checkExport(core: MigrationCore, job: ExportJob): void {
  if (!isInProgress(job)) return watchOutcome(core, job);
  const { owner } = core.state.slots;
  const owners = new Set([...slotsIn(job.ranges)].map(slot => owner[slot]));
  const [only] = owners;
  if (owners.size === 1 && only === core.state.myself) return;
  if (owners.size === 1 && only?.id === job.targetId) {
    core.environment.log.notice(`Slot migration ${job.description} slots are now owned by target node.`);
    return core.finish(job, 'success');
  }
  core.environment.log.warning(`Slot migration ${job.description} contains slots that are no longer all owned by myself`);
  core.finish(job, 'failed', NOT_MINE);
}
