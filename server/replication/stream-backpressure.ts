/** How far one replica may lag behind the stream: client-output-buffer-limit, asked of what waits for it in the backlog. */

import type { ReplicaOutputLimit } from '../core/replica-output-limit.ts';

/** A limit below the backlog's size would drop those who only catch up. */
export function atLeastBacklog(limit: ReplicaOutputLimit, keepBytes: number): ReplicaOutputLimit {
  const raise = (bytes: number): number => (bytes > 0 ? Math.max(bytes, keepBytes) : 0);
  return { hardBytes: raise(limit.hardBytes), softBytes: raise(limit.softBytes), softMs: limit.softMs };
}

/** What is remembered of one replica: since when (monotonic milliseconds) it is over the soft limit. */
export interface LagWatch {
  overSoftLimitSince: number | undefined;
}

/** Whether a replica for whom `waitingBytes` wait must go. Keeps `watch`. */
export function lagsTooFar(watch: LagWatch, waitingBytes: number, limit: ReplicaOutputLimit, now: number): boolean {
  if (limit.softBytes === 0 || waitingBytes <= limit.softBytes) watch.overSoftLimitSince = undefined;
  else watch.overSoftLimitSince ??= now;
  const tooLong = watch.overSoftLimitSince !== undefined && now - watch.overSoftLimitSince > limit.softMs;
  return tooLong || (limit.hardBytes > 0 && waitingBytes > limit.hardBytes);
}
