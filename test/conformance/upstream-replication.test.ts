/**
 * Upstream's own tests of replication (tests/integration of its Tcl suite) against our server, which they start and stop themselves. What is
 * known to fail stands in upstream-replication-units.ts with its reason; a known failure that passes is reported too.
 *
 * UPSTREAM_UNITS picks units by a comma separated list; SLOTKEEPER_FULL adds those that take long.
 */

import { afterAll, describe, test } from 'vitest';
import { NEEDS_REFERENCE, REFERENCE, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';
import { expectRun, UpstreamSuite } from '../support/upstream-suite.ts';
import { ADAPTATIONS, KNOWN_FAILURES, LEFT_OUT, UNITS, UNITS_OF_FULL_RUN } from './upstream-replication-units.ts';

const LIMIT_MS = 1_500_000;
const FIRST_PORT = 22_600;
const PORTS = 300;

describe.skipIf(WITHOUT_REFERENCE)(`upstream's replication tests${NEEDS_REFERENCE}`, () => {
  const suite = WITHOUT_REFERENCE ? undefined : new UpstreamSuite(REFERENCE ?? '', ADAPTATIONS);
  afterAll(() => suite?.dispose());
  const full = (process.env['SLOTKEEPER_FULL'] ?? '') !== '';
  const chosen = process.env['UPSTREAM_UNITS']?.split(',') ?? [...UNITS, ...(full ? UNITS_OF_FULL_RUN : [])];

  test.each(chosen)(
    '%s',
    async unit => {
      const leftOut = Object.keys(LEFT_OUT[unit] ?? {});
      const result = await suite?.run(`integration/${unit}`, FIRST_PORT, LIMIT_MS, leftOut, PORTS);
      const known = Object.keys(KNOWN_FAILURES[unit] ?? {});
      if (result === undefined) return;
      expectRun(result, { unit, known, leftOut });
    },
    LIMIT_MS + 60_000,
  );
});
