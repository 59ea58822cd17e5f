/**
 * Latencies, counted in steps of 4.4 %: a sixteenth of a doubling each, from 1 µs to minutes. Two are added by adding their counts. Pure.
 */
const STEPS_PER_DOUBLING = 16;
const STEPS = STEPS_PER_DOUBLING * 28;

export class LatencyHistogram {
  readonly counts: Uint32Array;

  /** @param counts of another one, such as came from a thread */
  constructor(counts: Uint32Array = new Uint32Array(STEPS)) {
    this.counts = counts;
  }

  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  add(latencyMs: number): void {
    const step = latencyMs <= 0.001 ? 0 : Math.floor(Math.log2(latencyMs * 1000) * STEPS_PER_DOUBLING);
    this.counts[Math.min(step, STEPS - 1)]++;
  }

  merge(other: LatencyHistogram): void {
    for (let step = 0; step < STEPS; step++) this.counts[step] += other.counts[step];
  }

  /** What the share `part` of all latencies is at most, in milliseconds; 0 when there are none. */
  percentileMs(part: number): number {
    const rank = Math.max(1, Math.ceil(this.total * part));
    let seen = 0;
    for (let step = 0; step < STEPS; step++) {
      seen += this.counts[step];
      if (seen >= rank) return 2 ** ((step + 1) / STEPS_PER_DOUBLING) / 1000;
    }
    return 0;
  }
}
