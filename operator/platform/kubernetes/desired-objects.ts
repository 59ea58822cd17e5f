/** All objects that a cluster should have, in the order in which they are made. Pure. */
import type { ClusterWorkloads } from '../../model/workload.ts';
import { buildDisruptionBudgets, buildNetworkPolicy } from './build/protection.ts';
import { buildAuthFile, buildConnectionSecret } from './build/secrets.ts';
import { buildClientService, buildPeerService } from './build/services.ts';
import { buildStatefulSet } from './build/stateful-set.ts';
import { type DesiredObject, type ResourceType, resourceTypes } from './objects.ts';

export interface Desired {
  readonly type: ResourceType;
  readonly object: DesiredObject;
}

/** `password` undefined: what depends on it is left out. */
export function desiredObjects(wanted: ClusterWorkloads, password: string | undefined): Desired[] {
  const of = (type: ResourceType, objects: readonly DesiredObject[]): Desired[] => objects.map(object => ({ type, object }));
  const secrets = password === undefined ? [] : [buildAuthFile(wanted, password), buildConnectionSecret(wanted, password)];
  return [
    ...of(resourceTypes.secret, secrets),
    ...of(resourceTypes.service, [buildPeerService(wanted), buildClientService(wanted)]),
    ...of(resourceTypes.networkPolicy, [buildNetworkPolicy(wanted)]),
    ...of(resourceTypes.podDisruptionBudget, buildDisruptionBudgets(wanted)),
    ...of(
      resourceTypes.statefulSet,
      wanted.nodes.map(node => buildStatefulSet(wanted, node)),
    ),
  ];
}
