/**
 * Plain requests: cheap commands on keys, from a client in its usual state, on a server in its usual state. Nearly all requests are. What the
 * dispatcher and the calls look at anew for each request cannot change between two of them, so they run in a loop of their own; the first that
 * is anything else, a wrong one too, is left to the dispatcher.
 *
 * Hot path: a GET of a pipeline takes some 0.2 us here.
 */

import type { Command } from '../core/command.ts';
import * as flag from '../core/command.ts';
import type { ServerPorts } from '../core/ports.ts';
import type { ArgumentTable } from '../protocol/argument-table.ts';
import type { ClientSession } from './client-session.ts';
import type { CommandCalls } from './command-calls.ts';
import type { Databases } from './databases.ts';
import type { Dispatcher } from './dispatch.ts';
import { hasOneKey } from './request-slot.ts';
import type { TouchPass } from './touch-pass.ts';

/** Such commands do more than read and change values. */
const NOT_PLAIN =
  flag.FLAG_ADMIN |
  flag.FLAG_NO_AUTH |
  flag.FLAG_NO_MULTI |
  flag.FLAG_NOSCRIPT |
  flag.FLAG_BLOCKING |
  flag.FLAG_PUBSUB |
  flag.FLAG_MAY_REPLICATE |
  flag.FLAG_PROTECTED |
  flag.FLAG_TOUCHES_ARBITRARY_KEYS;

const PLAIN = 1;
const PLAIN_WRITE = 2;

export interface PlainParts {
  readonly ports: ServerPorts;
  readonly calls: CommandCalls;
  readonly databases: Databases;
  readonly dispatcher: Dispatcher;
  readonly touch: TouchPass;
}

export class PlainRequests {
  private readonly ports: ServerPorts;
  private readonly calls: CommandCalls;
  private readonly databases: Databases;
  private readonly dispatcher: Dispatcher;
  private readonly touch: TouchPass;
  /** By command id: 0 = not plain. */
  private readonly kinds: Uint8Array;

  constructor(parts: PlainParts) {
    this.ports = parts.ports;
    this.calls = parts.calls;
    this.databases = parts.databases;
    this.dispatcher = parts.dispatcher;
    this.touch = parts.touch;
    const { cheap } = parts.calls;
    this.kinds = new Uint8Array(cheap.length);
    for (const command of parts.ports.commands.all.values()) if (cheap[command.id] === 1) this.kinds[command.id] = kindOf(command);
  }

  /** Runs the plain requests of the batch from `from` on, until the client's replies are `mostOutput` bytes; returns the first that did not run. */
  run(session: ClientSession, table: ArgumentTable, from: number, mostOutput: number): number {
    const { calls, kinds, touch } = this;
    const { commands } = touch;
    let last = commands[from];
    if (last === undefined || kinds[last.id] === 0 || !this.isUsual(session)) return from;
    const { cluster, replication } = this.ports;
    const highest = replication.refuseWrite() === undefined ? PLAIN_WRITE : PLAIN;
    const context = calls.nextContext;
    context.setArguments(table.bytes, table.start, table.end, 0, 0);
    context.setCommand(last, session, this.databases.get(session.dbIndex));
    context.now = calls.now;
    context.obeying = false;
    context.mayBlock = true;
    this.databases.state.noTouch = session.noTouch;
    let r = from;
    for (; r < table.requests && !session.held && !session.closing && session.reply.length < mostOutput; r++) {
      const command = commands[r];
      if (command === undefined) break;
      const kind = kinds[command.id];
      if (kind === 0 || kind > highest || !hasArity(command, table.count[r])) break;
      context.next(command, table.first[r], table.count[r]);
      if (cluster !== undefined) {
        const slot = hasOneKey(command) ? touch.slotOf(r) : -1;
        if (slot < 0 || !cluster.ownsStable(slot)) break;
        context.slot = slot;
      }
      const { slots } = calls;
      if (slots !== undefined && (slots.full || !slots.isShort(context))) break;
      touch.remember(table, r);
      calls.runPlain(context, session, command);
      slots?.received(context, command, table.wireBytes[r]);
      last = command;
    }
    if (r > from) calls.endPlain(session, last, r - from);
    return r;
  }

  /** Nothing but the request itself can refuse it or keep it waiting. */
  private isUsual(session: ClientSession): boolean {
    const isPlain = session.authenticated && session.transaction === undefined && session.kind === 'normal' && !session.asking;
    if (!isPlain || session.replyMode !== 'on') return false;
    this.dispatcher.renewGuard();
    return !this.dispatcher.guarded;
  }
}

function kindOf(command: Command): number {
  if (command.handler === undefined || command.firstKey <= 0 || (command.flagBits & NOT_PLAIN) !== 0) return 0;
  return (command.flagBits & flag.FLAG_WRITE) === 0 ? PLAIN : PLAIN_WRITE;
}

function hasArity(command: Command, argc: number): boolean {
  const { arity } = command.spec;
  return arity > 0 ? argc === arity : argc >= -arity;
}
