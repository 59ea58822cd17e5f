/** One strategy over one trace: what it cost, and how even the load was, against a bound that no layout of slots beats. */
import { lowerBound } from '../../../operator/plan/rebalance/packing.ts';
import { SimulatedShards, STEP_SECONDS, type Costs } from './simulated-shards.ts';
import { makeStrategy, type Strategy, type StrategyName } from './strategies.ts';
import { makeTrace, type TraceName } from './traces.ts';

export interface RunOptions {
  readonly trace: TraceName;
  readonly strategy: StrategyName | Strategy;
  readonly shards: number;
  readonly seconds: number;
  readonly seed: number;
}

export interface RunResult {
  /** One a step: the busiest shard over the mean, and the least that it could be. */
  readonly maxOverMean: readonly number[];
  readonly optimum: readonly number[];
  /** Slots moved up to the step. */
  readonly moved: readonly number[];
  readonly costs: Costs;
  /** Bytes moved as a share of all data. */
  readonly churn: number;
  /** Of what clients wanted, the share that a full shard could not serve. */
  readonly unserved: number;
  /** Mean, 95th percentile and last value of the busiest shard over the optimum. */
  readonly overOptimum: { readonly mean: number; readonly p95: number; readonly last: number };
  /** From the start until the busiest shard is within 1.10 of the optimum, for half a minute at least; undefined: never. */
  readonly balancedAfter: number | undefined;
}

export function run({ trace: name, strategy: which, shards, seconds, seed }: RunOptions): RunResult {
  const trace = makeTrace(name, shards, seed);
  const strategy = typeof which === 'string' ? makeStrategy(which) : which;
  const cluster = new SimulatedShards(shards, seed + 1);
  const maxOverMean: number[] = [];
  const optimum: number[] = [];
  const moved: number[] = [];
  let [wanted, missed] = [0, 0];
  while (cluster.now < seconds) {
    const demand = trace.demandAt(cluster.now);
    cluster.step(demand, () => cluster.submit(strategy.decide(cluster.readLoad(), cluster.pending, cluster.now * 1000)));
    const all = cluster.demand.reduce((sum, value) => sum + value, 0);
    wanted += all;
    missed += cluster.demand.reduce((sum, value) => sum + Math.max(0, value - 1), 0);
    maxOverMean.push((Math.max(...cluster.demand) * shards) / all);
    optimum.push((lowerBound(demand, 0, shards) * shards) / all);
    moved.push(cluster.costs.slots);
  }
  const over = maxOverMean.map((value, i) => value / optimum[i]);
  const within = over.findIndex((_, i) => i + 3 <= over.length && over.slice(i, i + 3).every(value => value <= 1.1));
  return {
    maxOverMean,
    optimum,
    moved,
    costs: cluster.costs,
    churn: cluster.costs.bytes / cluster.datasetBytes,
    unserved: missed / wanted,
    overOptimum: {
      mean: over.reduce((sum, value) => sum + value, 0) / over.length,
      p95: over.toSorted((a, b) => a - b)[Math.floor(0.95 * over.length)],
      last: over[over.length - 1],
    },
    balancedAfter: within === -1 ? undefined : (within + 1) * STEP_SECONDS,
  };
}
