/** COMMAND, CONFIG, INFO and the other commands about the server itself, by name. */

import type { CommandHandlers } from '../table.ts';
import * as command from './command.ts';
import * as config from './config.ts';
import { info, time } from './info.ts';
import { lolwut } from './lolwut.ts';
import * as memory from './memory.ts';
import * as module from './module.ts';
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
  'memory|doctor': memory.memoryDoctor,
  'memory|help': memory.memoryHelp,
  'memory|malloc-stats': memory.memoryMallocStats,
  'memory|purge': memory.memoryPurge,
  'memory|stats': memory.memoryStats,
  'memory|usage': memory.memoryUsage,
  'module|help': module.moduleHelp,
  'module|list': module.moduleList,
  'module|load': module.moduleLoad,
  'module|loadex': module.moduleLoad,
  'module|unload': module.moduleUnload,
  shutdown,
  time,
};
