import { describe, expect, it } from 'vitest';
import { addLongDoubles, formatLongDouble, parseLongDouble } from './long-double.ts';

function sum(left: string, right: string): string {
  const a = parseLongDouble(left);
  const b = parseLongDouble(right);
  if (a === undefined || b === undefined) return 'not a float';
  const result = addLongDoubles(a, b);
  return result === undefined ? 'no number' : formatLongDouble(result);
}

describe('long double arithmetic', () => {
  it('gives the digits that a C program gives', () => {
    expect(sum('1', '0.25')).toBe('1.25');
    expect(sum('1.5', '1.5')).toBe('3');
    expect(sum('1', '-1')).toBe('0');
    expect(sum('0.1', '0.2')).toBe('0.3');
    expect(sum('10.5', '0.1')).toBe('10.6');
    expect(sum('3.0e3', '5.0e2')).toBe('3500');
    expect(sum('-1', '0.00000000000000000001')).toBe('-1');
    expect(sum('123456789.123', '0.333')).toBe('123456789.45599999999831198');
    expect(sum('17179869184', '1.5')).toBe('17179869185.5');
    expect(sum('17179869184', '1.7')).toBe('17179869185.69999999925494194');
  });

  it('refuses what is no number', () => {
    expect(sum('abc', '1')).toBe('not a float');
    expect(sum(' 1', '1')).toBe('not a float');
    expect(sum('1e6000', '1')).toBe('not a float');
    expect(sum('inf', '1')).toBe('no number');
  });
});
