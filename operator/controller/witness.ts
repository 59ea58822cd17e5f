/** Who looks on while the controller works, such as the dashboard: hears of turns and decisions, and has no say in them. */
import type { ValkeyClusterStatus } from '../api/valkey-cluster.ts';
import type { Decision } from '../model/action.ts';
import type { ClusterKey } from '../model/cluster.ts';
import type { Observation } from '../model/observation.ts';
import type { Topology } from '../model/topology.ts';

export interface Turn {
  readonly observation: Observation;
  readonly topology: Topology;
  /** As it was computed in this turn. */
  readonly status: ValkeyClusterStatus;
}

/** Nothing here may throw or take long. */
export interface Witness {
  /** Whether this process is the one that works. */
  leads(leading: boolean): void;
  turned(turn: Turn): void;
  /** An Event was recorded. */
  decided(key: ClusterKey, decision: Decision, atMs: number): void;
  gone(key: ClusterKey): void;
}
