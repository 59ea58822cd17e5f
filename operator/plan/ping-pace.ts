/**
 * How often nodes ping each other. By default a peer that is idle is pinged after half the node timeout, so that the loss of a machine, which closes no connection, is noticed up to
 * half a timeout late. In clusters that are not large a fifth is little traffic. Only on nodes that know the directive, and not where the user set it.
 */
import type { PlanContext } from './context.ts';
import { PING_MAX_NODES, PING_SHARE } from './limits.ts';

export const PING_INTERVAL_DIRECTIVE = 'cluster-ping-interval';

export function planPingPace(context: PlanContext): void {
  const { cluster, wanted } = context.observation;
  if (cluster.spec.config?.[PING_INTERVAL_DIRECTIVE] !== undefined) return;
  const interval = wanted.nodes.length > PING_MAX_NODES ? 0 : Math.round(cluster.spec.nodeTimeoutMilliseconds * PING_SHARE);
  for (const member of context.topology.members.values()) {
    const shown = member.view.liveConfig.get(PING_INTERVAL_DIRECTIVE);
    if (shown === undefined || shown === String(interval)) continue;
    context.act({ kind: 'setConfig', node: member.name, values: [[PING_INTERVAL_DIRECTIVE, String(interval)]] });
  }
}
