/**
 * The payload of DUMP and RESTORE: one value, with the version of its format and a checksum.
 *
 *     type byte, value, u16 LE version (80), u64 LE CRC-64 of everything before it
 *
 * Source: Valkey's cluster.c (createDumpPayload, verifyDumpPayload).
 */

import type { Database } from '../keyspace/database.ts';
import type { Ref } from '../memory/arena.ts';
import { Crc64 } from '../structures/crc64.ts';
import type { ValueAccess } from '../values/value-access.ts';
import { malformed, RDB_VERSION } from './rdb-format.ts';
import { RdbInput } from './rdb-input.ts';
import { RdbOutput } from './rdb-output.ts';
import { ValueDecoder } from './value-decoder.ts';
import { ValueEncoder } from './value-encoder.ts';

const FOOTER_BYTES = 10;

/** The payload of an entry's value. */
export function dumpPayload(db: Database, entry: Ref, values: ValueAccess, compress: boolean): Uint8Array {
  const output = new RdbOutput({ capacity: 512, compress });
  const encoder = new ValueEncoder(output, values);
  output.byte(ValueEncoder.typeOf(db, entry));
  encoder.begin(db, entry);
  while (!encoder.step(Number.MAX_SAFE_INTEGER));
  output.byte(RDB_VERSION & 0xff);
  output.byte(RDB_VERSION >> 8);
  const crc = new Crc64();
  crc.update(output.bytes, 0, output.length);
  const payload = new Uint8Array(output.length + 8);
  payload.set(output.bytes.subarray(0, output.length));
  crc.writeTo(payload, output.length);
  return payload;
}

/** Checks version and checksum of `bytes[start, end)`. `relaxed`: newer versions are taken too (rdb-version-check). */
export function isDumpPayload(bytes: Uint8Array, start: number, end: number, relaxed: boolean): boolean {
  if (end - start < FOOTER_BYTES) return false;
  const version = bytes[end - FOOTER_BYTES] | (bytes[end - FOOTER_BYTES + 1] << 8);
  if (version > RDB_VERSION ? !relaxed : version > 11 && version < RDB_VERSION && !relaxed) return false;
  const crc = new Crc64();
  crc.update(bytes, start, end - 8);
  return crc.equals(bytes, end - 8);
}

/**
 * The value in a payload that `isDumpPayload` accepted. Throws an `RdbError` when it is broken, with trailing bytes, or empty; then nothing stays behind.
 * A collection (`takeResult`) belongs to the caller.
 */
export function decodePayload(bytes: Uint8Array, start: number, end: number, values: ValueAccess): ValueDecoder {
  const decoder = new ValueDecoder(values);
  const input = new RdbInput();
  input.set(bytes, start, end - FOOTER_BYTES);
  try {
    if (!input.readByte()) throw malformed('it is empty');
    decoder.begin(input.value);
    if (!decoder.step(input)) throw malformed('it ends too early');
    if (input.available > 0) throw malformed('bytes are left over');
    if (!decoder.isString && decoder.result === undefined) throw malformed('the collection is empty');
  } catch (error) {
    decoder.abandon();
    throw error;
  }
  return decoder;
}
