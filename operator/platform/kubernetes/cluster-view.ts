/** A ValkeyCluster object in the operator's own words: spec parsed with its defaults, status as last written. Pure. */
import { parseSpec } from '../../api/parse-manifest.ts';
import type { ValkeyClusterSpec, ValkeyClusterStatus } from '../../api/valkey-cluster.ts';
import { type ClusterResource, clusterKey } from '../../model/cluster.ts';
import type { ValkeyClusterObject } from './objects.ts';

export function viewCluster(object: ValkeyClusterObject): ClusterResource {
  const { name, namespace = 'default', uid, generation = 0, resourceVersion, deletionTimestamp, finalizers = [] } = object.metadata;
  const parsed = parseSpec(object.spec);
  return {
    key: clusterKey(namespace, name),
    namespace,
    name,
    uid,
    generation,
    resourceVersion,
    ...(deletionTimestamp === undefined ? {} : { deletedAt: Date.parse(deletionTimestamp) }),
    finalizers,
    spec: parsed.ok ? parsed.spec : defaultSpec(),
    ...(parsed.ok ? {} : { specProblem: parsed.problems.join('; ') }),
    // Only this operator writes it, by the same schema, and the API server has pruned the rest.
    status: (object.status ?? {}) as ValkeyClusterStatus,
  };
}

/** Stands where a spec cannot be read; `specProblem` says not to act on it. */
function defaultSpec(): ValkeyClusterSpec {
  const parsed = parseSpec({});
  if (!parsed.ok) throw new Error(`The empty spec is not valid: ${parsed.problems.join('; ')}`);
  return parsed.spec;
}
