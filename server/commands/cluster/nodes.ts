/** CLUSTER subcommands about nodes: joining, leaving, roles, epochs. */

import type { FailoverMode } from '../../core/cluster-administration.ts';
import type { CommandContext } from '../../core/context.ts';
import { NOT_INTEGER_ERROR, SYNTAX_ERROR, unknownSubcommandOrArity } from '../../protocol/reply-errors.ts';
import { clientOf, replyOrder, requester, withCluster } from './arguments.ts';

const BUS_PORT_DISTANCE = 10_000;
const MAX_PORT = 65_535;

/** CLUSTER MEET ip port [bus-port] */
export const meet = withCluster((context, cluster) => {
  const port = context.argInteger(3);
  if (port === undefined) return context.reply.error(`ERR Invalid base port specified: ${context.argString(3)}`);
  if (port <= 0 || port > MAX_PORT) return context.reply.error('ERR Port number is out of range');
  const busPort = context.argc > 4 ? context.argInteger(4) : port + BUS_PORT_DISTANCE;
  if (busPort === undefined) return context.reply.error(`ERR Invalid bus port specified: ${context.argString(4)}`);
  if (busPort <= 0 || busPort > MAX_PORT) return context.reply.error('ERR Cluster bus port number is out of range');
  replyOrder(context, cluster.administration.meet(context.argString(2), port, busPort, requester(context)));
});

export const forget = withCluster((context, cluster) =>
  replyOrder(context, cluster.administration.forget(context.argString(2), requester(context))),
);

/** CLUSTER REPLICATE node-id | NO ONE */
export const replicate = withCluster((context, cluster) => {
  if (context.argc === 3) return replyOrder(context, cluster.administration.replicate(context.argString(2)));
  if (context.argc !== 4 || !context.argIs(2, 'NO') || !context.argIs(3, 'ONE')) return replyUnknown(context);
  cluster.administration.replicateNobody(requester(context));
  context.reply.ok();
});

/** CLUSTER FAILOVER [FORCE | TAKEOVER]; from the primary also REPLICAID id: only the replica of that id obeys. */
export const failover = withCluster((context, cluster) => {
  const fromPrimary = context.session.kind === 'primary';
  let mode: FailoverMode = 'agreed';
  for (let i = 2; i < context.argc; i++) {
    if (context.argIs(i, 'FORCE')) mode = mode === 'takeover' ? mode : 'force';
    else if (context.argIs(i, 'TAKEOVER')) mode = 'takeover';
    else if (fromPrimary && context.argIs(i, 'REPLICAID') && i + 1 < context.argc) {
      i++;
      if (context.argString(i) !== cluster.myId) return context.reply.ok();
    } else return context.reply.error(SYNTAX_ERROR);
  }
  replyOrder(context, cluster.administration.failover(mode, fromPrimary, requester(context)));
});

/** CLUSTER RESET [HARD | SOFT] */
export const reset = withCluster((context, cluster) => {
  if (context.argc > 3) return replyUnknown(context);
  const hard = context.argc === 3 && context.argIs(2, 'HARD');
  if (context.argc === 3 && !hard && !context.argIs(2, 'SOFT')) return context.reply.error(SYNTAX_ERROR);
  replyOrder(context, cluster.administration.reset(hard, requester(context)));
});

export const setConfigEpoch = withCluster((context, cluster) => {
  const epoch = context.argInteger(2);
  if (epoch === undefined) return context.reply.error(NOT_INTEGER_ERROR);
  replyOrder(context, cluster.administration.setConfigEpoch(epoch));
});

export const bumpEpoch = withCluster((context, cluster) => {
  const { bumped, epoch } = cluster.administration.bumpEpoch();
  context.reply.simple(`${bumped ? 'BUMPED' : 'STILL'} ${epoch}`);
});

export const saveConfig = withCluster((context, cluster) => replyOrder(context, cluster.administration.saveConfig()));

export const myId = withCluster((context, cluster) => context.reply.bulkString(cluster.myId));
export const myShardId = withCluster((context, cluster) => context.reply.bulkString(cluster.shardId));
export const info = withCluster((context, cluster) => context.reply.verbatim('txt', cluster.infoText()));
export const nodes = withCluster((context, cluster) => context.reply.verbatim('txt', cluster.administration.nodesText(clientOf(context))));

export const replicas = withCluster((context, cluster) => {
  const found = cluster.administration.replicaLines(context.argString(2), clientOf(context));
  if ('error' in found) return context.reply.error(found.error);
  context.reply.array(found.lines.length);
  for (const line of found.lines) context.reply.bulkString(line);
});

export const countFailureReports = withCluster((context, cluster) => {
  const reports = cluster.administration.failureReports(context.argString(2));
  if (reports === undefined) context.reply.error(`ERR Unknown node ${context.argString(2)}`);
  else context.reply.integer(reports);
});

function replyUnknown(context: CommandContext): void {
  context.reply.error(unknownSubcommandOrArity('CLUSTER', context.argString(1)));
}
