/**
 * A primary that came back and finds out first whether a replica has more of its data (`cluster/returning.ts`): it feeds nobody meanwhile.
 *
 * When it yields, upstream's replicas need one thing more of it. They stand for election only when they were connected to their primary not
 * long ago. One that was started again never was; it would not stand however much it has, and the primary would yield for ever. So a replica
 * that has as much as this primary yields to is let in, with nothing to come:
 *
 *     PSYNC id offset ──▶    offset - 1 ≥ what this primary yields to
 *                     ◀──    +CONTINUE id       its own id, so that its history stays what it is
 *                     ◀──    closed after HOLD_MS; it connects again, until it is primary
 *
 * Not a byte of its data changes by that, and it does not count as a replica here: WAIT does not see it. Who has less is refused, since it must
 * not be elected in place of the one that has most.
 *
 * Source: clusterHandleReplicaFailover (data_age) in cluster_legacy.c; replicationHandlePrimaryDisconnection in replication.c.
 */

import type { ServerLog, Timers } from '../core/ports.ts';
import type { ReplicaProfile, SyncRequest } from '../core/replication.ts';
import type { Session } from '../core/session.ts';

/** A replica connects again at once: this keeps it from doing so all the time. */
const HOLD_MS = 1000;

export class StandingAside {
  private readonly timers: Timers;
  private readonly log: ServerLog;
  /** The offset since when it is so. */
  private beganAt: number | undefined;
  private yieldsTo = Infinity;

  constructor(timers: Timers, log: ServerLog) {
    this.timers = timers;
    this.log = log;
  }

  begin(offset: number): void {
    this.beganAt = offset;
    this.yieldsTo = Infinity;
  }

  end(): void {
    this.beganAt = undefined;
  }

  /** From here on replicas are let in that have the stream up to `offset`. */
  yieldTo(offset: number): void {
    this.yieldsTo = offset;
  }

  /** Something was added meanwhile (keys of lost slots went): it is not of the stream that the data come from. */
  hasStrayed(offset: number): boolean {
    return this.beganAt !== undefined && this.beganAt !== offset;
  }

  get refusal(): string | undefined {
    if (this.beganAt === undefined) return undefined;
    return 'NOMASTERLINK This primary came back and finds out first whether a replica has more of its data';
  }

  /** True: the replica was let in, and answered. */
  letIn({ transport }: Session, { psync2, listeningPort }: ReplicaProfile, request: SyncRequest): boolean {
    if (this.beganAt === undefined || request.kind !== 'psync' || !/^[0-9a-f]{40}$/i.test(request.id)) return false;
    if (request.offset - 1 < this.yieldsTo || transport.pendingOutputBytes > 0) return false;
    transport.write(Buffer.from(psync2 ? `+CONTINUE ${request.id}\r\n` : '+CONTINUE\r\n', 'latin1'));
    this.timers.after(HOLD_MS, () => transport.close('the primary yields to it'));
    const peer = `${transport.remoteAddress}, port ${listeningPort}`;
    this.log.notice(`Replica at ${peer} has the data up to offset ${request.offset - 1}, as far as I yield: it is let in to be elected.`);
    return true;
  }
}
