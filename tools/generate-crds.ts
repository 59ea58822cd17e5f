/**
 * Writes crds/*.yaml from operator/api, the one source; `--check` fails where a file on disk differs, and `crdText` is what the drift test reads.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { customResourceDefinition } from '../operator/api/custom-resource-definition.ts';

const file = fileURLToPath(new URL('../crds/slotkeeper.dev_valkeyclusters.yaml', import.meta.url));

export const crdText = (): string =>
  `# Generated from operator/api by tools/generate-crds.ts: change it there.\n${stringify(customResourceDefinition(), { aliasDuplicateObjects: false, lineWidth: 120 })}`;

/** What stands on disk; empty when it is missing. */
export function crdOnDisk(): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function main(): void {
  if (!process.argv.includes('--check')) writeFileSync(file, crdText());
  else if (crdOnDisk() !== crdText()) {
    process.stderr.write(`${file} is not what operator/api says: run "npm run generate"\n`);
    process.exitCode = 1;
  }
}

if (import.meta.main) main();
