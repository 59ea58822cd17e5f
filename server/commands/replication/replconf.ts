/** REPLCONF: what primary and replica tell each other beside the stream. Source: replication.c (replconfCommand). */

import type { CommandContext } from '../../core/context.ts';
import type { ReplicaProfile } from '../../core/replication.ts';
import { NOT_CLUSTER, NOT_INTEGER_ERROR, SYNTAX_ERROR } from '../../protocol/reply-errors.ts';

const LONGEST_ADDRESS = 255;

/** An error line, `ok`, or `silent`: no reply at all, and nothing after it is looked at. */
type Outcome = 'ok' | 'silent' | { readonly error: string };

export function replconf(context: CommandContext): void {
  const { reply } = context;
  if (context.argc % 2 === 0) return reply.error(SYNTAX_ERROR);
  for (let index = 1; index < context.argc; index += 2) {
    const outcome = option(context, index);
    if (outcome === 'silent') return;
    if (outcome !== 'ok') return reply.error(outcome.error);
  }
  reply.ok();
}

function option(context: CommandContext, index: number): Outcome {
  const { ports, session } = context;
  const name = context.argString(index).toLowerCase();
  switch (name) {
    case 'ack':
      acknowledge(context, index);
      return 'silent';
    case 'getack':
      if (session.kind === 'primary') ports.replication.sendAck();
      return 'silent';
    case 'set-cluster-node-id':
      return setNodeId(context, index);
    default:
      return tell(context, name, index, ports.replication.profile(session));
  }
}

function acknowledge(context: CommandContext, index: number): void {
  const offset = context.argInteger(index + 1);
  if (offset === undefined) return;
  const hasAof = context.argc > index + 3 && context.argIs(index + 2, 'FACK');
  context.ports.replication.takeAck(context.session, offset, hasAof ? (context.argInteger(index + 3) ?? 0) : 0);
}

function setNodeId(context: CommandContext, index: number): Outcome {
  const { cluster, replication } = context.ports;
  if (cluster === undefined) return { error: NOT_CLUSTER };
  const id = context.argString(index + 1);
  // Kept although it is refused: a stranger's PSYNC must be told from that of a client that is no cluster node.
  replication.profile(context.session).nodeId = id;
  return cluster.describe(id) === undefined ? { error: `ERR Unknown node ${id}` } : 'ok';
}

/** What a replica says of itself. */
function tell(context: CommandContext, name: string, index: number, profile: ReplicaProfile): Outcome {
  const value = context.argString(index + 1);
  switch (name) {
    case 'listening-port': {
      const port = context.argInteger(index + 1);
      if (port === undefined) return { error: NOT_INTEGER_ERROR };
      profile.listeningPort = port;
      return 'ok';
    }
    case 'ip-address':
      if (value.length > LONGEST_ADDRESS) {
        return { error: `ERR REPLCONF ip-address provided by replica instance is too long: ${value.length} bytes` };
      }
      profile.announcedIp = value;
      return 'ok';
    case 'capa':
      if (context.argIs(index + 1, 'EOF')) profile.eof = true;
      else if (context.argIs(index + 1, 'PSYNC2')) profile.psync2 = true;
      else if (context.argIs(index + 1, 'DUAL-CHANNEL')) offerDualChannel(context, profile);
      return 'ok';
    case 'version':
      return setVersion(profile, value);
    case 'rdb-only':
    case 'rdb-channel': {
      const on = context.argInteger(index + 1);
      if (on === undefined) return { error: NOT_INTEGER_ERROR };
      if (on !== 0 && on !== 1) return { error: 'ERR value is out of range, value must between 0 and 1' };
      if (name === 'rdb-only') profile.rdbOnly = on === 1;
      else profile.rdbChannel = on === 1;
      return 'ok';
    }
    case 'rdb-filter-only':
      for (const word of value.split(' ')) {
        if (word !== '' && word.toLowerCase() !== 'functions') return { error: `ERR Unsupported rdb-filter-only option: ${word}` };
      }
      profile.withoutKeys = true;
      return 'ok';
    case 'set-rdb-client-id': {
      const id = context.argInteger(index + 1);
      if (id === undefined) return { error: NOT_INTEGER_ERROR };
      if (!context.ports.replication.awaitsMainChannel(id)) return { error: `ERR Unrecognized RDB client id ${id}` };
      profile.rdbClientId = id;
      return 'ok';
    }
    default:
      return { error: `ERR Unrecognized REPLCONF option: ${context.argString(index)}` };
  }
}

/** The second connection is used when both sides want it, and this one streams its snapshots. */
function offerDualChannel({ ports }: CommandContext, profile: ReplicaProfile): void {
  if (!ports.config.flag('dual-channel-replication-enabled')) return;
  if (ports.config.flag('repl-diskless-sync')) profile.dualChannel = true;
  else ports.log.notice('Dual channel capability ignored: repl-diskless-sync disabled');
}

function setVersion(profile: ReplicaProfile, text: string): Outcome {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some(part => part > 255)) return { error: `ERR Unrecognized version format: ${text}` };
  profile.version = (parts[0] << 16) | (parts[1] << 8) | parts[2];
  return 'ok';
}
