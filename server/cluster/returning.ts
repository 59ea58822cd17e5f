/**
 * A primary that comes back with slots in its nodes file: it stands aside until it knows that it has the newest data of its shard
 * (`return-decision.ts`), and lets a replica that has more take over.
 *
 * To take over, a replica needs its primary to be FAIL, and votes. So the one that yields tells everybody that it is FAIL itself, as if another
 * node had seen it fail, again and again; and as a voter it votes for the replica. That is plain bus protocol: upstream's nodes take part in it.
 * A replica of upstream that was started again as well also needs a link to its primary (`replication/standing-aside.ts`); it gets one as soon as
 * nobody is waited for who may have more. The winner's claim then makes this node its replica, as after any failover.
 */

import { type ClusterNode, isFailed, isPrimary, isSuspected, logName } from './cluster-node.ts';
import { type ClusterState, type Returning, TODO_STATE } from './cluster-state.ts';
import { FLAG_NOFAILOVER } from './node-flags.ts';
import { decideReturn, type KnownReplica } from './return-decision.ts';
import { reconcileData } from './slot-ownership.ts';

const ANNOUNCE_MS = 1000;
const RELOG_MS = 10_000;

/** Only who has slots and others to ask has something to find out. */
export function mayReturn({ myself, nodes }: ClusterState): boolean {
  return isPrimary(myself) && myself.slotCount > 0 && nodes.size > 1;
}

/** Right after the start, before the first packet. False: there is nothing to find out. */
export function beginReturn(state: ClusterState): boolean {
  if (!mayReturn(state)) return false;
  state.returning = { since: state.now, yieldsTo: '', announcedAt: 0, loggedAt: 0 };
  state.environment.replication.standAside(true);
  return true;
}

/** With each tick. */
export function advanceReturn(state: ClusterState): void {
  const { returning, myself, environment } = state;
  if (returning === undefined) return;
  if (!isPrimary(myself) || myself.slotCount === 0) return endReturn(state);
  // So that those are known too that came to this shard while this node was away (see health.ts).
  if (!state.safeToJoin) return;
  const decision = decideReturn({
    offset: environment.replication.offset,
    replicas: myself.replicas.map(replica => factsOf(returning, replica)),
    waitedMs: state.now - returning.since,
    nodeTimeoutMs: environment.settings().nodeTimeout,
  });
  switch (decision.kind) {
    case 'wait':
      return;
    case 'yield':
      if (decision.sure) environment.replication.yieldTo(decision.offset);
      return yieldTo(state, returning, decision.to, decision.offset);
    case 'serve':
      for (const id of decision.silent)
        environment.log.warning(
          `My replica ${id} has not said since my start how far its data are. If it has newer writes than my data file, they are given up.`,
        );
      for (const id of decision.missed)
        environment.log.warning(
          `My replica ${id} had newer writes than my data file, and has failed before it took over: they are given up.`,
        );
      endReturn(state);
      reconcileData(state);
  }
}

function factsOf(returning: Returning, replica: ClusterNode): KnownReplica {
  return {
    id: replica.id,
    heard: replica.dataReceivedAt > returning.since && replica.replicationOffset > 0,
    failing: isFailed(replica) || isSuspected(replica),
    offset: replica.replicationOffset,
    noFailover: (replica.flags & FLAG_NOFAILOVER) !== 0,
  };
}

function yieldTo(state: ClusterState, returning: Returning, id: string, offset: number): void {
  const { now, environment, messenger, myself } = state;
  if (returning.yieldsTo !== id || now - returning.loggedAt > RELOG_MS) {
    returning.yieldsTo = id;
    returning.loggedAt = now;
    const node = state.nodes.get(id);
    environment.log.warning(
      `I came back with data up to offset ${environment.replication.offset}, my replica ${id} (${node === undefined ? '' : logName(node)}) has them up to ${offset}: it is to take over, until then I do not serve.`,
    );
  }
  if (now - returning.announcedAt < ANNOUNCE_MS) return;
  returning.announcedAt = now;
  messenger.broadcastFail(myself.id);
}

function endReturn(state: ClusterState): void {
  state.returning = undefined;
  state.environment.replication.standAside(false);
  state.later(TODO_STATE);
}
