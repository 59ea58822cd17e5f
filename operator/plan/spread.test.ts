import { describe, expect, test } from 'vitest';
import { nextRoleMove, spreadRoles } from './spread.ts';

describe('primaries over machines', () => {
  test('are given out evenly where the pods allow it', () => {
    expect(
      spreadRoles([
        ['a', 'b'],
        ['a', 'c'],
        ['a', 'b'],
      ]).toSorted(),
    ).toEqual(['a', 'b', 'c']);
    expect(
      spreadRoles([
        ['a', 'b'],
        ['c', 'b'],
        ['a', 'c'],
      ]).toSorted(),
    ).toEqual(['a', 'b', 'c']);
  });

  test('stay where they are when no move helps: two machines cannot share three evenly', () => {
    expect(
      nextRoleMove([
        { host: 'a', others: ['b'] },
        { host: 'a', others: ['b'] },
        { host: 'b', others: ['a'] },
      ]),
    ).toBeUndefined();
    expect(
      nextRoleMove([
        { host: 'a', others: [] },
        { host: 'a', others: [] },
      ]),
    ).toBeUndefined();
    expect(nextRoleMove([])).toBeUndefined();
  });

  test('move along a path over another shard, its last step first', () => {
    // a holds two and can only give to b; b must make room by giving to c.
    const places = [
      { host: 'a', others: ['b'] },
      { host: 'a', others: ['b'] },
      { host: 'b', others: ['c'] },
    ];
    expect(nextRoleMove(places)).toEqual({ shard: 2, to: 'c' });
    expect(nextRoleMove([places[0], places[1], { host: 'c', others: ['b'] }])).toEqual({ shard: 0, to: 'b' });
  });

  test('come to rest from every start', () => {
    const machines = ['a', 'b', 'c', 'd', 'e'];
    for (let seed = 1; seed < 300; seed++) {
      let state = seed;
      const draw = (): string => {
        state = (state * 48_271) % 2_147_483_647;
        return machines[state % machines.length] ?? 'a';
      };
      const choices = Array.from({ length: 7 }, () => [...new Set([draw(), draw()])]);
      const roles = spreadRoles(choices);
      expect(
        roles.every((host, shard) => choices[shard]?.includes(host)),
        `seed ${seed}`,
      ).toBe(true);
      const counts = machines.map(machine => roles.filter(host => host === machine).length);
      const before = machines.map(machine => choices.filter(([first]) => first === machine).length);
      expect(Math.max(...counts), `seed ${seed}`).toBeLessThanOrEqual(Math.max(...before));
    }
  });
});
