/**
 * Dispatch: from a request to a handler's call. The order of the checks is upstream's (`server.c`, processCommand): a client that asks for two
 * impossible things at once gets the same error from both.
 *
 * Hot path: `execute` of a command by a plain client on a server in its usual state goes through a handful of integer compares.
 */

import type { Command } from '../core/command.ts';
import * as flag from '../core/command.ts';
import type { ServerPorts } from '../core/ports.ts';
import type { KeptRequest, Transaction } from '../core/session.ts';
import { slotOfKey } from '../../lib/slot-hash.ts';
import type { KeyspaceState } from '../keyspace/keyspace-state.ts';
import { type Database, NO_EXPIRY } from '../keyspace/database.ts';
import { latin1 } from '../memory/bytes.ts';
import * as errors from '../protocol/reply-errors.ts';
import type { ClientSession } from './client-session.ts';
import type { Clients } from './clients.ts';
import type { CommandCalls } from './command-calls.ts';
import type { CommandIndex } from './command-index.ts';
import type { MemoryLimit } from './memory-limit.ts';
import type { RequestContext } from './request-context.ts';
import { commonSlot, hasOneKey, keysOfKept, NO_SLOT } from './request-slot.ts';

/** What became of a request. */
export const DONE = 0;
/** It must be run again later: the client waits for the end of a pause. */
export const POSTPONED = 1;
export type Outcome = 0 | 1;

/** These run at once inside MULTI. */
const NOT_QUEUED = new Set(['exec', 'discard', 'quit', 'reset']);
const IN_PUBSUB = new Set([
  'ping',
  'subscribe',
  'ssubscribe',
  'unsubscribe',
  'sunsubscribe',
  'psubscribe',
  'punsubscribe',
  'quit',
  'reset',
]);

export interface DispatchParts {
  readonly ports: ServerPorts;
  readonly clients: Clients;
  readonly index: CommandIndex;
  readonly calls: CommandCalls;
  readonly memory: MemoryLimit;
  readonly state: KeyspaceState;
}

export class Dispatcher {
  /** Some check beyond the usual ones may refuse a command: loading, a replica, a pause, a memory limit. Renewed for each batch. */
  guarded = true;
  /** The last save failed: nothing more is taken that may be lost with it. */
  private writesRefused = false;
  private readonly ports: ServerPorts;
  private readonly clients: Clients;
  private readonly index: CommandIndex;
  private readonly calls: CommandCalls;
  private readonly memory: MemoryLimit;
  private readonly state: KeyspaceState;

  constructor(parts: DispatchParts) {
    this.ports = parts.ports;
    this.clients = parts.clients;
    this.index = parts.index;
    this.calls = parts.calls;
    this.memory = parts.memory;
    this.state = parts.state;
  }

  renewGuard(): void {
    const { lifecycle, replication, persistence } = this.ports;
    this.writesRefused = persistence.writesRefused;
    this.guarded =
      lifecycle.loading || replication.role !== 'primary' || this.clients.pausedWrites || this.memory.limited || this.writesRefused;
  }

  /** The arguments stand in `context`. */
  execute(context: RequestContext, session: ClientSession, named: Command | undefined): Outcome {
    let command = named;
    if (command?.subcommands !== undefined && context.argc > 1) command = command.subcommands.get(context.argString(1).toLowerCase());
    if (command?.handler === undefined) {
      if (session.kind === 'slot-import') this.ports.cluster?.slotMigrations.importFailed(session, 'error');
      return this.refuseUnknown(context, session, named);
    }
    if (session.kind === 'slot-import') return this.executeImported(context, session, command);
    const bits = command.flagBits;
    const plain = session.authenticated && session.transaction === undefined && session.kind === 'normal';
    if (!plain && !session.authenticated && (bits & flag.FLAG_NO_AUTH) === 0 && !this.ports.auth.open) {
      return this.reject(session, command, errors.NO_AUTH);
    }
    const arity = command.spec.arity;
    if (arity > 0 ? context.argc !== arity : context.argc < -arity) {
      context.slot = NO_SLOT;
      return this.reject(session, command, errors.wrongArity(command.fullName));
    }
    if (!plain || this.guarded || (bits & flag.FLAG_PROTECTED) !== 0 || this.ports.cluster !== undefined) {
      const refusal = this.check(context, session, command);
      if (refusal === POSTPONE) {
        this.clients.postpone(session);
        return POSTPONED;
      }
      if (refusal !== undefined) return this.reject(session, command, refusal);
      if (session.transaction !== undefined && !NOT_QUEUED.has(command.fullName)) {
        this.queue(context, session, command);
        return DONE;
      }
    } else if ((bits & flag.FLAG_WRITE) !== 0) {
      const refusal = this.ports.replication.refuseWrite();
      if (refusal !== undefined) return this.reject(session, command, refusal);
    }
    this.calls.run(context, session, command);
    return DONE;
  }

