/**
 * Preloaded into our server by `save.ts`: the longest callback of `setImmediate`, which is what slices are, as processor time. Written to the file
 * that SLICE_FILE names, in microseconds, whenever it has grown.
 *
 * Not by the clock alone: on a machine that does other things, and beside the server's own threads that write the file, most of a long slice is a wait
 * for the processor. The kernel counts these waits: "<running> <waiting> <slices>" in nanoseconds (/proc/…/schedstat).
 */

import { readFileSync, writeFileSync } from 'node:fs';

const file = process.env['SLICE_FILE'] ?? '';
const original = globalThis.setImmediate;

function waitedNanoseconds(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]);
}

let longest = 0;
function measured(callback: (...args: readonly unknown[]) => void, ...args: readonly unknown[]): NodeJS.Immediate {
  return original(() => {
    const waited = waitedNanoseconds();
    const began = performance.now();
    callback(...args);
    const microseconds = (performance.now() - began) * 1000 - (waitedNanoseconds() - waited) / 1000;
    if (microseconds <= longest) return;
    longest = microseconds;
    writeFileSync(file, String(Math.round(longest)));
  });
}

globalThis.setImmediate = Object.assign(measured, { __promisify__: original.__promisify__ }) as typeof setImmediate;
