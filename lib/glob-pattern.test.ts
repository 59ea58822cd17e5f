import { describe, expect, it } from 'vitest';
import { matchesGlobText } from './glob-pattern.ts';

describe('glob patterns', () => {
  it.each([
    ['*', 'anything', true],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h*llo', 'heeeello', true],
    ['h[ae]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[^e]llo', 'hallo', true],
    ['h[a-b]llo', 'hbllo', true],
    ['h[b-a]llo', 'hallo', true],
    ['h\\*llo', 'h*llo', true],
    ['h\\*llo', 'hello', false],
    ['*a*b*c*', 'xxaxxbxxcxx', true],
    ['*a*b*c', 'xxaxxbxxcxx', false],
    ['a*', 'a', true],
    ['*', '', false],
    ['', '', true],
    ['[a', 'a', true],
    ['foo', 'foobar', false],
  ])('%s on %s is %s', (pattern, text, matches) => {
    expect(matchesGlobText(pattern, text)).toBe(matches);
  });

  it('ignores case when asked to', () => {
    expect(matchesGlobText('MAX*', 'maxmemory', true)).toBe(true);
    expect(matchesGlobText('MAX*', 'maxmemory')).toBe(false);
  });

  it('stays fast on patterns with many stars', () => {
    expect(matchesGlobText('a*'.repeat(40) + 'b', 'a'.repeat(5000))).toBe(false);
  });
});