  /**
   * A request of a slot import: nothing refuses it but want of memory, which ends the import as an error does. It waits while writes are paused.
   */
  private executeImported(context: RequestContext, session: ClientSession, command: Command): Outcome {
    const { ports, clients } = this;
    const bits = command.flagBits;
    if (clients.pausedAll || (clients.pausedWrites && (bits & (flag.FLAG_WRITE | flag.FLAG_MAY_REPLICATE)) !== 0)) {
      clients.postpone(session);
      return POSTPONED;
    }
    if (this.memory.limited && !this.memory.makeRoom() && (bits & flag.FLAG_DENYOOM) !== 0) {
      ports.cluster?.slotMigrations.importFailed(session, 'out-of-memory');
      return DONE;
    }
    const { errors: before } = session.reply;
    const arity = command.spec.arity;
    if (arity > 0 ? context.argc !== arity : context.argc < -arity) this.reject(session, command, errors.wrongArity(command.fullName));
    else if (session.transaction !== undefined && !NOT_QUEUED.has(command.fullName)) this.queue(context, session, command);
    else this.calls.run(context, session, command);
    if (session.reply.errors !== before) ports.cluster?.slotMigrations.importFailed(session, 'error');
    return DONE;
  }

  /** A request of the primary's stream or of a file: no checks but that the command exists. */
  obey(context: RequestContext, session: ClientSession): void {
    const named = this.index.find(context.bytes, context.argStart(0), context.argEnd(0));
    const command =
      named?.subcommands !== undefined && context.argc > 1 ? named.subcommands.get(context.argString(1).toLowerCase()) : named;
    if (command?.handler === undefined) {
      this.refuseUnknown(context, session, named);
      return;
    }
    const { slots } = this.calls;
    if (slots !== undefined) context.slot = slots.slotOfObeyed(context, session, command);
    const arity = command.spec.arity;
    if (arity > 0 ? context.argc !== arity : context.argc < -arity) this.reject(session, command, errors.wrongArity(command.fullName));
    else if (session.transaction !== undefined && !NOT_QUEUED.has(command.fullName)) this.queue(context, session, command);
    else this.calls.run(context, session, command);
    slots?.applied(context, command);
  }

  /** The checks that a usual request does not need. The error line, POSTPONE, or undefined. */
  private check(context: RequestContext, session: ClientSession, command: Command): string | undefined {
    const { ports, clients } = this;
    if ((command.flagBits & flag.FLAG_PROTECTED) !== 0) {
      const refusal = this.checkProtected(session, command);
      if (refusal !== undefined) return refusal;
    }
    const bits = command.flagBits | (command.fullName === 'exec' ? transactionBits(session) : 0);
    const isWrite = (bits & flag.FLAG_WRITE) !== 0;
    const mayReplicate = isWrite || (bits & flag.FLAG_MAY_REPLICATE) !== 0;
    if (session.transaction !== undefined && (command.flagBits & flag.FLAG_NO_MULTI) !== 0)
      return errors.notInTransaction(command.fullName);
    if (ports.cluster !== undefined) {
      const redirect = this.redirect(context, session, command);
      if (redirect !== undefined) return redirect;
    }
    if (session.redirectCapable && ports.cluster === undefined && ports.replication.role === 'replica') {
      const reads = (bits & flag.FLAG_READONLY) !== 0 && !session.readonlyMode;
      if (isWrite || reads) return `REDIRECT ${ports.replication.primaryHost}:${ports.replication.primaryPort}`;
    }
    if (this.memory.limited && !this.memory.makeRoom() && (bits & flag.FLAG_DENYOOM) !== 0) return errors.OUT_OF_MEMORY;
    if (this.writesRefused && (isWrite || command.fullName === 'ping')) return errors.CANNOT_SAVE;
    if (isWrite) {
      const refusal = ports.replication.refuseWrite();
      if (refusal !== undefined) return refusal;
    }
    if (session.kind === 'pubsub' && session.resp === 2 && !IN_PUBSUB.has(command.fullName)) {
      return `ERR Can't execute '${command.fullName}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`;
    }
    // EXEC is allowed what all of its commands are allowed.
    const allowed = command.flagBits & (command.fullName === 'exec' ? commonBits(session) : -1);
    if ((allowed & flag.FLAG_STALE) === 0 && !ports.lifecycle.loading && !ports.replication.mayServeData) return errors.PRIMARY_DOWN;
    if (ports.lifecycle.loading && (allowed & flag.FLAG_LOADING) === 0 && !this.endsFullSync(command)) return errors.LOADING;
    if (session.kind === 'replica' && (mayReplicate || (bits & flag.FLAG_READONLY) !== 0)) return errors.REPLICA_NO_KEYSPACE;
    if (session.kind !== 'replica' && (clients.pausedAll || (clients.pausedWrites && mayReplicate))) return POSTPONE;
    return undefined;
  }

