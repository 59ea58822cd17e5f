import { expect, test } from 'vitest';
import type { MemoryFigures } from '../../core/memory-figures.ts';
import { memoryDiagnosis } from './memory-diagnosis.ts';

const MEBIBYTE = 1024 * 1024;
const healthy: MemoryFigures = {
  used: 200 * MEBIBYTE,
  peak: 220 * MEBIBYTE,
  startup: MEBIBYTE,
  tables: 10 * MEBIBYTE,
  resident: 300 * MEBIBYTE,
  javaScriptHeap: 20 * MEBIBYTE,
  backlog: MEBIBYTE,
  replicasBuffer: 0,
  replicaClients: 0,
  otherClients: 1000,
  slotExports: 0,
};

test.each([
  ['a small instance has no issues to speak of', { used: 2 * MEBIBYTE }, /very little memory/],
  ['a healthy one neither', {}, /can't find any memory issue/],
  ['a peak', { peak: 400 * MEBIBYTE }, /^Sam.*Peak memory/s],
  ['a resident set that data, heap and runtime do not explain', { resident: 500 * MEBIBYTE }, /High resident set/],
  ['replicas that do not read', { replicaClients: 11 * MEBIBYTE }, /Big replica buffers/],
  ['clients that do not read', { otherClients: 3 * MEBIBYTE }, /Big client buffers/],
])('%s', (_title, changes: Partial<MemoryFigures>, text) => {
  expect(memoryDiagnosis({ ...healthy, ...changes }, 1, 10)).toMatch(text);
});
