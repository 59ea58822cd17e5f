/**
 * The real autoscaler and planner together over a trace. Shards come empty, a minute after they were asked for, and the planner fills them; those that go are drained evenly
 * to the ones that stay before they leave.
 */
import { SLOT_COUNT } from '../../../lib/slot-hash.ts';
import { EMPTY_AUTOSCALE_MEMORY, type AutoscaleReason, type AutoscaleSettings } from '../../../operator/model/autoscaling.ts';
import type { SlotMove } from '../../../operator/model/slot-move.ts';
import { planAutoscale } from '../../../operator/plan/autoscale/autoscale.ts';
import { rangesOf, SimulatedShards } from './simulated-shards.ts';
import { Slotkeeper } from './strategies.ts';
import { makeTrace, type TraceName } from './traces.ts';

export interface ScalingChange {
  readonly at: number;
  readonly from: number;
  readonly to: number;
  readonly reason: AutoscaleReason;
  readonly message: string;
}

export interface ScalingResult {
  readonly trace: TraceName;
  /** One a step. */
  readonly shards: readonly number[];
  readonly level: readonly number[];
  readonly changes: readonly ScalingChange[];
  readonly unserved: number;
}

const START_SECONDS = 60;
/** A crowd that doubles the load. */
const CROWD = 1;

export const SCALING_SETTINGS: AutoscaleSettings = {
  minShards: 3,
  maxShards: 12,
  targets: { cpu: 0.6 },
  maxShardUtilization: 0.9,
  scaleUp: { stabilizationWindowSeconds: 30, selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 60 }] },
  scaleDown: { stabilizationWindowSeconds: 300, selectPolicy: 'Max', policies: [{ type: 'Shards', value: 1, periodSeconds: 120 }] },
};

export function runScaling(name: TraceName, start: number, seconds: number, seed: number): ScalingResult {
  const trace = makeTrace(name, start, seed, CROWD);
  const cluster = new SimulatedShards(start, seed + 1);
  const planner = new Slotkeeper();
  const changes: ScalingChange[] = [];
  const shards: number[] = [];
  const level: number[] = [];
  let memory = EMPTY_AUTOSCALE_MEMORY;
  let target = start;
  let readyAt = 0;
  let [wanted, missed] = [0, 0];
  const decide = (): void => {
    if (target > cluster.shards && cluster.now >= readyAt) cluster.resize(target);
    if (target < cluster.shards && cluster.pending.length === 0) drain(cluster, target);
    const load = cluster.readLoad();
    if (target >= cluster.shards) cluster.submit(planner.decide(load, cluster.pending, cluster.now * 1000));
    const input = {
      load,
      target,
      scaling: target !== cluster.shards,
      rebalancing: planner.reason,
      settings: SCALING_SETTINGS,
      memory,
      now: cluster.now * 1000,
    };
    const verdict = planAutoscale(input);
    memory = verdict.memory;
    if (verdict.target === target) return;
    changes.push({ at: cluster.now, from: target, to: verdict.target, reason: verdict.reason, message: verdict.message });
    readyAt = cluster.now + START_SECONDS;
    target = verdict.target;
  };
  while (cluster.now < seconds) {
    cluster.step(trace.demandAt(cluster.now), decide);
    const all = cluster.demand.reduce((sum, value) => sum + value, 0);
    wanted += all;
    missed += cluster.demand.reduce((sum, value) => sum + Math.max(0, value - 1), 0);
    shards.push(cluster.shards);
    level.push(all);
  }
  return { trace: name, shards, level, changes, unserved: missed / wanted };
}

/** Every slot of the shards that go, in turn to those that stay; once none is left they leave. */
function drain(cluster: SimulatedShards, target: number): void {
  const moves = new Map<string, number[]>();
  let next = 0;
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const from = cluster.owner[slot];
    if (from < target) continue;
    const pair = `${from}:${next++ % target}`;
    moves.set(pair, [...(moves.get(pair) ?? []), slot]);
  }
  if (moves.size === 0) cluster.resize(target);
  cluster.submit(
    [...moves].map(([pair, slots]): SlotMove => {
      const [from, to] = pair.split(':').map(Number);
      return { from, to, ranges: rangesOf(slots), reason: 'the shard goes' };
    }),
  );
}
