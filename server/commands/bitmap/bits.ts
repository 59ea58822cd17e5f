/** SETBIT and GETBIT: one bit. Hot path: nothing is allocated. */

import type { CommandContext } from '../../core/context.ts';
import { isStringOrReply, segmentBytes, stringByteLength } from '../string/string-value.ts';
import { bitsStart, bitsView, readBitOffset, withRoomFor } from './bit-string.ts';

export function setbit(context: CommandContext): void {
  const { bytes, db, reply } = context;
  const offset = readBitOffset(context, 2, 0);
  if (offset < 0) return;
  const bit = context.argInteger(3);
  if (bit !== 0 && bit !== 1) return reply.error('ERR bit is not an integer or out of range');
  const old = db.findForWrite(bytes, context.argStart(1), context.argEnd(1));
  if (old !== 0 && !isStringOrReply(context, db, old)) return;
  const before = old === 0 ? 0 : stringByteLength(db, old);
  const entry = withRoomFor(context, old, before, offset);
  const target = segmentBytes(db, entry);
  const at = db.stringStart(entry) + Math.floor(offset / 8);
  const shift = 7 - (offset % 8);
  const had = (target[at] >> shift) & 1;
  const grown = old === 0 || db.stringLength(entry) > before;
  if (grown || had !== bit) {
    target[at] = (target[at] & ~(1 << shift)) | (bit << shift);
    context.changed(1);
    context.keyChanged(1, '$', 'setbit');
  }
  reply.integer(had);
}

export function getbit(context: CommandContext): void {
  const { db, reply } = context;
  const offset = readBitOffset(context, 2, 0);
  if (offset < 0) return;
  const entry = db.find(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) return reply.integer(0);
  if (!isStringOrReply(context, db, entry)) return;
  const byte = Math.floor(offset / 8);
  if (byte >= stringByteLength(db, entry)) return reply.integer(0);
  reply.integer((bitsView(db, entry).getUint8(bitsStart(db, entry) + byte) >> (7 - (offset % 8))) & 1);
}
