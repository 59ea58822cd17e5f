/**
 * Which two connections belong together in a dual-channel sync: the one that brings the snapshot (rdb channel) and the one for the stream
 * (main channel). The main channel names the other by its client id, which stood in `$ENDOFF`.
 * Source: replication.c (replicas_waiting_psync).
 */

import type { ReplicaConnection } from './replica-connection.ts';

export class SyncChannels {
  private readonly replicas: ReadonlySet<ReplicaConnection>;

  constructor(replicas: ReadonlySet<ReplicaConnection>) {
    this.replicas = replicas;
  }

  /** Rdb channels whose main channel has not asked for the stream yet. */
  get waitingCount(): number {
    let count = 0;
    for (const replica of this.replicas) if (replica.awaitsMain) count++;
    return count;
  }

  /** The rdb channel with this client id, while its main channel has not asked for the stream. */
  waiting(clientId: number): ReplicaConnection | undefined {
    return this.find(replica => replica.awaitsMain && replica.session.id === clientId);
  }

  /** The rdb channel of a main channel, while the snapshot is on its way. */
  rdbOf(main: ReplicaConnection): ReplicaConnection | undefined {
    const { rdbClientId } = main.profile;
    if (rdbClientId === 0 || main.phase !== 'loading') return undefined;
    return this.find(replica => replica.phase === 'receiving' && replica.session.id === rdbClientId);
  }

  /** The main channel of an rdb channel, while the replica loads what that brings. */
  mainOf(rdb: ReplicaConnection): ReplicaConnection | undefined {
    return this.find(replica => replica.phase === 'loading' && replica.profile.rdbClientId === rdb.session.id);
  }

  /** What cannot go on when `replica` is gone: the replica never comes to have the whole snapshot, or not what follows it. */
  brokenBy(replica: ReplicaConnection): ReplicaConnection | undefined {
    if (!replica.profile.rdbChannel) return this.rdbOf(replica);
    return replica.phase === 'receiving' ? this.mainOf(replica) : undefined;
  }

  private find(matches: (replica: ReplicaConnection) => boolean): ReplicaConnection | undefined {
    for (const replica of this.replicas) if (matches(replica)) return replica;
    return undefined;
  }
}
