/**
 * Upstream's own cluster tests (tests/unit/cluster of its Tcl suite) against our server. What is known to fail stands in KNOWN with its
 * reason; a known failure that passes is reported too, so that the list stays true.
 *
 * UPSTREAM_UNITS picks units by a comma separated list; SLOTKEEPER_FULL adds those that take long.
 */

import { afterAll, describe, expect, test } from 'vitest';
import { NEEDS_REFERENCE, REFERENCE, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';
import { expectRun, UpstreamSuite } from '../support/upstream-suite.ts';
import { ADAPTATIONS, KNOWN_FAILURES, LEFT_OUT, UNITS, UNITS_LEFT_OUT, UNITS_OF_FULL_RUN } from './upstream-cluster-units.ts';

const LIMIT_MS = 570_000;
const FIRST_PORT = 20_300;

describe.skipIf(WITHOUT_REFERENCE)(`upstream's cluster tests${NEEDS_REFERENCE}`, () => {
  const suite = WITHOUT_REFERENCE ? undefined : new UpstreamSuite(REFERENCE ?? '', ADAPTATIONS);
  afterAll(() => suite?.dispose());
  const full = (process.env['SLOTKEEPER_FULL'] ?? '') !== '';
  const chosen = process.env['UPSTREAM_UNITS']?.split(',') ?? [...UNITS, ...(full ? UNITS_OF_FULL_RUN : [])];

  test.for(Object.entries(UNITS_LEFT_OUT))('%s does not run: %s', ([, reason], { skip }) => {
    expect(reason).not.toBe('');
    skip(reason);
  });

  test.each(chosen)('%s', async unit => {
    const leftOut = Object.keys(LEFT_OUT[unit] ?? {});
    const result = await suite?.run(`unit/cluster/${unit}`, FIRST_PORT, LIMIT_MS, leftOut);
    const known = Object.keys(KNOWN_FAILURES[unit] ?? {});
    if (result === undefined) return;
    expectRun(result, { unit, known, leftOut });
  });
});
