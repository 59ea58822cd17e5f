/** Arguments that several CLUSTER subcommands share: slots, ranges, and who asks. */

import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import type { ClusterClient } from '../../core/cluster-administration.ts';
import type { CommandContext } from '../../core/context.ts';
import type { ClusterPort } from '../../core/ports.ts';
import { NOT_CLUSTER } from '../../protocol/reply-errors.ts';

/** Runs `action` with the cluster, or replies that there is none. */
export function withCluster(action: (context: CommandContext, cluster: ClusterPort) => void): (context: CommandContext) => void {
  return context => {
    const { cluster } = context.ports;
    if (cluster === undefined) context.reply.error(NOT_CLUSTER);
    else action(context, cluster);
  };
}

/** The slot in argument `index`; undefined when it is none (the error was replied). */
export function slotOrReply(context: CommandContext, index: number): number | undefined {
  const slot = context.argInteger(index);
  if (slot !== undefined && slot >= 0 && slot < SLOT_COUNT) return slot;
  context.reply.error('ERR Invalid or out of range slot');
  return undefined;
}

/** Replies OK, or the error of an order. */
export function replyOrder(context: CommandContext, problem: string | undefined): void {
  if (problem === undefined) context.reply.ok();
  else context.reply.error(problem);
}

/** `host:port` of an IPv6 peer has brackets or several colons. */
export function clientOf(context: CommandContext): ClusterClient {
  const { remoteAddress, localAddress, isUnixSocket } = context.session.transport;
  return { ipv6: remoteAddress.split(':').length > 2, tls: false, localIp: isUnixSocket ? '' : hostOf(localAddress) };
}

/** `10.0.0.1:6379` → `10.0.0.1`, `[::1]:6379` → `::1` */
function hostOf(address: string): string {
  const host = address.slice(0, address.lastIndexOf(':'));
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

/** Who gives an order, for the log. */
export function requester({ session }: CommandContext): string {
  const { transport } = session;
  return (
    `id=${session.id} addr=${transport.remoteAddress} laddr=${transport.localAddress} fd=${transport.fileDescriptor} name=${session.name} ` +
    `user=${session.user} lib-name=${session.libName} lib-ver=${session.libVersion}`
  );
}
