/**
 * The connection of an export to its target: what the target says as messages, and an output queue.
 *
 *     stream ──▶ queue ──▶ socket            while the snapshot is sent the queue is held: the stream waits behind it
 *     snapshot ──────────▶ socket
 *
 * What is queued in one turn goes out as one write at its end. Everything that is queued or that the system has not taken yet counts as pending.
 */

import type { Timers } from '../../core/ports.ts';
import type { BusNetwork, BusSocket } from '../environment.ts';
import { type TargetMessage, TargetReader } from './target-reader.ts';

/** Bytes of the snapshot handed to the system and not yet taken, at most (and one piece more). */
const WINDOW_BYTES = 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;
/**
 * The snapshot goes out in blocks that are used again: a new buffer for each piece would cost more than all the copying, in page faults and
 * garbage collection.
 */
const SNAPSHOT_BLOCK_BYTES = 160 * 1024;

export interface ChannelEvents {
  opened(): void;
  message(message: TargetMessage): void;
  /** The system has taken much or all of what was pending. */
  drained(): void;
  /** Once at most; not after `close`. `opened`: it stood before. */
  closed(reason: string, opened: boolean): void;
}

export class ExportChannel {
  readonly reader = new TargetReader();
  readonly address: string;
  receivedBytes = 0;
  sentBytes = 0;
  readonly #timers: Pick<Timers, 'soon'>;
  readonly #events: ChannelEvents;
  readonly #socket: BusSocket;
  #opened = false;
  #closed = false;
  #held = false;
  #flushPlanned = false;
  /** Full blocks, then the one that is being filled. */
  #blocks: Uint8Array[] = [];
  #tail = new Uint8Array(BLOCK_BYTES);
  #tailLength = 0;
  #queuedBytes = 0;
  /** Blocks of the snapshot that the system has taken. */
  readonly #spare: Uint8Array[] = [];

  constructor(network: BusNetwork, timers: Pick<Timers, 'soon'>, host: string, port: number, events: ChannelEvents) {
    this.#timers = timers;
    this.#events = events;
    this.address = `${host}:${port}`;
    this.#socket = network.connect(host, port, {
      opened: () => {
        if (this.#closed) return;
        this.#opened = true;
        events.opened();
      },
      data: bytes => this.#receive(bytes),
      closed: reason => this.fail(reason),
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  get localAddress(): string {
    return this.#socket.localAddress;
  }

  /** Bytes of the stream that the target's side of the connection has not got. */
  get pendingBytes(): number {
    return this.#queuedBytes + (this.#closed ? 0 : this.#socket.pendingBytes);
  }

  /** What of it waits for its turn here. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get held(): boolean {
    return this.#held;
  }

  /** Adds to the stream; the bytes are copied. */
  append(bytes: Uint8Array, start: number, end: number): void {
    if (this.#closed) return;
    const length = end - start;
    this.#queuedBytes += length;
    if (this.#tailLength + length > this.#tail.length) this.#nextBlock(length);
    if (length < 64) for (let i = 0; i < length; i++) this.#tail[this.#tailLength + i] = bytes[start + i];
    else this.#tail.set(bytes.subarray(start, end), this.#tailLength);
    this.#tailLength += length;
    if (this.#held || this.#flushPlanned) return;
    this.#flushPlanned = true;
    this.#timers.soon(() => {
      this.#flushPlanned = false;
      this.flush();
    });
  }

  appendRequest(words: readonly string[]): void {
    const request = requestBytes(words);
    this.append(request, 0, request.length);
  }

  /** From here on the stream waits: the connection belongs to the snapshot. */
  hold(): void {
    this.flush();
    this.#held = true;
  }

  /** The stream goes on. */
  release(): void {
    this.#held = false;
    this.flush();
  }

  /** Writes past the queue; the bytes are copied. False: rest until `drained`. */
  writeSnapshot(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#closed) return true;
    for (let at = start; at < end; at += SNAPSHOT_BLOCK_BYTES) {
      const block = this.#spare.pop() ?? new Uint8Array(SNAPSHOT_BLOCK_BYTES);
      const piece = bytes.subarray(at, Math.min(end, at + SNAPSHOT_BLOCK_BYTES));
      block.set(piece);
      this.#write(block.subarray(0, piece.length), () => this.#spare.push(block));
    }
    return this.#socket.pendingBytes < WINDOW_BYTES;
  }

  /** The last of the snapshot. */
  endSnapshot(words: readonly string[]): void {
    if (!this.#closed) this.#write(requestBytes(words));
  }

  flush(): void {
    if (this.#closed || this.#held || this.#queuedBytes === 0) return;
    const blocks = this.#blocks;
    if (this.#tailLength > 0) {
      blocks.push(this.#tail.subarray(0, this.#tailLength));
      this.#tail = new Uint8Array(BLOCK_BYTES);
      this.#tailLength = 0;
    }
    this.#blocks = [];
    this.#queuedBytes = 0;
    for (const block of blocks) this.#write(block);
  }

  /** Nothing more is said; the owner is told when the target, which reads that last, has closed too. */
  end(): void {
    this.flush();
    if (!this.#closed) this.#socket.end();
  }

  /** Closes without a word. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#blocks = [];
    this.#queuedBytes = 0;
    this.#socket.close();
  }

  /** Closes and tells the owner. */
  fail(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#events.closed(reason, this.#opened);
  }

  #write(bytes: Uint8Array, taken?: () => void): void {
    this.sentBytes += bytes.length;
    this.#socket.write(bytes, () => {
      taken?.();
      if (!this.#closed && this.#socket.pendingBytes < WINDOW_BYTES / 2) this.#events.drained();
    });
  }

  #nextBlock(needed: number): void {
    if (this.#tailLength > 0) this.#blocks.push(this.#tail.subarray(0, this.#tailLength));
    this.#tail = new Uint8Array(Math.max(BLOCK_BYTES, needed));
    this.#tailLength = 0;
  }

  #receive(bytes: Uint8Array): void {
    this.receivedBytes += bytes.length;
    this.reader.push(bytes);
    while (!this.#closed) {
      const message = this.reader.next();
      if (message === undefined) return;
      this.#events.message(message);
      if (message.kind === 'garbage') return;
    }
  }
}

export function requestBytes(words: readonly string[]): Uint8Array {
  return Buffer.from(`*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`, 'latin1');
}
