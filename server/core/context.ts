/**
 * What a command handler gets: its arguments, its reply, its database, and ways to say what it changed.
 *
 * One context object serves one command at a time and is reused: keep nothing of it. Argument 0 is the command's name
 * (1 the subcommand's). Strings are latin1: one char is one byte.
 */

import type { Database } from '../keyspace/database.ts';
import type { Reply } from '../protocol/reply.ts';
import type { Command } from './command.ts';
import type { ServerPorts } from './ports.ts';
import type { Session } from './session.ts';

/** Runs a command. Throws nothing a client can cause: errors are replies. */
export type CommandHandler = (context: CommandContext) => void;

export interface CommandContext {
  readonly command: Command;
  readonly session: Session;
  readonly reply: Reply;
  readonly db: Database;
  readonly ports: ServerPorts;
  /** Unix time of the batch in milliseconds: the same for all that this command does. */
  readonly now: number;

  // ── Arguments ──
  readonly argc: number;
  /** The buffer that the arguments stand in. */
  readonly bytes: Uint8Array;
  argStart(index: number): number;
  argEnd(index: number): number;
  argLength(index: number): number;
  /** latin1 */
  argString(index: number): string;
  /** A copy that may be kept. */
  argCopy(index: number): Uint8Array;
  /** Case-insensitive comparison with an upper case ASCII word. */
  argIs(index: number, upperCaseWord: string): boolean;
  /** A 64-bit integer in canonical form as Valkey's string2ll takes it; undefined when it is none. `argInteger` only for values that are safe integers, else use `argBigInt`. */
  argInteger(index: number): number | undefined;
  argBigInt(index: number): bigint | undefined;
  /** As Valkey's getLongDoubleFromObject / getDoubleFromObject: no NaN, no spaces; undefined when it is none. */
  argDouble(index: number): number | undefined;

  // ── What changed ──
  /** Raises `dirty` (rdb_changes_since_last_save) and lets the command be propagated. */
  changed(count: number): void;
  /** The key in argument `index` was modified: watchers and tracking hear of it; a keyspace event is sent (class letter as in notify-keyspace-events). */
  keyChanged(index: number, eventClass: string, event: string): void;
  /** The same without an event: nothing that a client would call a change. */
  keyTouched(index: number): void;
  /** The same as `keyChanged` for a key that is no argument. */
  keyChangedBytes(db: Database, bytes: Uint8Array, start: number, end: number, eventClass: string, event: string): void;
  /** Instead of the command as it came, propagate these commands (latin1 arguments). Called several times: all of them, in order, as one transaction when more than one. */
  propagateInstead(args: readonly (string | Uint8Array)[]): void;
  /** Propagate nothing although the command changed something. */
  propagateNothing(): void;
  /** Propagate although `changed` was not called. */
  forcePropagation(): void;

  // ── Other ways to go on ──
  /** The reply comes later: requests of this client wait until `session.transport.resumeInput()`. Within MULTI commands do not block. */
  readonly mayBlock: boolean;
  /** True while the replication stream or a file is applied: no ACL, no redirection, no memory limit. */
  readonly obeying: boolean;
}
