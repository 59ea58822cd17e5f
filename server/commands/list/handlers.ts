/** The list commands, by name. */

import type { Values } from '../../values/values.ts';
import type { CommandHandlers } from '../table.ts';
import { linsert, lmove, lrem, lset, ltrim, rpoplpush } from './change.ts';
import { createListTools } from './list-tools.ts';
import { lmpop, pop, push } from './push-pop.ts';
import { lindex, llen, lpos, lrange } from './range.ts';

export function listHandlers(values: Values): CommandHandlers {
  const tools = createListTools(values);
  return {
    lindex: context => lindex(context, tools),
    linsert: context => linsert(context, tools),
    llen: context => llen(context, tools),
    lmove: context => lmove(context, tools),
    lmpop: context => lmpop(context, tools),
    lpop: context => pop(context, tools, false),
    lpos: context => lpos(context, tools),
    lpush: context => push(context, tools, false, false),
    lpushx: context => push(context, tools, false, true),
    lrange: context => lrange(context, tools),
    lrem: context => lrem(context, tools),
    lset: context => lset(context, tools),
    ltrim: context => ltrim(context, tools),
    rpop: context => pop(context, tools, true),
    rpoplpush: context => rpoplpush(context, tools),
    rpush: context => push(context, tools, true, false),
    rpushx: context => push(context, tools, true, true),
  };
}
