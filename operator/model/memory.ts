/**
 * Memory: what must be remembered of one cluster between turns. Plain data. It may be lost with the process, at the cost of waiting again:
 * nothing here is needed for safety that the status or the nodes do not hold too.
 */
import type { ActionKind } from './action.ts';
import type { AutoscaleMemory } from './autoscaling.ts';
import type { LoadMemory } from './load.ts';
import type { LoadReport } from './load-report.ts';
import type { RebalanceMemory } from './rebalancing.ts';

export interface Memory {
  /** Since when something that must last (a debounce) has been so, by name such as `quorumLost` or `blank:shop-0-1`. */
  readonly since: ReadonlyMap<string, number>;
  /** When an action was last taken, by `<kind>:<node>[:<detail>]`: an action that takes effect later is not repeated at once. */
  readonly lastTaken: ReadonlyMap<string, { readonly at: number; readonly kind: ActionKind; readonly count: number }>;
  /** By node id: the process that ran it, as last seen alive. The status holds the same across restarts of the operator. */
  readonly processes: ReadonlyMap<string, NodeProcess>;
  /** By run id: the hash of the live configuration that was set on it. */
  readonly liveConfigSet: ReadonlyMap<string, string>;
  /** Keys of decisions that were told and still hold: an Event is recorded once. */
  readonly told: ReadonlySet<string>;
  /** Counters and rates of slots, once there were samples. */
  readonly load: LoadMemory | undefined;
  readonly rebalance: RebalanceMemory | undefined;
  /** The target itself stands in the status. */
  readonly autoscale: AutoscaleMemory | undefined;
  readonly loadReport: LoadReport | undefined;
}

export interface NodeProcess {
  readonly name: string;
  readonly podUid: string;
  readonly containerId?: string;
}

export const EMPTY_MEMORY: Memory = {
  since: new Map(),
  lastTaken: new Map(),
  processes: new Map(),
  liveConfigSet: new Map(),
  told: new Set(),
  load: undefined,
  rebalance: undefined,
  autoscale: undefined,
  loadReport: undefined,
};
