import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../platform/simulated/virtual-clock.ts';
import { WorkQueue } from './work-queue.ts';

const LIMITS = { minimumIntervalMs: 50, failureBaseMs: 100, failureMaxMs: 1000 };

describe('the work queue', () => {
  it('hands out a key once however often it was added', async () => {
    const clock = new VirtualClock();
    const queue = new WorkQueue(clock, () => 0, LIMITS);
    for (let i = 0; i < 5; i++) queue.add('a');
    queue.add('b');
    expect([await queue.take(), await queue.take()]).toEqual(['a', 'b']);
    let third: string | undefined = 'none';
    void queue.take().then(key => (third = key));
    await clock.advance(1000);
    expect(third).toBe('none');
  });

  it('never hands out a key that is worked on, and hands it out again when it was added meanwhile', async () => {
    const clock = new VirtualClock();
    const queue = new WorkQueue(clock, () => 0, LIMITS);
    queue.add('a');
    await queue.take();
    queue.add('a');
    let again = false;
    void queue.take().then(() => (again = true));
    await clock.advance(500);
    expect(again).toBe(false);
    queue.done('a');
    await clock.advance(0);
    expect(again).toBe(true);
  });

  it('keeps a distance between runs of the same key, and takes the earliest of several wishes', async () => {
    const clock = new VirtualClock();
    const queue = new WorkQueue(clock, () => 0, LIMITS);
    queue.add('a');
    await queue.take();
    queue.addAfter('a', 5000);
    queue.add('a');
    queue.done('a');
    let at = -1;
    const began = clock.now();
    void queue.take().then(() => (at = clock.now() - began));
    await clock.advance(10_000);
    expect(at).toBe(50);
  });

  it('waits longer after every failure, with jitter, up to a limit', async () => {
    const clock = new VirtualClock();
    const queue = new WorkQueue(clock, () => 0.5, LIMITS);
    expect([1, 2, 3, 4, 5, 6].map(() => queue.failed('a'))).toEqual([75, 150, 300, 600, 750, 750]);
    expect(queue.failed('a', 200)).toBe(150);
    queue.succeeded('a');
    expect(queue.failed('a')).toBe(75);
  });

  it('ends every waiting worker when it closes', async () => {
    const queue = new WorkQueue(new VirtualClock(), () => 0, LIMITS);
    const waiting = [queue.take(), queue.take()];
    queue.close();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(await queue.take()).toBeUndefined();
  });
});
