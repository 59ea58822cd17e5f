import { describe, expect, test } from 'vitest';
import { decidePsync, newHistory, shifted } from './history.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const ZERO = '0'.repeat(40);

describe('PSYNC', () => {
  const history = shifted(newHistory(A, 500), B);
  const grown = { ...history, offset: 900 };
  const backlog = { start: 100, end: 900 };

  const cases: readonly (readonly [string, string, number, typeof backlog | undefined, string])[] = [
    ['"?" asks for a full sync', '?', -1, backlog, 'requested'],
    ['my id within the backlog goes on', B, 901, backlog, 'continue 900'],
    ['my id in upper case is the same id', B.toUpperCase(), 700, backlog, 'continue 699'],
    ['the first byte of the backlog can be had', B, 101, backlog, 'continue 100'],
    ['one byte before the backlog is lost', B, 100, backlog, 'outside-backlog'],
    ['a replica that is ahead of us starts anew', B, 902, backlog, 'outside-backlog'],
    ['the old id goes on up to the promotion', A, 501, backlog, 'continue 500'],
    ['the old id beyond the promotion is another history', A, 502, backlog, 'past-the-fork'],
    ['an unknown id starts anew', 'c'.repeat(40), 501, backlog, 'other-history'],
    ['without a backlog nothing can go on', B, 901, undefined, 'no-backlog'],
    ['an offset that is no number of a byte starts anew', B, -1, backlog, 'outside-backlog'],
  ];
  test.each(cases)('%s', (_, id, offset, positions, expected) => {
    const decision = decidePsync({ id, offset }, grown, positions);
    expect(decision.kind === 'continue' ? `continue ${decision.position}` : decision.reason).toBe(expected);
  });

  test('the id of zeros that stands for "no past" is nobody\'s history', () => {
    expect(decidePsync({ id: ZERO, offset: 0 }, newHistory(A, 10), { start: 0, end: 10 })).toEqual({
      kind: 'full',
      reason: 'other-history',
    });
  });
});

test('a promotion makes the present the past', () => {
  expect(shifted(newHistory(A, 500), B)).toEqual({ id: B, offset: 500, id2: A, offset2: 501 });
});
