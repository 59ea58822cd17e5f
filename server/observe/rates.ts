/**
 * Rates per second over the last moments: the mean of 16 samples, one each 100 ms (Valkey's trackInstantaneousMetric).
 */

const SAMPLES = 16;

export class Rate {
  private readonly samples = new Float64Array(SAMPLES);
  private position = 0;
  private lastValue = 0;
  private lastAt: number | undefined;

  /** `total` is the counter so far, `now` milliseconds that never go back. */
  sample(total: number, now: number): void {
    if (this.lastAt !== undefined && now > this.lastAt) {
      // A counter that went back was reset.
      const grown = Math.max(0, total - this.lastValue);
      this.samples[this.position] = (grown * 1000) / (now - this.lastAt);
      this.position = (this.position + 1) % SAMPLES;
    }
    this.lastValue = total;
    this.lastAt = now;
  }

  perSecond(): number {
    let sum = 0;
    for (const sample of this.samples) sum += sample;
    return sum / SAMPLES;
  }
}
