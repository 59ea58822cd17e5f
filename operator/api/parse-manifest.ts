/**
 * Reads a ValkeyCluster as a user wrote it (already parsed from YAML or JSON) and says what is wrong in words that name the field, the value and a valid one.
 * The same schema and rules as the CRD: what Kubernetes refuses at apply, a local start refuses too.
 */
import { z } from 'zod';
import { findDirective } from '../../lib/directives.ts';
import { initialValue, readDirective } from '../../lib/directive-value.ts';
import { API_GROUP_VERSION, VALKEY_CLUSTER_KIND } from './group.ts';
import { BOUNDS_MESSAGE, TARGETS_MESSAGE } from './load-spec.ts';
import { ownedDirective, PERSISTENCE_DIRECTIVES } from './owned-directives.ts';
import type { ValkeyClusterSpec } from './valkey-cluster.ts';
import { CLUSTER_NAME_MAX_LENGTH, CLUSTER_NAME_PATTERN, valkeyClusterSpecSchema } from './valkey-cluster.ts';

export type ParsedSpec =
  | { readonly ok: true; readonly spec: ValkeyClusterSpec }
  | { readonly ok: false; readonly problems: readonly string[] };

/** `problems` has one sentence a field, such as `spec.shards: 0 is too small: expected number to be >=1`. */
export function parseSpec(input: unknown): ParsedSpec {
  const parsed = valkeyClusterSpecSchema.safeParse(input ?? {});
  if (!parsed.success) return { ok: false, problems: parsed.error.issues.map(issue => describeIssue(issue, input)) };
  const problems = [...configProblems(parsed.data.config ?? {}), ...persistenceProblems(parsed.data), ...autoscalingProblems(parsed.data)];
  return problems.length > 0 ? { ok: false, problems } : { ok: true, spec: parsed.data };
}

export type ParsedManifest =
  | { readonly ok: true; readonly name: string; readonly namespace: string; readonly spec: ValkeyClusterSpec }
  | { readonly ok: false; readonly problems: readonly string[] };

const manifestSchema = z.looseObject({
  apiVersion: z.literal(API_GROUP_VERSION),
  kind: z.literal(VALKEY_CLUSTER_KIND),
  metadata: z.looseObject({
    name: z
      .string()
      .max(CLUSTER_NAME_MAX_LENGTH)
      .regex(CLUSTER_NAME_PATTERN, 'must consist of lower-case letters, digits and "-", such as "shop"')
      .regex(/^[a-z]/, 'must start with a letter'),
    namespace: z.string().optional(),
  }),
  spec: z.unknown().optional(),
});

/** A whole manifest; `namespace` defaults to "default". */
export function parseManifest(input: unknown): ParsedManifest {
  const parsed = manifestSchema.safeParse(input);
  if (!parsed.success) return { ok: false, problems: parsed.error.issues.map(issue => describeIssue(issue, input, '')) };
  const spec = parseSpec(parsed.data.spec);
  if (!spec.ok) return spec;
  return { ok: true, name: parsed.data.metadata.name, namespace: parsed.data.metadata.namespace ?? 'default', spec: spec.spec };
}

/** Directives that need what the spec does not have. */
function persistenceProblems(spec: ValkeyClusterSpec): string[] {
  if (spec.persistence !== undefined) return [];
  return Object.keys(spec.config ?? {}).flatMap(name =>
    PERSISTENCE_DIRECTIVES.includes(name) ? [`spec.config.${name}: without spec.persistence there is nowhere to save to`] : [],
  );
}

function autoscalingProblems({ autoscaling }: ValkeyClusterSpec): string[] {
  if (autoscaling === undefined) return [];
  const { minShards, maxShards, targets } = autoscaling;
  return [
    ...(minShards > maxShards ? [`spec.autoscaling: ${BOUNDS_MESSAGE}`] : []),
    ...(Object.keys(targets).length === 0 ? [`spec.autoscaling.targets: ${TARGETS_MESSAGE}`] : []),
  ];
}

/** What stands in `spec.config` and may not. */
function configProblems(config: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(config).flatMap(([name, value]) => {
    const problem = directiveProblem(name, String(value));
    return problem === undefined ? [] : [problem];
  });
}

function directiveProblem(name: string, value: string): string | undefined {
  const directive = name === name.toLowerCase() ? findDirective(name) : undefined;
  if (directive === undefined)
    return `spec.config: "${name}" is not a directive of Valkey 9.1; names are lower case, such as maxmemory-policy`;
  const owned = ownedDirective(name);
  if (owned?.field !== undefined) return `spec.config.${name}: the operator sets this directive; use ${owned.field}`;
  if (owned !== undefined)
    return owned.setBy === 'none'
      ? `spec.config.${name}: this directive cannot be used in a managed cluster`
      : `spec.config.${name}: the operator sets this directive itself`;
  const words = directive.flags.includes('multi-arg') ? value.split(' ') : [value];
  const reading = readDirective(directive, words, initialValue(directive));
  return reading.ok ? undefined : `spec.config.${name}: ${JSON.stringify(value)} is not valid: ${reading.reason}`;
}

function describeIssue(issue: z.core.$ZodIssue, input: unknown, root = 'spec'): string {
  const path = [root, ...issue.path.map(String)].filter(part => part !== '').join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => `${path === '' ? key : `${path}.${key}`}: there is no such field`).join('; ');
  const value = issue.path.reduce<unknown>(
    (node, key) => (typeof node === 'object' && node !== null ? Reflect.get(node, key) : undefined),
    input,
  );
  const shown = value === undefined ? 'is missing' : `${JSON.stringify(value)} is not valid`;
  return `${path}: ${shown}: ${hintFor(issue, value)}`;
}

function hintFor(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_union' && typeof value === 'boolean') return 'quote it ("yes" or "no"): YAML reads it as a boolean';
  if (issue.code === 'invalid_union') return 'must be a whole number or a string such as "512Mi" or "500m"';
  if (issue.code === 'invalid_value') return `must be ${issue.values.map(option => JSON.stringify(option)).join(' or ')}`;
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}`;
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}`;
  return issue.message.replace(/^Invalid input: /, '');
}