  /**
   * A replica that loads what its primary sends may be told to follow another one or none: that ends the load. Upstream takes the order while
   * it writes the snapshot to a file; here the load begins with the first byte.
   */
  private endsFullSync({ fullName }: Command): boolean {
    const { replication } = this.ports;
    return (fullName === 'replicaof' || fullName === 'slaveof') && replication.role === 'replica' && replication.linkState === 'sync';
  }

  private checkProtected(session: ClientSession, command: Command): string | undefined {
    const container = (command.parent ?? command).fullName.toUpperCase();
    const directive = container === 'DEBUG' ? 'enable-debug-command' : 'enable-module-command';
    const setting = this.ports.config.text(directive);
    const { remoteAddress, isUnixSocket } = session.transport;
    const isLocal = isUnixSocket || /^(127\.|::1|\[::1|::ffff:127\.)/.test(remoteAddress);
    if (setting === 'yes' || (setting === 'local' && isLocal)) return undefined;
    return (
      `ERR ${container} command not allowed. If the ${directive} option is set to "local", you can run it from a local connection, ` +
      'otherwise you need to set this option in the configuration file, and then restart the server.'
    );
  }

  // ── Cluster ──

  /** The redirection of a request whose keys are not served here. */
  private redirect(context: RequestContext, session: ClientSession, command: Command): string | undefined {
    const { cluster } = this.ports;
    if (cluster === undefined) return undefined;
    context.slot = NO_SLOT;
    if (command.fullName === 'exec') return this.redirectTransaction(context, session, command);
    if (command.firstKey === 0) return undefined;
    if (hasOneKey(command)) {
      const { state } = this;
      const start = context.argStart(command.firstKey);
      const end = context.argEnd(command.firstKey);
      context.slot = state.isKnown(context.bytes, start, end) ? state.knownSlot : slotOfKey(context.bytes, start, end);
      if (cluster.ownsStable(context.slot)) return undefined;
    }
    const keys = this.ports.commands.keysOf(command, context.argc, index => context.argString(index)) ?? [];
    if (keys.length === 0) return undefined;
    const slot = commonSlot(keys.map(key => slotOfKey(context.bytes, context.argStart(key), context.argEnd(key))));
    context.slot = Math.max(slot, NO_SLOT);
    if (slot >= 0 && cluster.ownsStable(slot)) return undefined;
    const missing = (): number =>
      keys.filter(key => isAbsent(context.db, context.bytes, context.argStart(key), context.argEnd(key), context.now)).length;
    return cluster.redirect(session, command, slot, missing, keys.length);
  }

  /** EXEC: the keys of all queued commands count as those of one. */
  private redirectTransaction(context: RequestContext, session: ClientSession, command: Command): string | undefined {
    const { cluster, commands, databases } = this.ports;
    const queued = session.transaction?.queued ?? [];
    const slots: number[] = [];
    const keys: (readonly [KeptRequest, number])[] = [];
    for (const request of queued) {
      for (const key of keysOfKept(commands, request)) {
        keys.push([request, key]);
        slots.push(slotOfKey(request.bytes, request.start[key], request.end[key]));
      }
    }
    if (slots.length === 0) return undefined;
    const slot = commonSlot(slots);
    context.slot = Math.max(slot, NO_SLOT);
    if (slot >= 0 && cluster?.ownsStable(slot) === true) return undefined;
    const db = databases.get(session.dbIndex);
    const missing = (): number =>
      keys.filter(([request, key]) => isAbsent(db, request.bytes, request.start[key], request.end[key], context.now)).length;
    const writes = queued.find(request => (request.command.flagBits & flag.FLAG_WRITE) !== 0);
    const error = cluster?.redirect(session, writes?.command ?? queued[0]?.command ?? command, slot, missing, keys.length);
    if (error !== undefined) {
      session.transaction = undefined;
      this.ports.watch.unwatchAll(session);
      session.dirtyCas = false;
    }
    return error;
  }

  // ── Refusals and the queue ──

  private refuseUnknown(context: RequestContext, session: ClientSession, container: Command | undefined): Outcome {
    context.slot = NO_SLOT;
    if (!session.authenticated && !this.ports.auth.open) return this.reject(session, undefined, errors.NO_AUTH);
    if (container?.subcommands !== undefined) {
      if (context.argc === 1) return this.reject(session, container, errors.wrongArity(container.fullName));
      return this.reject(session, undefined, errors.unknownSubcommand(container.fullName, context.argString(1)));
    }
    const args: string[] = [];
    for (let i = 1; i < context.argc && i < 128; i++)
      args.push(latin1(context.bytes, context.argStart(i), Math.min(context.argEnd(i), context.argStart(i) + 128)));
    return this.reject(session, undefined, errors.unknownCommand(context.argString(0), args));
  }

  private reject(session: ClientSession, command: Command | undefined, text: string): Outcome {
    if (command !== undefined) command.stats.rejected++;
    if (session.transaction !== undefined && command?.fullName === 'exec') {
      session.transaction = undefined;
      this.ports.watch.unwatchAll(session);
      session.dirtyCas = false;
      session.reply.error(`EXECABORT Transaction discarded because of: ${text}`);
    } else {
      if (session.transaction !== undefined) fail(session.transaction);
      session.reply.error(text);
    }
    this.calls.errorsAreCounted();
    return DONE;
  }

  private queue(context: RequestContext, session: ClientSession, command: Command): void {
    // A transaction that will not run keeps nothing.
    if (session.transaction?.failed === false && !session.dirtyCas) session.transaction.queued.push(keep(context, command));
    session.reply.simple('QUEUED');
  }
}

const POSTPONE = 'postpone';

/** Whether a key of an open slot is not here; one that expired is not, and is left for the usual ways to delete it. */
function isAbsent(db: Database, bytes: Uint8Array, start: number, end: number, now: number): boolean {
  const entry = db.peekStale(bytes, start, end);
  if (entry === 0) return true;
  const expireAt = db.expireAt(entry);
  return expireAt !== NO_EXPIRY && expireAt < now;
}

function fail(transaction: Transaction): void {
  transaction.failed = true;
  transaction.queued.length = 0;
}

/** Flags that all queued commands have. */
function commonBits(session: ClientSession): number {
  return session.transaction?.queued.reduce((bits, request) => bits & request.command.flagBits, -1) ?? -1;
}

function transactionBits(session: ClientSession): number {
  let bits = 0;
  for (const request of session.transaction?.queued ?? []) bits |= request.command.flagBits;
  return bits;
}

/** A copy of the request that may be kept. */
function keep(context: RequestContext, command: Command): KeptRequest {
  const { argc } = context;
  const start = new Int32Array(argc);
  const end = new Int32Array(argc);
  let length = 0;
  for (let i = 0; i < argc; i++) {
    start[i] = length;
    length += context.argLength(i);
    end[i] = length;
  }
  const bytes = new Uint8Array(length);
  for (let i = 0; i < argc; i++) bytes.set(context.bytes.subarray(context.argStart(i), context.argEnd(i)), start[i]);
  return { command, bytes, view: new DataView(bytes.buffer), start, end, wireBytes: length };
}
