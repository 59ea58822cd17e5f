/** WAIT and WAITAOF: hold a client until enough replicas have its last write. Source: replication.c (waitCommand, waitaofCommand). */

import type { CommandContext } from '../../core/context.ts';
import type { Session } from '../../core/session.ts';
import { WAITING, type Waiting } from '../../core/waiting.ts';
import { NOT_INTEGER_ERROR, OUT_OF_RANGE_POSITIVE } from '../../protocol/reply-errors.ts';

const ROLE_CHANGED = 'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)';

/** WAIT numreplicas timeout */
export function wait(context: CommandContext): void {
  const { ports, reply, session } = context;
  if (ports.replication.role === 'replica') {
    return reply.error(
      'ERR WAIT cannot be used with replica instances. Please also note that if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.',
    );
  }
  const replicas = context.argInteger(1);
  if (replicas === undefined) return reply.error(NOT_INTEGER_ERROR);
  const timeoutMs = readTimeout(context, 2);
  if (timeoutMs === undefined) return;
  const offset = session.lastWriteOffset;
  const acknowledged = ports.replication.acknowledged(offset);
  if (acknowledged >= replicas || !context.mayBlock) return reply.integer(acknowledged);
  hold(context, { offset, replicas, inAof: false, timeoutMs }, (held, count) => held.reply.integer(count));
}

/** WAITAOF numlocal numreplicas timeout */
export function waitaof(context: CommandContext): void {
  const { ports, reply, session } = context;
  const local = context.argInteger(1);
  if (local === undefined) return reply.error(NOT_INTEGER_ERROR);
  if (local < 0 || local > 1) return reply.error('ERR value is out of range, value must between 0 and 1');
  const replicas = context.argInteger(2);
  if (replicas === undefined) return reply.error(NOT_INTEGER_ERROR);
  if (replicas < 0) return reply.error(OUT_OF_RANGE_POSITIVE);
  const timeoutMs = readTimeout(context, 3);
  if (timeoutMs === undefined) return;
  if (ports.replication.role === 'replica') {
    return reply.error(
      'ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.',
    );
  }
  // This server has no AOF yet: nothing is ever on the local disk.
  if (local === 1) return reply.error('ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.');
  const answer = (held: Session, count: number): void => {
    held.reply.array(2);
    held.reply.integer(0);
    held.reply.integer(count);
  };
  const offset = session.lastWriteOffset;
  const acknowledged = ports.replication.acknowledgedInAof(offset);
  if (acknowledged >= replicas || !context.mayBlock) return answer(session, acknowledged);
  hold(context, { offset, replicas, inAof: true, timeoutMs }, answer);
}

interface Wanted {
  readonly offset: number;
  readonly replicas: number;
  readonly inAof: boolean;
  readonly timeoutMs: number;
}

/** Holds the client and asks the replicas; `answer` writes the reply when it comes. CLIENT UNBLOCK may end it earlier. */
function hold(context: CommandContext, wanted: Wanted, answer: (session: Session, count: number) => void): void {
  const { session } = context;
  const { replication } = context.ports;
  const finish = (write: () => void): void => {
    session.attachments.delete(WAITING);
    if (session.closing) return;
    write();
    session.transport.resumeInput();
  };
  session.transport.holdInput();
  const stop = replication.whenAcknowledged({
    ...wanted,
    done: count => finish(() => (count === undefined ? session.reply.error(ROLE_CHANGED) : answer(session, count))),
  });
  const acknowledged = (): number =>
    wanted.inAof ? replication.acknowledgedInAof(wanted.offset) : replication.acknowledged(wanted.offset);
  const waiting: Waiting = {
    timeOut() {
      stop();
      finish(() => answer(session, acknowledged()));
    },
    fail(text) {
      stop();
      finish(() => session.reply.error(text));
    },
  };
  session.attachments.set(WAITING, waiting);
  replication.requestAcks();
}

/** Milliseconds, 0 = for ever; undefined after an error was replied. */
function readTimeout(context: CommandContext, index: number): number | undefined {
  const { reply } = context;
  const given = context.argInteger(index) ?? context.argBigInt(index);
  if (given === undefined) reply.error('ERR timeout is not an integer or out of range');
  else if (given < 0) reply.error('ERR timeout is negative');
  else if (given > 0x7fffffffffffffffn - BigInt(context.now)) reply.error('ERR timeout is out of range');
  else return Number(given);
  return undefined;
}
