/** DUMP and RESTORE: a value as bytes, and back. */

import { decodePayload, dumpPayload, isDumpPayload } from '../../codec/dump-payload.ts';
import type { ValueDecoder } from '../../codec/value-decoder.ts';
import type { CommandContext } from '../../core/context.ts';
import { NO_EXPIRY } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { BUSY_KEY, NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { isPast } from '../expired-key.ts';

export function dump(context: CommandContext): void {
  const { db, ports, reply } = context;
  const entry = db.find(context.bytes, context.argStart(1), context.argEnd(1));
  if (entry === 0) return reply.nil();
  const payload = dumpPayload(db, entry, ports.values, ports.config.flag('rdbcompression'));
  reply.bulk(payload, 0, payload.length);
}

interface RestoreOptions {
  readonly replace: boolean;
  readonly absolute: boolean;
  /** -1 = not given. */
  readonly idleSeconds: number;
}

/** RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ n]; RESTORE-ASKING is the same during a slot's import. */
export function restore(context: CommandContext): void {
  const { bytes, db, ports, reply } = context;
  const options = readOptions(context);
  if (options === undefined) return;
  const keyStart = context.argStart(1);
  const keyEnd = context.argEnd(1);
  if (!options.replace && db.findForWrite(bytes, keyStart, keyEnd) !== 0) return reply.error(BUSY_KEY);
  const given = context.argInteger(2) ?? context.argBigInt(2);
  if (given === undefined) return reply.error(NOT_INTEGER_ERROR);
  if (given < 0) return reply.error('ERR Invalid TTL value, must be >= 0');
  const relaxed = ports.config.text('rdb-version-check') === 'relaxed';
  if (!isDumpPayload(bytes, context.argStart(3), context.argEnd(3), relaxed)) {
    return reply.error('ERR DUMP payload version or checksum are wrong');
  }
  const decoded = decode(context);
  if (decoded === undefined) return reply.error('ERR Bad data format');
  const existing = options.replace ? db.findForWrite(bytes, keyStart, keyEnd) : 0;
  if (existing !== 0) db.deleteEntry(existing);
  const expireAt =
    given === 0 || given === 0n ? NO_EXPIRY : Math.min(Number(given) + (options.absolute ? 0 : context.now), Number.MAX_SAFE_INTEGER);
  if (expireAt !== NO_EXPIRY && isPast(context, expireAt)) {
    decoded.abandon();
    if (existing !== 0) deletedInstead(context);
    return reply.ok();
  }
  const entry = create(context, decoded, expireAt);
  if (options.idleSeconds >= 0) db.setIdleSeconds(entry, options.idleSeconds);
  context.changed(1);
  if (expireAt !== NO_EXPIRY && !options.absolute) propagateAbsolute(context, expireAt);
  context.keyChanged(1, 'g', 'restore');
  reply.ok();
}

function readOptions(context: CommandContext): RestoreOptions | undefined {
  let replace = false;
  let absolute = false;
  let idleSeconds = -1;
  let frequency = -1;
  for (let index = 4; index < context.argc; index++) {
    const hasValue = index + 1 < context.argc;
    if (context.argIs(index, 'REPLACE')) replace = true;
    else if (context.argIs(index, 'ABSTTL')) absolute = true;
    else if (context.argIs(index, 'IDLETIME') && hasValue && frequency === -1) {
      const given = context.argInteger(++index);
      if (given === undefined) return refuse(context, NOT_INTEGER_ERROR);
      if (given < 0) return refuse(context, 'ERR Invalid IDLETIME value, must be >= 0');
      idleSeconds = given;
    } else if (context.argIs(index, 'FREQ') && hasValue && idleSeconds === -1) {
      const given = context.argInteger(++index);
      if (given === undefined) return refuse(context, NOT_INTEGER_ERROR);
      if (given < 0 || given > 255) return refuse(context, 'ERR Invalid FREQ value, must be >= 0 and <= 255');
      frequency = given;
    } else return refuse(context, SYNTAX_ERROR);
  }
  return { replace, absolute, idleSeconds };
}

function refuse(context: CommandContext, text: string): undefined {
  context.reply.error(text);
  return undefined;
}

/** The value, which belongs to the caller; undefined when the payload is broken. */
function decode(context: CommandContext): ValueDecoder | undefined {
  try {
    return decodePayload(context.bytes, context.argStart(3), context.argEnd(3), context.ports.values);
  } catch (error) {
    context.ports.log.warning(`Bad data format in a RESTORE payload: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function create(context: CommandContext, decoded: ValueDecoder, expireAt: number): Ref {
  const { bytes, db } = context;
  const start = context.argStart(1);
  const end = context.argEnd(1);
  if (decoded.isString) {
    const { text } = decoded;
    return db.setString(bytes, start, end, text.bytes, text.start, text.end, expireAt);
  }
  const built = decoded.takeResult();
  if (built === undefined) throw new Error('A decoded payload holds a value');
  const entry = db.create(bytes, start, end, built.type, built.encoding, built.root);
  return expireAt === NO_EXPIRY ? entry : db.setExpire(entry, expireAt);
}

/** The new value is expired already: all that is left of the command is the deletion of the old one. */
function deletedInstead(context: CommandContext): void {
  const verb = context.ports.config.flag('lazyfree-lazy-server-del') ? 'UNLINK' : 'DEL';
  context.changed(1);
  context.propagateInstead([verb, context.argCopy(1)]);
  context.keyChanged(1, 'g', 'del');
}

function propagateAbsolute(context: CommandContext, expireAt: number): void {
  const args: (string | Uint8Array)[] = [];
  for (let index = 0; index < context.argc; index++) args.push(index === 2 ? String(expireAt) : context.argCopy(index));
  context.propagateInstead([...args, 'ABSTTL']);
}
