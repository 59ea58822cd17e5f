/**
 * Writes deploy/slotkeeper.yaml, the operator as a plain manifest for `kubectl apply -f`, from the Helm chart: one source for both. Needs Helm (on PATH, or the one
 * that test/cluster built into the cache). `--check` fails where the file on disk differs.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('..', import.meta.url));
const file = join(folder, 'deploy', 'slotkeeper.yaml');
const namespace = 'slotkeeper-system';

/** The Helm binary; undefined when there is none. */
export function findHelm(): string | undefined {
  const cached = join(process.env['SLOTKEEPER_CACHE'] ?? join(homedir(), '.cache', 'slotkeeper'), 'local-kubernetes', 'helm');
  const onPath = (process.env['PATH'] ?? '').split(':').map(place => join(place, 'helm'));
  return [...onPath, cached].find(existsSync);
}

export function manifestText(helm: string): string {
  const chart = join(folder, 'charts', 'slotkeeper');
  const rendered = execFileSync(helm, ['template', 'slotkeeper', chart, '--namespace', namespace], { encoding: 'utf8' });
  // What only Helm needs goes.
  const plain = rendered.split('\n').filter(line => !/helm\.sh\/|managed-by: Helm|^\s+annotations:$|^# Source:/.test(line));
  const head = `# Slotkeeper's operator. Generated from charts/slotkeeper by tools/generate-manifest.ts: change it there.\n`;
  const restricted = 'pod-security.kubernetes.io/enforce: restricted';
  return `${head}apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${namespace}\n  labels:\n    ${restricted}\n${plain.join('\n')}`;
}

export const manifestOnDisk = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

function main(): void {
  const helm = findHelm();
  if (helm === undefined)
    throw new Error(
      'Cannot make deploy/slotkeeper.yaml: Helm is neither on PATH nor in the cache (node test/cluster/main.ts up builds it)',
    );
  const text = manifestText(helm);
  mkdirSync(dirname(file), { recursive: true });
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (manifestOnDisk() !== text) {
    process.stderr.write('deploy/slotkeeper.yaml is not what the chart says: run "npm run generate"\n');
    process.exitCode = 1;
  }
}

if (import.meta.main) main();
