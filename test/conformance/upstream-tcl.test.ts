/**
 * Upstream's own tests of commands (its Tcl suite in external mode, without those tagged slow) against our server, each unit against a fresh
 * one. What is known to fail stands in upstream-tcl-units.ts with its reason; a known failure that passes is reported too.
 *
 * Needs VALKEY_REFERENCE and Tcl. UPSTREAM_UNITS picks units by a comma separated list.
 */

import { afterAll, describe, expect, test } from 'vitest';
import { NEEDS_REFERENCE, REFERENCE, ValkeyNode, WITHOUT_REFERENCE } from '../support/cluster-nodes.ts';
import { ExternalSuite } from './external-suite.ts';
import { EXTERNAL_UNITS, KNOWN_FAILURES, SKIPPED } from './upstream-tcl-units.ts';

const LIMIT_MS = 120_000;
const PORT = 18_030;
const HARNESS_PORT = 18_100;
const DIRECTIVES = {
  bind: '127.0.0.1 -::1',
  'enable-debug-command': 'yes',
  'enable-module-command': 'yes',
  'enable-protected-configs': 'yes',
};

describe.skipIf(WITHOUT_REFERENCE)(`upstream's tests of commands${NEEDS_REFERENCE}`, () => {
  const suite = WITHOUT_REFERENCE ? undefined : new ExternalSuite(REFERENCE ?? '');
  const counts = { passed: 0, failed: 0, skipped: 0 };
  afterAll(() => {
    suite?.dispose();
    process.stdout.write(
      `upstream's tests of commands: ${counts.passed} passed, ${counts.failed} failed as known, ${counts.skipped} not run\n`,
    );
  });
  const chosen = process.env['UPSTREAM_UNITS']?.split(',') ?? EXTERNAL_UNITS;

  test.each(chosen)('%s', async unit => {
    const node = new ValkeyNode('ours', PORT, DIRECTIVES);
    await node.start();
    try {
      const skipped = Object.keys(SKIPPED[unit] ?? {});
      const result = await suite?.run(unit, PORT, HARNESS_PORT, skipped, LIMIT_MS);
      if (result === undefined) return;
      counts.passed += result.passed.length;
      counts.failed += result.failed.size;
      counts.skipped += skipped.length;
      const known = KNOWN_FAILURES[unit] ?? {};
      const unexpected = [...result.failed].filter(([title]) => known[title] === undefined);
      expect(unexpected).toEqual([]);
      const repaired = Object.keys(known).filter(title => result.passed.includes(title) && !result.failed.has(title));
      expect(repaired).toEqual([]);
      expect([result.complete, result.complete ? '' : result.output.slice(-2000)]).toEqual([true, '']);
      expect(result.passed.length).toBeGreaterThan(0);
      expect(node.running).toBe(true);
    } finally {
      await node.dispose();
    }
  });
});
