/**
 * All registers side by side, one byte each: what unions are made in. Register i stands in bits 8·(i mod 4) to 8·(i mod 4) + 7 of word ⌊i / 4⌋,
 * so that four dense registers, three bytes, become one word by shifts, and four are compared at once.
 *
 * Hot path: plain integers, nothing is allocated.
 */

import { REGISTERS } from './layout.ts';
import { SparseRuns } from './sparse-runs.ts';

const WORDS = REGISTERS / 4;
const TOP_BITS = 0x80808080 | 0;

export class RegisterRow {
  private readonly words = new Int32Array(WORDS);
  private readonly runs = new SparseRuns();

  clear(): void {
    this.words.fill(0);
  }

  get(index: number): number {
    return (this.words[index >>> 2] >>> ((index & 3) << 3)) & 0xff;
  }

  /** Raises each register to what it is in dense registers that begin at `start`. */
  raiseToDense(bytes: Uint8Array, start: number): void {
    const { words } = this;
    for (let i = 0, at = start; i < WORDS; i++, at += 3) {
      const four = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
      words[i] = maxOfFour(words[i], (four & 0x3f) | ((four & 0xfc0) << 2) | ((four & 0x3f000) << 4) | ((four & 0xfc0000) << 6));
    }
  }

  /** The same for sparse ones. False: they are corrupt, and some registers may have been raised. */
  raiseToSparse(bytes: Uint8Array, start: number, end: number): boolean {
    const { runs } = this;
    runs.open(bytes, start, end);
    while (runs.next()) {
      if (runs.overflows) return false;
      if (runs.value === 0) continue;
      for (let i = 0; i < runs.length; i++) this.raise(runs.first + i, runs.value);
    }
    return runs.complete;
  }

  private raise(index: number, value: number): void {
    const shift = (index & 3) << 3;
    const word = this.words[index >>> 2];
    if (((word >>> shift) & 0xff) < value) this.words[index >>> 2] = (word & ~(0xff << shift)) | (value << shift);
  }

  /** Writes all registers in the dense encoding. */
  writeDense(bytes: Uint8Array, start: number): void {
    const { words } = this;
    for (let i = 0, at = start; i < WORDS; i++, at += 3) {
      const word = words[i];
      const four = (word & 0x3f) | ((word >>> 2) & 0xfc0) | ((word >>> 4) & 0x3f000) | ((word >>> 6) & 0xfc0000);
      bytes[at] = four;
      bytes[at + 1] = four >>> 8;
      bytes[at + 2] = four >>> 16;
    }
  }

  /** Counts each register's value in `histogram`. */
  count(histogram: Int32Array): void {
    const { words } = this;
    for (let i = 0; i < WORDS; i++) {
      const word = words[i];
      histogram[word & 63]++;
      histogram[(word >>> 8) & 63]++;
      histogram[(word >>> 16) & 63]++;
      histogram[word >>> 24]++;
    }
  }
}

/** The larger of each of four bytes below 64: a byte of `a` with its top bit set, less that of `b`, keeps the bit where `a` is not smaller. */
function maxOfFour(a: number, b: number): number {
  const notSmaller = ((a | TOP_BITS) - b) & TOP_BITS;
  const mask = (notSmaller - (notSmaller >>> 7)) | notSmaller;
  return (a & mask) | (b & ~mask);
}
