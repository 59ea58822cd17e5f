/** MEMORY DOCTOR: figures in, advice out. The thresholds are upstream's (object.c, getMemoryDoctorReport), those on its allocator apart. */

import type { MemoryFigures } from '../../core/memory-figures.ts';

const MEBIBYTE = 1024 * 1024;
const SMALL_DATASET = 5 * MEBIBYTE;
const HIGH_PEAK = 1.5;
const HIGH_RESIDENT = 1.4;
const RELEVANT_OVERHEAD = 10 * MEBIBYTE;
/** What Node.js takes for itself, whatever it runs. */
const RUNTIME_BYTES = 96 * MEBIBYTE;
const BIG_CLIENT = 200 * 1024;
const BIG_REPLICA = 10 * MEBIBYTE;

/** `replicas` and `others`: how many clients there are of each kind. */
export function memoryDiagnosis(figures: MemoryFigures, replicas: number, others: number): string {
  const { used } = figures;
  if (used < SMALL_DATASET) {
    return 'Hi Sam, this instance is empty or is using very little memory: there is nothing that I could tell you about it. Come back when it holds some data.\n';
  }
  const issues: string[] = [];
  if (figures.peak / used > HIGH_PEAK) {
    issues.push(
      'Peak memory: this instance has used more than 150% of what it uses now. Segments that became empty are with the system again.',
    );
  }
  const resident = figures.resident - figures.javaScriptHeap - RUNTIME_BYTES;
  if (resident / used > HIGH_RESIDENT && resident - used > RELEVANT_OVERHEAD) {
    issues.push(
      'High resident set: the process takes more than 1.4 times the memory of its data, the JavaScript heap and the runtime set apart. ' +
        'After a peak, or when many values have changed their size, pages are in use for a few live blocks; new data will fill them.',
    );
  }
  if (replicas > 0 && figures.replicaClients > BIG_REPLICA) {
    issues.push('Big replica buffers: more than 10 MB wait for replicas. INFO replication and CLIENT LIST tell which of them is too slow.');
  }
  if (others > 0 && figures.otherClients / others > BIG_CLIENT) {
    issues.push('Big client buffers: clients have more than 200 KB waiting on average. CLIENT LIST tells which of them read too slowly.');
  }
  if (issues.length === 0) return "Hi Sam, I can't find any memory issue in your instance.\n";
  return `Sam, I found something about the memory of this instance:\n\n${issues.map(issue => ` * ${issue}\n\n`).join('')}`;
}
