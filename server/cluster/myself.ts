/**
 * What this node tells of itself, taken from the settings into its own entry of the table.
 */

import { type ClusterState, TODO_SAVE, TODO_STATE } from './cluster-state.ts';
import { FLAG_NOFAILOVER, FLAGS_OF_THIS_SERVER } from './node-flags.ts';

export function announceMyself(state: ClusterState): void {
  const me = state.myself;
  const { announce, replicaNoFailover } = state.environment.settings();
  me.flags = (me.flags & ~FLAG_NOFAILOVER) | FLAGS_OF_THIS_SERVER | (replicaNoFailover ? FLAG_NOFAILOVER : 0);
  // An address that is no longer announced is learned again from the next MEET; until then the last one is better than none.
  if (announce.ip !== '') me.ip = announce.ip;
  me.tcpPort = announce.tcpPort;
  me.tlsPort = announce.tlsPort;
  me.busPort = announce.busPort;
  me.clientIpv4 = announce.clientIpv4;
  me.clientIpv6 = announce.clientIpv6;
  me.clientTcpPort = announce.clientTcpPort;
  me.clientTlsPort = announce.clientTlsPort;
  me.hostname = announce.hostname;
  me.humanName = announce.humanName;
  me.availabilityZone = announce.availabilityZone;
  state.later(TODO_SAVE | TODO_STATE);
}
