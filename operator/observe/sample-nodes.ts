/**
 * Reads the counters of each primary that owns slots, into samples of this turn. A node that does not answer, or keeps no statistics, has none: what
 * went wrong with it is another part's to tell.
 */
import type { NodeSample } from '../model/node-sample.ts';
import type { NodeObservation } from '../model/observation.ts';
import type { NodeClients, NodeTarget } from '../valkey/node-client.ts';
import { readNodeSample } from '../valkey/read-node-sample.ts';

export interface SampledNode {
  readonly target: NodeTarget;
  readonly nodeId: string;
}

export function nodesToSample(
  nodes: ReadonlyMap<string, NodeObservation>,
  targets: ReadonlyMap<string, NodeTarget>,
): readonly SampledNode[] {
  return [...nodes].flatMap(([name, node]) => {
    const target = targets.get(name);
    if (target === undefined || !node.reachable) return [];
    const { loading, nodeId, peers, role } = node.view;
    const serves = role === 'primary' && !loading && peers.some(peer => peer.myself && peer.slots.length > 0);
    return serves ? [{ target, nodeId }] : [];
  });
}

/** By node name. */
export async function sampleNodes(
  nodes: readonly SampledNode[],
  clients: NodeClients,
  now: () => number,
): Promise<ReadonlyMap<string, NodeSample>> {
  const samples = new Map<string, NodeSample>();
  await Promise.all(
    nodes.map(async ({ target, nodeId }) => {
      try {
        const sample = await readNodeSample(clients.client(target), nodeId, now);
        if (sample !== undefined) samples.set(target.name, sample);
      } catch {
        // No sample is an answer too: the next turn sees the node as unreachable if it is.
      }
    }),
  );
  return samples;
}
