/** Strings as rows of bits: offsets that clients give, bytes to read, and room for a bit that is to be written. Hot path: no allocation but for integers. */

import type { CommandContext } from '../../core/context.ts';
import { type Database, ENC_INT, ENC_RAW, NO_EXPIRY } from '../../keyspace/database.ts';
import { type Ref, segmentOf } from '../../memory/arena.ts';
import { LONG, parseDecimal, parseLong } from '../../structures/decimal.ts';
import { stringBytes } from '../string/string-value.ts';

const HASH = 0x23;

/**
 * The bit offset in argument `index`, -1 when it is none (the error was replied). `bits` > 0 allows the form `#n`: n times as many bits.
 * Offsets of 2^53 and more are rounded: no string reaches there.
 */
export function readBitOffset(context: CommandContext, index: number, bits: number): number {
  const { bytes } = context;
  const start = context.argStart(index);
  const end = context.argEnd(index);
  const hash = bits > 0 && start < end && bytes[start] === HASH;
  const from = hash ? start + 1 : start;
  const small = parseDecimal(bytes, from, end);
  const step = hash ? bits : 1;
  // Products of 64-bit integers wrap around upstream.
  const offset = small === LONG ? Number(BigInt.asIntN(64, (parseLong(bytes, from, end) ?? 0n) * BigInt(step))) : small * step;
  if (offset >= 0 && (context.obeying || offset / 8 < context.ports.config.integer('proto-max-bulk-len'))) return offset;
  context.reply.error('ERR bit offset is not an integer or out of range');
  return -1;
}

/** A view of a string's bytes, the first of which is at `bitsStart`. */
export function bitsView(db: Database, entry: Ref): DataView {
  if (db.encoding(entry) === ENC_INT) return viewOf(stringBytes(db, entry));
  return db.arena.views[segmentOf(db.stringBlock(entry))];
}

export function bitsStart(db: Database, entry: Ref): number {
  return db.encoding(entry) === ENC_INT ? 0 : db.stringStart(entry);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * The entry of the key in argument 1 as raw bytes that reach to `bit`: made when `old` is 0, filled up with zeros. `before`: the bytes that it has.
 * Returns the entry, which may have moved.
 */
export function withRoomFor(context: CommandContext, old: Ref, before: number, bit: number): Ref {
  const { bytes, db } = context;
  const needed = Math.floor(bit / 8) + 1;
  if (old !== 0 && before >= needed && db.encoding(old) === ENC_RAW) return old;
  const entry = old === 0 ? db.setString(bytes, context.argStart(1), context.argEnd(1), bytes, 0, 0, NO_EXPIRY) : old;
  return db.resizeString(entry, Math.max(before, needed));
}
