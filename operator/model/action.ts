/**
 * Action: one step that the operator can take. Plain data, named by what it does; every one may be repeated, and the operator may die after any of them.
 *
 * Steps of a plan run in order. After a failure the same node gets no further step in the turn: what follows was planned on the success.
 */
import type { NodeAddress } from './workload.ts';
import type { SlotRange } from '../../lib/slot-ranges.ts';

export type Action =
  | { readonly kind: 'addFinalizer' }
  | { readonly kind: 'removeFinalizer' }
  | { readonly kind: 'applyWorkloads' }
  | { readonly kind: 'deleteWorkload'; readonly node: string }
  | { readonly kind: 'restartNode'; readonly node: string; readonly podUid: string }
  | { readonly kind: 'deleteAll' }
  /** A config epoch of its own for a blank node, before it meets others. */
  | { readonly kind: 'setConfigEpoch'; readonly node: string; readonly epoch: number }
  /** Only after the process at the peer's address was asked again who it is. */
  | { readonly kind: 'meet'; readonly node: string; readonly peer: string; readonly peerId: string; readonly peerAddress: NodeAddress }
  | { readonly kind: 'addSlots'; readonly node: string; readonly ranges: readonly SlotRange[] }
  /** For a node that takes over slots whose every copy is gone: its claim must win over what others remember. */
  | { readonly kind: 'bumpEpoch'; readonly node: string }
  | { readonly kind: 'replicate'; readonly node: string; readonly primaryId: string }
  | { readonly kind: 'forget'; readonly node: string; readonly nodeId: string }
  /** `graceful`: CLUSTER FAILOVER; `force`: without the primary, by the vote; `takeover`: without the vote, only with a fence. */
  | { readonly kind: 'failover'; readonly node: string; readonly mode: 'graceful' | 'force' | 'takeover'; readonly reason: string }
  /** The source is told to give the slots to the primary `targetId`; that it agreed says nothing yet about the end. */
  | {
      readonly kind: 'migrateSlots';
      readonly node: string;
      readonly target: string;
      readonly targetId: string;
      readonly ranges: readonly SlotRange[];
    }
  /** All that the node gives away now. */
  | { readonly kind: 'cancelMigrations'; readonly node: string }
  | { readonly kind: 'setConfig'; readonly node: string; readonly values: readonly (readonly [string, string])[] };

export type ActionKind = Action['kind'];

/** What a plan asks to be told to the user: once, when the turn's actions succeeded. */
export interface Decision {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
  /** The planner's reason behind it, for metrics; the same as `reason` where there is none. */
  readonly cause?: string;
}

/** What a plan knows about why the cluster is not as wanted, for the status. In order of weight. */
export interface Finding {
  /** `Note`: no trouble now, but one to come that can be avoided; it stands in Degraded while that is False. */
  readonly condition: 'Progressing' | 'Degraded' | 'Note';
  readonly reason: string;
  readonly message: string;
}
