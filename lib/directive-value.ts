/**
 * Reads and shows directive values as Valkey does (`config.c`), without touching the system.
 *
 * A value is given as words: one, or several for directives with the flag `multi-arg`. What only a running server can judge
 * (whether a port is free, whether a directory exists) is not judged here.
 */

import { parseBytes } from './byte-size.ts';
import type { Directive, DirectiveDomain, DirectiveNumber, DirectiveReading, DirectiveValue } from './directive.ts';
import { accept, LLONG_MAX, refuse, ULLONG_MAX } from './directive.ts';
import { readSpecial, refusedText } from './directive-rules.ts';

/** The value that a directive has when nobody sets it. */
export function initialValue(directive: Directive): DirectiveValue {
  return directive.domain.initial;
}

/**
 * Reads `words`. `current` is the value so far: some directives (output buffer limits) change only the part that is named.
 */
export function readDirective(directive: Directive, words: readonly string[], current: DirectiveValue): DirectiveReading {
  const { domain } = directive;
  if (domain.kind === 'special') return readSpecial(directive.name, words, current as readonly string[]);
  if (domain.kind === 'flag-words') return readFlagWords(domain, words);
  if (words.length !== 1) return refuse('wrong number of arguments');
  const word = words[0];
  switch (domain.kind) {
    case 'yes-no': {
      const lower = word.toLowerCase();
      if (lower !== 'yes' && lower !== 'no') return refuse("argument must be 'yes' or 'no'");
      return accept(lower === 'yes');
    }
    case 'one-of': {
      const found = domain.words.find(candidate => candidate.toLowerCase() === word.toLowerCase());
      if (found === undefined) return refuse(`argument(s) must be one of the following: ${domain.words.join(', ')}`);
      // The two words mean the same and are shown as the first.
      return accept(directive.name === 'oom-score-adj' && found === 'relative' ? 'yes' : found);
    }
    case 'text': {
      const reason = refusedText(directive.name, word);
      return reason === undefined ? accept(word) : refuse(reason);
    }
    case 'number':
      return readNumber(domain, word);
  }
}

/** As CONFIG GET shows it. */
export function showDirective(directive: Directive, value: DirectiveValue): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return showNumber(directive.domain, value);
  return value.join(' ');
}

type NumberDomain = Extract<DirectiveDomain, { kind: 'number' }>;

function readNumber(domain: NumberDomain, word: string): DirectiveReading {
  const parsed = parseNumber(domain, word);
  if (parsed === undefined) return refuse(NOT_A_NUMBER[domain.form]);
  if (domain.form === 'memory-or-percent' && parsed < 0n) {
    return parsed < domain.min ? refuse(`percentage argument must be less or equal to ${-BigInt(domain.min)}`) : accept(narrow(parsed));
  }
  if (parsed < domain.min || parsed > domain.max) {
    const base = domain.form === 'octal' ? 8 : 10;
    return refuse(`argument must be between ${domain.min.toString(base)} and ${domain.max.toString(base)} inclusive`);
  }
  return accept(narrow(parsed));
}

const NOT_A_NUMBER = {
  plain: "argument couldn't be parsed into an integer",
  memory: 'argument must be a memory value',
  'memory-or-percent': 'argument must be a memory or percent value',
  'signed-memory': 'argument must be a memory value',
  octal: "argument couldn't be parsed as an octal number",
} as const;

function parseNumber(domain: NumberDomain, word: string): bigint | undefined {
  switch (domain.form) {
    case 'plain':
      return parseInteger(word);
    case 'octal':
      return /^\s*[+-]?[0-7]{1,20}$/.test(word) ? parseOctal(word.trim()) : undefined;
    case 'memory':
      return parseBytes(word);
    case 'signed-memory':
      return parseBytes(word) ?? parseInteger(word);
    case 'memory-or-percent': {
      const bytes = parseBytes(word);
      if (bytes !== undefined) return bytes;
      const percent = word.length > 1 && word.endsWith('%') ? parseInteger(word.slice(0, -1)) : undefined;
      return percent === undefined || percent < 0n ? undefined : -percent;
    }
  }
}

/** A decimal integer of 64 bits in canonical form. */
function parseInteger(word: string): bigint | undefined {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(word)) return undefined;
  const value = BigInt(word);
  return value > LLONG_MAX || value < -LLONG_MAX - 1n ? undefined : value;
}

function parseOctal(word: string): bigint {
  const digits = BigInt(`0o${word.replace(/^[+-]/, '')}`);
  return word.startsWith('-') ? -digits : digits;
}

function showNumber(domain: DirectiveDomain, value: DirectiveNumber): string {
  const form = domain.kind === 'number' ? domain.form : 'plain';
  if (form === 'octal') return value.toString(8);
  if (form === 'memory-or-percent' && value < 0) return `${-value}%`;
  return value.toString();
}

function readFlagWords(domain: Extract<DirectiveDomain, { kind: 'flag-words' }>, words: readonly string[]): DirectiveReading {
  const given = words.map(word => word.toLowerCase());
  if (given.length === 0 || given.some(word => !domain.words.includes(word))) {
    return refuse(`argument(s) must be one of the following: ${domain.words.join(', ')}`);
  }
  if (given.includes('save') && given.includes('nosave')) return refuse("shutdown options SAVE and NOSAVE can't be used simultaneously");
  const flags = domain.words.slice(1).filter(word => given.includes(word));
  return accept(flags.length === 0 ? [domain.words[0]] : flags);
}

function narrow(value: bigint): DirectiveNumber {
  if (value > ULLONG_MAX) return ULLONG_MAX;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
