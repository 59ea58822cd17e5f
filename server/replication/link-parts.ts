/** What the link to the primary needs of its node and of the outside. */

import type { Clock, ConfigPort, ServerLog, Timers } from '../core/ports.ts';
import type { Transport } from '../core/session.ts';
import type { SnapshotPort } from '../core/snapshots.ts';
import type { HandshakeFacts } from './handshake.ts';
import type { PeerConnector } from './peer-socket.ts';
import type { StreamApplier } from './stream-applier.ts';

export interface LinkHost {
  readonly facts: () => HandshakeFacts;
  /** Where to go on: undefined = nowhere, a full sync is needed. `offset` = bytes of the stream that are applied. */
  readonly resumePoint: () => { readonly id: string; readonly offset: number } | undefined;
  /** The stream goes on; `id` when the primary gave one. */
  readonly continued: (id: string | undefined) => void;
  /** Drop the data: the new data set begins to arrive. */
  readonly loadStarted: () => void;
  /** The new data set is whole, at this point of the stream with this database selected. */
  readonly loadEnded: (id: string, offset: number, dbIndex: number) => void;
  /** The load broke off: nothing of it may be served. */
  readonly loadFailed: () => void;
  readonly offset: () => number;
  /** The link is up, and is this to the server's clients. */
  readonly linkUp: (transport: Transport) => void;
  readonly linkDown: () => void;
  readonly applier: () => StreamApplier;
  readonly countInput: (bytes: number) => void;
}

export interface LinkParts {
  readonly connector: PeerConnector;
  readonly snapshots: SnapshotPort;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly config: ConfigPort;
  readonly log: ServerLog;
  readonly host: LinkHost;
  /** Runs before the main channel of a dual-channel sync asks for the stream. */
  readonly beforeMainPsync: () => void;
}
