/** A wanted change of ownership: `ranges` of shard `from` go to shard `to`. */
import type { SlotRange } from '../../lib/slot-ranges.ts';

export interface SlotMove {
  readonly from: number;
  readonly to: number;
  readonly ranges: readonly SlotRange[];
  readonly reason: string;
}
