/**
 * Copying, moving and comparing of byte ranges.
 *
 * Measured on Node 26: with views over both buffers eight-byte `DataView` moves are fastest up to some 200 bytes (V8 keeps such a BigInt in a
 * register: nothing is allocated); without views a byte loop up to some 32; above, `set(subarray)` costs the same 30 ns up to about 1 KiB.
 * After a write to a `DataView` V8 checks all views anew, after a read it does not: so four reads go before four writes (64 bytes: 13 ns, not 24).
 */

const VIEW_LOOP_LIMIT = 192;
const LOOP_LIMIT = 32;

/** Copies `length` bytes between buffers whose views are at hand. Ranges must not overlap in one buffer, unless `to` < `from`. */
export function copyViews(
  target: Uint8Array,
  targetView: DataView,
  to: number,
  source: Uint8Array,
  sourceView: DataView,
  from: number,
  length: number,
): void {
  if (length > VIEW_LOOP_LIMIT) {
    target.set(source.subarray(from, from + length), to);
    return;
  }
  let i = 0;
  for (const blocks = length - 31; i < blocks; i += 32) {
    const first = sourceView.getBigInt64(from + i, true);
    const second = sourceView.getBigInt64(from + i + 8, true);
    const third = sourceView.getBigInt64(from + i + 16, true);
    const fourth = sourceView.getBigInt64(from + i + 24, true);
    targetView.setBigInt64(to + i, first, true);
    targetView.setBigInt64(to + i + 8, second, true);
    targetView.setBigInt64(to + i + 16, third, true);
    targetView.setBigInt64(to + i + 24, fourth, true);
  }
  for (const words = length - 7; i < words; i += 8) targetView.setBigInt64(to + i, sourceView.getBigInt64(from + i, true), true);
  for (; i < length; i++) target[to + i] = source[from + i];
}

/** Whether two ranges of the same length hold the same bytes, eight at a time. */
export function equalViews(a: DataView, aStart: number, b: DataView, bStart: number, length: number): boolean {
  const words = length - 7;
  let i = 0;
  for (; i < words; i += 8) if (a.getBigInt64(aStart + i, true) !== b.getBigInt64(bStart + i, true)) return false;
  for (; i < length; i++) if (a.getUint8(aStart + i) !== b.getUint8(bStart + i)) return false;
  return true;
}

/** Bytes as latin1 text: one char is one byte. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > 24) return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

/** Copies `source[start, end)` to `target[at…]`. The ranges must not overlap (use `moveBytes`). */
export function copyBytes(target: Uint8Array, at: number, source: Uint8Array, start: number, end: number): void {
  const length = end - start;
  if (length <= LOOP_LIMIT) for (let i = 0; i < length; i++) target[at + i] = source[start + i];
  else if (target === source) target.copyWithin(at, start, end);
  else target.set(source.subarray(start, end), at);
}

/** Moves `length` bytes inside one buffer; the ranges may overlap. */
export function moveBytes(bytes: Uint8Array, to: number, from: number, length: number): void {
  if (length > LOOP_LIMIT) bytes.copyWithin(to, from, from + length);
  else if (to < from) for (let i = 0; i < length; i++) bytes[to + i] = bytes[from + i];
  else for (let i = length - 1; i >= 0; i--) bytes[to + i] = bytes[from + i];
}

export function equalBytes(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  const length = aEnd - aStart;
  if (length !== bEnd - bStart) return false;
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}

/** Order of unsigned bytes; of two ranges that begin alike the shorter one is less. Negative, 0 or positive. */
export function compareBytes(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): number {
  const aLength = aEnd - aStart;
  const bLength = bEnd - bStart;
  const shared = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < shared; i++) {
    const difference = a[aStart + i] - b[bStart + i];
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}
