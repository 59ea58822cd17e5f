/** Where the load goes: a straight line through its last minutes, believed only when it explains most of what happened. */
import type { Dimension } from '../../model/load.ts';
import type { LoadPoint } from '../../model/autoscaling.ts';
import { FORECAST_MAX, HISTORY_MS, HISTORY_STEP_MS, TREND_MIN_FIT, TREND_MIN_POINTS, TREND_MS } from './limits.ts';

export function remember(history: readonly LoadPoint[], point: LoadPoint): readonly LoadPoint[] {
  const last = history.at(-1);
  if (last !== undefined && point.at - last.at < HISTORY_STEP_MS) return history;
  return [...history.filter(({ at }) => point.at - at < HISTORY_MS), point];
}

/** The load in `aheadSeconds`; the load of now where there is no trend upwards. A fall is not counted on. */
export function forecast(history: readonly LoadPoint[], dimension: Dimension, now: number, current: number, aheadSeconds: number): number {
  const points = history.filter(({ at }) => now - at <= TREND_MS).map(({ at, total }) => ({ x: (at - now) / 1000, y: total[dimension] }));
  if (points.length < TREND_MIN_POINTS) return current;
  const whole = lineThrough(points);
  // A step that is over leaves a slope in the whole, and none in its later half.
  const rise = Math.min(whole.slope, lineThrough(points.slice(points.length >> 1)).slope);
  if (whole.fit < TREND_MIN_FIT || rise <= 0) return current;
  return Math.min(current * (1 + FORECAST_MAX), current + rise * aheadSeconds);
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Least squares; `fit` is the share of the movement that the line explains. */
function lineThrough(points: readonly Point[]): { readonly slope: number; readonly fit: number } {
  const mean = (pick: (point: Point) => number): number => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [x, y] = [mean(point => point.x), mean(point => point.y)];
  const xx = mean(point => (point.x - x) ** 2);
  const xy = mean(point => (point.x - x) * (point.y - y));
  const yy = mean(point => (point.y - y) ** 2);
  return xx > 0 && yy > 0 ? { slope: xy / xx, fit: xy ** 2 / (xx * yy) } : { slope: 0, fit: 0 };
}
