import { expect, test } from 'vitest';
import { fuzz } from '../support/fuzz-run.ts';

/** FUZZ_REQUESTS=10000000 for the long run; FUZZ_SEED repeats one. */
const requests = Number(process.env['FUZZ_REQUESTS'] ?? 20_000);
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
const limitMs = 60_000 + requests * 2;

test(
  `${requests} mutated requests neither crash nor hang the server (seed ${seed})`,
  async () => {
    const result = await fuzz(seed, requests, {});
    expect(result.bugs).toEqual([]);
    expect(result.sent).toBeGreaterThanOrEqual(requests);
  },
  limitMs,
);
