/**
 * The filters of CLIENT LIST and CLIENT KILL: pairs of a word and a value (`ID` takes several), all of which must hold.
 * Nearly all have a `NOT-` form.
 */

import type { CommandContext } from '../../core/context.ts';
import type { Session, SessionKind } from '../../core/session.ts';
import { SYNTAX_ERROR } from '../../protocol/reply-errors.ts';
import { clientFlags } from './client-line.ts';

export type ClientFilter = (session: Session) => boolean;

const FLAG_LETTERS = 'OSMPxbtRBdcuAUreTIiEN';

const KIND_OF_TYPE: Readonly<Record<string, SessionKind>> = {
  normal: 'normal',
  slave: 'replica',
  replica: 'replica',
  pubsub: 'pubsub',
  master: 'primary',
  primary: 'primary',
};

/** A filter as it is read: of a word that is given twice the last one counts, but ids add up. */
interface Draft {
  readonly checks: Map<string, ClientFilter>;
  readonly ids: Set<number>;
  readonly notIds: Set<number>;
  leaveOutCaller: boolean;
}

/** The filter that the arguments from `first` on make; undefined after an error was replied. `skipMe`: the caller is left out. */
export function readClientFilter(context: CommandContext, first: number, skipMe: boolean): ClientFilter | undefined {
  const draft: Draft = { checks: new Map(), ids: new Set(), notIds: new Set(), leaveOutCaller: skipMe };
  let index = first;
  while (index < context.argc) {
    const next = readFilterWord(context, index, draft);
    if (next === undefined) return undefined;
    index = next;
  }
  const { checks, ids, notIds, leaveOutCaller } = draft;
  const me = context.session;
  return session =>
    !(leaveOutCaller && session === me) &&
    (ids.size === 0 || ids.has(session.id)) &&
    !notIds.has(session.id) &&
    [...checks.values()].every(check => check(session));
}

/** Reads one word with its value; the index behind them, undefined after an error was replied. */
function readFilterWord(context: CommandContext, index: number, draft: Draft): number | undefined {
  const word = context.argString(index).toUpperCase();
  const negated = word.startsWith('NOT-');
  const name = negated ? word.slice(4) : word;
  if (name === 'ID') return readIds(context, index + 1, negated ? draft.notIds : draft.ids);
  if (index + 1 === context.argc) return refuse(context, SYNTAX_ERROR);
  if (word === 'SKIPME') {
    if (!context.argIs(index + 1, 'YES') && !context.argIs(index + 1, 'NO')) return refuse(context, SYNTAX_ERROR);
    draft.leaveOutCaller = context.argIs(index + 1, 'YES');
  } else {
    const check = word === 'MAXAGE' || word === 'IDLE' ? readAge(context, word, index + 1) : readCheck(context, word, name, index + 1);
    if (typeof check === 'string') return refuse(context, check);
    draft.checks.set(word, negated ? session => !check(session) : check);
  }
  return index + 2;
}

function refuse(context: CommandContext, text: string): undefined {
  context.reply.error(text);
  return undefined;
}

/** Takes ids up to the first word that is no number. */
function readIds(context: CommandContext, first: number, ids: Set<number>): number | undefined {
  let index = first;
  for (; index < context.argc; index++) {
    const id = context.argInteger(index);
    if (id === undefined) break;
    if (id < 1) return refuse(context, 'ERR client-id should be greater than 0');
    ids.add(id);
  }
  return index;
}

/** The check, or the error text. */
function readAge(context: CommandContext, word: 'MAXAGE' | 'IDLE', index: number): ClientFilter | string {
  const name = word.toLowerCase();
  const seconds = context.argInteger(index);
  if (seconds === undefined) return `ERR ${name} is not an integer or out of range`;
  if (seconds <= 0) return `ERR ${name} should be greater than 0`;
  const { now } = context;
  return session => Math.floor((now - (word === 'MAXAGE' ? session.createdAt : session.lastInteractionAt)) / 1000) >= seconds;
}

function readCheck(context: CommandContext, word: string, name: string, index: number): ClientFilter | string {
  const value = context.argString(index);
  switch (name) {
    case 'TYPE': {
      const kind = KIND_OF_TYPE[value.toLowerCase()];
      return kind === undefined ? `ERR Unknown client type '${value}'` : session => session.kind === kind;
    }
    case 'ADDR':
      return session => session.transport.remoteAddress === value;
    case 'LADDR':
      return session => session.transport.localAddress === value;
    case 'IP':
      return session => session.transport.remoteAddress.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') === value;
    case 'USER':
      return value === 'default' ? session => session.user === value : `ERR No such user '${value}'`;
    case 'NAME':
      return session => session.name === value;
    case 'LIB-NAME':
      return session => session.libName === value;
    case 'LIB-VER':
      return session => session.libVersion === value;
    case 'FLAGS':
      if (!isMadeOf(value, FLAG_LETTERS)) return `ERR Unknown flags found in the ${filterNoun(word)}: ${value}`;
      return session => isMadeOf(value, clientFlags(session));
    case 'CAPA':
      if (!isMadeOf(value, 'r')) return `ERR Unknown capa found in the ${filterNoun(word)}: ${value}`;
      return session => value === '' || session.redirectCapable;
    case 'DB': {
      const number = context.argInteger(index);
      const { count } = context.ports.databases;
      if (number === undefined) return `ERR ${word} is not an integer or out of range`;
      return number < 0 || number >= count
        ? `ERR ${word} number should be between 0 and ${count - 1}`
        : session => session.dbIndex === number;
    }
    default:
      return SYNTAX_ERROR;
  }
}

function filterNoun(word: string): string {
  return word.startsWith('NOT-') ? `${word} filter` : 'provided filter';
}

function isMadeOf(text: string, letters: string): boolean {
  return text.split('').every(letter => letters.includes(letter));
}
