/** COMMAND, CONFIG, INFO and the other commands about the server itself, by name. */

import type { CommandHandlers } from '../table.ts';
import * as command from './command.ts';
import * as config from './config.ts';
import { info, time } from './info.ts';
import { lolwut } from './lolwut.ts';
import { memoryHelp, memoryUsage } from './memory.ts';
import { shutdown } from './shutdown.ts';

export const INTROSPECTION_HANDLERS: CommandHandlers = {
  command: command.command,
  'command|count': command.commandCount,
  'command|docs': command.commandDocs,
  'command|getkeys': command.commandGetkeys,
  'command|getkeysandflags': command.commandGetkeysandflags,
  'command|help': command.commandHelp,
  'command|info': command.commandInfo,
  'command|list': command.commandList,
  'config|get': config.configGet,
  'config|help': config.configHelp,
  'config|resetstat': config.configResetstat,
  'config|rewrite': config.configRewrite,
  'config|set': config.configSet,
  info,
  lolwut,
  'memory|help': memoryHelp,
  'memory|usage': memoryUsage,
  shutdown,
  time,
};
