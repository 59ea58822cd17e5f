/** The hash commands, by name. */

import type { Values } from '../../values/values.ts';
import type { CommandHandlers } from '../table.ts';
import { createHashTools } from './hash-tools.ts';
import { hexists, hget, hgetall, hlen, hmget, hrandfield, hscan, hstrlen } from './read.ts';
import { hdel, hgetdel, hincrby, hincrbyfloat, hset, hsetnx } from './write.ts';

export function hashHandlers(values: Values): CommandHandlers {
  const tools = createHashTools(values);
  return {
    hdel: context => hdel(context, tools),
    hexists: context => hexists(context, tools),
    hget: context => hget(context, tools),
    hgetall: context => hgetall(context, tools, true, true),
    hgetdel: context => hgetdel(context, tools),
    hincrby: context => hincrby(context, tools),
    hincrbyfloat: context => hincrbyfloat(context, tools),
    hkeys: context => hgetall(context, tools, true, false),
    hlen: context => hlen(context, tools),
    hmget: context => hmget(context, tools),
    hmset: context => hset(context, tools, false),
    hrandfield: context => hrandfield(context, tools),
    hscan: context => hscan(context, tools),
    hset: context => hset(context, tools, true),
    hsetnx: context => hsetnx(context, tools),
    hstrlen: context => hstrlen(context, tools),
    hvals: context => hgetall(context, tools, false, true),
  };
}
