/**
 * Writes docs/valkeycluster.md, the reference of the ValkeyCluster, from the CRD in crds/: one row a field, in the words of the schema.
 * `node tools/generate-crds.ts` comes first.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

type Schema = {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
};

const ROOT = join(import.meta.dirname, '..');
const CRD = join(ROOT, 'crds/slotkeeper.dev_valkeyclusters.yaml');
const REFERENCE = join(ROOT, 'docs/valkeycluster.md');

const text = (value: string): string => value.replaceAll('|', '\\|').replaceAll('\n', ' ');

function typeOf(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map(value => `\`${JSON.stringify(value)}\``).join(', ');
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or string';
  if (schema.type === 'array') return `list of ${schema.items === undefined ? 'anything' : typeOf(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return `map of ${typeOf(schema.additionalProperties)}`;
  if (schema.minimum !== undefined && schema.maximum !== undefined && Math.abs(schema.minimum) < 2 ** 53 - 1)
    return `${schema.type ?? ''}, ${schema.minimum} to ${schema.maximum}`;
  return schema.type ?? 'anything';
}

/** Rows of all fields below `schema`, depth first. */
function rows(schema: Schema, path: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const at = path === '' ? name : `${path}.${name}`;
    const below = field.type === 'array' && field.items !== undefined ? rows(field.items, `${at}[]`) : rows(field, at);
    const preset = field.default === undefined || typeof field.default === 'object' ? '' : `\`${JSON.stringify(field.default)}\``;
    return [`| \`${at}\` | ${text(typeOf(field))} | ${preset} | ${text(field.description ?? '')} |`, ...below];
  });
}

function table(schema: Schema): string {
  return ['| field | type | default | meaning |', '|---|---|---|---|', ...rows(schema, '')].join('\n');
}

const crd = parse(readFileSync(CRD, 'utf8')) as { spec: { versions: readonly { name: string; schema: { openAPIV3Schema: Schema } }[] } };
const [version] = crd.spec.versions;
const { spec, status } = version.schema.openAPIV3Schema.properties as { spec: Schema; status: Schema };
writeFileSync(
  REFERENCE,
  `# ValkeyCluster

\`apiVersion: slotkeeper.dev/${version.name}\`, \`kind: ValkeyCluster\`, short name \`vkc\`. Made from the schema by \`npm run generate\`.

## spec

${table(spec)}

## status

${table(status)}
`,
);
console.log(REFERENCE.slice(ROOT.length + 1));
