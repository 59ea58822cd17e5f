/**
 * Adds what commands cost to the statistics of their slots, while cluster-slot-stats-enabled is on.
 *
 * What upstream counts (cluster_slot_stats.c and its callers), for a request that has one slot:
 *
 *     network-bytes-in    the request's bytes, refused or queued requests too; 15 more for EXEC, which stand for its MULTI
 *     network-bytes-out   after each call all of the reply so far: what is called inside EXEC counts again with each of its neighbours that
 *                         follow, and with EXEC itself; and the bytes for the replication stream (not SELECT), times the replicas
 *     cpu-usec            the time of calls that are not inside another call
 *
 * A replica counts what it applies, without replies. Inline requests count their bytes as they came, where upstream takes one space between words.
 *
 * Hot path. A clock costs as much as a fifth of a GET: calls of one cheap command in a row are timed together (`command-calls.ts`), and each gets
 * the same share. Their slots stand in `pending` until then.
 */

import type { Command } from '../core/command.ts';
import type { ServerPorts } from '../core/ports.ts';
import type { SlotStatistics } from '../core/slot-statistics.ts';
import type { Session } from '../core/session.ts';
import { decimalLength } from '../protocol/number-text.ts';
import { NO_SLOT, slotOfRequest, slotOfTransaction, SLOT_UNKNOWN } from './request-slot.ts';
import type { RequestContext } from './request-context.ts';

/** Calls that share one measured time, at most. */
const MOST_PENDING = 1024;
/** Longer requests are timed alone: they are not cheap. */
const SHORT_BYTES = 4096;
/** `*1\r\n$5\r\nmulti\r\n` */
const MULTI_BYTES = 15;

export class SlotAccounting {
  /** Slot of the request that runs. */
  private slot = NO_SLOT;
  /** What stood in the reply, and in the replication stream, before it ran. */
  private replyStart = 0;
  private fedStart = 0;
  private readonly pending = new Int16Array(MOST_PENDING);
  private pendingCount = 0;
  private readonly ports: ServerPorts;
  private readonly statistics: SlotStatistics;
  private readonly exec: Command | undefined;

  constructor(ports: ServerPorts, statistics: SlotStatistics) {
    this.ports = ports;
    this.statistics = statistics;
    this.exec = ports.commands.lookup('exec');
  }

  /** May share its time with its neighbours, as far as the request tells. */
  isShort(context: RequestContext): boolean {
    return context.argEnd(context.argc - 1) - context.argStart(0) <= SHORT_BYTES;
  }

  get full(): boolean {
    return this.pendingCount === MOST_PENDING;
  }

  /** A request begins to run that a client sent, or that the primary's stream holds. */
  begin(slot: number, replyLength: number, fedBytes: number): void {
    this.slot = slot;
    this.replyStart = replyLength;
    this.fedStart = fedBytes;
  }

  /** A call is done: of that request, or inside it. */
  replied(session: Session, replyLength: number): void {
    if (this.slot < 0 || session.replyMode !== 'on' || session.kind === 'primary') return;
    this.statistics.networkBytesOut[this.slot] += replyLength - this.replyStart;
  }

  /** The request is done, and what it changed is in the stream. */
  fed(fedBytes: number): void {
    if (this.slot < 0 || fedBytes === this.fedStart) return;
    this.statistics.networkBytesOut[this.slot] += (fedBytes - this.fedStart) * this.ports.replication.attachedReplicas;
  }

  /** It was timed alone. */
  took(microseconds: number): void {
    if (this.slot >= 0) this.statistics.cpuMicroseconds[this.slot] += microseconds;
  }

  /** It is timed with its neighbours. */
  postpone(): void {
    this.pending[this.pendingCount++] = this.slot;
  }

  /** All that were postponed took this long each. */
  share(microseconds: number): void {
    const { pending } = this;
    const { cpuMicroseconds } = this.statistics;
    for (let i = 0; i < this.pendingCount; i++) if (pending[i] >= 0) cpuMicroseconds[pending[i]] += microseconds;
    this.pendingCount = 0;
  }

  /** A client's request was answered in any way but by blocking. */
  received(context: RequestContext, named: Command | undefined, wireBytes: number): void {
    if (context.slot === SLOT_UNKNOWN) context.slot = this.slotOfRefused(context, named);
    if (context.slot < 0) return;
    this.statistics.networkBytesIn[context.slot] += named === this.exec ? wireBytes + MULTI_BYTES : wireBytes;
  }

  /** The slot of a request of the primary's stream, which no redirection looks at. */
  slotOfObeyed(context: RequestContext, session: Session, command: Command): number {
    const { commands } = this.ports;
    return command === this.exec
      ? slotOfTransaction(commands, session.transaction?.queued ?? [])
      : slotOfRequest(commands, command, context);
  }

  /** A request of the primary's stream was applied. */
  applied(context: RequestContext, command: Command): void {
    let bytes = 3 + decimalLength(context.argc);
    for (let i = 0; i < context.argc; i++) bytes += 5 + context.argLength(i) + decimalLength(context.argLength(i));
    this.received(context, command, bytes);
  }

  /** Refused before redirection looked at its keys. */
  private slotOfRefused(context: RequestContext, named: Command | undefined): number {
    const command =
      named?.subcommands !== undefined && context.argc > 1 ? named.subcommands.get(context.argString(1).toLowerCase()) : named;
    return command === undefined || command === this.exec ? NO_SLOT : slotOfRequest(this.ports.commands, command, context);
  }
}
