/**
 * Sums up a test run for .ci/run: `count-results.ts <vitest report> <folder>` prints "passed failed skipped".
 *
 * A test file that could not run at all counts as one failure. The folder holds counts of third-party suites that count for
 * themselves: one file each, with a line "passed failed skipped". It and the report may be missing.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };
type VitestReport = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests?: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { readonly status: string }[] }[];
};

function countReport(file: string): Counts {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  const brokenFiles = report.testResults.filter(
    result => result.status === 'failed' && !result.assertionResults.some(assertion => assertion.status === 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles.length,
    skipped: report.numPendingTests + (report.numTodoTests ?? 0),
  };
}

function countFile(file: string): Counts {
  const [passed, failed, skipped] = readFileSync(file, 'utf8').trim().split(/\s+/).map(Number);
  return { passed, failed, skipped };
}

const [report, folder] = process.argv.slice(2);
const all = [countReport(report), ...(existsSync(folder) ? readdirSync(folder).map(name => countFile(join(folder, name))) : [])];
const sum = (field: keyof Counts): number => all.reduce((total, counts) => total + counts[field], 0);
console.log(`${sum('passed')} ${sum('failed')} ${sum('skipped')}`);
