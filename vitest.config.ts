/**
 * The test suites as projects: `unit` beside the code, `integration` for what starts our own processes,
 * `local` for whole stories of it that take minutes, and the ones that need more than npm: `conformance` (reference Valkey), `e2e` (a Kubernetes), `chaos` (long fault runs).
 */
import { defineConfig } from 'vitest/config';

const project = (name: string, include: string[], extra: object = {}) => ({ test: { name, include, testTimeout: 20_000, ...extra } });
/** Against the clock of a busy machine even upstream's own suite fails now and then: once more, and `.ci/run` names each test that needed it. */
const repeated = { retry: 1 };
/** Of the stories on Kubernetes only what ran out of time: one that lost data has failed, whatever a second try brings. */
const late = { retry: { count: 1, condition: /Waited|timed out|to be less than/i } };
const serial = { fileParallelism: false, maxWorkers: 1, sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    projects: [
      project('unit', ['{lib,server,operator}/**/*.test.ts', 'test/simulate/**/*.test.ts', 'test/structure.test.ts'], {
        maxWorkers: 2,
        sequence: { groupOrder: 0 },
      }),
      project('integration', ['test/{clients,integration}/**/*.test.ts'], { ...serial, testTimeout: 60_000, hookTimeout: 60_000 }),
      project('local', ['test/local/**/*.test.ts'], { ...serial, testTimeout: 240_000, hookTimeout: 60_000 }),
      project('conformance', ['test/{conformance,interop}/**/*.test.ts'], {
        ...serial,
        ...repeated,
        testTimeout: 600_000,
        hookTimeout: 120_000,
      }),
      project('e2e', ['test/e2e/**/*.test.ts'], {
        ...serial,
        ...late,
        globalSetup: ['test/e2e/setup.ts'],
        testTimeout: 900_000,
        hookTimeout: 900_000,
      }),
      project('chaos', ['test/chaos/**/*.test.ts'], { ...serial, testTimeout: 3_600_000, hookTimeout: 600_000 }),
    ],
  },
});
