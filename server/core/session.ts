/**
 * What the engine knows of a client. What the transport knows (socket, partial input, pending output) is apart from it, so that
 * I/O can move to other threads: a client is its number; the generation tells a reused number from its earlier owner.
 */

import type { Reply } from '../protocol/reply.ts';
import type { Command } from './command.ts';

/** `slot-import`: a source sends the keys of slots to this node; `slot-export`: this node sends them (its requests run elsewhere). */
export type SessionKind = 'normal' | 'replica' | 'primary' | 'pubsub' | 'slot-import' | 'slot-export';

/** A request kept for EXEC or for later: its own copy of the bytes. */
export interface KeptRequest {
  readonly command: Command;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly wireBytes: number;
}

export interface Transaction {
  readonly queued: KeptRequest[];
  /** A queued command was refused: EXEC answers EXECABORT. */
  failed: boolean;
}

export interface WatchedKey {
  readonly dbIndex: number;
  /** latin1 */
  readonly key: string;
  /** It was expired already when WATCH saw it. */
  readonly expired: boolean;
}

/** Requests to the transport, in order with the replies. */
export interface Transport {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly fileDescriptor: number;
  /** Bytes of replies that the peer has not taken yet. */
  readonly pendingOutputBytes: number;
  readonly inputBufferBytes: number;
  readonly isUnixSocket: boolean;
  /** Closes after what is pending has been written. */
  closeAfterReply(): void;
  /** Closes now; pending output is lost. */
  close(reason: string): void;
  /** Stops and resumes the processing of requests of this client (blocking, pause). */
  holdInput(): void;
  resumeInput(): void;
  /** Hands the connection's bytes to `sink` from here on (a replica link, a sync): no request is parsed any more; returns what was read and not yet parsed. */
  takeOver(sink: (bytes: Uint8Array) => void, onClose: () => void): Uint8Array;
  /** Writes outside the reply stream of the current request (replication feed): bytes are copied before the call returns. `after` runs when the system took them. */
  write(bytes: Uint8Array, after?: () => void): void;
}

export interface Session {
  readonly id: number;
  readonly generation: number;
  readonly transport: Transport;
  readonly reply: Reply;
  readonly createdAt: number;
  kind: SessionKind;
  resp: 2 | 3;
  /** Latin1; '' = none. */
  name: string;
  libName: string;
  libVersion: string;
  dbIndex: number;
  user: string;
  authenticated: boolean;
  transaction: Transaction | undefined;
  watched: WatchedKey[];
  /** A watched key was changed: EXEC answers nil. */
  dirtyCas: boolean;
  /** READONLY was sent. */
  readonlyMode: boolean;
  /** ASKING was sent: valid for the next command. */
  asking: boolean;
  /** CLIENT REPLY: off = none, skip = not this one. */
  replyMode: 'on' | 'off' | 'skip' | 'skip-next';
  noEvict: boolean;
  noTouch: boolean;
  importSource: boolean;
  redirectCapable: boolean;
  closing: boolean;
  lastCommand: Command | undefined;
  lastInteractionAt: number;
  /** Offset of the replication stream after this client's last write: what WAIT waits for. */
  lastWriteOffset: number;
  commandsProcessed: number;
  netInputBytes: number;
  netOutputBytes: number;
  /** State that a sibling (replication, pub/sub …) keeps with the client, by its owner's key. */
  readonly attachments: Map<symbol, unknown>;
}
