/**
 * The CustomResourceDefinition of ValkeyCluster, made from the zod schema and the rules beside it. Pure: tools/generate-crds.ts writes it to crds/.
 *
 * A structural schema is not quite JSON schema. What changes: `propertyNames` goes (CEL rules say it), `additionalProperties: false` goes (the API server refuses or prunes
 * unknown fields itself), bounds that only say "a safe integer" go, an int-or-string keeps nothing in its `anyOf` but types, and its pattern becomes a CEL rule, whose message can show a valid value.
 */
import { z } from 'zod';
import type { CelRule } from './cel-rule.ts';
import { API_GROUP, API_VERSION, VALKEY_CLUSTER_NAMES } from './group.ts';
import {
  VALKEY_CLUSTER_CEL_RULES,
  VALKEY_CLUSTER_PRINTER_COLUMNS,
  VALKEY_CLUSTER_ROOT_CEL_RULES,
  VALKEY_CLUSTER_SCALE,
  valkeyClusterSpecSchema,
  valkeyClusterStatusSchema,
} from './valkey-cluster.ts';

type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export function customResourceDefinition(): JsonObject {
  const columns = VALKEY_CLUSTER_PRINTER_COLUMNS.map(({ name, type, jsonPath, description, priority }) => ({
    name,
    type,
    jsonPath,
    description,
    ...(priority === 0 ? {} : { priority }),
  }));
  const { kind, plural, singular, shortNames } = VALKEY_CLUSTER_NAMES;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [...shortNames], categories: ['all'] },
      versions: [
        {
          name: API_VERSION,
          served: true,
          storage: true,
          subresources: { status: {}, scale: { ...VALKEY_CLUSTER_SCALE } },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: rootSchema() },
        },
      ],
    },
  };
}

function rootSchema(): JsonObject {
  // An absent spec is an empty one, so that its defaults are filled in.
  const spec = { ...structural(valkeyClusterSpecSchema), default: {} };
  const status = { ...structural(valkeyClusterStatusSchema), description: 'What the cluster is, as the operator last saw it.' };
  const root: JsonObject = {
    description: 'A Valkey cluster: shards of a primary and its replicas, which Slotkeeper launches, forms and keeps.',
    type: 'object',
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec,
      status,
    },
  };
  return [...VALKEY_CLUSTER_ROOT_CEL_RULES, ...VALKEY_CLUSTER_CEL_RULES].reduce(
    (schema, rule) => withRule(schema, rule.path === '' ? [] : rule.path.split('.'), rule),
    root,
  );
}

/** `schema` with a CEL rule on the node at `path`. Throws where there is no such node: a rule that guards nothing is a bug. */
function withRule(schema: JsonObject, path: readonly string[], rule: CelRule): JsonObject {
  const [step, ...rest] = path;
  if (step === undefined) {
    const { path: _path, ...validation } = rule;
    const before = schema['x-kubernetes-validations'];
    return { ...schema, 'x-kubernetes-validations': [...(Array.isArray(before) ? (before as Json[]) : []), { ...validation }] };
  }
  const properties = asObject(schema['properties'], rule.path);
  const next = withRule(asObject(properties[step], rule.path), rest, rule);
  return { ...schema, properties: { ...properties, [step]: next } };
}

function asObject(value: Json | undefined, path: string): JsonObject {
  if (value === undefined || value === null || typeof value !== 'object' || Array.isArray(value))
    throw new Error(`A CEL rule stands on "${path}", which the schema does not have`);
  return value as JsonObject;
}

const structural = (schema: z.ZodType): JsonObject => {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io: 'input' }) as unknown as JsonObject;
  return structuralNode(json);
};

function structuralNode(node: JsonObject): JsonObject {
  const kept = Object.entries(node).flatMap(([key, value]): [string, Json][] => {
    switch (key) {
      case 'propertyNames':
        return [];
      case 'additionalProperties':
        return value === false || isEmpty(value) ? [] : [[key, structuralNode(value as JsonObject)]];
      case 'minimum':
      case 'maximum':
        return Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER ? [] : [[key, value]];
      case 'properties':
        return isEmpty(value) ? [] : [[key, mapValues(value as JsonObject, structuralNode)]];
      case 'items':
        return [[key, structuralNode(value as JsonObject)]];
      case 'anyOf':
        return intOrString(value as readonly JsonObject[]);
      default:
        return [[key, value]];
    }
  });
  return Object.fromEntries(kept);
}

/** The type of both, and what bounds the string: a length as it is, a pattern (only quantities have one) as a rule with an example. */
function intOrString(options: readonly JsonObject[]): [string, Json][] {
  const text = options.find(option => option['type'] === 'string') ?? {};
  const entries: [string, Json][] = [['anyOf', [{ type: 'integer' }, { type: 'string' }]]];
  if (text['maxLength'] !== undefined) entries.push(['maxLength', text['maxLength']]);
  if (typeof text['pattern'] === 'string') {
    const rule = `type(self) == int ? self >= 0 : self.matches('${text['pattern'].replaceAll('\\', '\\\\')}')`;
    entries.push(['maxLength', 32]);
    entries.push(['x-kubernetes-validations', [{ rule, message: 'must be a quantity such as "500m", "2" or "1Gi"' }]]);
  }
  return entries;
}

const isEmpty = (value: Json): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;
const mapValues = (object: JsonObject, change: (value: JsonObject) => JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value as JsonObject)]));
