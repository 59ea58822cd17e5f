/**
 * LZF: the light compression of strings in RDB files.
 *
 *     000LLLLL  <L+1 literal bytes>
 *     LLLooooo oooooooo            back reference: length L+2 (L = 1..6), offset o+1
 *     111ooooo LLLLLLLL oooooooo   back reference: length L+9, offset o+1
 *
 * The compressor looks up the last place where the next three bytes stood in a table of hashes. Its table belongs to one
 * instance and is reused: positions are stored above a base that rises with each call, so it need not be cleared.
 * Source: the LZF format as the RDB reader of Valkey takes it.
 */

const HASH_BITS = 14;
const MAX_OFFSET = 1 << 13;
const MAX_LENGTH = (1 << 8) + (1 << 3);
const MAX_LITERALS = 32;
/** From so many bytes on the engine's own copy is quicker than a loop. */
const LONG_COPY = 24;
/** When the base comes near the end of what an Int32Array holds, the table is cleared. */
const BASE_LIMIT = 0x7000_0000;

export class LzfCompressor {
  private readonly table = new Int32Array(1 << HASH_BITS);
  private base = 1;

  /**
   * Compresses `input[start, end)` to `output` from `at` on, with at most `limit` bytes. Returns the length of the result, 0 when it does not fit
   * in `limit` (the input does not compress well enough).
   */
  compress(input: Uint8Array, start: number, end: number, output: Uint8Array, at: number, limit: number): number {
    if (end - start < 4 || limit < 4) return 0;
    if (this.base + (end - start) > BASE_LIMIT) {
      this.table.fill(0);
      this.base = 1;
    }
    const table = this.table;
    const base = this.base - start;
    this.base += end - start;
    const outputEnd = at + limit;
    let out = at + 1;
    let literals = 0;
    let i = start;
    while (i < end - 2) {
      const hash = hashOf(input[i], input[i + 1], input[i + 2]);
      const found = table[hash] - base;
      table[hash] = i + base;
      const offset = i - found - 1;
      const matches =
        found > start &&
        offset < MAX_OFFSET &&
        input[found] === input[i] &&
        input[found + 1] === input[i + 1] &&
        input[found + 2] === input[i + 2];
      if (!matches) {
        if (out >= outputEnd) return 0;
        output[out++] = input[i++];
        if (++literals === MAX_LITERALS) {
          output[out - literals - 1] = literals - 1;
          literals = 0;
          out++;
        }
        continue;
      }
      if (out + 4 >= outputEnd) return 0;
      if (literals === 0) out--;
      else output[out - literals - 1] = literals - 1;
      literals = 0;
      const longest = Math.min(end - i - 2, MAX_LENGTH);
      let length = 3;
      while (length < longest && input[found + length] === input[i + length]) length++;
      const code = length - 2;
      if (code < 7) output[out++] = (offset >> 8) | (code << 5);
      else {
        output[out++] = (offset >> 8) | (7 << 5);
        output[out++] = code - 7;
      }
      output[out++] = offset;
      out++;
      const next = i + length;
      for (i = Math.max(i + 1, next - 2); i < next && i < end - 2; i++) table[hashOf(input[i], input[i + 1], input[i + 2])] = i + base;
      i = next;
    }
    if (out + 3 > outputEnd) return 0;
    while (i < end) {
      output[out++] = input[i++];
      if (++literals === MAX_LITERALS) {
        output[out - literals - 1] = literals - 1;
        literals = 0;
        out++;
      }
    }
    if (literals === 0) out--;
    else output[out - literals - 1] = literals - 1;
    return out - at;
  }
}

function hashOf(first: number, second: number, third: number): number {
  return Math.imul((first << 16) | (second << 8) | third, 0x9e3779b1) >>> (32 - HASH_BITS);
}

/** Copies `count` bytes from `from` to `out` as if one by one: where they overlap, what stands between the two repeats. */
function repeat(output: Uint8Array, from: number, out: number, count: number): void {
  const period = out - from;
  if (period === 1) {
    output.fill(output[from], out, out + count);
    return;
  }
  // From `from` on, what is written so far repeats: each copy may be as long as that.
  for (let done = 0; done < count; ) {
    const length = Math.min(period + done, count - done);
    output.copyWithin(out + done, from, from + length);
    done += length;
  }
}

/**
 * Expands `input[start, end)` to exactly `length` bytes of `output` from `at` on. False when the input is no LZF stream of that length; nothing outside
 * of the two ranges is read or written.
 */
export function decompressLzf(input: Uint8Array, start: number, end: number, output: Uint8Array, at: number, length: number): boolean {
  const outputEnd = at + length;
  let i = start;
  let out = at;
  while (i < end) {
    const control = input[i++];
    if (control < MAX_LITERALS) {
      const count = control + 1;
      if (i + count > end || out + count > outputEnd) return false;
      for (let k = 0; k < count; k++) output[out++] = input[i++];
      continue;
    }
    let count = control >> 5;
    if (count === 7) {
      if (i >= end) return false;
      count += input[i++];
    }
    if (i >= end) return false;
    let from = out - (((control & 31) << 8) | input[i++]) - 1;
    count += 2;
    if (from < at || out + count > outputEnd) return false;
    if (count >= LONG_COPY) repeat(output, from, out, count);
    else for (let k = 0; k < count; k++) output[out + k] = output[from++];
    out += count;
  }
  return out === outputEnd;
}
