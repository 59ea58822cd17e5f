/** The generic commands, and those on whole databases, by name. */

import type { Values } from '../../values/values.ts';
import type { CommandHandlers } from '../table.ts';
import { dbsize, flushall, flushdb, swapdb } from './databases.ts';
import { dump, restore } from './dump.ts';
import { expire, expireat, expiretime, persist, pexpire, pexpireat, pexpiretime, pttl, ttl } from './expire.ts';
import { copy, del, exists, move, randomkey, rename, renamenx, touch, type } from './keys.ts';
import { objectEncoding, objectFreq, objectHelp, objectIdletime, objectRefcount } from './object.ts';
import { keys, scan } from './scan.ts';
import { createSortTools, sort } from './sort-command.ts';

export const GENERIC_HANDLERS: CommandHandlers = {
  copy,
  dbsize,
  del,
  dump,
  exists,
  expire,
  expireat,
  expiretime,
  flushall,
  flushdb,
  keys,
  move,
  'object|encoding': objectEncoding,
  'object|freq': objectFreq,
  'object|help': objectHelp,
  'object|idletime': objectIdletime,
  'object|refcount': objectRefcount,
  persist,
  pexpire,
  pexpireat,
  pexpiretime,
  pttl,
  randomkey,
  rename,
  renamenx,
  restore,
  'restore-asking': restore,
  scan,
  swapdb,
  touch,
  ttl,
  type,
  unlink: del,
};

export function sortHandlers(values: Values): CommandHandlers {
  const tools = createSortTools(values);
  return {
    sort: context => sort(context, tools, true),
    sort_ro: context => sort(context, tools, false),
  };
}
