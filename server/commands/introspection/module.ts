/**
 * MODULE: there are no modules, and none can be loaded: they are shared libraries for upstream's process. The errors begin as upstream's do when it
 * cannot load one, so that clients know them.
 */

import type { CommandContext } from '../../core/context.ts';
import { replyHelp } from '../help.ts';

export function moduleList({ reply }: CommandContext): void {
  reply.array(0);
}

/** MODULE LOAD path [arg …], MODULE LOADEX path [CONFIG name value …] [ARGS arg …] */
export function moduleLoad({ reply }: CommandContext): void {
  reply.error('ERR Error loading the extension. This server has no interface for C modules.');
}

/** MODULE UNLOAD name */
export function moduleUnload({ reply }: CommandContext): void {
  reply.error('ERR Error unloading module: no such module with that name');
}

export function moduleHelp(context: CommandContext): void {
  replyHelp(context, [
    ['LIST', 'List the loaded modules: always none.'],
    ['LOAD <path> [<arg> ...]', 'Fails: this server has no interface for C modules.'],
    ['LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]', 'Fails as LOAD does.'],
    ['UNLOAD <name>', 'Fails: no module is loaded.'],
  ]);
}
