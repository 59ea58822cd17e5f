/** The set commands, by name. */

import type { Values } from '../../values/values.ts';
import type { CommandHandlers } from '../table.ts';
import { sdiff, sinter, sintercard, sinterstore, sunion } from './algebra.ts';
import { spop, srandmember } from './draw.ts';
import { sadd, scard, sismember, smembers, smismember, smove, srem, sscan } from './members.ts';
import { createSetTools } from './set-tools.ts';

export function setHandlers(values: Values): CommandHandlers {
  const tools = createSetTools(values);
  return {
    sadd: context => sadd(context, tools),
    scard: context => scard(context, tools),
    sdiff: context => sdiff(context, tools, false),
    sdiffstore: context => sdiff(context, tools, true),
    sinter: context => sinter(context, tools),
    sintercard: context => sintercard(context, tools),
    sinterstore: context => sinterstore(context, tools),
    sismember: context => sismember(context, tools),
    smembers: context => smembers(context, tools),
    smismember: context => smismember(context, tools),
    smove: context => smove(context, tools),
    spop: context => spop(context, tools),
    srandmember: context => srandmember(context, tools),
    srem: context => srem(context, tools),
    sscan: context => sscan(context, tools),
    sunion: context => sunion(context, tools, false),
    sunionstore: context => sunion(context, tools, true),
  };
}
