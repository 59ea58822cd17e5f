/**
 * Directives with rules of their own: texts that must look like a file name, an address, a host; and the special directives,
 * which take several words. The reasons are Valkey's (`config.c`).
 */

import { parseBytes } from './byte-size.ts';
import type { DirectiveReading } from './directive.ts';
import { accept, refuse } from './directive.ts';

/** Why the text directive `name` refuses `value`; undefined when it takes it. */
export function refusedText(name: string, value: string): string | undefined {
  return TEXT_RULES[name]?.(value);
}

type TextRule = (value: string) => string | undefined;

const TEXT_RULES: Readonly<Record<string, TextRule>> = {
  'cluster-config-file': value => (value === '' ? "cluster-config-file can't be empty" : undefined),
  dbfilename: fileName('dbfilename', 'filename'),
  appendfilename: fileName('appendfilename', 'filename'),
  appenddirname: fileName('appenddirname', 'dirname'),
  'cluster-announce-human-nodename': value => (isAuxText(value) ? undefined : 'Announced human node name contained invalid character'),
  'cluster-announce-ip': value => {
    if (value.length >= 46) return 'cluster-announce-ip is too long';
    return isAuxText(value) ? undefined : 'cluster-announce-ip contains invalid character';
  },
  'cluster-announce-hostname': value => {
    if (value.length >= 256) return 'Hostnames must be less than 256 characters';
    return /^[A-Za-z0-9.-]*$/.test(value) ? undefined : 'Hostnames may only contain alphanumeric characters, hyphens or dots';
  },
  'cluster-announce-client-ipv4': value => (value === '' || isIpv4(value) ? undefined : 'Invalid IPv4 address'),
  'cluster-announce-client-ipv6': value => (value === '' || isIpv6(value) ? undefined : 'Invalid IPv6 address'),
  'proc-title-template': value => (isProcessTitle(value) ? undefined : 'template format is invalid or contains unknown variables'),
  'hash-seed': value => (value.length > 256 ? 'hash-seed must be less than or equal to 256 characters' : undefined),
};

function fileName(directive: string, what: string): TextRule {
  return value => {
    if (value === '') return `${directive} can't be empty`;
    return /[/\\]/.test(value) ? `${directive} can't be a path, just a ${what}` : undefined;
  };
}

/** What may stand in a field of nodes.conf: nothing up to `,`, no DEL, none of what separates its fields. */
function isAuxText(value: string): boolean {
  return value.split('').every(char => char > ',' && char !== '\x7f' && !';<=>?@[]^{|}~\\'.includes(char));
}

