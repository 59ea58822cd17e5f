/** Signals of the server's process: SIGTERM and SIGINT shut it down as `shutdown-on-sigterm` and `shutdown-on-sigint` say. */

import type { ServerLog, ServerPorts } from './core/ports.ts';

/** `leave` ends the process at once. */
export function handleSignals(ports: ServerPorts, log: ServerLog, leave: (code: number) => void): void {
  let asked = false;
  const shutDown = (signal: 'SIGTERM' | 'SIGINT'): void => {
    if (asked && signal === 'SIGINT') {
      log.warning('You insist... exiting now.');
      return leave(1);
    }
    asked = true;
    log.warning(`Received ${signal} scheduling shutdown...`);
    const words = ports.config.words(`shutdown-on-${signal.toLowerCase()}`);
    const options = {
      save: words.includes('nosave') ? false : words.includes('save') ? true : undefined,
      now: words.includes('now'),
      force: words.includes('force'),
      safe: words.includes('safe'),
      failover: words.includes('failover'),
    };
    void ports.lifecycle.shutdown(options).then(problem => {
      if (problem === undefined) return;
      asked = false;
      log.warning('Errors trying to shut down the server. Check the logs for more information.');
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // Takes over from what ends a process that has not got this far. Ours is added first: without any listener for a moment, a signal that is on its way would be lost.
    const early = process.listeners(signal);
    process.on(signal, () => shutDown(signal));
    for (const listener of early) process.removeListener(signal, listener);
  }
  // The terminal may go; and Node.js would open its debugger on SIGUSR1.
  process.on('SIGHUP', () => {});
  process.on('SIGUSR1', () => {});
}
