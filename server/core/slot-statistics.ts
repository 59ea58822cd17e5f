/**
 * What each hash slot costs this node (CLUSTER SLOT-STATS): counters that only grow until they are reset.
 *
 * The engine adds to them around each command that has one slot, CLUSTER SLOT-STATS shows them, and the cluster sets those of a slot back when its
 * owner changes. The number of keys is no counter: it is asked of the slot's table. Source: cluster_slot_stats.c.
 */

import { SLOT_COUNT } from '../../lib/slot-hash.ts';

export class SlotStatistics {
  /** cluster-slot-stats-enabled. While it is off nothing is added, and what was counted is kept. */
  enabled = false;
  /** Time in handlers. */
  readonly cpuMicroseconds = new Float64Array(SLOT_COUNT);
  readonly networkBytesIn = new Float64Array(SLOT_COUNT);
  readonly networkBytesOut = new Float64Array(SLOT_COUNT);

  reset(slot: number): void {
    this.cpuMicroseconds[slot] = 0;
    this.networkBytesIn[slot] = 0;
    this.networkBytesOut[slot] = 0;
  }

  resetAll(): void {
    this.cpuMicroseconds.fill(0);
    this.networkBytesIn.fill(0);
    this.networkBytesOut.fill(0);
  }
}
