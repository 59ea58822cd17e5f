/**
 * In which order SORT gives its elements.
 *
 * Where two elements compare as equal, the order is upstream's: a stable sort, unless BY and LIMIT stand together. Then only the part that is
 * wanted is sorted, by upstream's partial quicksort (pqsort.c; Bentley and McIlroy, "Engineering a sort function", 1993, without the
 * parts outside the range), whose steps decide the order of equals: they are taken one by one. Weights that were chosen to make it quadratic do
 * not: a part that is split too often is left to the stable sort.
 */

export type Comparison = (a: number, b: number) => number;

/** The numbers 0 … `length` - 1 in order; with `range`, only its places [from, until) hold what belongs there. */
export function sortedOrder(
  length: number,
  compare: Comparison,
  range: { readonly from: number; readonly until: number } | undefined,
): Uint32Array {
  const order = new Uint32Array(length);
  for (let index = 1; index < length; index++) order[index] = index;
  if (range === undefined) return order.sort(compare);
  new PartialSort(order, compare, range.from, range.until - 1).sort(0, length, 4 * (32 - Math.clz32(length)));
  return order;
}

const INSERTION_LIMIT = 7;
const NINTHER_LIMIT = 40;

class PartialSort {
  private readonly order: Uint32Array;
  private readonly compare: Comparison;
  private readonly first: number;
  private readonly last: number;

  constructor(order: Uint32Array, compare: Comparison, first: number, last: number) {
    this.order = order;
    this.compare = compare;
    this.first = first;
    this.last = last;
  }

  /** Sorts `count` places from `start` on, as far as they meet the wanted range. `splits`: how often they may be split. */
  sort(start: number, count: number, splits: number): void {
    if (count < INSERTION_LIMIT) return this.insertionSort(start, count);
    if (splits === 0) {
      this.order.subarray(start, start + count).sort(this.compare);
      return;
    }
    const { less, greater } = this.partition(start, count);
    if (less > 1 && this.isWanted(start, less)) this.sort(start, less, splits - 1);
    const above = start + count - greater;
    if (greater > 1 && this.isWanted(above, greater)) this.sort(above, greater, splits - 1);
  }

  private isWanted(start: number, count: number): boolean {
    return this.last >= start && this.first < start + count;
  }

  private insertionSort(start: number, count: number): void {
    const { order } = this;
    for (let next = start + 1; next < start + count; next++) {
      for (let at = next; at > start && this.compare(order[at - 1], order[at]) > 0; at--) this.swap(at, at - 1);
    }
  }

  /** Less than the pivot, equal, greater: sizes of the outer parts. Equals gather at both ends first, then move to the middle. */
  private partition(start: number, count: number): { less: number; greater: number } {
    const { order, compare } = this;
    this.swap(start, this.pivot(start, count));
    const end = start + count;
    let equalBelow = start + 1;
    let low = start + 1;
    let high = end - 1;
    let equalAbove = end - 1;
    for (;;) {
      for (let result; low <= high && (result = compare(order[low], order[start])) <= 0; low++) {
        if (result === 0) this.swap(equalBelow++, low);
      }
      for (let result; low <= high && (result = compare(order[high], order[start])) >= 0; high--) {
        if (result === 0) this.swap(high, equalAbove--);
      }
      if (low > high) break;
      this.swap(low++, high--);
    }
    const less = low - equalBelow;
    const greater = equalAbove - high;
    this.swapRanges(start, low, Math.min(equalBelow - start, less));
    this.swapRanges(low, end, Math.min(greater, end - equalAbove - 1));
    return { less, greater };
  }

  /** Exchanges `count` places from `start` on with the last `count` before `end`. */
  private swapRanges(start: number, end: number, count: number): void {
    for (let i = 0; i < count; i++) this.swap(start + i, end - count + i);
  }

  private pivot(start: number, count: number): number {
    const middle = start + (count >> 1);
    if (count === INSERTION_LIMIT) return middle;
    const last = start + count - 1;
    if (count <= NINTHER_LIMIT) return this.median(start, middle, last);
    const step = count >> 3;
    return this.median(
      this.median(start, start + step, start + 2 * step),
      this.median(middle - step, middle, middle + step),
      this.median(last - 2 * step, last - step, last),
    );
  }

  private median(a: number, b: number, c: number): number {
    const { order, compare } = this;
    if (compare(order[a], order[b]) < 0) return compare(order[b], order[c]) < 0 ? b : compare(order[a], order[c]) < 0 ? c : a;
    return compare(order[b], order[c]) > 0 ? b : compare(order[a], order[c]) < 0 ? a : c;
  }

  private swap(a: number, b: number): void {
    const { order } = this;
    const kept = order[a];
    order[a] = order[b];
    order[b] = kept;
  }
}
