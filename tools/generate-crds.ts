/**
 * Writes crds/*.yaml from operator/api, the one source; the copy in the chart; `--check` fails where a file on disk differs.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { customResourceDefinition } from '../operator/api/custom-resource-definition.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));
const note = '# Generated from operator/api by tools/generate-crds.ts: change it there.\n';

/** Every file that is made here, by its path in the repository. */
export function generatedFiles(): ReadonlyMap<string, string> {
  // Kubernetes reads YAML 1.1, where a bare Off is a boolean.
  const crd = stringify(customResourceDefinition(), { aliasDuplicateObjects: false, lineWidth: 120, compat: 'yaml-1.1' });
  return new Map([
    ['crds/slotkeeper.dev_valkeyclusters.yaml', note + crd],
    ['charts/slotkeeper/templates/crds.yaml', note + chartTemplate(crd)],
  ]);
}

/** A template and not in the chart's crds/ folder: Helm never upgrades what is there. It stays when the chart is uninstalled, since with it would go every cluster. */
function chartTemplate(crd: string): string {
  if (crd.includes('{{')) throw new Error('The CRD holds "{{", which Helm would read as a template');
  const metadata = '\nmetadata:\n';
  const kept = crd.replace(metadata, `${metadata}  annotations:\n    helm.sh/resource-policy: keep\n`);
  return `{{- if .Values.crds.install }}\n${kept}{{- end }}\n`;
}

/** What stands in the repository; empty when it is missing. */
export function textOnDisk(path: string): string {
  const file = join(folder, path);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function main(): void {
  for (const [path, text] of generatedFiles())
    if (!process.argv.includes('--check')) writeFileSync(join(folder, path), text);
    else if (textOnDisk(path) !== text) {
      process.stderr.write(`${path} is not what operator/api says: run "npm run generate"\n`);
      process.exitCode = 1;
    }
}

if (import.meta.main) main();
