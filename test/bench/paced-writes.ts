/**
 * A writer at a fixed pace: WRITES_A_TICK sets every TICK_MS milliseconds, whether the earlier ones are answered or not, so that a server that stops
 * for a moment is seen with all the writes that had to wait for it. It follows MOVED from one server to the other; a write counts from when it was
 * sent first.
 *
 * It goes before all else on the core that it shares with a server, so that what it measures is the other server, and not when its own turn came.
 */
import os from 'node:os';
import { Line } from './line.ts';

const TICK_MS = 5;
const WRITES_A_TICK = 10;
const KEYS = 100_000;

export interface PacedWrites {
  /** Milliseconds that each write took, as soon as all are answered. Throws what a server answered other than OK. */
  stop(): Promise<readonly number[]>;
}

/** @param ports the first gets the writes of which nobody has said that they belong to another. */
export function beginWrites(ports: readonly number[], valueBytes: number): PacedWrites {
  setPriority(os.constants.priority.PRIORITY_HIGH);
  const lines = new Map(ports.map(port => [port, new Line(port)]));
  const moved = new Map<number, number>();
  const taken: number[] = [];
  const value = 'w'.repeat(valueBytes);
  const pending = new Set<Promise<void>>();
  const refused: string[] = [];
  let next = 0;
  const write = async (n: number): Promise<void> => {
    const sentAt = performance.now();
    for (;;) {
      const reply = await lines.get(moved.get(n) ?? ports[0])?.ask('SET', `written:${n}`, value);
      const port = Number(/^-MOVED \d+ \S*:(\d+)/.exec(reply ?? '')?.[1]);
      if (!lines.has(port)) {
        if (reply !== '+OK') refused.push(reply ?? 'nothing');
        break;
      }
      moved.set(n, port);
    }
    taken.push(performance.now() - sentAt);
  };
  const timer = setInterval(() => {
    for (let i = 0; i < WRITES_A_TICK; i++) {
      const one = write(next++ % KEYS).finally(() => void pending.delete(one));
      pending.add(one);
    }
  }, TICK_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(pending);
      setPriority(os.constants.priority.PRIORITY_NORMAL);
      for (const line of lines.values()) line.close();
      if (refused.length > 0) throw new Error(`${refused.length} writes were refused: ${refused[0]}`);
      return taken;
    },
  };
}

function setPriority(priority: number): void {
  try {
    os.setPriority(priority);
  } catch {
    console.error(
      'The writer shares its core evenly with the server beside it, which makes its times longer: only root may give it priority.',
    );
  }
}
