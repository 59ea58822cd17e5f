/**
 * client-output-buffer-limit of the class replica: how much of the stream may wait for one replica. A replica that loads a snapshot holds
 * back as much of it, and pre-images of a snapshot may wait as long.
 */

import type { ConfigPort } from './ports.ts';

export interface ReplicaOutputLimit {
  /** Bytes; 0 = none. */
  readonly hardBytes: number;
  /** Bytes that may wait for `softMs` at most; 0 = none. */
  readonly softBytes: number;
  readonly softMs: number;
}

export function replicaOutputLimit(config: ConfigPort): ReplicaOutputLimit {
  const words = config.words('client-output-buffer-limit');
  const at = words.findIndex(word => word === 'replica' || word === 'slave');
  if (at < 0) return { hardBytes: 0, softBytes: 0, softMs: 0 };
  const [hardBytes, softBytes, seconds] = [1, 2, 3].map(i => Number(words[at + i]));
  return { hardBytes, softBytes, softMs: seconds * 1000 };
}
