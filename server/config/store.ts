/**
 * The values of all directives of one server: what CONFIG GET shows, CONFIG SET changes, and everybody else reads through `ConfigPort`.
 *
 * A change is atomic: all values are checked and set first, then those who asked to hear of them run; when one of these refuses, all old
 * values come back and are applied again (`config.c`, configSetCommand).
 */

import type { Directive, DirectiveValue } from '../../lib/directive.ts';
import { initialValue, readDirective, showDirective } from '../../lib/directive-value.ts';
import { DIRECTIVES, findDirective } from '../../lib/directives.ts';
import { matchesGlobText } from '../../lib/glob-pattern.ts';
import type { ConfigChange, ConfigCircumstances, ConfigPort } from '../core/ports.ts';
import { LOADING } from '../protocol/reply-errors.ts';
import { NO_APPEND_ONLY_FILE } from './append-only.ts';
import type { ConfigFiles } from './files.ts';
import { rewriteConfiguration } from './rewrite.ts';

const MIN_HZ = 1;
const MAX_HZ = 500;

interface Listener {
  readonly names: readonly string[];
  readonly action: () => string | void;
}

/** One directive that a CONFIG SET names. */
interface Planned {
  readonly directive: Directive;
  readonly given: string;
  readonly old: DirectiveValue;
  readonly words: readonly string[];
}

export class ConfigStore implements ConfigPort {
  version = 0;
  private readonly values = new Map<string, DirectiveValue>();
  private readonly listeners: Listener[] = [];
  private readonly files: ConfigFiles;
  /** '' when the server was started without a file. */
  readonly file: string;

  constructor(files: ConfigFiles, file = '') {
    this.files = files;
    this.file = file;
    for (const directive of DIRECTIVES) this.values.set(directive.name, initialValue(directive));
    this.values.set('dir', [files.currentDirectory()]);
    this.onChange(['appendonly'], () => (this.flag('appendonly') ? NO_APPEND_ONLY_FILE : undefined));
  }

  integer(name: string): number {
    const value = this.value(name);
    if (typeof value === 'number') return value;
    if (typeof value === 'bigint') return Number(value);
    throw new TypeError(`Directive ${name} is no number`);
  }

  flag(name: string): boolean {
    const value = this.value(name);
    if (typeof value === 'boolean') return value;
    throw new TypeError(`Directive ${name} is not yes or no`);
  }

  text(name: string): string {
    const value = this.value(name);
    if (typeof value === 'string') return value;
    throw new TypeError(`Directive ${name} is no text`);
  }

  words(name: string): readonly string[] {
    const value = this.value(name);
    if (typeof value === 'object') return value;
    throw new TypeError(`Directive ${name} has no words`);
  }

  show(name: string): string | undefined {
    const directive = findDirective(name);
    return directive === undefined ? undefined : showDirective(directive, this.value(directive.name));
  }

  value(name: string): DirectiveValue {
    const value = this.values.get(name);
    if (value === undefined) throw new TypeError(`There is no directive ${name}`);
    return value;
  }

  /** Its value is not the default. */
  differs(name: string): boolean {
    const directive = findDirective(name);
    return directive !== undefined && showDirective(directive, this.value(name)) !== showDirective(directive, initialValue(directive));
  }

