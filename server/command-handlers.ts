/** All command handlers of a server, by full name. */

import { BITMAP_HANDLERS } from './commands/bitmap/handlers.ts';
import { CLUSTER_HANDLERS } from './commands/cluster/handlers.ts';
import { CONNECTION_HANDLERS } from './commands/connection/handlers.ts';
import { DEBUG_HANDLERS } from './commands/debug/handlers.ts';
import { GENERIC_HANDLERS, sortHandlers } from './commands/generic/handlers.ts';
import { INTROSPECTION_HANDLERS } from './commands/introspection/handlers.ts';
import { hashHandlers } from './commands/hash/handlers.ts';
import { hyperloglogHandlers } from './commands/hyperloglog/handlers.ts';
import { listHandlers } from './commands/list/handlers.ts';
import { PERSISTENCE_HANDLERS } from './commands/persistence/handlers.ts';
import { REPLICATION_HANDLERS } from './commands/replication/handlers.ts';
import { setHandlers } from './commands/set/handlers.ts';
import { sortedSetHandlers } from './commands/sorted-set/handlers.ts';
import { STRING_HANDLERS } from './commands/string/handlers.ts';
import type { CommandHandlers } from './commands/table.ts';
import { TRANSACTION_HANDLERS } from './commands/transaction/handlers.ts';
import type { Values } from './values/values.ts';

export function commandHandlers(values: Values): CommandHandlers {
  return {
    ...BITMAP_HANDLERS,
    ...CLUSTER_HANDLERS,
    ...CONNECTION_HANDLERS,
    ...DEBUG_HANDLERS,
    ...GENERIC_HANDLERS,
    ...INTROSPECTION_HANDLERS,
    ...PERSISTENCE_HANDLERS,
    ...REPLICATION_HANDLERS,
    ...STRING_HANDLERS,
    ...TRANSACTION_HANDLERS,
    ...hashHandlers(values),
    ...hyperloglogHandlers(),
    ...listHandlers(values),
    ...setHandlers(values),
    ...sortHandlers(values),
    ...sortedSetHandlers(values),
  };
}
