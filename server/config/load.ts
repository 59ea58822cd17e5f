/**
 * Reads a configuration: a file, standard input and the command line, in this order; the last word on a directive counts.
 *
 *     name argument…        # a comment            include path-or-pattern
 *     rename-command old new
 *
 * Source: Valkey's config.c (loadServerConfigFromString) and server.c (main).
 */

import { VALKEY_VERSION } from '../../lib/version.ts';
import { findDirective, RETIRED_DIRECTIVES } from '../../lib/directives.ts';
import { splitArguments } from '../protocol/inline.ts';
import { NO_APPEND_ONLY_FILE } from './append-only.ts';
import type { ConfigFiles } from './files.ts';
import type { ConfigStore } from './store.ts';

/** The configuration is wrong: the server does not start. `message` is what goes to standard error. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface LoadedConfiguration {
  /** Commands under another name; '' takes a command away. */
  readonly renames: ReadonlyMap<string, string>;
}

/** Loads `text` into the store. Throws a ConfigError at the first wrong line. */
export function loadConfiguration(text: string, store: ConfigStore, files: ConfigFiles): LoadedConfiguration {
  const loader = new Loader(store, files);
  loader.load(text);
  loader.check();
  return { renames: loader.renames };
}

/** The file named on the command line, which must exist. */
export function readConfigurationFile(path: string, files: ConfigFiles): string {
  let text: string | undefined;
  let reason = 'No such file or directory';
  try {
    text = files.read(path);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  if (text === undefined) throw new ConfigError(`Fatal error, can't open config file '${path}': ${reason}`);
  return text;
}

/** An include of itself would never end. */
const MAX_INCLUDES = 100;

class Loader {
  readonly renames = new Map<string, string>();
  private readonly store: ConfigStore;
  private readonly files: ConfigFiles;
  private savesGiven = false;
  private depth = 0;

  constructor(store: ConfigStore, files: ConfigFiles) {
    this.store = store;
    this.files = files;
  }

  load(text: string): void {
    const lines = text.split('\n');
    for (const [index, raw] of lines.entries()) {
      const line = raw.trim();
      if (line === '' || line.startsWith('#')) continue;
      const reason = this.line(line);
      if (reason !== undefined) {
        throw new ConfigError(`${HEAD}Reading the configuration file, at line ${index + 1}\n>>> '${line}'\n${reason}\n`);
      }
    }
  }

  check(): void {
    if (this.store.flag('cluster-enabled') && this.store.words('replicaof').length > 0) {
      throw new ConfigError(`${HEAD}replicaof directive not allowed in cluster mode\n`);
    }
    if (this.store.flag('appendonly')) {
      throw new ConfigError(`${HEAD}appendonly yes is not possible: ${NO_APPEND_ONLY_FILE}\n`);
    }
  }

  /** The reason when the line is wrong. */
  private line(line: string): string | undefined {
    const words = splitArguments(line);
    if (words === undefined) return 'Unbalanced quotes in configuration line';
    if (words.length === 0) return undefined;
    const name = words[0].toLowerCase();
    const rest = words.slice(1);
    const directive = findDirective(name);
    if (directive !== undefined) {
      if (!directive.flags.includes('multi-arg')) return rest.length === 1 ? this.store.load(directive, rest) : 'wrong number of arguments';
      // One argument may hold all the words: --save "3600 1".
      const given = rest.length === 1 && rest[0] !== '' ? splitArguments(rest[0]) : rest;
      if (given === undefined) return 'Unbalanced quotes in configuration line';
      return directive.name === 'save' ? this.save(given) : this.store.load(directive, given);
    }
    if (RETIRED_DIRECTIVES.includes(name) && rest.length === 1) return undefined;
    if (name === 'include' && rest.length === 1) return this.include(rest[0]);
    if (name === 'rename-command' && rest.length === 2) {
      this.renames.set(rest[0].toLowerCase(), rest[1].toLowerCase());
      return undefined;
    }
    if (name === 'user') return 'user directive is not supported by this server yet';
    if (name === 'loadmodule') return 'loadmodule directive is not supported: there are no C modules';
    return 'Bad directive or wrong number of arguments';
  }

  /** Lines add up; the first one takes the place of the defaults. */
  private save(words: readonly string[]): string | undefined {
    const directive = findDirective('save');
    if (directive === undefined) return undefined;
    const empty = words.length === 1 && words[0] === '';
    const before = this.savesGiven && !empty ? this.store.words('save') : [];
    this.savesGiven = true;
    return this.store.load(directive, empty ? words : [...before, ...words]);
  }

  private include(path: string): string | undefined {
    if (++this.depth > MAX_INCLUDES) return `too many include directives, the last one of ${path}`;
    const paths = /[*?[]/.test(path) ? this.files.matching(path) : [path];
    this.load(paths.map(each => readConfigurationFile(each, this.files)).join(''));
    return undefined;
  }
}

const HEAD = `\n*** FATAL CONFIG FILE ERROR (Version ${VALKEY_VERSION}) ***\n`;
