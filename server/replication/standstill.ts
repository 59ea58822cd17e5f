/** DEBUG PAUSE-AFTER-FORK: a snapshot arrives whole while its sender stands still, as if a child process had sent it. */

import type { ServerPorts } from '../core/ports.ts';

/** When a test wants that: nobody is served from now on, until the process that the result stops goes on again. */
export function standstill({ debug, clients }: Pick<ServerPorts, 'debug' | 'clients'>): (() => void) | undefined {
  if (!debug.pauseAfterSnapshot) return undefined;
  clients.pause('standstill', Number.MAX_SAFE_INTEGER, false);
  return () => {
    debug.pauseProcess();
    clients.unpause('standstill');
  };
}
