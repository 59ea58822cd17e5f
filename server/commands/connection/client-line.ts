/** A client as one line of `field=value` pairs: CLIENT LIST, CLIENT INFO. Order and names are Valkey's. */

import type { Session } from '../../core/session.ts';
import { waitingOf } from '../../core/waiting.ts';

/** `now`: unix milliseconds. */
export function clientLine(session: Session, now: number): string {
  const { transaction, transport } = session;
  const queued = transaction?.queued ?? [];
  const queuedBytes = queued.reduce((sum, request) => sum + request.bytes.length, 0);
  const hasState = transaction !== undefined || session.watched.length > 0;
  const memory = transport.inputBufferBytes + transport.pendingOutputBytes + queuedBytes;
  const fields: readonly (readonly [string, string | number])[] = [
    ['id', session.id],
    ['addr', transport.remoteAddress],
    ['laddr', transport.localAddress],
    ['fd', transport.fileDescriptor],
    ['name', session.name],
    ['age', Math.max(0, Math.floor((now - session.createdAt) / 1000))],
    ['idle', Math.max(0, Math.floor((now - session.lastInteractionAt) / 1000))],
    ['flags', clientFlags(session)],
    ['capa', session.redirectCapable ? 'r' : ''],
    ['db', session.dbIndex],
    ['sub', 0],
    ['psub', 0],
    ['ssub', 0],
    ['multi', transaction === undefined ? -1 : queued.length],
    ['watch', hasState ? session.watched.length : 0],
    ['qbuf', transport.inputBufferBytes],
    ['qbuf-free', 0],
    ['argv-mem', 0],
    ['multi-mem', queuedBytes],
    ['rbs', 0],
    ['rbp', 0],
    ['obl', transport.pendingOutputBytes],
    ['oll', 0],
    ['omem', transport.pendingOutputBytes],
    ['tot-mem', memory],
    ['events', transport.pendingOutputBytes > 0 ? 'rw' : 'r'],
    ['cmd', session.lastCommand?.fullName ?? 'NULL'],
    ['user', session.kind === 'primary' || session.kind === 'slot-export' ? '(superuser)' : session.user],
    ['redir', -1],
    ['resp', session.resp],
    ['lib-name', session.libName],
    ['lib-ver', session.libVersion],
    ['tot-net-in', session.netInputBytes],
    ['tot-net-out', session.netOutputBytes],
    ['tot-cmds', session.commandsProcessed],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(' ');
}

/** One letter for each state, `N` when there is none. */
export function clientFlags(session: Session): string {
  let flags = '';
  if (session.kind === 'replica') flags += 'S';
  if (session.kind === 'primary') flags += 'M';
  if (session.kind === 'pubsub') flags += 'P';
  if (session.transaction !== undefined) flags += 'x';
  if (waitingOf(session) !== undefined) flags += 'b';
  if (session.dirtyCas) flags += 'd';
  if (session.closing) flags += 'c';
  if (session.transport.isUnixSocket) flags += 'U';
  if (session.readonlyMode) flags += 'r';
  if (session.noEvict) flags += 'e';
  if (session.noTouch) flags += 'T';
  if (session.importSource) flags += 'I';
  if (session.kind === 'slot-import') flags += 'i';
  if (session.kind === 'slot-export') flags += 'E';
  return flags === '' ? 'N' : flags;
}
