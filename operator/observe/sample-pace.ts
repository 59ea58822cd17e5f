/** When the counters of a cluster's nodes are read again: at once the first time, then every SAMPLE_INTERVAL_MS at most. */
import type { ClusterKey } from '../model/cluster.ts';

/** The reply of a node with all slots is a megabyte and a half: turns come more often than that is worth. */
export const SAMPLE_INTERVAL_MS = 10_000;

export class SamplePace {
  readonly #sampledAt = new Map<ClusterKey, number>();

  /** Whether it is time; if so the next time is an interval away. */
  take(key: ClusterKey, now: number): boolean {
    const before = this.#sampledAt.get(key);
    if (before !== undefined && now >= before && now - before < SAMPLE_INTERVAL_MS) return false;
    this.#sampledAt.set(key, now);
    return true;
  }

  forget(key: ClusterKey): void {
    this.#sampledAt.delete(key);
  }
}
