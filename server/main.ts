/**
 * The server as a process: `valkey-server [file] [--directive argument…]… [-]`.
 *
 * Compiled code is kept between starts (Node's compile cache), so everything else is loaded after that is turned on.
 */

import { enableCompileCache } from 'node:module';

enableCompileCache();
const { runProcess } = await import('./server-process.ts');
await runProcess(process.argv.slice(2));
