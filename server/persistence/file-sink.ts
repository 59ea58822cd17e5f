/**
 * Takes a snapshot into a file: the draft is written piece by piece, brought to the disk, and only then takes the place of the last file.
 *
 *     create ─ write … sync every SYNC_BYTES … ─ sync ─ close ─ rename ─ fsync of the folder
 *
 * Whatever fails on the way (a full disk, a folder that is gone): the draft is removed and the last file stays as it was. At most
 * WINDOW_BYTES wait for the disk; then the walk rests, so that memory does not grow with a slow disk. What waits lies in blocks that are used again:
 * new buffers for each piece would let the garbage collector stop the server for milliseconds, several times a second.
 */

import type { RunningSnapshot, SnapshotSink } from '../core/snapshots.ts';
import { type DataFiles, type DataFileWriter, FileError } from './data-files.ts';

const WINDOW_BYTES = 4 * 1024 * 1024;
const BLOCK_BYTES = 128 * 1024;
/** So much at most stands in the system's cache that is not on its way to the disk (rdb-save-incremental-fsync). */
const SYNC_BYTES = 4 * 1024 * 1024;

export interface FileSinkParts {
  readonly files: DataFiles;
  readonly draft: string;
  readonly target: string;
  readonly syncOnTheWay: boolean;
  /** Once, at the end. Undefined: the file holds the snapshot. */
  readonly ended: (error: Error | undefined) => void;
  /** Bytes of changed keys that wait in memory. */
  readonly pressed: (heldBytes: number) => void;
}

export class FileSink implements SnapshotSink {
  /** Given right after the snapshot was begun. */
  run: RunningSnapshot | undefined;
  private readonly parts: FileSinkParts;
  /** Full blocks, then the one that is being filled. */
  private queue: Uint8Array[] = [];
  private tail: Uint8Array | undefined;
  private tailLength = 0;
  private readonly spare: Uint8Array[] = [];
  /** Bytes that are queued or being written. */
  private pending = 0;
  private unsynced = 0;
  private resting = false;
  private complete = false;
  private error: Error | undefined;
  /** Wakes the writer that waits for more. */
  private wake: (() => void) | undefined;

  constructor(parts: FileSinkParts) {
    this.parts = parts;
    void this.work();
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    for (let at = start; at < end; ) {
      this.tail ??= this.spare.pop() ?? new Uint8Array(BLOCK_BYTES);
      const taken = Math.min(BLOCK_BYTES - this.tailLength, end - at);
      this.tail.set(bytes.subarray(at, at + taken), this.tailLength);
      this.tailLength += taken;
      at += taken;
      if (this.tailLength === BLOCK_BYTES) this.endBlock();
    }
    this.pending += end - start;
    this.resting = this.pending >= WINDOW_BYTES;
    if (this.queue.length > 0) this.wake?.();
    return !this.resting;
  }

  done(): void {
    this.complete = true;
    this.endBlock();
    this.wake?.();
  }

  /** The snapshot broke off, or is given up. */
  failed(error: Error): void {
    this.error ??= error;
    this.wake?.();
  }

  held(bytes: number): void {
    this.parts.pressed(bytes);
  }

  private endBlock(): void {
    if (this.tail === undefined) return;
    this.queue.push(this.tail.subarray(0, this.tailLength));
    this.tail = undefined;
    this.tailLength = 0;
  }

  private async work(): Promise<void> {
    const { files, draft, target, ended } = this.parts;
    let writer: DataFileWriter | undefined;
    try {
      writer = await files.create(draft);
      await this.writeAll(writer);
      await writer.sync();
      const whole = writer;
      writer = undefined;
      await whole.close();
      if (this.error !== undefined) throw this.error;
      await files.replace(draft, target);
    } catch (error) {
      this.run?.abort();
      // What was asked for, or failed first, is what counts; the draft goes in any case.
      await writer?.close().catch(() => {});
      await files.remove(draft).catch(() => {});
      return ended(this.error ?? (error instanceof Error ? error : new FileError('write', String(error), error)));
    }
    ended(undefined);
  }

  private async writeAll(writer: DataFileWriter): Promise<void> {
    for (;;) {
      if (this.error !== undefined) throw this.error;
      const pieces = this.queue;
      if (pieces.length === 0) {
        if (this.complete) return;
        await new Promise<void>(resolve => (this.wake = resolve));
        this.wake = undefined;
        continue;
      }
      this.queue = [];
      const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
      await writer.write(pieces);
      for (const piece of pieces) if (piece.length === BLOCK_BYTES) this.spare.push(piece);
      this.unsynced += bytes;
      if (this.parts.syncOnTheWay && this.unsynced >= SYNC_BYTES) {
        await writer.sync();
        this.unsynced = 0;
      }
      this.pending -= bytes;
      if (!this.resting || this.pending > WINDOW_BYTES / 2) continue;
      this.resting = false;
      this.run?.resume();
    }
  }
}
