/** The sorted set commands, by name. */

import type { Values } from '../../values/values.ts';
import type { CommandHandlers } from '../table.ts';
import { zadd } from './add.ts';
import { combine, zintercard } from './algebra.ts';
import { zrange } from './range.ts';
import { zcard, zcount, zlexcount, zmscore, zrandmember, zrank, zscan, zscore } from './read.ts';
import { zmpop, zpop, zrem, zremrange } from './remove.ts';
import { createSortedSetTools } from './sorted-set-tools.ts';

export function sortedSetHandlers(values: Values): CommandHandlers {
  const tools = createSortedSetTools(values);
  return {
    zadd: context => zadd(context, tools, false),
    zcard: context => zcard(context, tools),
    zcount: context => zcount(context, tools),
    zdiff: context => combine(context, tools, 'diff', undefined),
    zdiffstore: context => combine(context, tools, 'diff', 'zdiffstore'),
    zincrby: context => zadd(context, tools, true),
    zinter: context => combine(context, tools, 'inter', undefined),
    zintercard: context => zintercard(context, tools),
    zinterstore: context => combine(context, tools, 'inter', 'zinterstore'),
    zlexcount: context => zlexcount(context, tools),
    zmpop: context => zmpop(context, tools),
    zmscore: context => zmscore(context, tools),
    zpopmax: context => zpop(context, tools, true),
    zpopmin: context => zpop(context, tools, false),
    zrandmember: context => zrandmember(context, tools),
    zrange: context => zrange(context, tools, {}),
    zrangebylex: context => zrange(context, tools, { by: 'lex', reverse: false }),
    zrangebyscore: context => zrange(context, tools, { by: 'score', reverse: false }),
    zrangestore: context => zrange(context, tools, { stores: true }),
    zrank: context => zrank(context, tools, false),
    zrem: context => zrem(context, tools),
    zremrangebylex: context => zremrange(context, tools, 'lex'),
    zremrangebyrank: context => zremrange(context, tools, 'rank'),
    zremrangebyscore: context => zremrange(context, tools, 'score'),
    zrevrange: context => zrange(context, tools, { by: 'rank', reverse: true }),
    zrevrangebylex: context => zrange(context, tools, { by: 'lex', reverse: true }),
    zrevrangebyscore: context => zrange(context, tools, { by: 'score', reverse: true }),
    zrevrank: context => zrank(context, tools, true),
    zscan: context => zscan(context, tools),
    zscore: context => zscore(context, tools),
    zunion: context => combine(context, tools, 'union', undefined),
    zunionstore: context => combine(context, tools, 'union', 'zunionstore'),
  };
}
