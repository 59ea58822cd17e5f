/** CLIENT: what a connection tells of itself, and what administrators do with connections. */

import type { CommandContext } from '../../core/context.ts';
import type { Session } from '../../core/session.ts';
import { waitingOf } from '../../core/waiting.ts';
import { NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { replyHelp } from '../help.ts';
import { readClientFilter } from './client-filter.ts';
import { clientLine } from './client-line.ts';
import { INVALID_NAME, isPlainText } from './client-name.ts';

export function clientId(context: CommandContext): void {
  context.reply.integer(context.session.id);
}

export function clientInfo(context: CommandContext): void {
  context.reply.verbatim('txt', `${clientLine(context.session, context.now)}\n`);
}

export function clientList(context: CommandContext): void {
  if (context.argc === 3) return context.reply.error(SYNTAX_ERROR);
  const filter = readClientFilter(context, 2, false);
  if (filter === undefined) return;
  let text = '';
  context.ports.clients.each(session => {
    if (filter(session)) text += `${clientLine(session, context.now)}\n`;
  });
  context.reply.verbatim('txt', text);
}

/** CLIENT KILL address | CLIENT KILL filter value … */
export function clientKill(context: CommandContext): void {
  const { ports, reply, session } = context;
  const old = context.argc === 3;
  const address = context.argString(2);
  const filter = old ? (client: Session) => client.transport.remoteAddress === address : readClientFilter(context, 2, true);
  if (filter === undefined) return;
  let killed = ports.clients.closeWhere(client => client !== session && filter(client), 'killed by CLIENT KILL');
  const killsMe = filter(session);
  if (killsMe) killed++;
  if (!old) reply.integer(killed);
  else if (killed === 0) reply.error('ERR No such client');
  else reply.ok();
  if (killsMe) session.transport.closeAfterReply();
}

export function clientSetname(context: CommandContext): void {
  const name = context.argString(2);
  if (!isPlainText(name)) return context.reply.error(INVALID_NAME);
  context.session.name = name;
  context.reply.ok();
}

export function clientGetname(context: CommandContext): void {
  const { name } = context.session;
  if (name === '') context.reply.nil();
  else context.reply.bulkString(name);
}

export function clientSetinfo(context: CommandContext): void {
  const { reply, session } = context;
  const attribute = context.argString(2);
  const value = context.argString(3);
  const isName = context.argIs(2, 'LIB-NAME');
  if (!isName && !context.argIs(2, 'LIB-VER')) return reply.error(`ERR Unrecognized option '${attribute}'`);
  if (!isPlainText(value)) return reply.error(`ERR ${attribute} cannot contain spaces, newlines or special characters.`);
  if (isName) session.libName = value;
  else session.libVersion = value;
  reply.ok();
}

export function clientReply(context: CommandContext): void {
  const { reply, session } = context;
  if (context.argIs(2, 'ON')) {
    session.replyMode = 'on';
    reply.ok();
  } else if (context.argIs(2, 'OFF')) session.replyMode = 'off';
  else if (context.argIs(2, 'SKIP')) {
    if (session.replyMode !== 'off') session.replyMode = 'skip-next';
  } else reply.error(SYNTAX_ERROR);
}

export function clientNoEvict(context: CommandContext): void {
  const on = readSwitch(context);
  if (on === undefined) return;
  context.session.noEvict = on;
  context.reply.ok();
}

export function clientNoTouch(context: CommandContext): void {
  const on = readSwitch(context);
  if (on === undefined) return;
  context.session.noTouch = on;
  context.reply.ok();
}

export function clientImportSource(context: CommandContext): void {
  if (!context.ports.config.flag('import-mode') && !context.argIs(2, 'OFF')) {
    return context.reply.error('ERR Server is not in import mode');
  }
  const on = readSwitch(context);
  if (on === undefined) return;
  context.session.importSource = on;
  context.reply.ok();
}

function readSwitch(context: CommandContext): boolean | undefined {
  if (context.argIs(2, 'ON')) return true;
  if (context.argIs(2, 'OFF')) return false;
  context.reply.error(SYNTAX_ERROR);
  return undefined;
}

export function clientCapa(context: CommandContext): void {
  for (let index = 2; index < context.argc; index++) if (context.argIs(index, 'REDIRECT')) context.session.redirectCapable = true;
  context.reply.ok();
}

/** CLIENT PAUSE milliseconds [WRITE | ALL] */
export function clientPause(context: CommandContext): void {
  const { reply } = context;
  let writesOnly = false;
  if (context.argc > 4) return reply.error(SYNTAX_ERROR);
  if (context.argc === 4) {
    writesOnly = context.argIs(3, 'WRITE');
    if (!writesOnly && !context.argIs(3, 'ALL')) return reply.error('ERR CLIENT PAUSE mode must be WRITE or ALL');
  }
  const milliseconds = context.argInteger(2) ?? context.argBigInt(2);
  if (milliseconds === undefined) return reply.error('ERR timeout is not an integer or out of range');
  if (milliseconds < 0) return reply.error('ERR timeout is negative');
  if (typeof milliseconds === 'bigint' && milliseconds > 2n ** 63n - 1n - BigInt(context.now)) {
    return reply.error('ERR timeout is out of range');
  }
  context.ports.clients.pause('client-pause', context.now + Number(milliseconds), writesOnly);
  reply.ok();
}

export function clientUnpause(context: CommandContext): void {
  context.ports.clients.unpause('client-pause');
  context.reply.ok();
}

/** CLIENT UNBLOCK id [TIMEOUT | ERROR] */
export function clientUnblock(context: CommandContext): void {
  const { reply } = context;
  const asError = context.argc > 3 && context.argIs(3, 'ERROR');
  if (context.argc > 3 && !asError && !context.argIs(3, 'TIMEOUT')) {
    return reply.error('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  }
  const id = context.argInteger(2);
  if (id === undefined) return reply.error(NOT_INTEGER_ERROR);
  const target = context.ports.clients.get(id);
  const waiting = target === undefined ? undefined : waitingOf(target);
  if (waiting === undefined) return reply.integer(0);
  if (asError) waiting.fail('UNBLOCKED client unblocked via CLIENT UNBLOCK');
  else waiting.timeOut();
  reply.integer(1);
}

/** Invalidation messages for client-side caches are not there yet: nothing can be turned on, and what is off is truly off. */
export function clientTracking(context: CommandContext): void {
  if (context.argIs(2, 'OFF')) return context.reply.ok();
  if (!context.argIs(2, 'ON')) return context.reply.error(SYNTAX_ERROR);
  context.reply.error('ERR Client tracking is not supported by this server yet');
}

export function clientTrackinginfo(context: CommandContext): void {
  const { reply } = context;
  reply.map(3);
  reply.bulkString('flags');
  reply.set(1);
  reply.bulkString('off');
  reply.bulkString('redirect');
  reply.integer(-1);
  reply.bulkString('prefixes');
  reply.array(0);
}

export function clientGetredir(context: CommandContext): void {
  context.reply.integer(-1);
}

export function clientHelp(context: CommandContext): void {
  replyHelp(context, [
    ['CAPA <option> ...', 'Tell what this client can handle. Options: REDIRECT: redirections of a replica without a cluster.'],
    ['GETREDIR', 'Give the id of the client that gets the invalidation messages, -1 without tracking.'],
    ['GETNAME', 'Give the name of this connection.'],
    ['ID', 'Give the number of this connection.'],
    ['IMPORT-SOURCE (ON|OFF)', 'Mark this connection as the source of an import, while import-mode is on.'],
    ['INFO', 'Describe this connection.'],
    ['KILL <ip:port>', 'Close the connection from <ip:port>.'],
    ['KILL <filter> <value> [<filter> <value> ...]', 'Close the connections that all filters match; the filters are those of LIST.'],
    [
      'LIST [<filter> <value> ...]',
      'Describe connections. Filters: ID, TYPE (NORMAL|PRIMARY|REPLICA|PUBSUB), USER, ADDR, LADDR, IP, NAME, LIB-NAME,',
      'LIB-VER, DB, FLAGS, CAPA, each also with NOT- before it; IDLE, MAXAGE, SKIPME (YES|NO).',
    ],
    ['NO-EVICT (ON|OFF)', 'Exempt this connection from client eviction.'],
    ['NO-TOUCH (ON|OFF)', 'Reads of this connection do not count as use of a key.'],
    ['PAUSE <milliseconds> [WRITE|ALL]', 'Hold back all commands, or writes only, for a while.'],
    ['REPLY (ON|OFF|SKIP)', 'Send replies, send none, or leave out the next one.'],
    ['SETINFO (LIB-NAME|LIB-VER) <value>', "Note name or version of the client's library."],
    ['SETNAME <name>', 'Name this connection.'],
    ['TRACKING (ON|OFF)', 'Not supported by this server yet.'],
    ['TRACKINGINFO', 'Tell the state of tracking.'],
    ['UNBLOCK <id> [TIMEOUT|ERROR]', 'End the wait of a blocked client.'],
    ['UNPAUSE', 'End a pause.'],
  ]);
}
