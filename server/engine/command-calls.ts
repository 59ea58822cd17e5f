/**
 * Calling handlers: around each call the unit of propagation is opened and closed, the statistics are kept, and what a bug throws is caught.
 *
 * Time. A clock costs some 40 ns, a GET 200. So time is taken for runs of one cheap command (`fast` ones and SET, whose cost does not depend on
 * how much data there is) and shared among them; every other command is timed alone.
 */

import type { Command } from '../core/command.ts';
import { FLAG_FAST, FLAG_TOUCHES_ARBITRARY_KEYS } from '../core/command.ts';
import type { CommandHandler } from '../core/context.ts';
import type { ServerPorts } from '../core/ports.ts';
import type { KeptRequest, Session } from '../core/session.ts';
import * as errors from '../protocol/reply-errors.ts';
import type { ClientSession } from './client-session.ts';
import type { Databases } from './databases.ts';
import type { Propagation } from './propagation.ts';
import { RequestContext } from './request-context.ts';

const CHEAP = new Set(['set', 'get', 'mget', 'mset']);
/** Levels of commands inside commands: EXEC, a script, what it calls. */
const DEEPEST = 16;

export interface CallParts {
  readonly ports: ServerPorts;
  readonly databases: Databases;
  readonly propagation: Propagation;
}

export class CommandCalls {
  /** Unix milliseconds of the batch. */
  now = 0;
  private readonly ports: ServerPorts;
  private readonly databases: Databases;
  private readonly propagation: Propagation;
  /** One context for each level: a command, and those that EXEC or a script runs inside it. */
  private readonly contexts: RequestContext[] = [];
  private depth = -1;
  /** Something was propagated in this batch: `lastWriteOffset` of the client follows at its end. */
  wrote = false;
  private errorsCounted = 0;
  private group: Command | undefined;
  private groupCalls = 0;
  private groupStart = 0;
  private batchStart = 0;
  private readonly cheap: Uint8Array;

  constructor(parts: CallParts) {
    this.ports = parts.ports;
    this.databases = parts.databases;
    this.propagation = parts.propagation;
    for (let i = 0; i < DEEPEST; i++) this.contexts.push(new RequestContext(parts.ports));
    const all = [...parts.ports.commands.all.values()].flatMap(command => [command, ...(command.subcommands?.values() ?? [])]);
    this.cheap = new Uint8Array(all.reduce((most, command) => Math.max(most, command.id), 0) + 1);
    for (const command of all) if ((command.flagBits & FLAG_FAST) !== 0 || CHEAP.has(command.fullName)) this.cheap[command.id] = 1;
  }

  /** @param monotonic when it began: the first command's time is taken from there. */
  beginBatch(now: number, monotonic: number): void {
    this.now = now;
    this.batchStart = monotonic;
  }

  /** The context for a request of the next level: give it arguments, then `run`. */
  get nextContext(): RequestContext {
    return this.contexts[this.depth + 1];
  }

  get current(): RequestContext | undefined {
    return this.depth < 0 ? undefined : this.contexts[this.depth];
  }

  /** Rejections counted themselves. */
  errorsAreCounted(): void {
    this.errorsCounted = this.ports.stats.counters.errorReplies;
  }

  /** Runs a handler. Hot path. */
  run(context: RequestContext, session: ClientSession, command: Command): void {
    const obeying = session.kind === 'primary';
    context.setCommand(command, session, this.databases.get(session.dbIndex));
    context.now = this.now;
    context.obeying = obeying;
    context.mayBlock = session.transaction === undefined && !obeying && this.depth < 0;
    this.databases.state.noTouch = session.noTouch;
    const cheap = this.cheap[command.id] === 1 && this.depth < 0;
    if (!cheap || this.group !== command) this.openGroup(command);
    if (this.depth < 0) session.lastCommand = command;
    const { dbIndex } = session;
    const replied = context.reply.length;
    this.depth++;
    this.propagation.begin();
    try {
      (command.handler as CommandHandler)(context);
      if ((context.dirty !== 0 || context.forced || context.instead.length !== 0) && !context.silent)
        this.propagate(context, dbIndex, obeying);
    } catch (error) {
      this.failed(context, error, replied);
    } finally {
      this.depth--;
      // Keys that SCAN finds expired have nothing to do with each other.
      this.propagation.end((command.flagBits & FLAG_TOUCHES_ARBITRARY_KEYS) === 0);
    }
    // At once, not at the end of the batch: a WAIT may follow in it.
    if (this.wrote && this.depth < 0) session.lastWriteOffset = this.ports.replication.offset;
    command.stats.calls++;
    this.groupCalls++;
    if (!cheap) this.closeGroup();
    const { counters } = this.ports.stats;
    if (counters.errorReplies !== this.errorsCounted) {
      this.errorsCounted = counters.errorReplies;
      command.stats.failed++;
    }
    session.commandsProcessed++;
    if (session.asking && command.fullName !== 'asking' && session.transaction === undefined) session.asking = false;
  }

  /** Runs a queued request in EXEC. */
  runKept(session: Session, request: KeptRequest): void {
    const context = this.nextContext;
    context.setArguments(request.bytes, request.start, request.end, 0, request.start.length);
    this.closeGroup();
    this.run(context, session as ClientSession, request.command);
  }

  /** Ends the time that is being taken, and shares it among the calls of the group. */
  closeGroup(): void {
    if (this.group === undefined) return;
    this.group.stats.microseconds += (this.ports.clock.monotonic() - this.groupStart) * 1000;
    this.group = undefined;
    this.groupCalls = 0;
  }

  private openGroup(command: Command): void {
    const now = this.batchStart > 0 ? this.batchStart : this.ports.clock.monotonic();
    this.batchStart = 0;
    if (this.group !== undefined) this.group.stats.microseconds += (now - this.groupStart) * 1000;
    this.group = command;
    this.groupCalls = 0;
    this.groupStart = now;
  }

  private propagate(context: RequestContext, dbIndex: number, obeying: boolean): void {
    if (obeying || !this.propagation.wanted) return;
    if (context.instead.length > 0) for (const args of context.instead) this.propagation.add(dbIndex, args);
    else this.propagation.addRequest(dbIndex, context);
    this.wrote = true;
  }

  /** A handler threw: memory ran out, or it has a bug. The node lives on; the client hears of it. */
  private failed(context: RequestContext, error: unknown, replied: number): void {
    const { session, command } = context;
    const outOfMemory = error instanceof RangeError && /memory segment|allocat|Invalid typed array length/i.test(error.message);
    if (!outOfMemory) {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.ports.log.warning(`Command '${command.fullName}' failed by a bug: ${detail}`);
    }
    if (context.reply.length === replied) context.reply.error(outOfMemory ? errors.OUT_OF_MEMORY : 'ERR internal error, see the log');
    else session.transport.closeAfterReply();
  }
}
