/**
 * From what the load calls for to what is done: the stabilization windows and policies of HorizontalPodAutoscaler, with its meaning.
 *
 * Within the window of a direction the most cautious recommendation counts: the lowest for growth, the highest for shrinking. A policy bounds the change within its period.
 */
import type { AutoscaleMemory, ScalePolicy, ScaleRules } from '../../model/autoscaling.ts';

/** Between what the windows of both directions allow, `current` where that is in between. */
export function stabilize(
  recommendations: AutoscaleMemory['recommendations'],
  current: number,
  wanted: number,
  up: ScaleRules,
  down: ScaleRules,
  now: number,
): number {
  const within = (rules: ScaleRules): readonly number[] =>
    recommendations.filter(({ at }) => now - at < rules.stabilizationWindowSeconds * 1000).map(({ shards }) => shards);
  const lowest = Math.min(wanted, ...within(up));
  const highest = Math.max(wanted, ...within(down));
  if (lowest > current) return lowest;
  return highest < current ? highest : current;
}

/** The furthest that the policies let the target go from `current` now. Without policies there is no bound. */
export function policyBound(
  rules: ScaleRules,
  changes: AutoscaleMemory['changes'],
  current: number,
  direction: 1 | -1,
  now: number,
): number {
  if (rules.selectPolicy === 'Disabled') return current;
  if (rules.policies.length === 0) return direction === 1 ? Number.POSITIVE_INFINITY : 1;
  const bounds = rules.policies.map(policy => boundOf(policy, changes, current, direction, now));
  const furthest = direction === 1 ? Math.max(...bounds) : Math.min(...bounds);
  const nearest = direction === 1 ? Math.min(...bounds) : Math.max(...bounds);
  return rules.selectPolicy === 'Max' ? furthest : nearest;
}

function boundOf(
  { type, value, periodSeconds }: ScalePolicy,
  changes: AutoscaleMemory['changes'],
  current: number,
  direction: 1 | -1,
  now: number,
): number {
  const done = changes
    .filter(({ at, from, to }) => now - at < periodSeconds * 1000 && Math.sign(to - from) === direction)
    .reduce((sum, { from, to }) => sum + to - from, 0);
  const start = current - done;
  if (type === 'Shards') return start + direction * value;
  return direction === 1 ? Math.ceil(start * (1 + value / 100)) : Math.floor(start * (1 - value / 100));
}
