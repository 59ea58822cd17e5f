/** Load that runs in a thread of its own, and what came of it second by second. */
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { LatencyHistogram } from './latency-histogram.ts';
import type { LoadSecond, LoadThreadData } from './load-thread.ts';
import type { LoadSettings } from './slot-load.ts';
import type { Doors } from './slot-owners.ts';

/** Several seconds taken together. */
export interface LoadReport {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Commands that had to be tried again. */
  readonly failed: number;
  readonly lastError: string;
}

export const DEFAULT_LOAD: Omit<LoadSettings, 'hotSlots'> = {
  users: 16,
  batch: 8,
  connectionsPerNode: 4,
  hotShare: 0.9,
  writeShare: 0.2,
  valueBytes: 128,
  keysPerSlot: 16,
  scanLength: 0,
  thinkMs: 0,
};

export class Load {
  readonly #worker: Worker;
  readonly #seconds: LoadSecond[] = [];
  readonly #ended: Promise<void>;
  #failure: Error | undefined;

  constructor(doors: Doors, settings: LoadSettings) {
    const workerData: LoadThreadData = { doors, settings };
    this.#worker = new Worker(new URL('./load-thread.ts', import.meta.url), { workerData });
    this.#worker.on('message', (second: LoadSecond) => this.#seconds.push(second));
    this.#worker.on('error', error => (this.#failure = error as Error));
    this.#ended = new Promise(resolve => this.#worker.once('exit', () => resolve()));
  }

  /** Of the seconds that lie whole between two moments. @throws what ended the load, if something did. */
  report(fromMs: number, toMs = Number.POSITIVE_INFINITY): LoadReport {
    if (this.#failure !== undefined) throw this.#failure;
    const seconds = this.#seconds.filter(second => second.atMs - second.lengthMs >= fromMs && second.atMs <= toMs);
    const latencies = new LatencyHistogram();
    for (const { latencyCounts } of seconds) latencies.merge(new LatencyHistogram(latencyCounts));
    const sum = (of: (second: LoadSecond) => number): number => seconds.reduce((total, second) => total + of(second), 0);
    const lengthMs = sum(second => second.lengthMs);
    return {
      perSecond: lengthMs === 0 ? 0 : (sum(second => second.completed) * 1000) / lengthMs,
      p50Ms: latencies.percentileMs(0.5),
      p99Ms: latencies.percentileMs(0.99),
      failed: sum(second => second.failed),
      lastError: seconds.findLast(second => second.lastError !== '')?.lastError ?? '',
    };
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
    await this.#ended;
  }
}

const CALIBRATION_WARM_UP_MS = 3_000;
const CALIBRATION_MS = 6_000;
/** Between two batches of a user: so are users, and so a cluster that could do more has nothing to do at times. */
const THINK_MS = 50;
const MOST_USERS = 4_000;

/**
 * Finds out what the cluster can do with this load when it goes as fast as answers come, and gives so many users, who pause between two batches, that they want
 * `factor` times as much: above 1 the cluster is overloaded, and what it gains shows as throughput up to there and as shorter waiting.
 */
export async function calibrate(doors: Doors, settings: LoadSettings, factor: number, signal?: AbortSignal): Promise<LoadSettings> {
  const trial = new Load(doors, { ...settings, thinkMs: 0 });
  try {
    await pause(CALIBRATION_WARM_UP_MS, undefined, { signal });
    const fromMs = Date.now();
    await pause(CALIBRATION_MS, undefined, { signal });
    const { perSecond } = trial.report(fromMs);
    const users = Math.ceil((factor * perSecond * THINK_MS) / 1000 / settings.batch);
    return { ...settings, thinkMs: THINK_MS, users: Math.min(Math.max(users, 1), MOST_USERS) };
  } finally {
    await trial.stop();
  }
}
