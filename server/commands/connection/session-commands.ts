/** AUTH, HELLO, PING, ECHO, SELECT, RESET, QUIT: a connection's own state. */

import { VALKEY_VERSION } from '../../../lib/version.ts';
import type { CommandContext } from '../../core/context.ts';
import { DB_INDEX_OUT_OF_RANGE, NOT_INTEGER_ERROR, SYNTAX_ERROR, WRONG_PASSWORD, wrongArity } from '../../protocol/reply-errors.ts';
import { INVALID_NAME, isPlainText } from './client-name.ts';

const HELLO_NEEDS_AUTH =
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time';

export function auth(context: CommandContext): void {
  const { ports, reply } = context;
  if (context.argc > 3) return reply.error(SYNTAX_ERROR);
  if (context.argc === 2 && ports.auth.open) {
    return reply.error(
      'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
    );
  }
  const user = context.argc === 2 ? 'default' : context.argString(1);
  if (authenticate(context, user, context.argString(context.argc - 1))) reply.ok();
}

/** Logs the session in, or replies with an error and says false. */
function authenticate(context: CommandContext, user: string, password: string): boolean {
  const { ports, reply, session } = context;
  if (!ports.auth.check(user, password)) {
    ports.stats.counters.aclDeniedAuth++;
    reply.error(WRONG_PASSWORD);
    return false;
  }
  session.user = user;
  session.authenticated = true;
  return true;
}

interface Greeting {
  readonly version: 2 | 3 | undefined;
  readonly login: readonly [user: string, password: string] | undefined;
  readonly name: string | undefined;
}

/** HELLO [version [AUTH user password] [SETNAME name]] */
export function hello(context: CommandContext): void {
  const { reply, session } = context;
  const greeting = readGreeting(context);
  if (greeting === undefined) return;
  if (greeting.login !== undefined && !authenticate(context, ...greeting.login)) return;
  if (!session.authenticated) return reply.error(HELLO_NEEDS_AUTH);
  if (greeting.name !== undefined) session.name = greeting.name;
  if (greeting.version !== undefined) session.resp = greeting.version;
  replyHello(context);
}

function readGreeting(context: CommandContext): Greeting | undefined {
  const { reply } = context;
  let version: 2 | 3 | undefined;
  if (context.argc > 1) {
    const given = context.argInteger(1) ?? context.argBigInt(1);
    if (given === undefined) return refuse(context, 'ERR Protocol version is not an integer or out of range');
    if (given !== 2 && given !== 3) return refuse(context, 'NOPROTO unsupported protocol version');
    version = given;
  }
  let login: readonly [string, string] | undefined;
  let name: string | undefined;
  for (let index = 2; index < context.argc; index++) {
    const left = context.argc - 1 - index;
    if (context.argIs(index, 'AUTH') && left >= 2) {
      login = [context.argString(index + 1), context.argString(index + 2)];
      index += 2;
    } else if (context.argIs(index, 'SETNAME') && left >= 1) {
      name = context.argString(++index);
      if (!isPlainText(name)) return refuse(context, INVALID_NAME);
    } else {
      reply.error(`ERR Syntax error in HELLO option '${context.argString(index)}'`);
      return undefined;
    }
  }
  return { version, login, name };
}

function refuse(context: CommandContext, text: string): undefined {
  context.reply.error(text);
  return undefined;
}

function replyHello(context: CommandContext): void {
  const { ports, reply, session } = context;
  const zone = ports.config.text('availability-zone');
  const redis = ports.config.flag('extended-redis-compatibility');
  reply.map(zone === '' ? 7 : 8);
  reply.bulkString('server');
  reply.bulkString(redis ? 'redis' : 'valkey');
  reply.bulkString('version');
  reply.bulkString(redis ? '7.2.4' : VALKEY_VERSION);
  reply.bulkString('proto');
  reply.integer(session.resp);
  reply.bulkString('id');
  reply.integer(session.id);
  reply.bulkString('mode');
  reply.bulkString(ports.cluster === undefined ? 'standalone' : 'cluster');
  reply.bulkString('role');
  reply.bulkString(ports.replication.role === 'replica' ? 'replica' : 'master');
  reply.bulkString('modules');
  reply.array(0);
  if (zone !== '') {
    reply.bulkString('availability_zone');
    reply.bulkString(zone);
  }
}

export function ping(context: CommandContext): void {
  const { reply, session } = context;
  if (context.argc > 2) return reply.error(wrongArity('ping'));
  if (session.kind === 'pubsub' && session.resp === 2) {
    reply.array(2);
    reply.bulkString('pong');
    reply.bulkString(context.argc === 1 ? '' : context.argString(1));
  } else if (context.argc === 1) reply.simple('PONG');
  else reply.bulk(context.bytes, context.argStart(1), context.argEnd(1));
}

export function echo(context: CommandContext): void {
  context.reply.bulk(context.bytes, context.argStart(1), context.argEnd(1));
}

export function select(context: CommandContext): void {
  const { ports, reply, session } = context;
  const index = context.argInteger(1);
  if (index === undefined || Math.abs(index) > 2 ** 31 - 1) return reply.error(NOT_INTEGER_ERROR);
  if (index < 0 || index >= ports.databases.count) return reply.error(DB_INDEX_OUT_OF_RANGE);
  session.dbIndex = index;
  reply.ok();
}

export function reset(context: CommandContext): void {
  const { ports, reply, session } = context;
  if (session.kind === 'replica' || session.kind === 'primary') return reply.error('ERR can only reset normal client connections');
  session.transaction = undefined;
  ports.watch.unwatchAll(session);
  session.dirtyCas = false;
  session.dbIndex = 0;
  session.resp = 2;
  session.name = '';
  session.replyMode = 'on';
  session.asking = false;
  session.readonlyMode = false;
  session.noEvict = false;
  session.noTouch = false;
  session.importSource = false;
  session.redirectCapable = false;
  session.user = 'default';
  session.authenticated = ports.auth.open;
  reply.simple('RESET');
}

export function quit(context: CommandContext): void {
  context.reply.ok();
  context.session.transport.closeAfterReply();
}
