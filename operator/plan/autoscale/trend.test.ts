import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../test/simulate/virtual-time.ts';
import type { LoadPoint } from '../../model/autoscaling.ts';
import { forecast, remember } from './trend.ts';

const history = (value: (minute: number) => number, minutes = 10): readonly LoadPoint[] =>
  Array.from({ length: 2 * minutes + 1 }, (_, i) => ({ at: i * 30_000, total: { cpu: value(i / 2), network: 0, memory: 0 } }));

describe('the forecast', () => {
  test('continues a steady rise', () => {
    expect(
      forecast(
        history(minute => 1 + 0.05 * minute),
        'cpu',
        600_000,
        1.5,
        300,
      ),
    ).toBeCloseTo(1.75);
  });

  test('expects no fall, no trend in noise or of a step that is over, and nothing of a short history', () => {
    const random = seededRandom(3);
    expect(
      forecast(
        history(minute => 2 - 0.1 * minute),
        'cpu',
        600_000,
        1,
        300,
      ),
    ).toBe(1);
    expect(
      forecast(
        history(() => 1 + random()),
        'cpu',
        600_000,
        1.5,
        300,
      ),
    ).toBe(1.5);
    expect(
      forecast(
        history(minute => minute, 3),
        'cpu',
        180_000,
        3,
        300,
      ),
    ).toBe(3);
  });

  test('adds half of the load at most', () => {
    expect(
      forecast(
        history(minute => minute),
        'cpu',
        600_000,
        10,
        900,
      ),
    ).toBe(15);
  });

  test('rests on twenty minutes of points that are half a minute apart', () => {
    let points: readonly LoadPoint[] = [];
    for (let at = 0; at <= 7_200_000; at += 1000) points = remember(points, { at, total: { cpu: 1, network: 1, memory: 1 } });
    expect(points).toHaveLength(40);
  });
});
