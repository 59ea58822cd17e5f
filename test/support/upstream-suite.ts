/**
 * Upstream's Tcl suite against our server: its tests start `valkey-server` from a folder that we make of our program and the reference's
 * tools, and the suite's output is read test by test.
 *
 * The suite writes into its own folder, so it runs in a copy. Needs VALKEY_REFERENCE and Tcl 8.6.
 */

import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { expect } from 'vitest';

const ROOT = normalize(join(import.meta.dirname, '../..'));
const TOOLS = ['valkey-cli', 'valkey-benchmark', 'valkey-check-aof', 'valkey-check-rdb', 'valkey-sentinel'];

export interface SuiteResult {
  readonly passed: readonly string[];
  /** Title and what was said. */
  readonly failed: ReadonlyMap<string, string>;
  /** The run came to its end. */
  readonly complete: boolean;
  readonly output: string;
}

export interface Adaptation {
  readonly unit: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

export class UpstreamSuite {
  readonly #folder = mkdtempSync(join(tmpdir(), 'slotkeeper-tcl-'));
  readonly #binaries = join(this.#folder, 'bin');

  /** `adaptations`: what is changed in a unit's text before it runs. */
  constructor(reference: string, adaptations: readonly Adaptation[]) {
    for (const part of ['tests', 'utils', 'runtest']) cpSync(join(reference, part), join(this.#folder, part), { recursive: true });
    cpSync(join(reference, 'src'), join(this.#folder, 'src'), {
      recursive: true,
      filter: path => !/\.(o|d|a|c)$/.test(path) && !/valkey-[a-z-]+$/.test(path),
    });
    for (const { unit, from, to } of adaptations) {
      const file = join(this.#folder, 'tests', `${unit}.tcl`);
      const text = readFileSync(file, 'latin1');
      if (!text.includes(from)) throw new Error(`${unit} does not hold what is to be adapted: ${from}`);
      writeFileSync(file, text.replaceAll(from, to), 'latin1');
    }
    mkdirSync(this.#binaries);
    for (const tool of TOOLS) symlinkSync(join(reference, 'src', tool), join(this.#binaries, tool));
    const server = join(this.#binaries, 'valkey-server');
    writeFileSync(server, `#!/bin/sh\nexec "${join(ROOT, 'bin/valkey-server')}" "$@"\n`);
    chmodSync(server, 0o755);
  }

  /** Runs one unit, such as `unit/cluster/base`, without the tests of the titles in `skipped`, with servers on some of the `portCount` ports from `firstPort` on. */
  async run(unit: string, firstPort: number, limitMs: number, skipped: readonly string[] = [], portCount = 900): Promise<SuiteResult> {
    const args = [
      '--single',
      unit,
      '--clients',
      '1',
      '--baseport',
      String(firstPort),
      '--portcount',
      String(portCount),
      '--timeout',
      '240',
    ];
    for (const title of skipped) args.push('--skiptest', title);
    const child = spawn('./runtest', args, { cwd: this.#folder, env: { ...process.env, VALKEY_BIN_DIR: this.#binaries }, detached: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
    const late = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), limitMs);
    await new Promise(resolve => child.once('close', resolve));
    clearTimeout(late);
    return readOutput(output);
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** `[ok]: title (12 ms)`, `[err]: title in tests/…`, `[exception]: …` */
export function readOutput(raw: string): SuiteResult {
  // oxlint-disable-next-line no-control-regex -- the suite colours its words
  const output = raw.replaceAll(/\x1b\[[0-9;]*m/g, '');
  const passed = [...output.matchAll(/^\[ok\]: (.*?) \(\d+ ms\)$/gm)].map(([, title]) => title);
  const failed = new Map([...output.matchAll(/^\[err\]: (.*?) in tests\/\S+\n(.*)$/gm)].map(([, title, said]) => [title, said]));
  for (const [, said] of output.matchAll(/^\[exception\]: (.*)$/gm)) failed.set(`exception: ${said}`, said);
  for (const [, said] of output.matchAll(/^\[timeout\]: (.*)$/gm)) failed.set(`timeout: ${said}`, said);
  return { passed, failed, complete: output.includes('The End'), output };
}

/** What is expected of one unit's run. */
export interface Expected {
  readonly unit: string;
  /** How the titles of tests begin that are known to fail. */
  readonly known: readonly string[];
  readonly leftOut: readonly string[];
}

/** Reports the run of a unit, and judges it: a failure that is not known counts, and so does a known one that passes, which keeps the list true. */
export function expectRun(result: SuiteResult, { unit, known, leftOut }: Expected): void {
  tellCounts(unit, result, leftOut);
  const end = result.output.slice(-3000);
  const unexpected = [...result.failed].filter(([title]) => !known.some(start => title.startsWith(start)));
  expect(unexpected, end).toEqual([]);
  const repaired = known.filter(start => result.passed.some(title => title.startsWith(start)));
  expect(repaired, 'known failures that pass: take them off the list').toEqual([]);
  // What is known to fail may end the unit before its end.
  if (known.length === 0) expect(result.complete, end).toBe(true);
  expect(result.passed.length).toBeGreaterThan(0);
}

/** One line of the report. */
function tellCounts(unit: string, { passed, failed }: SuiteResult, leftOut: readonly string[]): void {
  process.stdout.write(`${unit}: ${passed.length} passed, ${failed.size} failed, ${leftOut.length} left out\n`);
  for (const [title, said] of failed) process.stdout.write(`  ${title}: ${said}\n`);
}
