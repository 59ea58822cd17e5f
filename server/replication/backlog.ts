/**
 * The backlog: the last bytes of the replication stream, held once for all who need them.
 *
 * A position is the number of stream bytes before it, so the stream's end is the replication offset, and PSYNC's "offset" is a
 * position + 1. The bytes stand in blocks outside the JavaScript heap:
 *
 *     start                                                       end
 *       ├──── block ────┼──── block ────┼──── block ────┼── tail ──┤▒▒▒▒
 *                 ↑ a replica's position      ↑ another's
 *
 * A replica has no output buffer of its own: it is a position in here. A block goes when it lies wholly before the last
 * `keepBytes` (repl-backlog-size) and before every replica's position, and is then used again as the next tail. So a slow
 * replica makes the backlog grow; client-output-buffer-limit says how far.
 * Source: replication.c (replication buffer blocks).
 */

import { assert } from '../../lib/assert.ts';

const SMALLEST_BLOCK = 16 * 1024;
const LARGEST_BLOCK = 256 * 1024;
/** Blocks kept for reuse; more go back to the system. */
const SPARE_BLOCKS = 4;

export class Backlog {
  private readonly blocks: Uint8Array[] = [];
  private readonly spare: Uint8Array[] = [];
  private readonly blockBytes: number;
  /** Position of the first byte of `blocks[0]`. */
  private base: number;
  private from: number;
  private to: number;
  private keep: number;

  /** @param keepBytes how many of the last bytes stay (repl-backlog-size). @param position where the stream stands. */
  constructor(keepBytes: number, position: number) {
    this.keep = keepBytes;
    this.blockBytes = Math.min(LARGEST_BLOCK, Math.max(SMALLEST_BLOCK, keepBytes >>> 4));
    this.base = position;
    this.from = position;
    this.to = position;
  }

  /** Position of the first byte that can be read. */
  get start(): number {
    return this.from;
  }

  /** Position after the last byte: the replication offset. */
  get end(): number {
    return this.to;
  }

  /** Bytes of memory taken. */
  get memoryBytes(): number {
    return (this.blocks.length + this.spare.length) * this.blockBytes;
  }

  get keepBytes(): number {
    return this.keep;
  }

  /** A new repl-backlog-size: a smaller one takes effect with the next `trim`. */
  setKeepBytes(keepBytes: number): void {
    this.keep = keepBytes;
  }

  has(position: number): boolean {
    return position >= this.from && position <= this.to;
  }

  /** Adds `bytes[start, end)` at the end. Hot path: copies, allocates only when a block is full. */
  append(bytes: Uint8Array, start: number, end: number): void {
    let i = start;
    while (i < end) {
      const used = this.to - this.base - (this.blocks.length - 1) * this.blockBytes;
      if (this.blocks.length === 0 || used === this.blockBytes) {
        this.blocks.push(this.spare.pop() ?? new Uint8Array(this.blockBytes));
        continue;
      }
      const count = Math.min(end - i, this.blockBytes - used);
      const block = this.blocks[this.blocks.length - 1];
      if (count < 64) for (let k = 0; k < count; k++) block[used + k] = bytes[i + k];
      else block.set(bytes.subarray(i, i + count), used);
      i += count;
      this.to += count;
    }
  }

  /** The bytes from `position` on as far as they stand together, at most `limit`; empty at the end. Valid until the next `append` or `trim`. */
  read(position: number, limit: number): Uint8Array {
    assert(this.has(position), 'a position that is read lies within the backlog');
    if (position === this.to) return EMPTY;
    const index = Math.floor((position - this.base) / this.blockBytes);
    const at = position - this.base - index * this.blockBytes;
    return this.blocks[index].subarray(at, Math.min(this.blockBytes, at + limit, at + (this.to - position)));
  }

  /** Drops blocks that nobody needs: older than the last `keepBytes` and wholly before `neededFrom` (the position of the slowest replica). */
  trim(neededFrom: number): void {
    const bound = Math.min(neededFrom, this.to - this.keep);
    let drop = 0;
    while (drop < this.blocks.length && this.base + (drop + 1) * this.blockBytes <= bound) drop++;
    if (drop === 0) return;
    for (const block of this.blocks.splice(0, drop)) if (this.spare.length < SPARE_BLOCKS) this.spare.push(block);
    this.base += drop * this.blockBytes;
    this.from = Math.max(this.from, this.base);
  }
}

const EMPTY = new Uint8Array(0);
