/**
 * The test suites as projects: `unit` beside the code, `integration` for what starts our own processes,
 * `local` for whole stories of it that take minutes, and the ones that need more than npm: `conformance` (reference Valkey), `e2e` (a Kubernetes), `chaos` (long fault runs).
 */
import { defineConfig } from 'vitest/config';

const project = (name: string, include: string[], extra: object = {}) => ({ test: { name, include, testTimeout: 20_000, ...extra } });
const serial = { fileParallelism: false, maxWorkers: 1 };

export default defineConfig({
  test: {
    projects: [
      project('unit', ['{lib,server,operator}/**/*.test.ts', 'test/simulate/**/*.test.ts', 'test/structure.test.ts']),
      project('integration', ['test/{clients,integration}/**/*.test.ts'], { ...serial, testTimeout: 60_000, hookTimeout: 60_000 }),
      project('local', ['test/local/**/*.test.ts'], { ...serial, testTimeout: 240_000, hookTimeout: 60_000 }),
      project('conformance', ['test/{conformance,interop}/**/*.test.ts'], { ...serial, testTimeout: 600_000, hookTimeout: 120_000 }),
      project('e2e', ['test/e2e/**/*.test.ts'], {
        ...serial,
        globalSetup: ['test/e2e/setup.ts'],
        testTimeout: 900_000,
        hookTimeout: 900_000,
      }),
      project('chaos', ['test/chaos/**/*.test.ts'], { ...serial, testTimeout: 3_600_000, hookTimeout: 600_000 }),
    ],
  },
});
