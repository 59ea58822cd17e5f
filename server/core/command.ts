/**
 * A command is data: name, arity, flags, key specs, categories, documentation and a handler.
 *
 * COMMAND, COMMAND DOCS, ACL categories, key extraction and dispatch all come from this one shape. The data of upstream's commands stands in
 * `commands/specs/` (one table per family); `commands/<family>.ts` gives the handlers; `commands/table.ts` joins them.
 */

/** Flags as COMMAND shows them (lower case), and the hidden ones. */
export type CommandFlag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'pubsub'
  | 'noscript'
  | 'random'
  | 'blocking'
  | 'loading'
  | 'stale'
  | 'skip_monitor'
  | 'skip_commandlog'
  | 'asking'
  | 'fast'
  | 'no_auth'
  | 'no_async_loading'
  | 'no_multi'
  | 'movablekeys'
  | 'allow_busy'
  | 'module'
  | 'may_replicate'
  | 'sentinel'
  | 'only_sentinel'
  | 'protected'
  | 'touches_arbitrary_keys'
  | 'all_dbs'
  | 'no_mandatory_keys';

export type KeySpecFlag =
  | 'RO'
  | 'RW'
  | 'OW'
  | 'RM'
  | 'access'
  | 'update'
  | 'insert'
  | 'delete'
  | 'not_key'
  | 'incomplete'
  | 'variable_flags';

/** Where a command's keys stand (COMMAND's key specs). */
export interface KeySpec {
  readonly flags: readonly KeySpecFlag[];
  readonly notes?: string;
  readonly begin:
    | { readonly type: 'index'; readonly index: number }
    | { readonly type: 'keyword'; readonly keyword: string; readonly startFrom: number }
    | { readonly type: 'unknown' };
  readonly find:
    | { readonly type: 'range'; readonly lastKey: number; readonly step: number; readonly limit: number }
    | { readonly type: 'keynum'; readonly keyNumIndex: number; readonly firstKey: number; readonly step: number }
    | { readonly type: 'unknown' };
}

export interface CommandArgument {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'double' | 'key' | 'pattern' | 'unix-time' | 'pure-token' | 'oneof' | 'block';
  readonly token?: string;
  readonly displayText?: string;
  readonly keySpecIndex?: number;
  readonly since?: string;
  readonly summary?: string;
  readonly deprecatedSince?: string;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  readonly multipleToken?: boolean;
  readonly arguments?: readonly CommandArgument[];
}

export interface CommandSpec {
  /** Lower case; of a subcommand only its own word. */
  readonly name: string;
  /** Arguments with the name (for a subcommand with the container's name): exact when positive, at least when negative. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** ACL categories without `@`, in COMMAND's order. */
  readonly categories: readonly string[];
  readonly keySpecs: readonly KeySpec[];
  readonly tips: readonly string[];
  /** Our own words. */
  readonly summary: string;
  readonly since: string;
  readonly group: string;
  readonly complexity: string;
  readonly history?: readonly (readonly [string, string])[];
  readonly deprecatedSince?: string;
  readonly replacedBy?: string;
  readonly docFlags?: readonly string[];
  readonly arguments?: readonly CommandArgument[];
  readonly subcommands?: readonly CommandSpec[];
}

/** A command ready to run. Mutable figures are per server: the table is built once for each server. */
export interface Command {
  readonly spec: CommandSpec;
  /** `get`, or `config|get`. */
  readonly fullName: string;
  readonly parent: Command | undefined;
  readonly subcommands: ReadonlyMap<string, Command> | undefined;
  /** A `CommandHandler` (context.ts): its parameter stays unnamed here, so that command and context do not need each other. */
  readonly handler: ((context: never) => void) | undefined;
  /** Dense number, for ACL bitmaps and statistics. */
  readonly id: number;
  /** `flagBits` of the flags below, for dispatch. */
  readonly flagBits: number;
  /** -1 = keys by key specs or `getKeys`; else argument index of the first key when the keys are a plain range. 0 = no keys. */
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;
  readonly stats: CommandStats;
}

export interface CommandStats {
  calls: number;
  microseconds: number;
  rejected: number;
  failed: number;
}

export const FLAG_WRITE = 1 << 0;
export const FLAG_READONLY = 1 << 1;
export const FLAG_DENYOOM = 1 << 2;
export const FLAG_ADMIN = 1 << 3;
export const FLAG_NO_AUTH = 1 << 4;
export const FLAG_LOADING = 1 << 5;
export const FLAG_STALE = 1 << 6;
export const FLAG_NO_MULTI = 1 << 7;
export const FLAG_NOSCRIPT = 1 << 8;
export const FLAG_BLOCKING = 1 << 9;
export const FLAG_FAST = 1 << 10;
export const FLAG_ASKING = 1 << 11;
export const FLAG_PUBSUB = 1 << 12;
export const FLAG_ALLOW_BUSY = 1 << 13;
export const FLAG_MAY_REPLICATE = 1 << 14;
export const FLAG_PROTECTED = 1 << 15;
export const FLAG_SKIP_COMMANDLOG = 1 << 16;
export const FLAG_SKIP_MONITOR = 1 << 17;
export const FLAG_NO_ASYNC_LOADING = 1 << 18;
export const FLAG_TOUCHES_ARBITRARY_KEYS = 1 << 19;
