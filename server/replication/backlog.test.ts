import { expect, test } from 'vitest';
import { Backlog } from './backlog.ts';

/** The byte at a position of the test's stream. */
const byteAt = (position: number) => (position * 31 + (position >> 8)) & 0xff;

function append(backlog: Backlog, count: number): void {
  const start = backlog.end;
  backlog.append(
    Uint8Array.from({ length: count }, (_, i) => byteAt(start + i)),
    0,
    count,
  );
}

function readAll(backlog: Backlog, from: number): number {
  let position = from;
  let wrong = 0;
  for (;;) {
    const piece = backlog.read(position, 5000);
    if (piece.length === 0) return wrong;
    for (const byte of piece) if (byte !== byteAt(position++)) wrong++;
  }
}

test('what was appended is read from any position', () => {
  const backlog = new Backlog(1 << 20, 1000);
  for (const count of [1, 10, 70, 65_000, 3, 70_000, 0, 200_000]) append(backlog, count);
  expect(backlog.end).toBe(1000 + 335_084);
  for (const from of [1000, 1001, 1500, 66_000, 66_536, 300_000, backlog.end]) expect(readAll(backlog, from)).toBe(0);
});

test('the last keepBytes stay, older blocks go and their memory is used again', () => {
  const backlog = new Backlog(100_000, 0);
  for (let i = 0; i < 200; i++) {
    append(backlog, 10_000);
    backlog.trim(backlog.end);
    expect(backlog.end - backlog.start).toBeGreaterThanOrEqual(Math.min(backlog.end, 100_000));
  }
  expect(backlog.end - backlog.start).toBeLessThan(100_000 + 2 * 16_384);
  expect(backlog.memoryBytes).toBeLessThan(250_000);
  expect(readAll(backlog, backlog.start)).toBe(0);
  expect(backlog.has(backlog.start - 1)).toBe(false);
});

test('a slow replica keeps what it has not been sent', () => {
  const backlog = new Backlog(16_384, 0);
  append(backlog, 20_000);
  for (let i = 0; i < 50; i++) {
    append(backlog, 10_000);
    backlog.trim(20_000);
  }
  expect(backlog.has(20_000)).toBe(true);
  expect(readAll(backlog, 20_000)).toBe(0);
  backlog.trim(backlog.end);
  expect(backlog.has(20_000)).toBe(false);
});
