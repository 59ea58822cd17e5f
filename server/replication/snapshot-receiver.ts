/**
 * Takes a full sync's snapshot from whichever connection brings it: the line before it, the RDB, its end.
 *
 * With the line before the RDB the old data set is dropped (`host.loadStarted`); what breaks off after that is dropped too (`host.loadFailed`).
 */

import type { ServerLog } from '../core/ports.ts';
import type { SnapshotPort } from '../core/snapshots.ts';
import { readPayloadHeader } from './handshake.ts';
import { PayloadLoader } from './payload-loader.ts';

export interface ReceiverParts {
  readonly snapshots: SnapshotPort;
  readonly log: ServerLog;
  readonly host: { readonly loadStarted: () => void; readonly loadFailed: () => void };
}

/** A transfer under way: bytes of the RDB so far, and in all when that is known. */
export interface TransferProgress {
  readonly readBytes: number;
  readonly totalBytes: number | undefined;
}

export class SnapshotReceiver {
  private readonly parts: ReceiverParts;
  private payload: PayloadLoader | undefined;
  private producerTold = false;

  constructor(parts: ReceiverParts) {
    this.parts = parts;
  }

  /** The line before the RDB is here: `load` takes what follows. */
  get loading(): boolean {
    return this.payload !== undefined;
  }

  get progress(): TransferProgress {
    const payload = this.payload?.payload;
    return { readBytes: this.payload?.loadedBytes ?? 0, totalBytes: payload?.kind === 'length' ? payload.bytes : undefined };
  }

  /** A line before the RDB. False: the primary sends none. */
  takeLine(line: string): boolean {
    const { log, host, snapshots } = this.parts;
    const header = readPayloadHeader(line);
    if (header.kind === 'wait') return true;
    if (header.kind === 'refused') {
      log.warning(header.reason);
      return false;
    }
    log.notice(
      header.kind === 'mark'
        ? 'PRIMARY <-> REPLICA sync: receiving streamed RDB from primary with EOF to parser'
        : `PRIMARY <-> REPLICA sync: receiving ${header.bytes} bytes from primary to parser`,
    );
    log.notice('PRIMARY <-> REPLICA sync: Flushing old data');
    host.loadStarted();
    log.notice('PRIMARY <-> REPLICA sync: Loading DB in memory');
    this.payload = new PayloadLoader(snapshots.load({ dropExpired: false }), header);
    this.producerTold = false;
    return true;
  }

  /** Takes some of `bytes[start, end)`; how many it used, fewer when the RDB is whole. Throws when they are no RDB. */
  load(bytes: Uint8Array, start: number, end: number): number {
    const { payload } = this;
    if (payload === undefined) return 0;
    const used = payload.push(bytes, start, end);
    if (!this.producerTold) this.tellProducer(payload);
    return used;
  }

  /** When all of it is loaded, once: the database that the stream has selected at its end. */
  takeWhole(): { readonly streamDb: number } | undefined {
    const { payload } = this;
    if (payload === undefined || !payload.finished) return undefined;
    this.payload = undefined;
    this.parts.log.notice(`Done loading RDB, keys loaded: ${payload.loader.keysLoaded}, keys expired: 0.`);
    return { streamDb: Math.max(0, Number(payload.loader.aux.get('repl-stream-db') ?? '0')) };
  }

  /** The sync is over; half a data set is dropped. */
  abort(): void {
    const { payload } = this;
    if (payload === undefined) return;
    this.payload = undefined;
    payload.loader.abort();
    this.parts.log.warning('Failed trying to load the PRIMARY synchronization DB from socket, what came of it is dropped.');
    this.parts.host.loadFailed();
  }

  private tellProducer({ loader }: PayloadLoader): void {
    for (const [field, product] of [
      ['valkey-ver', 'Valkey'],
      ['redis-ver', 'Redis'],
    ]) {
      const version = loader.aux.get(field);
      if (version === undefined) continue;
      this.producerTold = true;
      this.parts.log.notice(`Loading RDB produced by ${product} version ${version}`);
    }
  }
}
