/** REPLICAOF, SYNC, PSYNC, ROLE: who follows whom. */

import type { CommandContext } from '../../core/context.ts';
import { NOT_INTEGER_ERROR } from '../../protocol/reply-errors.ts';

/** REPLICAOF host port | NO ONE; SLAVEOF is its old name. */
export function replicaof(context: CommandContext): void {
  const { ports, reply, session } = context;
  const { replication } = ports;
  if (ports.cluster !== undefined) return reply.error('ERR REPLICAOF not allowed in cluster mode.');
  if (context.argIs(1, 'NO') && context.argIs(2, 'ONE')) {
    if (replication.role === 'replica') {
      replication.promote();
      ports.config.adopt('replicaof', ['no', 'one']);
      ports.log.notice(`PRIMARY MODE enabled (user request from 'id=${session.id} addr=${session.transport.remoteAddress}')`);
    }
    return reply.ok();
  }
  if (session.kind === 'replica') return reply.error('ERR Command is not valid when client is a replica.');
  const port = context.argInteger(2);
  if (port === undefined || port < 0 || port > 65535) return reply.error('ERR Invalid master port');
  const host = context.argString(1);
  if (replication.role === 'replica' && replication.primaryHost.toLowerCase() === host.toLowerCase() && replication.primaryPort === port) {
    ports.log.notice('REPLICAOF would result into synchronization with the primary we are already connected with. No operation performed.');
    return reply.simple('OK Already connected to specified master');
  }
  replication.follow(host, port, true);
  // CONFIG GET shows it, and CONFIG REWRITE writes it.
  ports.config.adopt('replicaof', [host, String(port)]);
  ports.log.notice(`REPLICAOF ${host}:${port} enabled (user request from 'id=${session.id} addr=${session.transport.remoteAddress}')`);
  reply.ok();
}

export function sync(context: CommandContext): void {
  const error = context.ports.replication.serveSync(context.session, { kind: 'sync' });
  if (error !== undefined) context.reply.error(error);
}

/** PSYNC id offset [FAILOVER] */
export function psync(context: CommandContext): void {
  const offset = context.argInteger(2);
  if (offset === undefined) return context.reply.error(NOT_INTEGER_ERROR);
  const failover = context.argc > 3 && context.argIs(3, 'FAILOVER');
  const error = context.ports.replication.serveSync(context.session, { kind: 'psync', id: context.argString(1), offset, failover });
  if (error !== undefined) context.reply.error(error);
}

export function role(context: CommandContext): void {
  const { reply } = context;
  const { replication } = context.ports;
  if (replication.role === 'replica') {
    reply.array(5);
    reply.bulkString('slave');
    reply.bulkString(replication.primaryHost);
    reply.integer(replication.primaryPort);
    reply.bulkString(replication.linkState);
    reply.integer(replication.linkUp ? replication.offset : -1);
    return;
  }
  const online = replication.replicas().filter(replica => replica.state === 'online');
  reply.array(3);
  reply.bulkString('master');
  reply.integer(replication.offset);
  reply.array(online.length);
  for (const replica of online) {
    reply.array(3);
    reply.bulkString(replica.host);
    reply.bulkString(String(replica.port));
    reply.bulkString(String(replica.ackedOffset));
  }
}
