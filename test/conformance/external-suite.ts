/**
 * Upstream's own test suite (Tcl) against a server that runs already, in its external mode, one unit at a time.
 *
 * The suite begins each block with FUNCTION FLUSH, which a server without functions refuses; the copy that is run here tolerates that.
 */

import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOutput, type SuiteResult } from '../support/upstream-suite.ts';

export class ExternalSuite {
  private readonly folder: string;

  /** `reference`: folder of the reference server's sources. */
  constructor(reference: string) {
    this.folder = mkdtempSync(join(tmpdir(), 'slotkeeper-suite-'));
    for (const part of ['tests', 'runtest']) cpSync(join(reference, part), join(this.folder, part), { recursive: true });
    symlinkSync(join(reference, 'src'), join(this.folder, 'src'));
    const harness = join(this.folder, 'tests/support/server.tcl');
    writeFileSync(harness, readFileSync(harness, 'latin1').replace(/^(\s*)r function flush$/m, '$1catch {r function flush}'), 'latin1');
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /** Runs one unit against the server on `port`; `basePort`: where the harness may listen itself; tests named in `skip` are left out. */
  async run(unit: string, port: number, basePort: number, skip: readonly string[], limitMs: number): Promise<SuiteResult> {
    const args = ['--host', '127.0.0.1', '--port', String(port), '--baseport', String(basePort), '--portcount', '100'];
    args.push('--durable', '--tags', '-slow', '--single', unit, ...skip.flatMap(name => ['--skiptest', name]));
    const child = spawn('./runtest', args, { cwd: this.folder, detached: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('latin1')));
    const late = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), limitMs);
    await new Promise(resolve => child.once('close', resolve));
    clearTimeout(late);
    return readOutput(output);
  }
}
