/** What this process and its machine are, for INFO (`observe/process-facts.ts`). */

import { machine, release, totalmem, type } from 'node:os';
import type { ProcessFacts } from '../observe/process-facts.ts';

export const processFacts: ProcessFacts = {
  operatingSystem: `${type()} ${release()} ${machine()}`,
  runtime: `Node.js ${process.versions.node}`,
  machineMemoryBytes: totalmem(),
  residentBytes: () => process.memoryUsage.rss(),
  heapBytes: () => process.memoryUsage().heapUsed,
  processorSeconds() {
    const { user, system } = process.cpuUsage();
    return { user: user / 1e6, system: system / 1e6 };
  },
};
