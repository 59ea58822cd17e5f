/** Reads the manifest of `slotkeeper up`: one ValkeyCluster, and the Secrets it names, as YAML documents of one file. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { parseManifest } from '../api/parse-manifest.ts';
import type { ValkeyClusterSpec } from '../api/valkey-cluster.ts';
import type { LocalSecret } from '../platform/local/local-platform.ts';
import { UsageError } from './command-line.ts';

export type Manifest = {
  readonly name: string;
  readonly namespace: string;
  readonly spec: ValkeyClusterSpec;
  readonly secrets: readonly LocalSecret[];
};

/** Throws UsageError, whose message names the file, the field, the value and what would be right. */
export function readManifest(file: string): Manifest {
  return parseManifestText(file, readText(file));
}

export function parseManifestText(file: string, text: string): Manifest {
  const documents = parseAllDocuments(text);
  const list = Array.isArray(documents) ? documents : [];
  const broken = list.find(document => document.errors.length > 0);
  if (broken !== undefined) throw new UsageError(`${file} is no valid YAML: ${broken.errors[0].message}`);
  const objects = list.map((document): unknown => document.toJS()).filter(object => object !== null);
  const clusters = objects.filter(object => kindOf(object) !== 'Secret');
  if (clusters.length !== 1)
    throw new UsageError(`${file} holds ${clusters.length === 0 ? 'no' : clusters.length} ValkeyClusters: slotkeeper up runs exactly one`);
  const parsed = parseManifest(clusters[0]);
  if (!parsed.ok)
    throw new UsageError([`${file} is no valid ValkeyCluster:`, ...parsed.problems.map(problem => `  ${problem}`)].join('\n'));
  const secrets = objects.filter(object => kindOf(object) === 'Secret').map(object => readSecret(file, object));
  const { name, namespace, spec } = parsed;
  const named = spec.auth?.passwordSecret;
  if (named !== undefined && secrets.find(secret => secret.name === named.name)?.data.get(named.key) === undefined)
    throw new UsageError(
      `${file}: spec.auth.passwordSecret names the key "${named.key}" of the Secret "${named.name}", which is not in the file: add a Secret with stringData.${named.key}`,
    );
  return { name, namespace, spec, secrets };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : code === 'EACCES'
            ? 'no permission'
            : String(error);
    throw new UsageError(`Cannot read the manifest ${file}: ${why}; a first one to try is examples/quickstart.yaml`);
  }
}

function kindOf(object: unknown): unknown {
  return typeof object === 'object' && object !== null && 'kind' in object ? object.kind : undefined;
}

function readSecret(file: string, object: unknown): LocalSecret {
  const secret = object as { metadata?: { name?: unknown }; stringData?: Record<string, unknown>; data?: Record<string, unknown> };
  const name = secret.metadata?.name;
  if (typeof name !== 'string') throw new UsageError(`${file}: a Secret has no metadata.name`);
  const data = new Map<string, string>();
  for (const [key, value] of Object.entries(secret.data ?? {})) data.set(key, Buffer.from(String(value), 'base64').toString('utf8'));
  for (const [key, value] of Object.entries(secret.stringData ?? {})) data.set(key, String(value));
  return { name, data };
}
