/**
 * CLUSTER SETSLOT slot (MIGRATING id | IMPORTING id | NODE id | STABLE) [TIMEOUT ms]
 *
 * A primary with replicas sends it to them first and carries it out when all that are online have acknowledged: if it died in between,
 * its successor knows as much as it did. Source: clusterCommandSetSlot.
 */

import type { SetSlotAction, SetSlotOrder } from '../../core/cluster-administration.ts';
import type { CommandContext } from '../../core/context.ts';
import type { ClusterPort, ServerPorts } from '../../core/ports.ts';
import type { Session } from '../../core/session.ts';
import { NO_REPLICAS } from '../../protocol/reply-errors.ts';
import { slotOrReply, withCluster } from './arguments.ts';

const DEFAULT_TIMEOUT_MS = 2000;
/** Older replicas refuse the command. */
const LEAST_REPLICA_VERSION = [7, 3] as const;

export const setSlot = withCluster((context, cluster) => {
  const order = readOrder(context);
  if (order === undefined) return;
  const problem = cluster.administration.checkSetSlot(order);
  if (problem !== undefined) return context.reply.error(problem);
  const timeoutMs = readTimeout(context, order.action === 'stable' ? 4 : 5);
  if (timeoutMs === undefined) return;
  const replicas =
    order.fromPrimary || !cluster.isPrimary || cluster.administration.replicaCount() === 0 ? 0 : eligibleReplicas(context.ports);
  if (replicas === 0) {
    cluster.administration.setSlot(order);
    return context.reply.ok();
  }
  const args = Array.from({ length: context.argc }, (_, index) => context.argCopy(index));
  context.ports.propagation.propagate(-1, args);
  if (!context.mayBlock) {
    cluster.administration.setSlot(order);
    return context.reply.ok();
  }
  // It is in the stream when this command ends: any acknowledgement beyond what was there before covers it.
  awaitReplicas(context.ports, cluster, context.session, order, { offset: context.ports.replication.offset + 1, replicas, timeoutMs });
});

function readOrder(context: CommandContext): SetSlotOrder | undefined {
  const fromPrimary = context.session.kind === 'primary';
  if (!fromPrimary && context.ports.cluster?.isPrimary === false) {
    context.reply.error('ERR Please use SETSLOT only with masters.');
    return undefined;
  }
  const migrations = context.ports.cluster?.slotMigrations;
  if (migrations?.anyImporting === true || migrations?.anyExporting === true) {
    context.reply.error(migrations.anyImporting ? 'ERR Slot import in progress.' : 'ERR Slot export in progress.');
    return undefined;
  }
  const slot = slotOrReply(context, 2);
  if (slot === undefined) return undefined;
  const actions: readonly (readonly [string, SetSlotAction])[] = [
    ['MIGRATING', 'migrating'],
    ['IMPORTING', 'importing'],
    ['NODE', 'node'],
    ['STABLE', 'stable'],
  ];
  const action = actions.find(([word]) => context.argIs(3, word))?.[1];
  if (action === undefined || (action !== 'stable' && context.argc < 5)) {
    context.reply.error('ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP');
    return undefined;
  }
  return { slot, action, nodeId: action === 'stable' ? '' : context.argString(4), fromPrimary };
}

/** TIMEOUT ms; 0 = for ever. undefined: the error was replied. */
function readTimeout(context: CommandContext, from: number): number | undefined {
  let timeoutMs = DEFAULT_TIMEOUT_MS;
  for (let i = from; i < context.argc; i++) {
    if (!context.argIs(i, 'TIMEOUT')) continue;
    const value = i + 1 < context.argc ? context.argInteger(i + 1) : undefined;
    let problem: string | undefined;
    if (i + 1 >= context.argc) problem = 'ERR Missing timeout value';
    else if (value === undefined) problem = 'ERR timeout is not an integer or out of range';
    else if (value < 0) problem = 'ERR timeout is negative';
    if (problem !== undefined) {
      context.reply.error(problem);
      return undefined;
    }
    timeoutMs = value ?? timeoutMs;
  }
  return timeoutMs;
}

function eligibleReplicas({ replication }: ServerPorts): number {
  return replication.replicas().filter(({ state, version }) => {
    const [major, minor] = version.split('.').map(Number);
    const [leastMajor, leastMinor] = LEAST_REPLICA_VERSION;
    return state === 'online' && (major > leastMajor || (major === leastMajor && minor >= leastMinor));
  }).length;
}

/** Carries the order out when the replicas have it. */
function awaitReplicas(ports: ServerPorts, cluster: ClusterPort, session: Session, order: SetSlotOrder, wanted: Wanted): void {
  session.transport.holdInput();
  ports.replication.whenAcknowledged({
    ...wanted,
    inAof: false,
    done: acknowledged => {
      if (session.closing) return;
      const enough = acknowledged !== undefined && acknowledged >= wanted.replicas;
      const problem = enough ? cluster.administration.checkSetSlot(order) : NO_REPLICAS;
      if (problem === undefined) {
        cluster.administration.setSlot(order);
        session.reply.ok();
      } else session.reply.error(problem);
      session.transport.resumeInput();
    },
  });
  ports.replication.requestAcks();
}

interface Wanted {
  readonly offset: number;
  readonly replicas: number;
  readonly timeoutMs: number;
}
