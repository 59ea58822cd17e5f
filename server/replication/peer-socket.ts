/**
 * What replication needs of the outside: a connection to another node. The platform has it.
 */

export interface PeerSocket {
  /** `ip:port` of both ends, '' while it is not open. */
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** Written, and not yet taken by the system. */
  readonly pendingBytes: number;
  /** Bytes, or latin1 text. */
  write(data: Uint8Array | string): void;
  /** No `received` until `resume` (what is on its way may still come). */
  pause(): void;
  resume(): void;
  /** Closes at once; `closed` is not called for it. */
  close(): void;
}

export interface PeerSocketEvents {
  opened(): void;
  /** The bytes may be kept. */
  received(bytes: Uint8Array): void;
  /** It could not be opened, broke, or was closed by the peer. */
  closed(reason: string): void;
}

export interface PeerConnector {
  connect(host: string, port: number, events: PeerSocketEvents): PeerSocket;
}
