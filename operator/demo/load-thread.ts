/** A thread of its own for the load: what generates it must not wait for the operator beside it, nor the operator for it. */
import { parentPort, workerData } from 'node:worker_threads';
import { type LoadSettings, SlotLoad } from './slot-load.ts';
import type { Doors } from './slot-owners.ts';

export interface LoadThreadData {
  readonly doors: Doors;
  readonly settings: LoadSettings;
}

/** What one second brought, as it crosses threads. */
export interface LoadSecond {
  /** Its end, and how long it was. */
  readonly atMs: number;
  readonly lengthMs: number;
  readonly completed: number;
  readonly failed: number;
  readonly redirected: number;
  readonly lastError: string;
  readonly latencyCounts: Uint32Array;
}

const SECOND_MS = 1_000;

async function run({ doors, settings }: LoadThreadData): Promise<void> {
  const load = await SlotLoad.start(doors, settings);
  let fromMs = performance.now();
  setInterval(() => {
    const toMs = performance.now();
    const { latencies, ...counts } = load.take();
    const second: LoadSecond = { ...counts, atMs: Date.now(), lengthMs: toMs - fromMs, latencyCounts: latencies.counts };
    fromMs = toMs;
    parentPort?.postMessage(second);
  }, SECOND_MS);
}

await run(workerData as LoadThreadData);
