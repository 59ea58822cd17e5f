/**
 * What a configuration directive is: its name, the domain of its values, its default and its flags.
 *
 * `directive-table.ts` lists all of Valkey's; `directive-value.ts` reads and shows values; `directives.ts` finds one by name.
 * The server keeps values by this table and the operator checks a cluster's configuration by it.
 */

/** `multi-arg`: takes several words. `protected`: settable at run time only where `enable-protected-configs` allows it. `hidden`: no pattern of CONFIG GET finds it. */
export type DirectiveFlag = 'immutable' | 'sensitive' | 'hidden' | 'protected' | 'deny-loading' | 'multi-arg';

/** Numbers that do not fit a double exactly are bigints. */
export type DirectiveNumber = number | bigint;

/** Of `yes-no` a boolean, of numbers a number, of `text` and `one-of` a string, of `flag-words` and `special` the words. */
export type DirectiveValue = boolean | DirectiveNumber | string | readonly string[];

export type NumberForm =
  | 'plain'
  /** Bytes; takes the units b, k, kb, m, mb, g, gb. */
  | 'memory'
  /** As memory, or `n%`, which is kept as -n. */
  | 'memory-or-percent'
  /** As memory, or a plain negative number. */
  | 'signed-memory'
  | 'octal';

export type DirectiveDomain =
  | { readonly kind: 'yes-no'; readonly initial: boolean }
  | {
      readonly kind: 'number';
      readonly form: NumberForm;
      readonly min: DirectiveNumber;
      readonly max: DirectiveNumber;
      readonly initial: DirectiveNumber;
    }
  | { readonly kind: 'text'; readonly initial: string }
  | { readonly kind: 'one-of'; readonly words: readonly string[]; readonly initial: string }
  /** A set of words; the first of them stands for the empty set. */
  | { readonly kind: 'flag-words'; readonly words: readonly string[]; readonly initial: readonly string[] }
  /** A syntax of its own, known by name in `directive-value.ts`. */
  | { readonly kind: 'special'; readonly initial: readonly string[] };

export interface Directive {
  readonly name: string;
  readonly alias: string | undefined;
  readonly flags: readonly DirectiveFlag[];
  readonly domain: DirectiveDomain;
}

/** `reason` is Valkey's text. */
export type DirectiveReading = { readonly ok: true; readonly value: DirectiveValue } | { readonly ok: false; readonly reason: string };

export function accept(value: DirectiveValue): DirectiveReading {
  return { ok: true, value };
}

export function refuse(reason: string): DirectiveReading {
  return { ok: false, reason };
}

export const INT_MAX = 2 ** 31 - 1;
export const INT_MIN = -(2 ** 31);
export const UINT_MAX = 2 ** 32 - 1;
export const LLONG_MAX = 2n ** 63n - 1n;
export const ULLONG_MAX = 2n ** 64n - 1n;

interface Options {
  readonly alias?: string;
  readonly flags?: readonly DirectiveFlag[];
}

// The builders below make the rows of the table short.

export function yesNo(name: string, initial: boolean, options?: Options): Directive {
  return row(name, options, { kind: 'yes-no', initial });
}

export function text(name: string, initial: string, options?: Options): Directive {
  return row(name, options, { kind: 'text', initial });
}

export function oneOf(name: string, words: readonly string[], initial: string, options?: Options): Directive {
  return row(name, options, { kind: 'one-of', words, initial });
}

export function flagWords(name: string, words: readonly string[], initial: string, options?: Options): Directive {
  return row(name, options, { kind: 'flag-words', words, initial: [initial] });
}

export function special(name: string, initial: readonly string[], options?: Options): Directive {
  return row(name, options, { kind: 'special', initial });
}

type Numeric = (name: string, min: DirectiveNumber, max: DirectiveNumber, initial: number, options?: Options) => Directive;

export const integer: Numeric = numeric('plain');
export const memory: Numeric = numeric('memory');
export const memoryOrPercent: Numeric = numeric('memory-or-percent');
export const signedMemory: Numeric = numeric('signed-memory');
export const octal: Numeric = numeric('octal');

function numeric(form: NumberForm): Numeric {
  return (name, min, max, initial, options) => row(name, options, { kind: 'number', form, min, max, initial });
}

function row(name: string, options: Options | undefined, domain: DirectiveDomain): Directive {
  return { name, alias: options?.alias, flags: options?.flags ?? [], domain };
}
