/**
 * How low the busiest shard can be: slots laid out anew, the heaviest first, each on the shard that has least (LPT). It is within a third of the best there is, and within a percent
 * or so where most slots are small; no order of moves does better by more.
 */

/** The load of the busiest of `shards` shards, each of which carries `besides` in any case. O(n log n) in the slots that have load. */
export function packedMaximum(slotLoads: Float64Array, besides: number, shards: number): number {
  const heap = new Float64Array(shards).fill(besides);
  for (const load of slotLoads.filter(value => value > 0).toSorted((a, b) => b - a)) {
    heap[0] += load;
    sink(heap);
  }
  return Math.max(...heap);
}

/** No layout has its busiest shard below this: the mean, and the heaviest slot. */
export function lowerBound(slotLoads: Float64Array, besides: number, shards: number): number {
  const total = slotLoads.reduce((sum, load) => sum + load, 0);
  return (
    besides +
    Math.max(
      total / shards,
      slotLoads.reduce((most, load) => Math.max(most, load), 0),
    )
  );
}

/** Restores the order of a heap (the smallest on top) after its top grew. */
function sink(heap: Float64Array): void {
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    if (left >= heap.length) return;
    const child = left + 1 < heap.length && heap[left + 1] < heap[left] ? left + 1 : left;
    if (heap[child] >= heap[at]) return;
    [heap[at], heap[child]] = [heap[child], heap[at]];
    at = child;
  }
}
