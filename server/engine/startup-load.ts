/**
 * What a server does with its data's file at the start: the file is loaded, and where it stands in the stream of replication is taken up.
 *
 * A replica goes on from there with its primary; so may a primary that comes back into a cluster, when another one took its place. A primary begins a stream of its own whose past the file's is, so that replicas which are
 * not beyond it can go on; keys that expired while it was away are told to them as deletions.
 * Source: Valkey's server.c (loadDataFromDisk).
 */

import type { ServerPorts } from '../core/ports.ts';
import type { Role } from '../core/replication.ts';
import type { StreamPosition } from '../core/snapshots.ts';

export type StartupNeeds = Pick<ServerPorts, 'persistence' | 'replication' | 'propagation' | 'config' | 'log'>;

/** Resolves to whether the data belong to a known point of a stream. Rejects with a `LoadError`. */
export async function loadAtStart(ports: StartupNeeds, as: Role): Promise<boolean> {
  const { persistence, replication, propagation, config, log } = ports;
  const deletion = config.flag('lazyfree-lazy-expire') ? 'UNLINK' : 'DEL';
  let restored = false;
  const loaded = await persistence.load({
    dropExpired: as === 'primary',
    started: aux => {
      const position = positionOf(aux);
      if (position === undefined) return;
      replication.restore(position, as);
      restored = true;
    },
    expired: (dbIndex, key) => propagation.propagate(dbIndex, [deletion, key]),
  });
  if (loaded !== undefined) log.notice(`DB loaded from disk: ${loaded.seconds.toFixed(3)} seconds`);
  return restored;
}

/** The stream's point that a file's header tells. */
function positionOf(aux: ReadonlyMap<string, string>): StreamPosition | undefined {
  const id = aux.get('repl-id') ?? '';
  const offset = Number(aux.get('repl-offset') ?? -1);
  const dbIndex = Number(aux.get('repl-stream-db') ?? -1);
  return /^[0-9a-f]{40}$/.test(id) && offset >= 0 && dbIndex >= 0 ? { id, offset, dbIndex } : undefined;
}
