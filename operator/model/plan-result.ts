/** What one turn of planning gives: steps, what to tell, and what to remember. */
import type { Action, Decision, Finding } from './action.ts';
import type { LoadReport } from './load-report.ts';
import type { Memory } from './memory.ts';
import type { Topology } from './topology.ts';

export interface PlanResult {
  readonly actions: readonly Action[];
  readonly decisions: readonly Decision[];
  readonly findings: readonly Finding[];
  readonly memory: Memory;
  readonly topology: Topology;
  /** All copies of some slots are gone: the status must say so before they are given to empty nodes. */
  readonly dataLoss?: { readonly message: string };
  /** Shards that clients cannot use: for a moment already, where the cluster was whole before (a hand-over is no outage). */
  readonly unserved: readonly number[];
  readonly scaling?: ScalingProgress;
  readonly migrations: readonly MigrationRow[];
  /** Undefined: what the status says still counts. */
  readonly loadReport?: LoadReport;
  /** Shards that there should be from now on, where they follow the load. */
  readonly targetShards?: number;
  /** When to look again although nothing was reported. */
  readonly recheckAfterMs: number;
}

/** A change of the number of shards that is under way. */
export interface ScalingProgress {
  /** The number that is wanted. */
  readonly shards: number;
  readonly slotsToMove: number;
  readonly slotsMoved: number;
}

/** A migration that runs, for the status. */
export interface MigrationRow {
  /** Shards; undefined for a node that is not of this cluster. */
  readonly from?: number;
  readonly to?: number;
  readonly slots: string;
  /** As the server names it. */
  readonly state: string;
}
