/**
 * A primary that returns with less than its replicas have.
 *
 * It crashes, is started again on its volume within the node timeout, so that nobody takes over, and goes on from its RDB file. Slotkeeper's own server yields to its replicas then.
 * Valkey's cannot: its replicas follow it back, and writes since its last save are lost, those that WAIT confirmed among them. With an append-only file
 * it comes back with all that it had written.
 */
import type { PlanContext } from './context.ts';

const RISK =
  "nodes run Valkey's own server and keep RDB files alone: a primary that crashes and is back within the node timeout goes on from its last save, and its replicas follow it; " +
  'writes since then are lost, those that WAIT confirmed too. Set appendonly to "yes" and appendfsync to "always" in config, or use Slotkeeper\'s own image';

export function noteStaleReturns(context: PlanContext): void {
  const { persistence, replicas } = context.observation.wanted;
  if (!context.formed || persistence === undefined || replicas === 0) return;
  const members = [...context.topology.members.values()];
  if (!members.some(({ view }) => view.server === 'valkey' && !view.appendOnly)) return;
  context.note('ConfirmedWritesAtRisk', RISK);
  context.tell('staleReturns', 'Warning', 'ConfirmedWritesAtRisk', `Some ${RISK}`);
}
