/**
 * What became of a failover that was granted, when nobody says so: the connection is lost, the migration was cancelled, or the time is over.
 *
 *     granted ─▶ the slots are the target's                                    writes go on, and are told MOVED
 *             ─▶ the target's time is over, or it has closed its connection,
 *                and it answers a ping that was sent after that                it has not taken the slots: writes go on here
 *             ─▶ its time is over and it answers nothing for the node timeout  it is failing, or this node is in a minority: writes go on, at a risk
 *
 * Each packet of the bus tells the slots of its sender, so an answer without the slots is a proof. A clock alone is none: the news may be late.
 */

import { isFailed } from '../cluster-node.ts';
import { PACKET_PING } from '../bus-packet.ts';
import type { MigrationCore } from './migration-core.ts';
import { type ExportJob, slotsIn } from './migration-job.ts';

/** How long news may take after this process stood still. */
const NEWS_MS = 2000;

/** No write is accepted here before this is true. Asks the target when there is reason to: on each tick, until it answers. */
export function takeoverRuledOut(core: MigrationCore, job: ExportJob): boolean {
  const { now, state } = core;
  // The clock went on while the process stood still: what happened meanwhile is heard first.
  if (core.stalled) job.pauseEndsAt = Math.max(job.pauseEndsAt, now + NEWS_MS);
  const timeIsOver = job.pauseEndsAt < now;
  if (!timeIsOver && job.channel !== undefined) return false;
  const target = state.nodes.get(job.targetId);
  if (target === undefined || (timeIsOver && isFailed(target))) return true;
  const { nodeTimeout } = state.environment.settings();
  return answered(core, job) || job.pauseEndsAt + nodeTimeout < now;
}

/** The slots are with the target. */
export function targetHasSlots(core: MigrationCore, job: ExportJob): boolean {
  const { owner } = core.state.slots;
  for (const slot of slotsIn(job.ranges)) if (owner[slot]?.id !== job.targetId) return false;
  return true;
}

function answered({ state }: MigrationCore, job: ExportJob): boolean {
  const target = state.nodes.get(job.targetId);
  const link = target?.link;
  if (target === undefined || link?.open !== true) {
    job.askedOn = undefined;
    return false;
  }
  // A pong that was on its way already would answer an earlier ping.
  if (target.pingSentAt !== 0) return false;
  if (job.askedOn === link) return true;
  state.messenger.ping(link, PACKET_PING);
  job.askedOn = link;
  return false;
}
