/**
 * Calling handlers: around each call the unit of propagation is opened and closed, the statistics are kept, and what a bug throws is caught.
 *
 * Time. A clock costs some 40 ns, a GET 200. So time is taken for runs of one cheap command (`fast` ones and SET, whose cost does not depend on
 * how much data there is) and shared among them; every other command is timed alone, with all that it calls.
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
import { SlotAccounting } from './slot-accounting.ts';

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
  /** While slot statistics are kept. */
  slots: SlotAccounting | undefined;
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
  /** By command id. */
  readonly cheap: Uint8Array;

  constructor(parts: CallParts) {
    this.ports = parts.ports;
    this.databases = parts.databases;
    this.propagation = parts.propagation;
    for (let i = 0; i < DEEPEST; i++) this.contexts.push(new RequestContext(parts.ports));
    const all = [...parts.ports.commands.all.values()].flatMap(command => [command, ...(command.subcommands?.values() ?? [])]);
    this.followSlotStatistics();
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
    // What comes from our primary is passed on as it came; what an import brings is this node's to tell.
    const passedOn = session.kind === 'primary';
    const obeying = passedOn || session.kind === 'slot-import';
    context.setCommand(command, session, this.databases.get(session.dbIndex));
    context.now = this.now;
    context.obeying = obeying;
    context.mayBlock = session.transaction === undefined && !obeying && this.depth < 0;
    this.databases.state.noTouch = session.noTouch;
    const { slots } = this;
    const top = this.depth < 0;
    const cheap = top && this.cheap[command.id] === 1 && (slots === undefined || (slots.isShort(context) && !slots.full));
    const began = cheap ? 0 : this.leaveGroup();
    if (cheap && this.group !== command) this.openGroup(command);
    if (top) session.lastCommand = command;
    const { dbIndex } = session;
    const replied = context.reply.length;
    if (top) slots?.begin(context.slot, replied, this.propagation.fedBytes);
    this.depth++;
    this.propagation.begin();
    try {
      (command.handler as CommandHandler)(context);
      if ((context.dirty !== 0 || context.forced || context.instead.length !== 0) && !context.silent)
        this.propagate(context, dbIndex, passedOn);
    } catch (error) {
      this.failed(context, error, replied);
    } finally {
      this.depth--;
      // Keys that SCAN finds expired have nothing to do with each other.
      this.propagation.end((command.flagBits & FLAG_TOUCHES_ARBITRARY_KEYS) === 0);
    }
    // At once, not at the end of the batch: a WAIT may follow in it.
    if (this.wrote && top) session.lastWriteOffset = this.ports.replication.offset;
    command.stats.calls++;
    slots?.replied(session, context.reply.length);
    if (top) slots?.fed(this.propagation.fedBytes);
    if (cheap) {
      this.groupCalls++;
      slots?.postpone();
    } else {
      const microseconds = (this.ports.clock.monotonic() - began) * 1000;
      command.stats.microseconds += microseconds;
      if (top) slots?.took(microseconds);
    }
    const { counters } = this.ports.stats;
    if (counters.errorReplies !== this.errorsCounted) {
      this.errorsCounted = counters.errorReplies;
      command.stats.failed++;
    }
    session.commandsProcessed++;
    if (session.asking && command.fullName !== 'asking' && session.transaction === undefined) session.asking = false;
  }

  /**
   * Runs the handler of a cheap command for a plain client at the top level: `run` without what does not change from one request to the next.
   * The context holds the request. `endPlain` follows the last of them. Hot path.
   */
  runPlain(context: RequestContext, session: ClientSession, command: Command): void {
    if (this.group !== command) this.openGroup(command);
    const { slots, propagation } = this;
    const replied = context.reply.length;
    slots?.begin(context.slot, replied, propagation.fedBytes);
    this.depth = 0;
    propagation.begin();
    try {
      (command.handler as CommandHandler)(context);
      if ((context.dirty !== 0 || context.forced || context.instead.length !== 0) && !context.silent)
        this.propagate(context, session.dbIndex, false);
    } catch (error) {
      this.failed(context, error, replied);
    } finally {
      this.depth = -1;
      propagation.end();
    }
    this.groupCalls++;
    command.stats.calls++;
    if (slots !== undefined) {
      slots.replied(session, context.reply.length);
      slots.fed(propagation.fedBytes);
      slots.postpone();
    }
    const { errorReplies } = this.ports.stats.counters;
    if (errorReplies === this.errorsCounted) return;
    this.errorsCounted = errorReplies;
    command.stats.failed++;
  }

  /** @param count requests that ran through `runPlain`, the last one being one of `command` */
  endPlain(session: ClientSession, command: Command, count: number): void {
    session.lastCommand = command;
    session.commandsProcessed += count;
    // At once, not at the end of the batch: a WAIT may follow in it.
    if (this.wrote) session.lastWriteOffset = this.ports.replication.offset;
  }

  /** Runs a queued request in EXEC. */
  runKept(session: Session, request: KeptRequest): void {
    const context = this.nextContext;
    context.setArguments(request.bytes, request.start, request.end, 0, request.start.length);
    this.run(context, session as ClientSession, request.command);
  }

  /** Ends the time that is being taken for a run of cheap commands, and shares it among their slots. */
  closeGroup(): void {
    if (this.group !== undefined) this.endGroup(this.group, this.ports.clock.monotonic());
  }

  private openGroup(command: Command): void {
    this.groupStart = this.leaveGroup();
    this.group = command;
  }

  /** Ends the run of cheap commands if there is one; the time. */
  private leaveGroup(): number {
    const now = this.batchStart > 0 ? this.batchStart : this.ports.clock.monotonic();
    this.batchStart = 0;
    if (this.group !== undefined) this.endGroup(this.group, now);
    return now;
  }

  private endGroup(group: Command, now: number): void {
    const microseconds = (now - this.groupStart) * 1000;
    group.stats.microseconds += microseconds;
    this.slots?.share(microseconds / this.groupCalls);
    this.group = undefined;
    this.groupCalls = 0;
  }

  /** cluster-slot-stats-enabled may be switched at any time; nothing is open while CONFIG SET runs. */
  private followSlotStatistics(): void {
    const { config, slotStatistics } = this.ports;
    if (slotStatistics === undefined) return;
    const accounting = new SlotAccounting(this.ports, slotStatistics);
    const follow = (): void => {
      this.slots = slotStatistics.enabled ? accounting : undefined;
    };
    follow();
    config.onChange(['cluster-slot-stats-enabled'], follow);
  }

  private propagate(context: RequestContext, dbIndex: number, passedOn: boolean): void {
    if (passedOn || !this.propagation.wanted) return;
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
