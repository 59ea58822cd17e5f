import { expect, test } from 'vitest';
import { Crc64 } from './crc64.ts';

/** The definition, one bit at a time. */
function slowCrc(bytes: Uint8Array): string {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  return crc.toString(16).padStart(16, '0');
}

test('the check value of the polynomial comes out', () => {
  const crc = new Crc64();
  crc.update(Buffer.from('123456789'), 0, 9);
  expect(crc.toString()).toBe('e9c6d914c4b8d9ca');
});

test('pieces of any length give the checksum of the whole', () => {
  const bytes = Uint8Array.from({ length: 301 }, (_, i) => (i * 167 + 13) & 0xff);
  const expected = slowCrc(bytes);
  for (let cut = 0; cut <= bytes.length; cut += 7) {
    const crc = new Crc64();
    crc.update(bytes, 0, cut);
    crc.update(bytes, cut, bytes.length);
    expect(crc.toString()).toBe(expected);
  }
});

test('it is written and compared as eight little-endian bytes', () => {
  const crc = new Crc64();
  crc.update(Buffer.from('123456789'), 0, 9);
  const out = new Uint8Array(10);
  crc.writeTo(out, 1);
  expect(Buffer.from(out).toString('hex')).toBe('00cad9b8c414d9c6e900');
  expect(crc.equals(out, 1)).toBe(true);
  expect(crc.equals(out, 0)).toBe(false);
});
