/**
 * Asking replicas how far they are (REPLCONF GETACK in the stream): on behalf of those who wait, often wanted and sent once a turn.
 *
 * While writes are paused the stream stands still, and a request would be a part of it: a replica of a manual failover would wait in vain
 * to be where its primary said that it stands. It leaves when the pause is over. Nor is it repeated while the stream has not grown: an
 * acknowledgement of all of it is on its way already.
 */

import type { Timers } from '../core/ports.ts';

export interface AckRequestsParts {
  readonly timers: Timers;
  /** A primary with replicas. */
  readonly hasReplicas: () => boolean;
  readonly writesPaused: () => boolean;
  readonly offset: () => number;
  readonly send: () => void;
}

export class AckRequests {
  private readonly parts: AckRequestsParts;
  private planned = false;
  /** One waits for the end of a pause. */
  private withheld = false;
  /** Offset after the last one. */
  private askedAt = -1;

  constructor(parts: AckRequestsParts) {
    this.parts = parts;
  }

  /** At the end of the turn. */
  request(): void {
    if (this.planned || !this.parts.hasReplicas()) return;
    this.planned = true;
    this.parts.timers.soon(() => {
      this.planned = false;
      this.requestAtOnce();
    });
  }

  requestAtOnce(): void {
    const { hasReplicas, writesPaused, offset, send } = this.parts;
    this.withheld = writesPaused();
    if (this.withheld || !hasReplicas() || offset() === this.askedAt) return;
    send();
    this.askedAt = offset();
  }

  writesResumed(): void {
    if (this.withheld) this.request();
  }

  /** A replica is new and was not asked: after a failover the old primary is often the only one that can answer those who wait. */
  requestOfNewcomer(): void {
    this.askedAt = -1;
    this.request();
  }
}
