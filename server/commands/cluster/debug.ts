/**
 * DEBUG's subcommands about the cluster bus, for tests: CLUSTERLINK KILL, DROP-CLUSTER-PACKET-FILTER, CLOSE-CLUSTER-LINK-ON-PACKET-DROP,
 * DISABLE-CLUSTER-RECONNECTION, DISABLE-CLUSTER-RANDOM-PING, SLOTMIGRATION. The DEBUG command tries `debugCluster` with what it does not know itself.
 */

import type { CommandContext } from '../../core/context.ts';
import type { ClusterAdministration } from '../../core/cluster-administration.ts';
import type { SlotMigrationPort } from '../../core/slot-migration.ts';
import { unknownSubcommandOrArity } from '../../protocol/reply-errors.ts';
import { replyOrder } from './arguments.ts';

/** True when the request was one of these; then the reply is given. */
export function debugCluster(context: CommandContext): boolean {
  const { cluster } = context.ports;
  if (context.argIs(1, 'CLUSTERLINK') && context.argc === 5 && context.argIs(2, 'KILL')) {
    if (cluster === undefined) context.reply.error('ERR Debug option only available for cluster mode enabled setup!');
    else killLink(context, cluster.administration);
    return true;
  }
  if (context.argIs(1, 'SLOTMIGRATION') && context.argc > 3) {
    switchMigration(context, cluster?.slotMigrations);
    return true;
  }
  const change = switchOf(context);
  if (change === undefined) return false;
  // Without a cluster there is nothing to switch, and nobody who would notice.
  if (cluster !== undefined) change(cluster.administration);
  context.reply.ok();
  return true;
}

/** DEBUG SLOTMIGRATION PREVENT-PAUSE | PREVENT-FAILOVER 0 | 1: exports stay before the pause, imports before they take the slots. */
function switchMigration(context: CommandContext, migrations: SlotMigrationPort | undefined): void {
  const on = Number.parseInt(context.argString(3), 10) > 0;
  if (context.argIs(2, 'PREVENT-PAUSE')) migrations?.preventPause(on);
  else if (context.argIs(2, 'PREVENT-FAILOVER')) migrations?.preventFailover(on);
  else return context.reply.error(unknownSubcommandOrArity('debug', context.argString(1)));
  context.reply.ok();
}

function killLink(context: CommandContext, administration: ClusterAdministration): void {
  for (const direction of ['to', 'from', 'all'] as const)
    if (context.argIs(3, direction.toUpperCase())) return replyOrder(context, administration.killLink(direction, context.argString(4)));
  context.reply.error(`ERR Unknown direction ${context.argString(3)}`);
}

function switchOf(context: CommandContext): ((administration: ClusterAdministration) => void) | undefined {
  if (context.argc !== 3) return undefined;
  const value = Number.parseInt(context.argString(2), 10);
  const on = value > 0;
  if (Number.isNaN(value)) return undefined;
  if (context.argIs(1, 'DROP-CLUSTER-PACKET-FILTER')) return administration => administration.dropPackets(value);
  if (context.argIs(1, 'CLOSE-CLUSTER-LINK-ON-PACKET-DROP')) return administration => administration.closeLinkOnDrop(on);
  if (context.argIs(1, 'DISABLE-CLUSTER-RECONNECTION')) return administration => administration.disableReconnection(on);
  if (context.argIs(1, 'DISABLE-CLUSTER-RANDOM-PING')) return administration => administration.disableRandomPing(on);
  return undefined;
}
