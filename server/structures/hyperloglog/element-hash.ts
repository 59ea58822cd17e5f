/**
 * Which register an element belongs to, and the value that it raises it to: MurmurHash64A (Austin Appleby's MurmurHash2 for 64-bit machines)
 * with upstream's seed.
 *
 * A 64-bit number is two 32-bit halves here. With m = mh·2³² + ml the product h·m mod 2⁶⁴ is made of
 *
 *     low half   ll(hl·ml)        high half   lh(hl·ml) + hh·ml + hl·mh        (ll, lh: low and high half of a 64-bit product)
 *
 * Hot path: integers only, nothing is allocated.
 */

import { REGISTERS } from './layout.ts';

const SEED = 0xadc83b19;
const MUL_HIGH = 0xc6a4a793;
const MUL_LOW = 0x5bd1e995;
const REGISTER_BITS = 14;

export class ElementHash {
  /** The register. */
  index = 0;
  /** Trailing zeros in the 50 bits that choose no register, plus one: 1 to 51. */
  value = 0;

  hash(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    let low = SEED ^ Math.imul(length, MUL_LOW);
    let high = highOfProduct(length, 0);
    let at = start;
    for (const whole = end - (length & 7); at < whole; at += 8) {
      let blockLow = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
      let blockHigh = bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24);
      blockHigh = highOfProduct(blockLow, blockHigh);
      blockLow = Math.imul(blockLow, MUL_LOW) ^ (blockHigh >>> 15);
      blockHigh = highOfProduct(blockLow, blockHigh);
      low ^= Math.imul(blockLow, MUL_LOW);
      high = highOfProduct(low, high ^ blockHigh);
      low = Math.imul(low, MUL_LOW);
    }
    if (at < end) {
      for (let i = end - 1; i >= at; i--) {
        const shift = (i - at) << 3;
        if (shift >= 32) high ^= bytes[i] << (shift - 32);
        else low ^= bytes[i] << shift;
      }
      high = highOfProduct(low, high);
      low = Math.imul(low, MUL_LOW);
    }
    low ^= high >>> 15;
    high = highOfProduct(low, high);
    low = Math.imul(low, MUL_LOW) ^ (high >>> 15);
    this.take(low, high);
  }

  private take(low: number, high: number): void {
    this.index = low & (REGISTERS - 1);
    const zeros = trailingZeros((low >>> REGISTER_BITS) | (high << (32 - REGISTER_BITS)));
    // A one behind the last bit ends the longest run.
    this.value = 1 + (zeros < 32 ? zeros : 32 + trailingZeros((high >>> REGISTER_BITS) | (1 << (32 - REGISTER_BITS))));
  }
}

/** The high half of the product of `high`·2³² + `low` with the multiplier, mod 2⁶⁴: the low half's own carry comes from products of 16 bits. */
function highOfProduct(low: number, high: number): number {
  const a = low & 0xffff;
  const b = low >>> 16;
  const right = Math.imul(a, MUL_LOW & 0xffff);
  const inner = Math.imul(b, MUL_LOW & 0xffff);
  const outer = Math.imul(a, MUL_LOW >>> 16);
  const middle = (right >>> 16) + (inner & 0xffff) + (outer & 0xffff);
  const carried = Math.imul(b, MUL_LOW >>> 16) + (inner >>> 16) + (outer >>> 16) + (middle >>> 16);
  return (carried + Math.imul(high, MUL_LOW) + Math.imul(low, MUL_HIGH)) | 0;
}

/** 32 for 0. */
function trailingZeros(value: number): number {
  return value === 0 ? 32 : 31 - Math.clz32(value & -value);
}
