/**
 * Hash slots: CRC16/XMODEM of the key, or of its hash tag, modulo 16384.
 *
 * The hash tag is what stands between the first `{` and the first `}` after it, when that is not empty.
 * Source: the Valkey Cluster specification.
 */

export const SLOT_COUNT = 16384;

const CRC16_TABLE = buildCrc16Table();

function buildCrc16Table(): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    table[byte] = crc;
  }
  return table;
}

/** CRC16/XMODEM of `bytes[start, end)`. Hot path: plain loop. */
export function crc16(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let i = start; i < end; i++) crc = ((crc << 8) ^ CRC16_TABLE[((crc >> 8) ^ bytes[i]) & 0xff]) & 0xffff;
  return crc;
}

/** The hash slot (0..16383) of the key that stands in `bytes[start, end)`. */
export function slotOfKey(bytes: Uint8Array, start: number, end: number): number {
  for (let open = start; open < end; open++) {
    if (bytes[open] !== 0x7b) continue;
    for (let close = open + 1; close < end; close++) {
      if (bytes[close] !== 0x7d) continue;
      if (close === open + 1) return crc16(bytes, start, end) & (SLOT_COUNT - 1);
      return crc16(bytes, open + 1, close) & (SLOT_COUNT - 1);
    }
    break;
  }
  return crc16(bytes, start, end) & (SLOT_COUNT - 1);
}
