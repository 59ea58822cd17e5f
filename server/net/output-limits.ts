/** client-output-buffer-limit: how much output may wait for a peer that reads too slowly, by class of client. */

import type { SessionKind } from '../core/session.ts';

export interface OutputLimit {
  /** Bytes; 0 = none. */
  readonly hard: number;
  readonly soft: number;
  readonly softSeconds: number;
}

export interface OutputLimits {
  readonly normal: OutputLimit;
  readonly pubsub: OutputLimit;
}

const NONE: OutputLimit = { hard: 0, soft: 0, softSeconds: 0 };

/** From the directive's words: `normal 0 0 0 slave 268435456 67108864 60 pubsub …`, sizes in bytes. */
export function parseOutputLimits(words: readonly string[]): OutputLimits {
  const limits: { normal: OutputLimit; pubsub: OutputLimit } = { normal: NONE, pubsub: NONE };
  for (let at = 0; at + 3 < words.length; at += 4) {
    const limit = { hard: Number(words[at + 1]), soft: Number(words[at + 2]), softSeconds: Number(words[at + 3]) };
    if (words[at] === 'normal') limits.normal = limit;
    else if (words[at] === 'pubsub') limits.pubsub = limit;
  }
  return limits;
}

export function limitFor(limits: OutputLimits, kind: SessionKind): OutputLimit {
  if (kind === 'pubsub') return limits.pubsub;
  // A replica's output is a window over the backlog: replication counts what it has not taken of the stream.
  return kind === 'primary' || kind === 'replica' ? NONE : limits.normal;
}
