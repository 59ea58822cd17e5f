/**
 * CRC-64 with the Jones polynomial, as RDB files and DUMP payloads end with it.
 *
 *     polynomial 0xad93d23594c935a9, reflected in and out, start 0, no final xor; "123456789" → 0xe9c6d914c4b8d9ca
 *
 * A 64-bit value is kept as two 32-bit halves and eight bytes are taken a step ("slicing by 8": table k gives what a byte does
 * that stands k bytes before the end of the step), so the loop needs no BigInt.
 * Source: the RDB format; M. Kounavis and F. Berry, "A Systematic Approach to Building High Performance, Software-based, CRC Generators".
 */

/** The polynomial with its bits reversed. */
const POLYNOMIAL_LOW = 0xac4bc9b5 | 0;
const POLYNOMIAL_HIGH = 0x95ac9329 | 0;

/** Eight tables of 256 values: entry `table * 256 + byte`. */
const LOW = new Int32Array(8 * 256);
const HIGH = new Int32Array(8 * 256);
fillTables();

function fillTables(): void {
  for (let byte = 0; byte < 256; byte++) {
    let low = byte;
    let high = 0;
    for (let bit = 0; bit < 8; bit++) {
      const carry = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (carry !== 0) {
        low ^= POLYNOMIAL_LOW;
        high ^= POLYNOMIAL_HIGH;
      }
    }
    LOW[byte] = low;
    HIGH[byte] = high;
  }
  for (let i = 256; i < LOW.length; i++) {
    const low = LOW[i - 256];
    const high = HIGH[i - 256];
    LOW[i] = ((low >>> 8) | (high << 24)) ^ LOW[low & 0xff];
    HIGH[i] = (high >>> 8) ^ HIGH[low & 0xff];
  }
}

/** A checksum that grows with the bytes it is shown. */
export class Crc64 {
  private low = 0;
  private high = 0;

  /** Takes `bytes[start, end)`. Hot path. */
  update(bytes: Uint8Array, start: number, end: number): void {
    let low = this.low;
    let high = this.high;
    let i = start;
    for (const last = end - 8; i <= last; i += 8) {
      const a = low ^ (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24));
      const b = high ^ (bytes[i + 4] | (bytes[i + 5] << 8) | (bytes[i + 6] << 16) | (bytes[i + 7] << 24));
      const i7 = 1792 + (a & 0xff);
      const i6 = 1536 + ((a >>> 8) & 0xff);
      const i5 = 1280 + ((a >>> 16) & 0xff);
      const i4 = 1024 + (a >>> 24);
      const i3 = 768 + (b & 0xff);
      const i2 = 512 + ((b >>> 8) & 0xff);
      const i1 = 256 + ((b >>> 16) & 0xff);
      const i0 = b >>> 24;
      low = LOW[i7] ^ LOW[i6] ^ LOW[i5] ^ LOW[i4] ^ LOW[i3] ^ LOW[i2] ^ LOW[i1] ^ LOW[i0];
      high = HIGH[i7] ^ HIGH[i6] ^ HIGH[i5] ^ HIGH[i4] ^ HIGH[i3] ^ HIGH[i2] ^ HIGH[i1] ^ HIGH[i0];
    }
    for (; i < end; i++) {
      const index = (low ^ bytes[i]) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ LOW[index];
      high = (high >>> 8) ^ HIGH[index];
    }
    this.low = low;
    this.high = high;
  }

  reset(): void {
    this.low = 0;
    this.high = 0;
  }

  /** Writes the checksum as 8 bytes, little endian. */
  writeTo(bytes: Uint8Array, at: number): void {
    for (let i = 0; i < 4; i++) {
      bytes[at + i] = this.low >>> (8 * i);
      bytes[at + 4 + i] = this.high >>> (8 * i);
    }
  }

  /** True when the 8 bytes at `at` are this checksum, little endian. */
  equals(bytes: Uint8Array, at: number): boolean {
    for (let i = 0; i < 4; i++) {
      if (bytes[at + i] !== ((this.low >>> (8 * i)) & 0xff) || bytes[at + 4 + i] !== ((this.high >>> (8 * i)) & 0xff)) return false;
    }
    return true;
  }

  /** 16 hex digits, most significant first. */
  toString(): string {
    return (this.high >>> 0).toString(16).padStart(8, '0') + (this.low >>> 0).toString(16).padStart(8, '0');
  }
}
