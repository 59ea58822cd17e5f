/**
 * Which history this node's data belongs to: what PSYNC is decided by.
 *
 *     id                the stream that this node produces or follows; 40 hex digits
 *     offset            bytes of that stream that are in the data
 *     id2, offset2      the stream it belonged to before a promotion, valid up to and with position offset2 (PSYNC offset ≤ offset2):
 *                       replicas that followed the old stream and are not ahead can go on without a full sync
 *
 * Source: replication.c (replid, replid2, second_replid_offset).
 */

export const NO_REPLICATION_ID = '0'.repeat(40);

export interface History {
  readonly id: string;
  readonly offset: number;
  readonly id2: string;
  /** PSYNC offsets up to this one are valid with id2; -1 = none. */
  readonly offset2: number;
}

/** A new stream without a past. */
export function newHistory(id: string, offset: number): History {
  return { id, offset, id2: NO_REPLICATION_ID, offset2: -1 };
}

/** A promotion, or the news that our primary's history goes on under another id: what we are becomes the past of `newId`. */
export function shifted(history: History, newId: string): History {
  return { id: newId, offset: history.offset, id2: history.id, offset2: history.offset + 1 };
}

/** Why PSYNC was refused, for the log. */
export type PsyncDecision =
  | { readonly kind: 'continue'; readonly position: number }
  | { readonly kind: 'full'; readonly reason: 'requested' | 'no-backlog' | 'other-history' | 'past-the-fork' | 'outside-backlog' };

export interface PsyncRequest {
  /** `?` asks for a full sync. */
  readonly id: string;
  /** Number of the first byte that is wanted, counted from 1. */
  readonly offset: number;
}

/** Whether a replica can go on where it is, or needs everything. `backlog`: positions that can still be read. */
export function decidePsync(
  request: PsyncRequest,
  history: History,
  backlog: { readonly start: number; readonly end: number } | undefined,
): PsyncDecision {
  if (request.id === '?') return { kind: 'full', reason: 'requested' };
  const id = request.id.toLowerCase();
  if (id !== history.id) {
    if (id !== history.id2 || history.id2 === NO_REPLICATION_ID) return { kind: 'full', reason: 'other-history' };
    if (request.offset > history.offset2) return { kind: 'full', reason: 'past-the-fork' };
  }
  if (backlog === undefined) return { kind: 'full', reason: 'no-backlog' };
  const position = request.offset - 1;
  if (position < backlog.start || position > backlog.end) return { kind: 'full', reason: 'outside-backlog' };
  return { kind: 'continue', position };
}
