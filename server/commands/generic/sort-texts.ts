/**
 * The texts that one SORT gathers: the elements, and what BY found for each. Copies, so that no lookup and no key that expires meanwhile can
 * pull them away. They lie one after another in a few chunks; three integers say where each of them is.
 */

import { compareBytes, copyBytes } from '../../memory/bytes.ts';
import type { Element } from '../../structures/element.ts';

const ABSENT = -1;
const MEAN_LENGTH = 16;
const LARGEST_CHUNK = 1024 * 1024;

export class SortTexts {
  readonly length: number;
  private readonly chunks: Uint8Array[];
  private readonly chunkOf: Int32Array;
  private readonly starts: Uint32Array;
  private readonly ends: Uint32Array;
  private last = new Uint8Array(0);
  private used = 0;

  private constructor(length: number, chunks: Uint8Array[], chunkOf: Int32Array, starts: Uint32Array, ends: Uint32Array) {
    this.length = length;
    this.chunks = chunks;
    this.chunkOf = chunkOf;
    this.starts = starts;
    this.ends = ends;
  }

  /** Room for `length` texts, none of which is there yet. */
  static create(length: number): SortTexts {
    return new SortTexts(length, [], new Int32Array(length).fill(ABSENT), new Uint32Array(length), new Uint32Array(length));
  }

  put(index: number, { bytes, start, end }: Element): void {
    const length = end - start;
    if (this.used + length > this.last.length || this.chunks.length === 0) {
      this.last = new Uint8Array(Math.max(length, Math.min((this.length - index) * MEAN_LENGTH, LARGEST_CHUNK)));
      this.used = 0;
      this.chunks.push(this.last);
    }
    copyBytes(this.last, this.used, bytes, start, end);
    this.chunkOf[index] = this.chunks.length - 1;
    this.starts[index] = this.used;
    this.used += length;
    this.ends[index] = this.used;
  }

  /** A text that is there. */
  read(index: number, element: Element): void {
    element.setBytes(this.chunks[this.chunkOf[index]], this.starts[index], this.ends[index]);
  }

  /** Order of bytes; what is not there comes first. */
  compare(a: number, b: number): number {
    const left = this.chunkOf[a];
    const right = this.chunkOf[b];
    if (left === ABSENT || right === ABSENT) return Math.min(left, 0) - Math.min(right, 0);
    return compareBytes(this.chunks[left], this.starts[a], this.ends[a], this.chunks[right], this.starts[b], this.ends[b]);
  }

  /** The same texts, each of them up to its first zero byte: all that strcoll sees. */
  upToZero(): SortTexts {
    const ends = this.ends.slice();
    for (let index = 0; index < this.length; index++) {
      if (this.chunkOf[index] === ABSENT) continue;
      const bytes = this.chunks[this.chunkOf[index]];
      let end = this.starts[index];
      while (end < this.ends[index] && bytes[end] !== 0) end++;
      ends[index] = end;
    }
    return new SortTexts(this.length, this.chunks, this.chunkOf, this.starts, ends);
  }
}
