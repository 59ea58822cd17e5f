/** The commands of replication by name. */

import type { CommandHandlers } from '../table.ts';
import { replconf } from './replconf.ts';
import { psync, replicaof, role, sync } from './roles.ts';
import { wait, waitaof } from './wait.ts';

export const REPLICATION_HANDLERS: CommandHandlers = {
  psync,
  replconf,
  replicaof,
  role,
  slaveof: replicaof,
  sync,
  wait,
  waitaof,
};
