/** What feeding replicas needs of its node. */

import type { Clock, ConfigPort, ServerLog, ServerStats, Timers } from '../core/ports.ts';
import type { SnapshotPort } from '../core/snapshots.ts';
import type { ReplicationStream } from './replication-stream.ts';

export interface FeedParts {
  readonly stream: ReplicationStream;
  readonly snapshots: SnapshotPort;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly config: ConfigPort;
  readonly log: ServerLog;
  readonly stats: ServerStats;
  readonly newId: () => string;
  /** Why this node cannot feed replicas now, as an error line. */
  readonly refusal: () => string | undefined;
  readonly isPrimary: () => boolean;
  /** Database that the stream's readers have selected. */
  readonly streamDb: () => number;
  readonly forceSelect: () => void;
  readonly propagate: (args: readonly string[]) => void;
  /** No PING may be added to the stream now (a manual failover waits for equal offsets). */
  readonly quiet: () => boolean;
  /** A replica gets the stream from now on. */
  readonly joined: () => void;
  /** How long a snapshot may be sent before the replica's main channel asks for the stream. */
  readonly mainChannelGraceMs: () => number;
  /** A test wants the snapshot sent whole, and the process to stop then: stops it soon. */
  readonly pauseAfterSnapshot: () => (() => void) | undefined;
}
