/**
 * The stream that comes while a snapshot is loaded from another connection: kept as it is, executed after the load.
 *
 * Bytes are copied into blocks, because a stream that comes in small pieces would take many times its size. The replica-class hard limit of
 * client-output-buffer-limit bounds it as it bounds what a primary keeps for a replica; beyond that the socket is not read, so that the
 * stream waits at the primary, under the primary's own limit.
 * Source: replication.c (bufferReplData, streamReplDataBufToDb).
 */

const BLOCK_BYTES = 16 * 1024;

export class PendingStream {
  private blocks: Uint8Array[] = [];
  private used = BLOCK_BYTES;

  /** Bytes of memory taken. */
  get sizeBytes(): number {
    return this.blocks.length * BLOCK_BYTES;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.used === BLOCK_BYTES) {
        this.blocks.push(new Uint8Array(BLOCK_BYTES));
        this.used = 0;
      }
      const count = Math.min(end - at, BLOCK_BYTES - this.used);
      this.blocks[this.blocks.length - 1].set(bytes.subarray(at, at + count), this.used);
      this.used += count;
      at += count;
    }
  }

  /** All that was kept, in order; it is empty then. */
  take(): readonly Uint8Array[] {
    const { blocks, used } = this;
    this.blocks = [];
    this.used = BLOCK_BYTES;
    const last = blocks.pop();
    return last === undefined ? [] : [...blocks, last.subarray(0, used)];
  }
}