function isIpv4(value: string): boolean {
  const parts = value.split('.');
  return parts.length === 4 && parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(value: string): boolean {
  const halves = value.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap(half => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1) ?? '';
  const width = last.includes('.') ? groups.length + 1 : groups.length;
  const hex = last.includes('.') ? groups.slice(0, -1) : groups;
  if (last.includes('.') && !isIpv4(last)) return false;
  return hex.every(group => /^[0-9a-fA-F]{1,4}$/.test(group)) && (halves.length === 2 ? width < 8 : width === 8);
}

function isProcessTitle(value: string): boolean {
  const names = ['title', 'listen-addr', 'server-mode', 'port', 'tls-port', 'unixsocket', 'config-file'];
  const rest = value.replace(/\{([^{}]*)\}/g, (whole, name: string) => (names.includes(name) ? 'x' : whole));
  return !/[{}]/.test(rest.replaceAll('{{', '')) && rest.trim() !== '';
}

/** Reads a special directive. `current` is its value so far. */
export function readSpecial(name: string, words: readonly string[], current: readonly string[]): DirectiveReading {
  const rule = SPECIAL_RULES[name];
  return rule === undefined ? accept(words) : rule(words, current);
}

type SpecialRule = (words: readonly string[], current: readonly string[]) => DirectiveReading;

const SPECIAL_RULES: Readonly<Record<string, SpecialRule>> = {
  save: readSave,
  'client-output-buffer-limit': readOutputLimits,
  'oom-score-adj-values': readOomScores,
  'notify-keyspace-events': readEventClasses,
  bind: readAddresses,
  'rdma-bind': readAddresses,
  replicaof: readPrimary,
  'latency-tracking-info-percentiles': readPercentiles,
  dir: words => {
    if (words.length !== 1) return refuse('wrong number of arguments');
    return words[0] === '' ? refuse("dir can't be empty") : accept(words);
  },
};

function readSave(words: readonly string[]): DirectiveReading {
  if (words.length === 1 && words[0] === '') return accept([]);
  const good = words.length % 2 === 0 && words.every((word, index) => /^\d{1,18}$/.test(word) && (index % 2 === 1 || Number(word) >= 1));
  return good ? accept(words.map(word => String(Number(word)))) : refuse('Invalid save parameters');
}

const LIMIT_CLASSES: Readonly<Record<string, number>> = { normal: 0, slave: 1, replica: 1, pubsub: 2 };

function readOutputLimits(words: readonly string[], current: readonly string[]): DirectiveReading {
  if (words.length % 4 !== 0) return refuse('Wrong number of arguments in buffer limit configuration.');
  const result = [...current];
  for (let at = 0; at < words.length; at += 4) {
    const position = LIMIT_CLASSES[words[at].toLowerCase()];
    if (position === undefined) return refuse('Invalid client class specified in buffer limit configuration.');
    const hard = parseBytes(words[at + 1]);
    const soft = parseBytes(words[at + 2]);
    if (hard === undefined || soft === undefined || !/^\d{1,9}$/.test(words[at + 3])) {
      return refuse('Error in hard, soft or soft_seconds setting in buffer limit configuration.');
    }
    result.splice(position * 4 + 1, 3, hard.toString(), soft.toString(), String(Number(words[at + 3])));
  }
  return accept(result);
}

function readOomScores(words: readonly string[]): DirectiveReading {
  if (words.length !== 3) return refuse('wrong number of arguments');
  const good = words.every(word => /^[+-]?\d{1,9}$/.test(word) && Math.abs(Number(word)) <= 2000);
  return good
    ? accept(words.map(word => String(Number(word))))
    : refuse('Invalid oom-score-adj-values, elements must be between -2000 and 2000.');
}

/** The classes of `A`, in the order in which they are shown. */
const EVENT_CLASSES = 'g$lshzxetd';

function readEventClasses(words: readonly string[]): DirectiveReading {
  if (words.length !== 1) return refuse('wrong number of arguments');
  const given = new Set(words[0].replaceAll('A', EVENT_CLASSES));
  const shownOrder = `${EVENT_CLASSES}nKEm`;
  for (const letter of given) if (!shownOrder.includes(letter)) return refuse("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
  const all = EVENT_CLASSES.split('').every(letter => given.has(letter));
  const shown = shownOrder.split('').filter(letter => given.has(letter) && !(all && (EVENT_CLASSES.includes(letter) || letter === 'n')));
  const text = (all ? 'A' : '') + shown.join('');
  return accept(text === '' ? [] : [text]);
}

function readAddresses(words: readonly string[]): DirectiveReading {
  if (words.length > 16) return refuse('Too many bind addresses specified.');
  return accept(words.length === 1 && words[0] === '' ? [] : words);
}

function readPrimary(words: readonly string[]): DirectiveReading {
  if (words.length !== 2) return refuse('wrong number of arguments');
  if (words[0].toLowerCase() === 'no' && words[1].toLowerCase() === 'one') return accept([]);
  const port = /^\d{1,5}$/.test(words[1]) ? Number(words[1]) : -1;
  return port >= 0 && port <= 65535 ? accept([words[0], String(port)]) : refuse('Invalid primary port');
}

function readPercentiles(words: readonly string[]): DirectiveReading {
  if (words.length === 1 && words[0] === '') return accept([]);
  const shown: string[] = [];
  for (const word of words) {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : Number.NaN;
    if (Number.isNaN(value)) return refuse('Invalid latency-tracking-info-percentiles parameters');
    if (value < 0 || value > 100) return refuse('latency-tracking-info-percentiles parameters should sit between [0.0,100.0]');
    shown.push(value.toFixed(6).replace(/\.?0+$/, ''));
  }
  return accept(shown);
}
