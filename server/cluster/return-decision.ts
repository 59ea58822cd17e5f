/**
 * What a primary does that has been away: go on serving its slots, or yield to a replica that has more of the data.
 *
 * A primary that was killed comes back with what its file holds, or with nothing. Its replicas have what it told them until the end, with
 * every write that WAIT confirmed. If it went on at once, they would take its older data over and those writes would be gone. So it serves
 * nobody and feeds nobody until it knows how far its replicas are:
 *
 *     a replica is ahead ─▶ yield: it is to take over, however long that takes while it lives; `sure` when nobody is silent who may have more
 *     all were heard, none is ahead ─▶ serve
 *     some are silent ─▶ wait for them, until they count as failed or PATIENCE_FACTOR × node-timeout are over; then serve what is there
 *     one that was ahead has failed ─▶ wait for it until PATIENCE_FACTOR × node-timeout are over; then serve what is there
 *
 * Offsets of one shard can be compared: they go on through promotions and restarts. Pure.
 */

/** So long silent replicas are waited for, in node timeouts: enough for one that is alive to be heard, and for a dead one to be told as dead. */
const PATIENCE_FACTOR = 2;
const LEAST_PATIENCE_MS = 2000;

export interface KnownReplica {
  readonly id: string;
  /** It has said since this node's start how far its data are. Upstream answers while it loads its file, with offset 0: that says nothing yet. */
  readonly heard: boolean;
  /** It does not answer, as far as this node or others can tell. */
  readonly failing: boolean;
  /** By its last packet. */
  readonly offset: number;
  /** It will never take over (cluster-replica-no-failover). */
  readonly noFailover: boolean;
}

export interface ReturnFacts {
  /** How far this node's own data are; 0 without data. */
  readonly offset: number;
  readonly replicas: readonly KnownReplica[];
  readonly waitedMs: number;
  readonly nodeTimeoutMs: number;
}

export type ReturnDecision =
  | { readonly kind: 'wait' }
  | {
      readonly kind: 'serve';
      /** Replicas that were not heard. */
      readonly silent: readonly string[];
      /** Replicas that had more and are gone. */
      readonly missed: readonly string[];
    }
  | { readonly kind: 'yield'; readonly to: string; readonly offset: number; readonly sure: boolean };

export function decideReturn({ offset, replicas, waitedMs, nodeTimeoutMs }: ReturnFacts): ReturnDecision {
  const ahead = replicas.filter(replica => replica.heard && !replica.noFailover && replica.offset > offset);
  const best = ahead.filter(replica => !replica.failing).toSorted((a, b) => b.offset - a.offset)[0] as KnownReplica | undefined;
  // They went again before they could take over, and may be back in a moment.
  const missed = ahead.filter(replica => replica.failing);
  const silent = replicas.filter(replica => !replica.heard);
  const patience = Math.max(LEAST_PATIENCE_MS, nodeTimeoutMs * PATIENCE_FACTOR);
  const sure = waitedMs >= patience || (missed.length === 0 && silent.every(replica => replica.failing));
  if (best !== undefined) return { kind: 'yield', to: best.id, offset: best.offset, sure };
  if (!sure) return { kind: 'wait' };
  return { kind: 'serve', silent: ids(silent), missed: ids(missed) };
}

const ids = (replicas: readonly KnownReplica[]): readonly string[] => replicas.map(replica => replica.id);
