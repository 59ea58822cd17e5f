/**
 * When a server saves by itself: the points `save <seconds> <changes> …`, read after every few milliseconds against what has changed.
 *
 * A save that failed is tried again after RETRY_SECONDS, not at each look: a full disk would keep the server busy with failing.
 * Source: Valkey's server.c (serverCron).
 */

export const RETRY_SECONDS = 5;

export interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

export interface SaveHistory {
  /** Changes since the last good save. */
  readonly changes: number;
  /** Unix seconds. */
  readonly lastSaveAt: number;
  readonly lastTryAt: number;
  readonly lastWasGood: boolean;
}

/** The words of the directive. */
export function readSavePoints(words: readonly string[]): readonly SavePoint[] {
  const points: SavePoint[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) points.push({ seconds: Number(words[at]), changes: Number(words[at + 1]) });
  return points;
}

/** The first point that demands a save now. */
export function duePoint(points: readonly SavePoint[], history: SaveHistory, nowSeconds: number): SavePoint | undefined {
  if (!mayTry(history, nowSeconds)) return undefined;
  return points.find(({ seconds, changes }) => history.changes >= changes && nowSeconds - history.lastSaveAt > seconds);
}

/** The last save went well, or its failure is some seconds ago. */
export function mayTry({ lastTryAt, lastWasGood }: SaveHistory, nowSeconds: number): boolean {
  return lastWasGood || nowSeconds - lastTryAt > RETRY_SECONDS;
}
