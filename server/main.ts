/**
 * The server as a process: `valkey-server [file] [--directive argument…]… [-]`.
 *
 * Compiled code is kept between starts (Node's compile cache), so everything else is loaded after that is turned on. Until the server takes the signals over, one to stop
 * ends the process: as the first process of a container it would not hear it otherwise, and be killed after its grace period.
 */

import { enableCompileCache } from 'node:module';

enableCompileCache();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
const { runProcess } = await import('./server-process.ts');
await runProcess(process.argv.slice(2));
