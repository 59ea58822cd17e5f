/** Counters for INFO. Plain numbers in one object: the hot path adds to them once a batch. */

import type { ServerStats, StatName } from '../core/ports.ts';

/** Upstream keeps at most this many error codes. */
const ERROR_CODES = 128;

function zeroes(): Record<StatName, number> {
  return {
    connectionsReceived: 0,
    commandsProcessed: 0,
    netInputBytes: 0,
    netOutputBytes: 0,
    netReplInputBytes: 0,
    netReplOutputBytes: 0,
    rejectedConnections: 0,
    syncFull: 0,
    syncPartialOk: 0,
    syncPartialErr: 0,
    expiredKeys: 0,
    evictedKeys: 0,
    keyspaceHits: 0,
    keyspaceMisses: 0,
    errorReplies: 0,
    unexpectedErrorReplies: 0,
    readsProcessed: 0,
    writesProcessed: 0,
    aclDeniedAuth: 0,
    queryBufferDisconnections: 0,
    outputBufferDisconnections: 0,
  };
}

export class ServerStatistics implements ServerStats {
  readonly startedAt: number;
  readonly counters: Record<StatName, number> = zeroes();
  errorCounts = new Map<string, number>();

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  /** An error reply was sent: counted by its code word. */
  countError(text: string): void {
    this.counters.errorReplies++;
    const space = text.indexOf(' ');
    const code = space < 0 ? text : text.slice(0, space);
    const count = this.errorCounts.get(code);
    if (count !== undefined || this.errorCounts.size < ERROR_CODES) this.errorCounts.set(code, (count ?? 0) + 1);
  }

  reset(): void {
    Object.assign(this.counters, zeroes());
    this.errorCounts = new Map();
  }
}
