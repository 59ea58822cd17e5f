/**
 * Which nodes a PING, PONG or MEET tells its receiver about.
 *
 * A tenth of all nodes (cluster-message-gossip-perc), three at least, drawn at random — in node-timeout × 2 some eight packets go
 * between each two nodes, so that enough of the voters hear of each failing node in time — and besides all that are suspected
 * (PFAIL), so that a majority of reports forms fast.
 */

import type { Entropy } from '../core/ports.ts';
import { type ClusterNode, isSuspected } from './cluster-node.ts';
import { FLAG_HANDSHAKE, FLAG_NOADDR } from './node-flags.ts';

const LEAST_ENTRIES = 3;
/** A packet's count is a 16-bit number; far below it is plenty. */
const MOST_ENTRIES = 10_000;

/** Nodes to tell `receiver` about. Cost: O(nodes). */
export function chooseGossip(
  all: readonly ClusterNode[],
  myself: ClusterNode,
  receiver: ClusterNode | undefined,
  percent: number,
  entropy: Pick<Entropy, 'random'>,
): readonly ClusterNode[] {
  const wanted = Math.min(Math.max(LEAST_ENTRIES, Math.floor((all.length * percent) / 100)), all.length - 2, MOST_ENTRIES);
  const candidates = all.filter(node => node !== myself && node !== receiver && !isSuspected(node) && worthTelling(node));
  const chosen: ClusterNode[] = [];
  for (let left = candidates.length; chosen.length < wanted && left > 0; left--) {
    const at = Math.floor(entropy.random() * left);
    chosen.push(candidates[at]);
    candidates[at] = candidates[left - 1];
  }
  const suspected = all.filter(node => isSuspected(node) && !(node.flags & (FLAG_HANDSHAKE | FLAG_NOADDR)));
  return [...chosen, ...suspected.slice(0, MOST_ENTRIES)];
}

function worthTelling(node: ClusterNode): boolean {
  return !(node.flags & (FLAG_HANDSHAKE | FLAG_NOADDR)) && (node.link !== undefined || node.slotCount > 0);
}
