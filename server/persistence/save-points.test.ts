import { describe, expect, test } from 'vitest';
import { duePoint, mayTry, readSavePoints, type SaveHistory } from './save-points.ts';

const POINTS = readSavePoints(['3600', '1', '300', '100', '60', '10000']);
const NOW = 1_000_000;

interface Case {
  readonly what: string;
  readonly changes: number;
  readonly savedSecondsAgo: number;
  readonly failedSecondsAgo?: number;
  readonly due: number | undefined;
}

const CASES: readonly Case[] = [
  { what: 'nothing changed', changes: 0, savedSecondsAgo: 10_000, due: undefined },
  { what: 'one change is saved after an hour', changes: 1, savedSecondsAgo: 3601, due: 3600 },
  { what: 'not before', changes: 99, savedSecondsAgo: 3600, due: undefined },
  { what: 'a hundred after five minutes', changes: 100, savedSecondsAgo: 301, due: 300 },
  { what: 'ten thousand after a minute', changes: 10_000, savedSecondsAgo: 61, due: 60 },
  { what: 'a failed save is not tried again at once', changes: 10_000, savedSecondsAgo: 61, failedSecondsAgo: 5, due: undefined },
  { what: 'but after some seconds', changes: 10_000, savedSecondsAgo: 61, failedSecondsAgo: 6, due: 60 },
];

describe('save points', () => {
  test.each(CASES)('$what', ({ changes, savedSecondsAgo, failedSecondsAgo, due }) => {
    const history: SaveHistory = {
      changes,
      lastSaveAt: NOW - savedSecondsAgo,
      lastTryAt: NOW - (failedSecondsAgo ?? 1),
      lastWasGood: failedSecondsAgo === undefined,
    };
    expect(duePoint(POINTS, history, NOW)?.seconds).toBe(due);
  });

  test('without points nothing is due', () => {
    expect(duePoint([], { changes: 1e9, lastSaveAt: 0, lastTryAt: 0, lastWasGood: true }, NOW)).toBeUndefined();
    expect(mayTry({ changes: 0, lastSaveAt: 0, lastTryAt: NOW, lastWasGood: true }, NOW)).toBe(true);
  });
});
