/**
 * HyperLogLog: how many different elements were added, to about 0.81 %, in at most 12 KiB; byte for byte as upstream stores it in strings
 * (hyperloglog.c).
 *
 *     | "HYLL" | encoding u8 | unused, 3 bytes | cached cardinality u64 | registers …        little endian
 *
 * An element is hashed to 64 bits. The low 14 choose one of 16384 registers; the register keeps the longest run of zeros seen in the other 50,
 * plus one. From how often each value occurs among the registers follows the estimate (`estimate.ts`). The top bit of the cached cardinality
 * says that registers have changed since it was computed.
 *
 * Encoding 0, dense (`dense.ts`): 16384 values of 6 bits in a row, the lowest bits first. Encoding 1, sparse: opcodes for runs of registers.
 *
 *     00llllll            ZERO   1 to 64 registers of 0
 *     01llllll llllllll   XZERO  1 to 16384 registers of 0, high bits first
 *     1vvvvvll            VAL    1 to 4 registers of 1 to 32           all lengths and values less one
 *
 * A new value is sparse (one XZERO). It becomes dense for good when it grows beyond `hll-sparse-max-bytes`, or when a register passes 32.
 * A string from a client may hold anything: a dense one is valid when its length is, a sparse one when its runs cover exactly all registers.
 */

export const REGISTERS = 16384;
export const HEADER_BYTES = 16;
export const DENSE_BYTES = HEADER_BYTES + (REGISTERS * 6) / 8;
/** No valid sparse value is longer: two bytes for each register. */
export const LONGEST_SPARSE = HEADER_BYTES + 2 * REGISTERS;

export const DENSE = 0;
export const SPARSE = 1;
const ENCODING_AT = 4;
const CARDINALITY_AT = 8;
const STALE_AT = 15;
const STALE = 0x80;

/** A value that nothing was added to. */
export const EMPTY: Uint8Array = Uint8Array.from([0x48, 0x59, 0x4c, 0x4c, SPARSE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff]);

/** Whether the `length` bytes at `start` look like a HyperLogLog: nothing is said of the opcodes of a sparse one. */
export function isHyperLogLog(bytes: Uint8Array, start: number, length: number): boolean {
  if (length < HEADER_BYTES) return false;
  for (let i = 0; i < ENCODING_AT; i++) if (bytes[start + i] !== EMPTY[i]) return false;
  return isDense(bytes, start) ? length === DENSE_BYTES : bytes[start + ENCODING_AT] === SPARSE;
}

export function isDense(bytes: Uint8Array, start: number): boolean {
  return bytes[start + ENCODING_AT] === DENSE;
}

export function setDense(bytes: Uint8Array, start: number): void {
  bytes[start + ENCODING_AT] = DENSE;
}

/** Registers have changed: the cached cardinality is of no use any more. */
export function forgetCardinality(bytes: Uint8Array, start: number): void {
  bytes[start + STALE_AT] |= STALE;
}

/** The cached cardinality, -1 when it is stale; a bigint only beyond 53 bits, which a client may have written. */
export function cachedCardinality(bytes: Uint8Array, start: number): number | bigint {
  if ((bytes[start + STALE_AT] & STALE) !== 0) return -1;
  const low = halfAt(bytes, start + CARDINALITY_AT);
  const high = halfAt(bytes, start + CARDINALITY_AT + 4);
  return high < 2 ** 21 ? high * 2 ** 32 + low : (BigInt(high) << 32n) | BigInt(low);
}

function halfAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

/** `cardinality`: what `estimate` gave. */
export function cacheCardinality(bytes: Uint8Array, start: number, cardinality: number): void {
  let high = Math.floor(cardinality / 2 ** 32) >>> 0;
  let low = cardinality >>> 0;
  for (let i = 0; i < 4; i++) {
    bytes[start + CARDINALITY_AT + i] = low;
    bytes[start + CARDINALITY_AT + 4 + i] = high;
    low >>>= 8;
    high >>>= 8;
  }
}