  /** Names and values that CONFIG GET shows for some patterns, sorted by name. Hidden directives need their exact name. */
  matching(patterns: readonly string[]): readonly (readonly [name: string, value: string])[] {
    const found = new Map<string, string>();
    for (const pattern of patterns) {
      if (!/[[*?]/.test(pattern)) {
        const shown = this.show(pattern);
        if (shown !== undefined && !found.has(pattern)) found.set(pattern, shown);
        continue;
      }
      for (const directive of DIRECTIVES) {
        if (directive.flags.includes('hidden')) continue;
        for (const name of [directive.name, directive.alias]) {
          if (name === undefined || found.has(name) || !matchesGlobText(pattern, name, true)) continue;
          found.set(name, showDirective(directive, this.value(directive.name)));
        }
      }
    }
    return [...found].toSorted(([one], [other]) => (one < other ? -1 : 1));
  }

  set(name: string, value: string): string | undefined {
    return this.setAll([[name, value]], { allowsProtected: true, loading: false });
  }

  setAll(changes: readonly ConfigChange[], circumstances: ConfigCircumstances): string | undefined {
    const planned: Planned[] = [];
    const problem = this.plan(changes, circumstances, planned);
    if (problem !== undefined) return problem;
    const changed = new Set<string>();
    for (const { directive, given, words } of planned) {
      const reason = this.store(directive, words, changed);
      if (reason === undefined) continue;
      this.restore(planned);
      return failed(given, reason);
    }
    if (changed.size === 0) return undefined;
    this.version++;
    const refusal = this.announce(changed);
    if (refusal === undefined) return undefined;
    this.restore(planned);
    this.version++;
    this.announce(changed);
    const culprit = planned.find(plan => refusal.names.includes(plan.directive.name)) ?? planned[0];
    return failed(culprit.given, refusal.reason);
  }

  /** Reads one line of a file or of the command line; the reason when it is wrong. Nobody is told: this is for the start. */
  load(directive: Directive, words: readonly string[]): string | undefined {
    return this.store(directive, words, new Set());
  }

  adopt(name: string, words: readonly string[]): void {
    const directive = findDirective(name);
    if (directive === undefined) throw new TypeError(`There is no directive ${name}`);
    const reason = this.store(directive, words, new Set());
    if (reason !== undefined) throw new TypeError(`Directive ${name} refuses ${words.join(' ')}: ${reason}`);
    this.version++;
  }

  onChange(names: readonly string[], action: () => string | void): void {
    this.listeners.push({ names, action });
  }

  rewrite(): string | undefined {
    if (this.file === '') return 'ERR The server is running without a config file';
    const text = rewriteConfiguration(this.files.read(this.file) ?? '', name => this.value(name));
    const reason = this.files.replace(this.file, text);
    return reason === undefined ? undefined : `ERR Rewriting config file: ${reason}`;
  }

  /** Fills `planned`, or returns the error line. */
  private plan(changes: readonly ConfigChange[], circumstances: ConfigCircumstances, planned: Planned[]): string | undefined {
    for (const [given, value] of changes) {
      const directive = findDirective(given);
      if (directive === undefined) return `ERR Unknown option or number of arguments for CONFIG SET - '${given}'`;
      const { flags, name } = directive;
      if (flags.includes('immutable')) return failed(given, "can't set immutable config");
      if (flags.includes('protected') && !circumstances.allowsProtected) return failed(given, "can't set protected config");
      if (circumstances.loading && flags.includes('deny-loading')) return LOADING;
      if (planned.some(plan => plan.directive === directive)) return failed(given, 'duplicate parameter');
      const words = flags.includes('multi-arg') ? value.split(' ') : [value];
      planned.push({ directive, given, old: this.value(name), words });
    }
    return undefined;
  }

  private store(directive: Directive, words: readonly string[], changed: Set<string>): string | undefined {
    const old = this.value(directive.name);
    const reading = readDirective(directive, words, old);
    if (!reading.ok) return reading.reason;
    let { value } = reading;
    if (directive.name === 'hz') value = Math.min(MAX_HZ, Math.max(MIN_HZ, Number(value)));
    if (directive.name === 'dir') {
      const entered = this.files.enterDirectory((value as readonly string[])[0]);
      if ('reason' in entered) return entered.reason;
      value = [entered.path];
    }
    if (showDirective(directive, value) !== showDirective(directive, old)) changed.add(directive.name);
    this.values.set(directive.name, value);
    return undefined;
  }

  private restore(planned: readonly Planned[]): void {
    for (const { directive, old } of planned) {
      if (directive.name === 'dir') this.files.enterDirectory((old as readonly string[])[0]);
      this.values.set(directive.name, old);
    }
  }

  private announce(changed: ReadonlySet<string>): { readonly names: readonly string[]; readonly reason: string } | undefined {
    for (const { names, action } of this.listeners) {
      if (!names.some(name => changed.has(name))) continue;
      const reason = action();
      if (typeof reason === 'string') return { names, reason };
    }
    return undefined;
  }
}

function failed(given: string, reason: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${given}') - ${reason}`;
}
