/**
 * CLUSTER SYNCSLOTS: what the nodes of an atomic slot migration say to each other.
 *
 *     ESTABLISH SOURCE id NAME job SLOTSRANGE start end …     the source begins; the connection is the import's from here on
 *     ACK | SNAPSHOT-EOF | PAUSED | FAILOVER-GRANTED          the source, within its import
 *     REQUEST-PAUSE | REQUEST-FAILOVER | ACK                  the target, on the source's own connection: no client sends these
 *     FINISH STATE success|failed NAME job [MESSAGE text]     a primary, to its replicas
 *
 * Only ESTABLISH and FINISH are answered. Replicas hear all of it in their primary's stream, and heed these two.
 */

import type { CommandContext } from '../../core/context.ts';
import type { ClusterPort } from '../../core/ports.ts';
import type { SlotMigrationPort, SyncSlotsWord } from '../../core/slot-migration.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { withCluster } from './arguments.ts';
import { readSlotRanges } from './migrate-slots.ts';

const ID_LENGTH = 40;
const WORDS: readonly SyncSlotsWord[] = ['snapshot-eof', 'request-pause', 'paused', 'request-failover', 'failover-granted', 'ack'];

export const syncSlots = withCluster((context, cluster) => {
  const migrations = cluster.slotMigrations;
  const given = context.argString(2).toLowerCase();
  if (given === 'establish' && !migrations.isImport(context.session)) return establish(context, cluster);
  if (given === 'finish') return finish(context, migrations);
  if (context.session.kind === 'primary' || given === 'capa') return;
  const word = WORDS.find(each => each === given);
  if (migrations.isImport(context.session)) return migrations.take(context.session, word ?? 'unknown');
  if (word === undefined) return context.reply.error(SYNTAX_ERROR);
  context.reply.error(`ERR CLUSTER SYNCSLOTS ${word.toUpperCase()} should only be used by slot migration clients`);
});

interface EstablishFields {
  sourceId?: string;
  name?: string;
  ranges?: { readonly start: number; readonly end: number }[];
  owner?: string;
}

function establish(context: CommandContext, cluster: ClusterPort): void {
  const { session, reply } = context;
  const migrations = cluster.slotMigrations;
  // A replica, and who reads a file, cannot know whether the nodes are still the same ones.
  const tracksOnly = session.kind === 'primary';
  const problem = context.obeying ? undefined : migrations.refusal();
  if (problem !== undefined) return reply.error(problem);
  const fields: EstablishFields = {};
  for (let at = 3; at < context.argc; ) {
    const next = readField(context, cluster, at, fields, tracksOnly);
    if (typeof next === 'string') return reply.error(next);
    at = next;
  }
  const { sourceId, name, ranges, owner } = fields;
  if (name === undefined || ranges === undefined || (sourceId === undefined && !tracksOnly)) return reply.error(SYNTAX_ERROR);
  if (sourceId !== undefined && sourceId !== owner) return reply.error('ERR Target node does not agree about current slot ownership');
  reply.ok();
  context.forcePropagation();
  migrations.establish(session, { name, ranges, sourceId: sourceId ?? '' });
}

/** Reads one field; the argument behind it, or the error. */
function readField(
  context: CommandContext,
  cluster: ClusterPort,
  at: number,
  fields: EstablishFields,
  tracksOnly: boolean,
): number | string {
  const migrations = cluster.slotMigrations;
  const isId = at + 1 < context.argc && context.argLength(at + 1) === ID_LENGTH;
  if (context.argIs(at, 'SOURCE')) {
    if (fields.sourceId !== undefined || !isId) return SYNTAX_ERROR;
    if (tracksOnly) return at + 2;
    fields.sourceId = context.argString(at + 1);
    if (!migrations.knows(fields.sourceId)) return 'ERR Target node does not know the source node';
    return fields.sourceId === cluster.myId ? 'ERR Source node is target node itself' : at + 2;
  }
  if (context.argIs(at, 'NAME')) {
    if (fields.name !== undefined || !isId) return SYNTAX_ERROR;
    fields.name = context.argString(at + 1);
    return at + 2;
  }
  if (!context.argIs(at, 'SLOTSRANGE') || fields.ranges !== undefined) return SYNTAX_ERROR;
  const read = readSlotRanges(context, migrations, at + 1);
  if ('error' in read) return read.error;
  for (const { start, end } of read.ranges)
    for (let slot = start; slot <= end; slot++)
      if (migrations.isImporting(slot)) return 'ERR Slot is already being imported on the target by a different migration';
  fields.ranges = [...read.ranges];
  fields.owner = read.owner;
  return read.next;
}

function finish(context: CommandContext, migrations: SlotMigrationPort): void {
  const { reply } = context;
  const fields = new Map<string, string>();
  for (let at = 3; at < context.argc; at += 2) {
    const name = context.argString(at).toLowerCase();
    if (!['state', 'name', 'message'].includes(name) || fields.has(name) || at + 1 >= context.argc) return reply.error(SYNTAX_ERROR);
    if (name === 'name' && context.argLength(at + 1) !== ID_LENGTH) return reply.error(SYNTAX_ERROR);
    fields.set(name, context.argString(at + 1));
  }
  const state = fields.get('state')?.toLowerCase();
  const job = fields.get('name');
  if (state === undefined || job === undefined) return reply.error(SYNTAX_ERROR);
  if (!migrations.list().some(each => each.name === job)) return reply.error('ERR No such slot migration job');
  if (state !== 'success' && state !== 'failed') return reply.error(SYNTAX_ERROR);
  reply.ok();
  context.forcePropagation();
  migrations.finish(job, state === 'success', fields.get('message'));
}
