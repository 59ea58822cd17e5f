/**
 * Sums up a test run for .ci/run: `count-results.ts <vitest report> <folder>` prints "passed failed skipped", and then a few lines for each
 * failed test (where it is, its name, how its message begins), since the whole output of a long run is seldom at hand, and for each that passed
 * only when it was repeated.
 *
 * A test file that could not run at all counts as one failure. The folder holds counts of third-party suites that count for
 * themselves: one file each, with a line "passed failed skipped". It and the report may be missing.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };
type Assertion = { readonly status: string; readonly fullName: string; readonly failureMessages?: readonly string[] };
type TestFile = {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly assertionResults: readonly Assertion[];
};
type VitestReport = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests?: number;
  readonly testResults: readonly TestFile[];
};

/** How many lines of a failure's message are shown, each of at most MESSAGE_WIDTH characters. */
const MESSAGE_LINES = 12;
const MESSAGE_WIDTH = 300;

const hasFailed = (result: { readonly status: string }): boolean => result.status === 'failed';
const isBroken = (file: TestFile): boolean => hasFailed(file) && !file.assertionResults.some(hasFailed);

function countReport(report: VitestReport | undefined): Counts {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const brokenFiles = report.testResults.filter(isBroken);
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

/** A few lines for each test that failed or was repeated. */
function troublesOf(report: VitestReport): string[] {
  return report.testResults.flatMap(file => {
    const where = relative('.', file.name);
    const troubles = file.assertionResults
      .filter(test => hasFailed(test) || (test.failureMessages ?? []).length > 0)
      .map(test => describeFailure(`${hasFailed(test) ? 'FAILED' : 'REPEATED'} ${where} > ${test.fullName}`, test.failureMessages));
    return isBroken(file) ? [...troubles, describeFailure(`FAILED ${where}`, [file.message ?? ''])] : troubles;
  });
}

function describeFailure(what: string, messages: readonly string[] = []): string {
  const lines = stripVTControlCharacters(messages.join('\n'))
    .split('\n')
    .filter(line => !line.includes('/node_modules/'));
  return [what, ...lines.slice(0, MESSAGE_LINES).map(line => `    ${line.slice(0, MESSAGE_WIDTH)}`)].join('\n');
}

const [file, folder] = process.argv.slice(2);
const report = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as VitestReport) : undefined;
const all = [countReport(report), ...(existsSync(folder) ? readdirSync(folder).map(name => countFile(join(folder, name))) : [])];
const sum = (field: keyof Counts): number => all.reduce((total, counts) => total + counts[field], 0);
console.log(`${sum('passed')} ${sum('failed')} ${sum('skipped')}`);
if (report === undefined) console.log('FAILED no report was written');
else for (const trouble of troublesOf(report)) console.log(trouble);
