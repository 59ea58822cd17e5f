/**
 * The context that a handler gets (`core/context.ts`): one object, set up anew for each command. Hot path: fields, no closures.
 */

import type { Command } from '../core/command.ts';
import type { CommandContext } from '../core/context.ts';
import type { ServerPorts } from '../core/ports.ts';
import type { Database } from '../keyspace/database.ts';
import { latin1 } from '../memory/bytes.ts';
import { readDouble, readPlainDecimal } from '../protocol/number-text.ts';
import type { ReplyWriter } from '../protocol/reply-writer.ts';
import { LONG, parseDecimal, parseLong } from '../structures/decimal.ts';
import type { ClientSession } from './client-session.ts';
import { SLOT_UNKNOWN } from './request-slot.ts';

export type PropagatedArgs = readonly (string | Uint8Array)[];

export class RequestContext implements CommandContext {
  readonly ports: ServerPorts;
  command!: Command;
  session!: ClientSession;
  reply!: ReplyWriter;
  db!: Database;
  now = 0;
  argc = 0;
  bytes: Uint8Array = new Uint8Array(0);
  mayBlock = true;
  /** In cluster mode, once it was looked for: the one slot of the request's keys, NO_SLOT when there is none. */
  slot = SLOT_UNKNOWN;
  obeying = false;

  // What the command said about itself; read by the dispatcher when it is done.
  dirty = 0;
  forced = false;
  silent = false;
  readonly instead: PropagatedArgs[] = [];

  private start: Int32Array = new Int32Array(0);
  private end: Int32Array = new Int32Array(0);
  private first = 0;

  constructor(ports: ServerPorts) {
    this.ports = ports;
  }

  /** The arguments of the next command. */
  setArguments(bytes: Uint8Array, start: Int32Array, end: Int32Array, first: number, argc: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.first = first;
    this.argc = argc;
    this.slot = SLOT_UNKNOWN;
  }

  /** The next request of the same table, client and database, in place of `setArguments` and `setCommand`. */
  next(command: Command, first: number, argc: number): void {
    if (this.command !== command) this.command = command;
    this.first = first;
    this.argc = argc;
    this.slot = SLOT_UNKNOWN;
    this.dirty = 0;
    this.forced = false;
    this.silent = false;
    if (this.instead.length > 0) this.instead.length = 0;
  }

  setCommand(command: Command, session: ClientSession, db: Database): void {
    this.command = command;
    this.session = session;
    this.reply = session.reply;
    this.db = db;
    this.dirty = 0;
    this.forced = false;
    this.silent = false;
    if (this.instead.length > 0) this.instead.length = 0;
  }

  argStart(index: number): number {
    return this.start[this.first + index];
  }

  argEnd(index: number): number {
    return this.end[this.first + index];
  }

  argLength(index: number): number {
    return this.end[this.first + index] - this.start[this.first + index];
  }

  argString(index: number): string {
    return latin1(this.bytes, this.start[this.first + index], this.end[this.first + index]);
  }

  argCopy(index: number): Uint8Array {
    return this.bytes.slice(this.start[this.first + index], this.end[this.first + index]);
  }

  argIs(index: number, upperCaseWord: string): boolean {
    const at = this.start[this.first + index];
    const length = this.end[this.first + index] - at;
    if (length !== upperCaseWord.length) return false;
    for (let i = 0; i < length; i++) {
      const byte = this.bytes[at + i];
      const upper = byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
      if (upper !== upperCaseWord.charCodeAt(i)) return false;
    }
    return true;
  }

  argInteger(index: number): number | undefined {
    const value = parseDecimal(this.bytes, this.argStart(index), this.argEnd(index));
    return Number.isNaN(value) || value === LONG ? undefined : value;
  }

  argBigInt(index: number): bigint | undefined {
    return parseLong(this.bytes, this.argStart(index), this.argEnd(index));
  }

  argDouble(index: number): number | undefined {
    const plain = readPlainDecimal(this.bytes, this.argStart(index), this.argEnd(index));
    return plain === plain ? plain : readDouble(this.argString(index));
  }

  changed(count: number): void {
    this.dirty += count;
    this.ports.databases.dirty += count;
  }

  keyChanged(index: number, eventClass: string, event: string): void {
    this.keyChangedBytes(this.db, this.bytes, this.argStart(index), this.argEnd(index), eventClass, event);
  }

  keyTouched(index: number): void {
    this.touchBytes(this.db, this.bytes, this.argStart(index), this.argEnd(index));
  }

  keyChangedBytes(db: Database, bytes: Uint8Array, start: number, end: number, eventClass: string, event: string): void {
    this.touchBytes(db, bytes, start, end);
    this.ports.events.notify(eventClass, event, db.index, bytes, start, end);
  }

  private touchBytes(db: Database, bytes: Uint8Array, start: number, end: number): void {
    const { watch, events } = this.ports;
    if (watch.watchedKeys > 0) watch.touch(db.index, bytes, start, end);
    events.keyModified(db.index, bytes, start, end);
  }

  propagateInstead(args: PropagatedArgs): void {
    this.instead.push(args);
  }

  propagateNothing(): void {
    this.silent = true;
  }

  forcePropagation(): void {
    this.forced = true;
  }
}
