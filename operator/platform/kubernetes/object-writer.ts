/** Writes objects: server-side apply under our own field manager, only where a live object differs; deletions that count what is gone as done. */
import { FIELD_MANAGER } from '../../api/group.ts';
import type { ClusterWorkloads } from '../../model/workload.ts';
import { PlatformError } from '../port.ts';
import { isConflict, isNotFound } from './api-error.ts';
import { difference, withAppliedHash } from './apply.ts';
import type { KubernetesClient } from './client.ts';
import type { Desired } from './desired-objects.ts';
import type { ObjectStores } from './object-stores.ts';
import { type KubernetesObject, objectKey, type ResourceType, resourcePath } from './objects.ts';

export class ObjectWriter {
  readonly #client: KubernetesClient;
  readonly #stores: ObjectStores;

  constructor(client: KubernetesClient, stores: ObjectStores) {
    this.#client = client;
    this.#stores = stores;
  }

  /** What differs, in words, with the object's name; undefined when the live object says what is wanted. */
  driftOf({ type, object }: Desired): string | undefined {
    const live = this.#stores.children.get(type.plural)?.get(objectKey(object.metadata));
    const why = difference(object, live);
    return why === undefined ? undefined : `${object.kind} ${object.metadata.name}: ${why}`;
  }

  /** Applies when it differs; gives what it did. Refuses to take over an object that is not the cluster's. */
  async apply(wanted: ClusterWorkloads, desired: Desired): Promise<string | undefined> {
    const drift = this.driftOf(desired);
    if (drift === undefined) return undefined;
    const { type, object } = desired;
    const store = this.#stores.children.get(type.plural);
    const path = resourcePath(type, object.metadata.namespace, object.metadata.name);
    const live = store?.get(objectKey(object.metadata)) ?? (await this.read(path));
    if (live !== undefined) refuseForeign(wanted, object.kind, live);
    const query = { fieldManager: FIELD_MANAGER, force: 'true' };
    const contentType = 'application/apply-patch+yaml';
    const body = withAppliedHash(object);
    store?.put(await this.#client.request<KubernetesObject>({ method: 'PATCH', path, query, body, contentType }));
    return drift;
  }

  /** Creates; does nothing when it is there already. */
  async create({ type, object }: Desired): Promise<void> {
    const path = resourcePath(type, object.metadata.namespace);
    try {
      const made = await this.#client.request<KubernetesObject>({
        method: 'POST',
        path,
        query: { fieldManager: FIELD_MANAGER },
        body: object,
      });
      this.#stores.children.get(type.plural)?.put(made);
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }

  /** The live object, asked for now; undefined when there is none. */
  async read<T extends KubernetesObject>(path: string): Promise<T | undefined> {
    try {
      return await this.#client.request<T>({ method: 'GET', path });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** `uid` given: only that very object. What is gone, or another one by now, counts as done. */
  async delete(type: ResourceType, namespace: string, name: string, uid?: string): Promise<void> {
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', ...preconditions };
    try {
      await this.#client.request({ method: 'DELETE', path: resourcePath(type, namespace, name), body });
    } catch (error) {
      if (!isNotFound(error) && !(uid !== undefined && isConflict(error))) throw error;
    }
  }
}

type Owned = KubernetesObject & {
  readonly metadata: { readonly ownerReferences?: readonly { readonly uid: string; readonly controller?: boolean }[] };
};

function refuseForeign(wanted: ClusterWorkloads, kind: string, live: Owned): void {
  const owner = live.metadata.ownerReferences?.find(reference => reference.controller === true);
  if (owner?.uid === wanted.uid) return;
  const name = `${kind} ${wanted.namespace}/${live.metadata.name}`;
  if (owner !== undefined && live.metadata.labels?.['slotkeeper.dev/cluster'] === wanted.cluster)
    throw new PlatformError('Conflict', `${name} is left over from an earlier cluster of this name and is being removed`);
  throw new PlatformError('Invalid', `${name} exists and belongs to somebody else: remove it, or give the ValkeyCluster another name`);
}
