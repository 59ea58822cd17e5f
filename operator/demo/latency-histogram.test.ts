import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from './latency-histogram.ts';

describe('a latency histogram', () => {
  it('tells percentiles to within a step of 4.4 %, from above', () => {
    const histogram = new LatencyHistogram();
    for (let ms = 1; ms <= 1000; ms++) histogram.add(ms);
    for (const [part, exact] of [
      [0.5, 500],
      [0.99, 990],
      [1, 1000],
    ]) {
      expect(histogram.percentileMs(part)).toBeGreaterThanOrEqual(exact);
      expect(histogram.percentileMs(part)).toBeLessThan(exact * 1.09);
    }
  });

  it('counts what is out of its bounds at them, and says 0 for nothing', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.percentileMs(0.99)).toBe(0);
    histogram.add(0);
    histogram.add(1e9);
    expect(histogram.total).toBe(2);
    expect(histogram.percentileMs(0.5)).toBeCloseTo(0.001, 3);
    expect(histogram.percentileMs(1)).toBeGreaterThan(200_000);
  });

  it('adds another one', () => {
    const [a, b] = [new LatencyHistogram(), new LatencyHistogram()];
    for (let n = 0; n < 99; n++) a.add(1);
    b.add(500);
    a.merge(b);
    expect(a.total).toBe(100);
    expect(a.percentileMs(0.99)).toBeLessThan(1.1);
    expect(a.percentileMs(1)).toBeGreaterThanOrEqual(500);
  });
});
