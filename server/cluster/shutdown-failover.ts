/**
 * SHUTDOWN FAILOVER (and shutdown-on-sigterm failover): a primary that goes hands its place to its best replica first.
 *
 * Writes stop; when a replica has all of the stream, `CLUSTER FAILOVER FORCE REPLICAID <id>` goes into the stream for it (the others
 * read it too and know that it is not for them); then the primary stays until it sees that the replica took over, so that no client
 * falls into a gap. Needs replicas of 9.0 or later: older ones would take the command as one for themselves.
 */

import type { ServerPorts } from '../core/ports.ts';
import type { ReplicaView } from '../core/replication.ts';

const POLL_MS = 5;

export type Candidate = { readonly kind: 'ready' | 'behind'; readonly nodeId: string } | { readonly kind: 'none' | 'legacy' };

/** Which replica may take over; pure. */
export function chooseSuccessor(replicas: readonly ReplicaView[], offset: number): Candidate {
  const online = replicas.filter(replica => replica.state === 'online');
  if (replicas.some(replica => !isModern(replica.version))) return { kind: 'legacy' };
  const known = online.filter(replica => replica.nodeId.length === 40).toSorted((a, b) => b.ackedOffset - a.ackedOffset);
  if (known.length === 0) return { kind: 'none' };
  return { kind: known[0].ackedOffset === offset ? 'ready' : 'behind', nodeId: known[0].nodeId };
}

/** 9.0 or later; `9.1.2` */
const isModern = (version: string): boolean => Number.parseInt(version, 10) >= 9;

/** Resolves to whether a replica took over. Writes stay paused: the process ends next, or SHUTDOWN is aborted (which unpauses). */
export async function failoverForShutdown(ports: ServerPorts, isPrimary: () => boolean): Promise<boolean> {
  // A SHUTDOWN command ends first: what goes into the stream now is no part of it.
  await Promise.resolve();
  if (!isPrimary()) return false;
  const { clock, log, replication, config } = ports;
  const catchUpUntil = clock.now() + config.integer('shutdown-timeout') * 1000;
  const failoverMs = config.integer('cluster-manual-failover-timeout');
  // Before the pause, which holds it back.
  replication.requestAcksAtOnce();
  ports.clients.pause('shutdown', catchUpUntil + failoverMs, true);
  const pause = (): Promise<void> => new Promise(resolve => ports.timers.after(POLL_MS, resolve));
  let candidate = chooseSuccessor(replication.replicas(), replication.offset);
  while (isPrimary() && candidate.kind === 'behind' && clock.now() < catchUpUntil) {
    await pause();
    candidate = chooseSuccessor(replication.replicas(), replication.offset);
  }
  // A manual failover was under way and came first.
  if (!isPrimary()) return true;
  if (candidate.kind !== 'ready') {
    log.notice(
      candidate.kind === 'legacy'
        ? 'Unable to perform auto failover on shutdown since there are legacy replicas.'
        : 'Unable to find a replica to perform the auto failover on shutdown.',
    );
    return false;
  }
  ports.propagation.propagate(-1, ['CLUSTER', 'FAILOVER', 'FORCE', 'REPLICAID', candidate.nodeId]);
  log.notice(`Perform auto failover to replica ${candidate.nodeId} on shutdown.`);
  const until = clock.now() + failoverMs;
  while (isPrimary() && clock.now() < until) await pause();
  return !isPrimary();
}
