/** The HyperLogLog commands, by name. */

import type { CommandHandlers } from '../table.ts';
import { pfadd, pfmerge } from './add.ts';
import { pfcount } from './count.ts';
import { pfdebug } from './debug.ts';
import { createHyperLogLogTools } from './hyperloglog-tools.ts';
import { pfselftest } from './self-test.ts';

export function hyperloglogHandlers(): CommandHandlers {
  const tools = createHyperLogLogTools();
  return {
    pfadd: context => pfadd(context, tools),
    pfcount: context => pfcount(context, tools),
    pfdebug: context => pfdebug(context, tools),
    pfmerge: context => pfmerge(context, tools),
    pfselftest,
  };
}
