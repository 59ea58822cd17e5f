/**
 * Joins the facts of `specs/` with the handlers into the commands of one server.
 *
 * A command appears only when it has a handler, a container only when one of its subcommands has. Handlers are given by full name
 * (`get`, `config|get`), so that the families stay apart: `server.ts` collects them.
 */

import type { Command, CommandFlag, CommandSpec } from '../core/command.ts';
import type { CommandHandler } from '../core/context.ts';
import * as core from '../core/command.ts';
import type { CommandsPort } from '../core/ports.ts';
import { hasMovableKeys, keyPositions, keyRange } from './key-positions.ts';
import { BITMAP_SPECS } from './specs/bitmap.ts';
import { CLUSTER_SPECS } from './specs/cluster.ts';
import { CONNECTION_SPECS } from './specs/connection.ts';
import { GENERIC_SPECS } from './specs/generic.ts';
import { HASH_SPECS } from './specs/hash.ts';
import { HYPERLOGLOG_SPECS } from './specs/hyperloglog.ts';
import { LIST_SPECS } from './specs/list.ts';
import { PERSISTENCE_SPECS } from './specs/persistence.ts';
import { SERVER_SPECS } from './specs/server.ts';
import { SET_SPECS } from './specs/set.ts';
import { SORTED_SET_SPECS } from './specs/sorted-set.ts';
import { STRING_SPECS } from './specs/string.ts';
import { TRANSACTION_SPECS } from './specs/transaction.ts';

/** Handlers by full name: `get`, `config|get`. */
export type CommandHandlers = Readonly<Record<string, CommandHandler>>;

const ALL_SPECS: readonly CommandSpec[] = [
  ...BITMAP_SPECS,
  ...CLUSTER_SPECS,
  ...CONNECTION_SPECS,
  ...GENERIC_SPECS,
  ...HASH_SPECS,
  ...HYPERLOGLOG_SPECS,
  ...LIST_SPECS,
  ...PERSISTENCE_SPECS,
  ...SERVER_SPECS,
  ...SET_SPECS,
  ...SORTED_SET_SPECS,
  ...STRING_SPECS,
  ...TRANSACTION_SPECS,
];

const FLAG_BITS: Partial<Record<CommandFlag, number>> = {
  write: core.FLAG_WRITE,
  readonly: core.FLAG_READONLY,
  denyoom: core.FLAG_DENYOOM,
  admin: core.FLAG_ADMIN,
  no_auth: core.FLAG_NO_AUTH,
  loading: core.FLAG_LOADING,
  stale: core.FLAG_STALE,
  no_multi: core.FLAG_NO_MULTI,
  noscript: core.FLAG_NOSCRIPT,
  blocking: core.FLAG_BLOCKING,
  fast: core.FLAG_FAST,
  asking: core.FLAG_ASKING,
  pubsub: core.FLAG_PUBSUB,
  allow_busy: core.FLAG_ALLOW_BUSY,
  may_replicate: core.FLAG_MAY_REPLICATE,
  protected: core.FLAG_PROTECTED,
  skip_commandlog: core.FLAG_SKIP_COMMANDLOG,
  skip_monitor: core.FLAG_SKIP_MONITOR,
  no_async_loading: core.FLAG_NO_ASYNC_LOADING,
  touches_arbitrary_keys: core.FLAG_TOUCHES_ARBITRARY_KEYS,
};

/** `renames`: what `rename-command` says; '' takes a command away. */
export interface TableOptions {
  readonly renames?: ReadonlyMap<string, string>;
}

export class CommandTable implements CommandsPort {
  readonly all: ReadonlyMap<string, Command>;
  private readonly byFullName = new Map<string, Command>();
  private nextId = 0;

  constructor(handlers: CommandHandlers, options: TableOptions = {}) {
    const all = new Map<string, Command>();
    for (const spec of ALL_SPECS) {
      const command = this.build(spec, undefined, handlers);
      if (command === undefined) continue;
      const name = options.renames?.get(spec.name) ?? spec.name;
      if (name !== '') all.set(name.toLowerCase(), command);
    }
    this.all = all;
    for (const [name, command] of all) {
      this.byFullName.set(name, command);
      for (const [word, sub] of command.subcommands ?? []) this.byFullName.set(`${name}|${word}`, sub);
    }
    const unknown = Object.keys(handlers).filter(name => findSpec(name) === undefined);
    if (unknown.length > 0) throw new Error(`Cannot register handlers without a command specification: ${unknown.join(', ')}`);
  }

  lookup(name: string): Command | undefined {
    return this.byFullName.get(name) ?? this.byFullName.get(name.toLowerCase());
  }

  resolve(words: readonly string[]): Command | undefined {
    const command = this.all.get(words[0].toLowerCase());
    if (command?.subcommands === undefined || words.length === 1) return command;
    return command.subcommands.get(words[1].toLowerCase());
  }

  keysOf(command: Command, argc: number, argString: (index: number) => string): number[] | undefined {
    return keyPositions(command.spec, argc, argString)?.map(key => key.index);
  }

  resetStats(): void {
    for (const command of this.byFullName.values()) {
      command.stats.calls = 0;
      command.stats.microseconds = 0;
      command.stats.rejected = 0;
      command.stats.failed = 0;
    }
  }

  private build(spec: CommandSpec, parent: Command | undefined, handlers: CommandHandlers): Command | undefined {
    const fullName = parent === undefined ? spec.name : `${parent.fullName}|${spec.name}`;
    const handler = handlers[fullName];
    const subcommands = spec.subcommands === undefined ? undefined : new Map<string, Command>();
    const id = this.nextId;
    const command: Command = {
      spec,
      fullName,
      parent,
      subcommands,
      handler,
      id,
      flagBits: spec.flags.reduce((bits, flag) => bits | (FLAG_BITS[flag] ?? 0), 0),
      ...dispatchRange(spec),
      stats: { calls: 0, microseconds: 0, rejected: 0, failed: 0 },
    };
    this.nextId++;
    for (const subSpec of spec.subcommands ?? []) {
      const sub = this.build(subSpec, command, handlers);
      if (sub !== undefined) subcommands?.set(subSpec.name, sub);
    }
    if (handler !== undefined || (subcommands?.size ?? 0) > 0) return command;
    this.nextId = id;
    return undefined;
  }
}

/** A plain range where the keys are one, -1 where they must be looked for. */
function dispatchRange(spec: CommandSpec): Pick<Command, 'firstKey' | 'lastKey' | 'keyStep'> {
  if (hasMovableKeys(spec)) return { firstKey: -1, lastKey: -1, keyStep: 1 };
  const { first, last, step } = keyRange(spec);
  return { firstKey: first, lastKey: last, keyStep: step };
}

function findSpec(fullName: string): CommandSpec | undefined {
  const [name, word] = fullName.split('|');
  const spec = ALL_SPECS.find(candidate => candidate.name === name);
  return word === undefined ? spec : spec?.subcommands?.find(candidate => candidate.name === word);
}
